"""The only place that pairs an error with an HTTP status."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import (
    AccessDenied,
    AdminNotConfigured,
    AuthenticationFailed,
    BadRequest,
    BodyDamaged,
    Conflict,
    DatabaseError,
    FeatureDisabled,
    InternalError,
    InvalidAdminHeader,
    InvalidAdminKey,
    LeaseExpired,
    MethodNotAllowed,
    MissingAdminKey,
    NotFound,
    NotJson,
    PayloadTooLarge,
    QuotaExceeded,
    RateLimited,
    RequestTimeout,
    RuleBroken,
    SecretMissing,
    SpooledError,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    WorkerIdTaken,
    WrongShape,
)
from spooled_lite.wire.envelope import envelope
from spooled_lite.wire.http.call import Header, Reply, reply

STATUS: Final[Mapping[type[SpooledError], int]] = {
    BadRequest: 400,
    NotJson: 400,
    RuleBroken: 400,  # right type, breaks a rule
    Unauthorized: 401,
    AuthenticationFailed: 401,
    AdminNotConfigured: 401,
    MissingAdminKey: 401,
    InvalidAdminHeader: 401,
    InvalidAdminKey: 401,
    AccessDenied: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    RequestTimeout: 408,
    Conflict: 409,
    WorkerIdTaken: 409,
    LeaseExpired: 409,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    WrongShape: 422,  # a field missing or of the wrong type
    QuotaExceeded: 429,
    FeatureDisabled: 429,
    RateLimited: 429,
    InternalError: 500,
    DatabaseError: 500,
    BodyDamaged: 500,
    Unavailable: 503,
    SecretMissing: 503,
}

UNAVAILABLE_RETRY_SECONDS: Final = 1


def status_of(error: SpooledError) -> int:
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def refusal(error: SpooledError) -> Reply:
    """The answer an error becomes."""
    return reply(envelope(error), status_of(error), _headers(error))


def _headers(error: SpooledError) -> tuple[Header, ...]:
    # Clients take a 429 without Retry-After for a quota, so the quota must not have one.
    if isinstance(error, RateLimited):
        return ((b"retry-after", b"%d" % error.retry_after_seconds),)
    if isinstance(error, Unavailable):
        return ((b"retry-after", b"%d" % UNAVAILABLE_RETRY_SECONDS),)
    if isinstance(error, MethodNotAllowed):
        return ((b"allow", ", ".join(error.allowed).encode("ascii")),)
    if isinstance(error, Unauthorized | AuthenticationFailed):
        return ((b"www-authenticate", b"Bearer"),)
    return ()
