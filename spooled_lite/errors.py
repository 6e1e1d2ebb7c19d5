"""Every error that callers can get. Each protocol has its own table from class to status."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal, Self

from msgspec import Struct

# Which limit of requests or of failed sign-ins was reached. Contract: platform, section 4.
LimitScope = Literal["organization", "api_key", "ip", "login", "admin"]
OutageReason = Literal["overloaded", "storage_full", "read_only", "storage_error", "shutting_down"]

WHOLE_BODY: Final = "body"  # the field of a problem that is not about one member
LOST_LEASE: Final = "Lease expired"  # clients compare this text: contract README, section 5


class Problem(Struct, frozen=True):
    """One broken rule of one field, as `details` has it in an answer."""

    field: str
    message: str
    code: str

    def placed(self, place: str) -> Self:
        """The same problem of a part of a larger body."""
        # A message has a member `body` as well: a problem of that one says so.
        is_whole = self.field == WHOLE_BODY and f"`{WHOLE_BODY}`" not in self.message
        field = place if is_whole else f"{place}.{self.field}"
        said = self.message.replace(f"`{self.field}`", f"`{field}`")
        names_it = said != self.message
        return type(self)(field, said if names_it else f"`{field}`: {said}", self.code)


class SpooledError(Exception):
    """An error that the caller gets as its answer, and may be able to act on."""

    code: ClassVar[str]
    error: ClassVar[str]  # the short form beside the code: contract README, section 6

    def __init__(self, message: str, *, details: Any = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    @property
    def extra(self) -> Mapping[str, Any]:
        """Fields that the answer has at its top level, beside `details`."""
        return {}

    def placed(self, place: str) -> Self:
        """The same error about a part of a larger body, such as `jobs[3]`, which it names."""
        said = self.message.replace("Field `", f"Field `{place}.")
        self.message = said if said != self.message else f"{place}: {said}"
        self.args = (self.message,)
        self.details = {**(self.details or {}), "place": place}
        return self


class _FieldError(SpooledError):
    """Base of the errors whose details are a list of problems."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(each.message for each in problems), details=problems)

    @classmethod
    def of(cls, field: str, message: str, code: str) -> Self:
        return cls([Problem(field=field, message=message, code=code)])

    def placed(self, place: str) -> Self:
        return type(self)([each.placed(place) for each in self.details])


class NotJson(_FieldError):
    """The body is not JSON, not UTF-8, nested too deep, or empty where a field is required."""

    code = "INVALID_JSON"
    error = "Invalid JSON"

    @classmethod
    def because(cls, message: str) -> Self:
        return cls.of("body", message, "invalid_json")

    @classmethod
    def empty(cls) -> Self:
        return cls.of("body", "A JSON body is required", "empty_body")


class WrongShape(_FieldError):
    """A required field is missing, or a value has the wrong type."""

    code = "VALIDATION_ERROR"
    error = "Validation failed"

    @classmethod
    def missing(cls, field: str) -> Self:
        return cls.of(field, f"Field `{field}` is required", "missing_field")

    @classmethod
    def wrong_type(cls, field: str, expected: str) -> Self:
        return cls.of(field, f"Field `{field}` must be {expected}", "invalid_type")


class RuleBroken(_FieldError):
    """A value has the right type and breaks a rule: a length, a range, a format."""

    code = "VALIDATION_ERROR"
    error = "Validation failed"


class BadRequest(SpooledError):
    """A bad query or path value, a missing confirmation, an impossible request."""

    code = "BAD_REQUEST"
    error = "bad_request"


class Unauthorized(SpooledError):
    """The credential is missing or not valid. The message never says which."""

    code = "UNAUTHORIZED"
    error = "unauthorized"

    def __init__(self, message: str = "A valid API key is required") -> None:
        super().__init__(message)


class AuthenticationFailed(SpooledError):
    """A sign-in failed. The message never says why."""

    code = "AUTHENTICATION_FAILED"
    error = "unauthorized"

    def __init__(self, message: str = "The sign-in failed") -> None:
        super().__init__(message)


class AdminNotConfigured(SpooledError):
    """The admin calls are off: the server has no admin key."""

    code = "ADMIN_NOT_CONFIGURED"
    error = "admin_not_configured"

    def __init__(self) -> None:
        super().__init__("The admin calls are off: this server has no admin key")


class MissingAdminKey(SpooledError):
    """The header with the admin key is missing."""

    code = "MISSING_ADMIN_KEY"
    error = "missing_admin_key"

    def __init__(self) -> None:
        super().__init__("The header X-Admin-Key is required")


class InvalidAdminHeader(SpooledError):
    """The header with the admin key is not readable text."""

    code = "INVALID_HEADER"
    error = "invalid_header"

    def __init__(self) -> None:
        super().__init__("The header X-Admin-Key is not readable text")


class InvalidAdminKey(SpooledError):
    """The admin key is not that of the server."""

    code = "INVALID_ADMIN_KEY"
    error = "invalid_admin_key"

    def __init__(self) -> None:
        super().__init__("The admin key is wrong")


class AccessDenied(SpooledError):
    """The credential is valid, and does not allow this."""

    code = "ACCESS_DENIED"
    error = "access_denied"


class NotFound(SpooledError):
    """The thing does not exist for this caller, or is switched off. Never repeats the id."""

    code = "NOT_FOUND"
    error = "not_found"

    @classmethod
    def thing(cls, name: str, *, resource: str | None = None) -> Self:
        """`resource` is its kind in one word, for programs."""
        return cls(f"{name} not found", details={"resource": resource} if resource else None)


