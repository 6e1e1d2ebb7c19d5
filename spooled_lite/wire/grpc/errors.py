"""Gives every error its gRPC status; the only place that does. Contract: grpc, section 8."""

import logging
from collections.abc import Mapping
from typing import Final, NoReturn

from grpc import StatusCode
from grpc.aio import ServicerContext

from spooled_lite.errors import (
    AccessDenied,
    AuthenticationFailed,
    BadRequest,
    BodyDamaged,
    Conflict,
    DatabaseError,
    InternalError,
    LeaseExpired,
    NotFound,
    NotJson,
    PayloadTooLarge,
    PreconditionFailed,
    QuotaExceeded,
    RateLimited,
    RequestTimeout,
    RuleBroken,
    SpooledError,
    Unauthorized,
    Unavailable,
    WorkerIdTaken,
    WrongShape,
)

logger = logging.getLogger(__name__)

# Clients search for these words. Contract: README, section 5.
BAD_CREDENTIAL: Final = "Invalid API key"


class TooManyStreams(SpooledError):
    """The organization has as many streams as it may. Names no time after which to try again."""

    code = "RATE_LIMIT_EXCEEDED"
    error = "rate_limit_exceeded"


STATUS: Final[Mapping[type[SpooledError], StatusCode]] = {
    BadRequest: StatusCode.INVALID_ARGUMENT,
    NotJson: StatusCode.INVALID_ARGUMENT,
    RuleBroken: StatusCode.INVALID_ARGUMENT,
    WrongShape: StatusCode.INVALID_ARGUMENT,
    PayloadTooLarge: StatusCode.INVALID_ARGUMENT,
    Unauthorized: StatusCode.UNAUTHENTICATED,
    AuthenticationFailed: StatusCode.UNAUTHENTICATED,
    AccessDenied: StatusCode.PERMISSION_DENIED,
    NotFound: StatusCode.NOT_FOUND,
    Conflict: StatusCode.FAILED_PRECONDITION,
    LeaseExpired: StatusCode.FAILED_PRECONDITION,
    PreconditionFailed: StatusCode.FAILED_PRECONDITION,
    WorkerIdTaken: StatusCode.ALREADY_EXISTS,
    QuotaExceeded: StatusCode.RESOURCE_EXHAUSTED,
    RateLimited: StatusCode.RESOURCE_EXHAUSTED,
    TooManyStreams: StatusCode.RESOURCE_EXHAUSTED,
    RequestTimeout: StatusCode.DEADLINE_EXCEEDED,
    Unavailable: StatusCode.UNAVAILABLE,
    InternalError: StatusCode.INTERNAL,
    DatabaseError: StatusCode.INTERNAL,
    BodyDamaged: StatusCode.INTERNAL,
}

Context = ServicerContext[bytes, bytes]


def status_of(error: SpooledError) -> StatusCode:
    for kind in type(error).__mro__:
        if kind in STATUS:
            return STATUS[kind]
    return StatusCode.INTERNAL


def text_of(error: SpooledError) -> str:
    return BAD_CREDENTIAL if isinstance(error, Unauthorized) else error.message


def told(error: BaseException) -> SpooledError:
    """The error that a caller may see: a bug is logged and becomes InternalError, no details."""
    if isinstance(error, SpooledError):
        return error
    logger.error("a request of a stream failed", exc_info=error)
    return InternalError()


async def refuse(context: Context, error: SpooledError) -> NoReturn:
    """End the call with the status of this error."""
    # Clients tell a quota from a rate limit by its missing `retry-after`.
    trailing = (
        (("retry-after", str(error.retry_after_seconds)),) if isinstance(error, RateLimited) else ()
    )
    await context.abort(status_of(error), text_of(error), trailing)
    raise AssertionError("abort raises")
