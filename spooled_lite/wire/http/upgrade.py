"""One WebSocket connection: the library's protocol, with the envelope for what it refuses."""

import asyncio
import logging
import math
from typing import Any, ClassVar

from uvicorn._types import ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from spooled_lite.wire.http import refusal as refusals
from spooled_lite.wire.http.connections import Connections
from spooled_lite.wire.http.refusal import Header


class Handshake(ServerProtocol):
    def __init__(self, shared: Connections, *, message_bytes_max: int) -> None:
        super().__init__(max_size=message_bytes_max, logger=logging.getLogger(__name__))
        self.debug = False  # its lines would show the query and the headers, with what is secret
        self._shared = shared
        self._headers: list[Header] = []

    def accept(self, request: Request) -> Response:
        self._headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1", errors="replace"))
            for name, value in request.headers.raw_items()
        ]
        return super().accept(request)

    def process_request(self, request: Request) -> tuple[str, str | None, str | None]:
        try:
            return super().process_request(request)
        except UnicodeError as error:
            # Raised for bytes that are not ASCII; as it is, it would be answered as our own fault.
            raise InvalidHandshake("a header is not ASCII") from error

    def reject(self, status: StatusLike, text: str) -> Response:
        plain = super().reject(status, text)
        words = text.strip().partition("\n")[0]
        refusal = refusals.websocket_refused(plain.status_code, words)
        body = refusal.body()
        headers = Headers(
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._shared.answer_headers(refusal, body, self._headers)
        )
        headers["Date"] = plain.headers["Date"]
        return Response(plain.status_code, plain.reason_phrase, headers, body)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    deadline: ClassVar[float] = -math.inf  # looked at by every sweep

    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.shared = server_state
        self.closing_since = math.inf
        self.close_timeout = server_state.limits.websocket_close_seconds_max
        self.conn = Handshake(server_state, message_bytes_max=config.ws_max_size)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # Our parser takes it and this library does not: a body, a line over 8 KiB.
            self.handshake_initiated = True
            refusal = refusals.websocket_refused(400, "The WebSocket handshake is not valid")
            self.transport.write(self.shared.answer(refusal, None))
            self.transport.close()

    async def send(self, message: ASGISendEvent) -> None:
        if message["type"] == "websocket.close":
            # A reader that takes nothing does not put off its own end.
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            # The library forgets this and would log an error for each refused handshake.
            self.handshake_complete = True

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.shared.left()

    def expire(self, now: float) -> None:
        """Cut off a client that takes nothing: its pings time out, but closing waits for it."""
        if self.transport.is_closing():
            self.closing_since = min(self.closing_since, now)
            if now - self.closing_since >= self.shared.limits.linger_seconds_max:
                self.transport.abort()
