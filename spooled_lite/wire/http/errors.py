"""Every error over HTTP: its status, an example, and how it becomes an answer."""

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
    PreconditionFailed,
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
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.call import Reply, reply

ErrorKind = type[SpooledError]

# The status of every kind of error, and the example that the OpenAPI document shows.
_TABLE: Final[tuple[tuple[int, SpooledError], ...]] = (
    (400, BadRequest("Query parameter `limit` must be a whole number")),
    (400, NotJson.empty()),
    # The value has the right type and breaks a rule of it.
    (400, RuleBroken.of("priority", "Field `priority`: Expected `int` <= 100", "range")),
    (401, Unauthorized()),
    (401, AuthenticationFailed()),
    (401, AdminNotConfigured()),
    (401, MissingAdminKey()),
    (401, InvalidAdminHeader()),
    (401, InvalidAdminKey()),
    (403, AccessDenied("This key lacks the permission `jobs:write`")),
    (404, NotFound.thing("Job")),
    (405, MethodNotAllowed(["GET", "HEAD", "OPTIONS"])),
    (408, RequestTimeout("The request took longer than 30 seconds")),
    (409, Conflict("Job is already completed")),
    (409, WorkerIdTaken()),
    (409, LeaseExpired()),
    (
        412,
        PreconditionFailed(
            "The task is at revision 4, which If-Match does not name; read it again and decide anew"
        ),
    ),
    (413, PayloadTooLarge("Field `payload` is larger than 1048576 bytes")),
    (415, UnsupportedMediaType()),
    (422, WrongShape.missing("payload")),  # a field is missing or of the wrong type
    (429, QuotaExceeded("active_jobs", current=10, limit=10, plan="free", upgrade_to="starter")),
    (429, FeatureDisabled("workflows", current=0, limit=0, plan="free", upgrade_to="starter")),
    (429, RateLimited(retry_after_seconds=2, limit=10, reset_at=1_790_845_200)),
    (500, InternalError()),
    (500, DatabaseError()),
    (500, BodyDamaged("payload")),
    (503, Unavailable("overloaded", "Too many writes wait; try again")),
    (503, SecretMissing("No usable secret for webhooks of GitHub is configured")),
)
STATUS: Final[Mapping[ErrorKind, int]] = {type(sample): status for status, sample in _TABLE}
SAMPLES: Final[Mapping[ErrorKind, SpooledError]] = {type(sample): sample for _, sample in _TABLE}

UNAVAILABLE_RETRY_SECONDS: Final = 1


def status_of(error: SpooledError) -> int:
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return 500


def refusal(error: SpooledError) -> Reply:
    """The answer to a request that failed with this error."""
    return reply(envelope(error), status_of(error), _headers(error))


def _headers(error: SpooledError) -> tuple[Header, ...]:
    # Clients tell a quota from a rate limit by its missing Retry-After.
    if isinstance(error, RateLimited):
        return ((b"retry-after", b"%d" % error.retry_after_seconds),)
    if isinstance(error, Unavailable):
        return ((b"retry-after", b"%d" % UNAVAILABLE_RETRY_SECONDS),)
    if isinstance(error, MethodNotAllowed):
        return ((b"allow", ", ".join(error.allowed).encode("ascii")),)
    if isinstance(error, Unauthorized | AuthenticationFailed):
        return ((b"www-authenticate", b"Bearer"),)
    return ()
