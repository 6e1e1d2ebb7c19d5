"""Answers that the server gives before or instead of the application: always the error envelope."""

import http
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.errors import (
    AccessDenied,
    BadRequest,
    InternalError,
    RequestTimeout,
    SpooledError,
    Unavailable,
)
from spooled_lite.wire.envelope import envelope
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.server.limits import HttpLimits

RETRY_AFTER: Final[Header] = (b"retry-after", b"1")


class Refusal(Struct, frozen=True):
    status: int
    error: SpooledError
    headers: tuple[Header, ...] = ()

    def body(self) -> bytes:
        return msgspec.json.encode(envelope(self.error))


class Refused(Exception):
    """Raised in a callback of the parser, whose own error then has this one as its context."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.error.message)
        self.refusal = refusal


def malformed(message: str = "The request is not valid HTTP/1.1") -> Refusal:
    return Refusal(400, BadRequest(message))


def url_too_long(limits: HttpLimits) -> Refusal:
    return Refusal(414, BadRequest(f"The URL is longer than {limits.url_bytes_max} bytes"))


def headers_too_large(limits: HttpLimits) -> Refusal:
    message = (
        f"The headers are more than {limits.header_count_max} "
        f"or larger than {limits.header_block_bytes_max} bytes together"
    )
    return Refusal(431, BadRequest(message))


def headers_too_slow(limits: HttpLimits) -> Refusal:
    message = f"The headers did not arrive within {limits.header_seconds_max:g} seconds"
    return Refusal(408, RequestTimeout(message))


def body_too_slow(limits: HttpLimits) -> Refusal:
    message = f"The body did not arrive within {limits.body_seconds_max:g} seconds"
    return Refusal(408, RequestTimeout(message))


def too_many_connections() -> Refusal:
    error = Unavailable("overloaded", "Too many open connections; retry after 1 second")
    return Refusal(503, error, (RETRY_AFTER,))


def stopping() -> Refusal:
    return Refusal(503, Unavailable("shutting_down", "The server is stopping"), (RETRY_AFTER,))


def unknown_coding() -> Refusal:
    return Refusal(501, BadRequest("The only transfer coding this server knows is `chunked`"))


def crashed() -> Refusal:
    return Refusal(500, InternalError())


def websocket_denied() -> Refusal:
    """The answer when the application closes a WebSocket before it has accepted it."""
    return Refusal(403, AccessDenied("The connection was refused"))


def answer_headers(
    refusal: Refusal, body: bytes, *, request_id: bytes, always: Sequence[Header]
) -> list[Header]:
    return [
        *always,
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", request_id),
        (b"connection", b"close"),
        *refusal.headers,
    ]


def answer(refusal: Refusal, *, request_id: bytes, always: Sequence[Header]) -> bytes:
    """The bytes of the whole answer, for a connection on which no other answer is under way."""
    body = refusal.body()
    phrase = http.HTTPStatus(refusal.status).phrase
    head = answer_headers(refusal, body, request_id=request_id, always=always)
    lines = [f"HTTP/1.1 {refusal.status} {phrase}".encode()]
    lines += [name + b": " + value for name, value in head]
    return b"\r\n".join([*lines, b"", body])