class MethodNotAllowed(SpooledError):
    """The path exists, but not with this method."""

    code = "METHOD_NOT_ALLOWED"
    error = "method_not_allowed"

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"Method not allowed; use {', '.join(allowed)}")
        self.allowed = allowed


class RequestTimeout(SpooledError):
    """The request, or a filter without an index, took longer than its limit."""

    code = "REQUEST_TIMEOUT"
    error = "request_timeout"


class Conflict(SpooledError):
    """The thing is in a state that does not allow the act."""

    code = "CONFLICT"
    error = "conflict"


class PreconditionFailed(SpooledError):
    """The thing is not, or no longer, as the header If-Match says."""

    code = "PRECONDITION_FAILED"
    error = "precondition_failed"


class WorkerIdTaken(Conflict):
    """Another organization has a worker with this id."""

    def __init__(self) -> None:
        super().__init__("This worker id belongs to another organization")


class LeaseExpired(SpooledError):
    """The caller's lease ran out, was replaced, or was withdrawn."""

    code = "LEASE_EXPIRED"
    error = "lease_expired"

    def __init__(self, message: str = LOST_LEASE, *, reason: str | None = None) -> None:
        super().__init__(message, details={"reason": reason} if reason else None)


class PayloadTooLarge(SpooledError):
    """A body, payload or result is over its limit. `details` has the numbers of a plan's limit."""

    code = "PAYLOAD_TOO_LARGE"
    error = "payload_too_large"

    @property
    def extra(self) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = self.details or {}
        return facts


class UnsupportedMediaType(SpooledError):
    """The body has a content coding that the server does not read."""

    code = "UNSUPPORTED_MEDIA_TYPE"
    error = "unsupported_media_type"

    def __init__(self) -> None:
        super().__init__("Send the body uncompressed: Content-Encoding is not supported")


class QuotaExceeded(SpooledError):
    """A limit of the plan or of the organization is reached. Never names a time to retry after."""

    code = "QUOTA_EXCEEDED"
    error = "limit_exceeded"

    def __init__(
        self, resource: str, *, current: int, limit: int, plan: str, upgrade_to: str | None
    ) -> None:
        # "limit reached" is searched for by clients: contract README, section 5.
        message = f"{resource.replace('_', ' ')} limit reached ({current}/{limit})."
        if upgrade_to is not None:
            message += f" The {upgrade_to} plan allows more."
        facts = {"resource": resource, "current": current, "limit": limit, "plan": plan}
        if upgrade_to is not None:
            facts["upgrade_to"] = upgrade_to
        super().__init__(message, details=facts)

    @property
    def extra(self) -> Mapping[str, Any]:
        facts: Mapping[str, Any] = self.details
        return facts


class FeatureDisabled(QuotaExceeded):
    """The limit is 0: the plan does not have the feature. Contract: platform, section 3.4."""

    error = "feature_disabled"

    @property
    def extra(self) -> Mapping[str, Any]:
        return {**super().extra, "feature": self.details["resource"]}


class RateLimited(SpooledError):
    """There were too many requests. Says after how many seconds to retry."""

    code = "RATE_LIMIT_EXCEEDED"
    error = "rate_limit_exceeded"

    def __init__(
        self,
        *,
        retry_after_seconds: int,
        limit: int,
        reset_at: int,
        scope: LimitScope = "organization",
        message: str | None = None,
        ends_by_clock: bool = True,
    ) -> None:
        super().__init__(
            message or f"Too many requests; retry after {retry_after_seconds} seconds",
            details={"retry_after_seconds": retry_after_seconds},
        )
        self.retry_after_seconds = retry_after_seconds
        self.limit = limit
        self.reset_at = reset_at  # Unix seconds
        self.scope: LimitScope = scope  # which limit was reached
        self.ends_by_clock = ends_by_clock  # and not when somebody else has done

    @property
    def extra(self) -> Mapping[str, Any]:
        return {
            "retry_after_secs": self.retry_after_seconds,
            "limit": self.limit,
            "remaining": 0,
            "reset_at": self.reset_at,
        }


class Unavailable(SpooledError):
    """The server is overloaded, its storage fails, or it stops. Nothing was done.

    Only after the reason `storage_error` it is unknown whether something was done.
    """

    code = "SERVICE_UNAVAILABLE"
    error = "service_unavailable"

    def __init__(self, reason: OutageReason, message: str) -> None:
        super().__init__(message, details={"reason": reason})
        self.reason = reason


class SecretMissing(SpooledError):
    """A signature cannot be checked, since no secret for this provider is configured.

    Repeating the request does not help.
    """

    code = "SERVICE_UNAVAILABLE"
    error = "service_unavailable"


class InternalError(SpooledError):
    """A bug in the server. The message has no details."""

    code = "INTERNAL_ERROR"
    error = "internal_error"

    def __init__(self) -> None:
        super().__init__("An internal error occurred")


class BodyDamaged(SpooledError):
    """A payload or result in the file is not what was stored. Repeating does not help."""

    code = "DATABASE_ERROR"
    error = "database_error"

    def __init__(self, which: str) -> None:
        super().__init__(
            f"The {which} of this job is damaged in the database file: its checksum does not match",
            details={"reason": f"{which}_damaged"},
        )


class DatabaseError(SpooledError):
    """An unexpected SQL error. The message has no details."""

    code = "DATABASE_ERROR"
    error = "database_error"

    def __init__(self) -> None:
        super().__init__("A database error occurred")
