"""One WebSocket connection: the library's protocol, with the envelope for what it refuses."""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Any, ClassVar, Final

from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.exceptions import InvalidHandshake
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from spooled_lite.wire.http import refusal as refusals
from spooled_lite.wire.http.connections import Connections
from spooled_lite.wire.http.refusal import Header
from spooled_lite.wire.realtime.websocket import FRAMES

# Parsed before others have their turn. The smallest frame has six bytes and costs some 20 µs.
PIECE_BYTES: Final = 2 * 1024
FRAGMENTS_MAX: Final = 1_024  # of one message: empty ones do not count for its size


class Handshake(ServerProtocol):
    def __init__(
        self, shared: Connections, *, message_bytes_max: int, has_room: Callable[[], bool]
    ) -> None:
        """`has_room`: whether the peer takes what is written to it."""
        super().__init__(max_size=message_bytes_max, logger=logging.getLogger(__name__))
        self.debug = False  # its lines would show the query and the headers, with what is secret
        self.owed_pong: Frame | None = None
        self._shared = shared
        self._headers: list[Header] = []
        self._has_room = has_room

    def send_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG and not self._has_room():
            self.owed_pong = frame  # the newest ping alone has to be answered
            return
        super().send_frame(frame)

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
        self.conn: Handshake = Handshake(
            server_state, message_bytes_max=config.ws_max_size, has_room=self.writable.is_set
        )
        self.unread = bytearray()
        self.turn: asyncio.Handle | None = None

    # Receiving

    def data_received(self, data: bytes) -> None:
        """A piece at a time, with a turn for everybody else between two of them."""
        if not self.handshake_initiated:
            self._shake_hands(data)
            return
        self.unread += data
        if self.turn is None and not self.read_paused:
            self._read_piece()

    def _read_piece(self) -> None:
        self.turn = None
        piece = bytes(self.unread[:PIECE_BYTES])
        del self.unread[:PIECE_BYTES]
        super().data_received(piece)
        self._read_on()

    def _read_on(self) -> None:
        if self.read_paused or self.transport.is_closing():
            return  # until the application has taken what came, or for good
        if not self.unread:
            self.transport.resume_reading()
            return
        self.transport.pause_reading()
        if self.turn is None:
            self.turn = self.loop.call_soon(self._read_piece)

    async def receive(self) -> ASGIReceiveEvent:
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self._read_on()
        return message

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) >= FRAGMENTS_MAX:
            self._refuse(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        elif not self.close_sent:
            super().handle_cont(event)

    def send_receive_event_to_app(self) -> None:
        if self.curr_msg_data_type == "text" and not _is_text(b"".join(self.frames)):
            # The library would log it as an error of ours.
            self._refuse(CloseCode.INVALID_DATA, "")
        else:
            super().send_receive_event_to_app()

    def _refuse(self, code: CloseCode, reason: str) -> None:
        self.frames = []
        if not self.close_sent:
            self.conn.send_close(code, reason)
            self.handle_parser_exception()

    def _shake_hands(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            # Our parser takes it and this library does not: a body, a line over 8 KiB.
            self.handshake_initiated = True
            refusal = refusals.websocket_refused(400, "The WebSocket handshake is not valid")
            self.transport.write(self.shared.answer(refusal, None))
            self.transport.close()

    # Sending

    def resume_writing(self) -> None:
        super().resume_writing()
        owed = self.conn.owed_pong
        if owed is not None and not self.close_sent:
            self.conn.owed_pong = None
            self.conn.send_frame(owed)
            self.transport.write(b"".join(self.conn.data_to_send()))

    async def send(self, message: ASGISendEvent) -> None:
        frames: bytes | None = message.get(FRAMES)  # type: ignore[assignment]  # ours, not ASGI's
        if frames is not None:
            await self._send_frames(frames)
            return
        if message["type"] == "websocket.close":
            # A reader that takes nothing does not put off its own end.
            self.writable.set()
        await super().send(message)
        if message["type"] == "websocket.close":
            self._read_on()  # for the answer to it
        if message["type"] == "websocket.http.response.body" and self.close_sent:
            # The library forgets this and would log an error for each refused handshake.
            self.handshake_complete = True

    async def _send_frames(self, frames: bytes) -> None:
        """Frames that were made once for many: the library would make them for each peer."""
        await self.writable.wait()
        if self.disconnected or self.transport.is_closing() or self.close_sent:
            raise ClientDisconnected
        self.transport.write(frames)

    # The connection

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.turn is not None:
            self.turn.cancel()
        self.shared.left()

    def expire(self, now: float) -> None:
        """Cut off a client that takes nothing: its pings time out, but closing waits for it."""
        if self.transport.is_closing():
            self.closing_since = min(self.closing_since, now)
            if now - self.closing_since >= self.shared.limits.linger_seconds_max:
                self.transport.abort()


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
