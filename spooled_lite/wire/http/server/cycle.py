"""One request and its answer."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from spooled_lite.wire.http.server import refusal as refusals
from spooled_lite.wire.http.server.connections import Connections
from spooled_lite.wire.http.server.scope import DATED

logger = logging.getLogger(__name__)

# A body up to this size is joined to the head for one write; copying a larger one costs more.
COPIED_BYTES_MAX: Final = 64 * 1024
_line_of: Final = b": ".join  # makes a line of a header's name and value


class Flow(FlowControl):
    """Flow control that keeps reading paused while `has_enough` says that enough has been read."""

    def __init__(self, transport: asyncio.Transport, has_enough: Callable[[], bool]) -> None:
        super().__init__(transport)
        self._has_enough = has_enough

    def resume_reading(self) -> None:
        if self.read_paused and not self._has_enough():
            super().resume_reading()

    def forget(self) -> None:
        """Let go of `has_enough`, which refers back to the connection."""
        self._has_enough = _never


class Cycle(RequestResponseCycle):
    """One request and its answer.

    The head of an answer is held until the first part of its body comes. Nearly all answers are
    whole at that moment: such an answer costs one write, and its headers, which our application
    made, are not checked one by one.
    """

    connections: Connections
    head: ASGISendEvent | None = None

    async def send(self, message: ASGISendEvent) -> None:
        if self.waiting_for_100_continue and self.more_body:
            # The client was not told to go on, so it may send its body or leave it out: we cannot
            # know where its next request begins.
            self.keep_alive = False
        head = self.head
        if head is None:
            if message["type"] == "http.response.start" and not self.response_started:
                self.head = message
                if DATED in message:
                    self.default_headers = []  # which are its date
                return
        else:
            self.head = None
            if (
                message["type"] == "http.response.body"
                and not message.get("more_body", False)
                and _says_its_length(head)
            ):
                await self._answer(head, message.get("body", b""))
                return
            if self.scope["http_version"] == "1.0":
                # HTTP/1.0 has no chunks: the end of the connection marks the end of the answer.
                self.chunked_encoding = False
            await super().send(head)
        if self.scope["http_version"] == "1.0" and message["type"] == "http.response.body":
            self.expected_content_length = len(message.get("body", b""))
        await super().send(message)

    async def _answer(self, head: Any, body: bytes) -> None:
        """Write an answer whose body is complete."""
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        headers = [*map(_line_of, self.default_headers), *map(_line_of, head["headers"])]
        if not self.keep_alive:
            headers.append(b"connection: close")
        lines = [STATUS_LINE[head["status"]], b"\r\n".join(headers), b"\r\n\r\n"]
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        if len(body) <= COPIED_BYTES_MAX:
            lines.append(body)
            self.transport.write(b"".join(lines))
        else:
            self.transport.write(b"".join(lines))
            self.transport.write(body)
        self.message_event.set()
        self.on_response()  # closes the connection unless it is kept alive

    async def run_asgi(self, app: ASGI3Application) -> None:
        try:
            try:
                await app(self.scope, self.receive, self.send)
            except Exception:
                logger.exception("a request failed outside the application's error boundary")
            if self.disconnected or self.response_complete:
                return
            if self.response_started:
                # The missing end tells the client that the answer is incomplete.
                self.transport.close()
            else:
                await self.send_500_response()
        finally:
            self.on_response = _nothing  # ends the reference cycle with the connection

    async def send_500_response(self) -> None:
        self.head = None  # the application began an answer and failed before its body
        refusal = refusals.crashed()
        body = refusal.body()
        headers = self.connections.answer_headers(refusal, body, list(self.scope["headers"]))
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


def _says_its_length(head: Any) -> bool:
    headers = head["headers"]
    if headers and headers[-1][0] == b"content-length":  # our application puts it last
        return True
    return head["status"] == 204 or any(name == b"content-length" for name, _ in headers)


def _nothing() -> None:
    pass


def _never() -> bool:
    return False
