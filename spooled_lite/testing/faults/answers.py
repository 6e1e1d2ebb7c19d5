"""What clients get instead of the answer of a handler."""

from typing import Any, Final

import msgspec
from starlette.types import Receive, Send

from spooled_lite.clock import Clock
from spooled_lite.errors import (
    InternalError,
    LeaseExpired,
    RateLimited,
    SpooledError,
    Unauthorized,
)
from spooled_lite.storage.trouble import unavailable
from spooled_lite.testing.faults.shapes import ErrorAnswer, RefusalName
from spooled_lite.wire.http.call import Call, Reply, StreamReply

RETRY_AFTER_SECONDS: Final = 1
REQUESTS_PER_MINUTE: Final = 60  # what a client is told that its limit is


def refusal_of(name: RefusalName, clock: Clock) -> SpooledError:
    """The error that a server raises which is really in this trouble."""
    match name:
        case "overloaded" | "storage_full" | "storage_error" | "shutting_down":
            return unavailable(name)
        case "rate_limited":
            return RateLimited(
                retry_after_seconds=RETRY_AFTER_SECONDS,
                limit=REQUESTS_PER_MINUTE,
                reset_at=clock.now_ms() // 1000 + RETRY_AFTER_SECONDS,
            )
        case "lease_expired":
            return LeaseExpired()
        case "unauthorized":
            return Unauthorized()
        case "internal":
            return InternalError()


def answer_of(error: ErrorAnswer, clock: Clock) -> Reply:
    """Exactly the answer that a rule gives. Raises the refusal, where it names one."""
    if error.as_ is not None:
        raise refusal_of(error.as_, clock)
    assert error.status is not None, "checked when the rule was made"
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    media = headers.pop("content-type", None)
    answer = Reply(
        error.status,
        bytes_of(error.body, is_plain=media is not None),
        [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()],
    )
    if media is not None:
        answer.media = media.encode("ascii")
    return answer


def cut_short(call: Call, answer: Reply, size_bytes: int) -> Reply | None:
    """The beginning of an answer, with its whole length announced; None: it has no body.

    The server closes the connection of an answer that comes to no end.
    """
    if isinstance(answer, StreamReply) or not answer.body or call.method == "HEAD":
        return None
    part = answer.body[: min(size_bytes, len(answer.body) - 1)]

    async def run(receive: Receive, send: Send) -> None:
        await send({"type": "http.response.body", "body": part, "more_body": True})

    length = (b"content-length", b"%d" % len(answer.body))
    return StreamReply(
        answer.status,
        (*answer.headers, length),
        media=answer.media,
        run=run,
        close=lambda: None,
    )


def discard(answer: Reply) -> None:
    """Nobody gets it."""
    if isinstance(answer, StreamReply):
        answer.close()


def bytes_of(body: Any, *, is_plain: bool) -> bytes:
    """A body that a rule gives. A plain text is sent as it is, and not as JSON."""
    if body is None:
        return b""
    if is_plain and isinstance(body, str):
        return body.encode()
    return msgspec.json.encode(body)
