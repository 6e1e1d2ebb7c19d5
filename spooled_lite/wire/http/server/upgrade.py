"""One WebSocket connection after the check of its handshake, which is in head.py.

The application accepts or refuses it; a refusal is an HTTP answer with the error envelope.
"""

import asyncio
import logging
import math
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final

from starlette.types import ASGIApp, Message
from uvicorn.protocols.http.httptools_impl import STATUS_LINE
from uvicorn.protocols.utils import ClientDisconnected
from websockets.frames import CloseCode, Frame, Opcode

from spooled_lite.wire.allowance import Allowance
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.server import refusal as refusals
from spooled_lite.wire.http.server.connections import Connections
from spooled_lite.wire.http.server.frames import Frames
from spooled_lite.wire.http.server.refusal import Refusal
from spooled_lite.wire.http.server.scope import (
    ABORT,
    CLOSE_CODE,
    DATED,
    HOLD,
    REFUSED,
    websocket_scope,
)

logger = logging.getLogger(__name__)

FRAMES: Final = "spooled.frames"  # key in a message to send: finished frames, shared by many peers
# Parsed before others get their turn. The smallest frame has six bytes and costs some 20 µs.
PIECE_BYTES: Final = 512
FRAME_BYTES: Final = 512  # a frame counts as one, and as one more for each such length it has
EARLY_BYTES_MAX: Final = 64 * 1024  # kept from a client that does not wait to be accepted
FRAGMENTS_MAX: Final = 1_024  # in one message: empty fragments add nothing to its size
PING: Final = b"ping"  # only one ping is unanswered at a time, so it needs no number


class Phase(Enum):
    OPENING = "opening"  # the application has neither accepted nor refused it
    REFUSED = "refused"  # answered over HTTP; what the client still sends is thrown away
    OPEN = "open"
    CLOSING = "closing"  # we send nothing more, and wait for the peer's close frame or its leaving
    DEAF = "deaf"  # closed because the peer floods; nothing is read, not even its close frame
    GONE = "gone"  # the connection has ended


class WebSocketProtocol(asyncio.Protocol):
    def __init__(
        self,
        app: ASGIApp,
        shared: Connections,
        transport: asyncio.Transport,
        scope: Any,
        accept: bytes,
        *,
        address: str,
    ) -> None:
        """`scope` is that of the HTTP request; `accept` is the value of `Sec-WebSocket-Accept`."""
        self.loop = asyncio.get_running_loop()
        self.shared = shared
        self.limits = shared.limits
        self.transport = transport
        self.address = address
        self.deadline = math.inf
        self.phase = Phase.OPENING
        self.request_headers: list[Header] = scope["headers"]
        self.scope = websocket_scope(scope)
        self.scope["extensions"] |= {ABORT: transport.abort, HOLD: self._hold}
        self._app = app
        self._accept_value = accept
        self._answer_head: Message | None = None  # when the application answers over HTTP instead
        self._messages: asyncio.Queue[Message] = asyncio.Queue()  # for the application
        self._unread = bytearray()
        self._is_in_line = False  # whether parsing of a piece of `_unread` has been asked for
        self._allowance = Allowance(
            self.limits.websocket_frames_in_a_row,
            per_second=self.limits.websocket_frames_per_second,
            now=self.loop.time(),
        )
        self._writable = asyncio.Event()
        self._writable.set()
        self._ping_is_owed = False  # whether the peer still has to answer our ping
        self._parts: list[bytes] = []  # the fragments of a message that has not ended
        self._is_text = True
        self.frames = frames = Frames(
            message_bytes_max=self.limits.websocket_message_bytes_max,
            has_room=self._writable.is_set,
        )
        self.scope["extensions"][CLOSE_CODE] = lambda: frames.last_code

    def begin(self, early: bytes) -> None:
        """Ask the application. `early` are the bytes that came after the request."""
        self._messages.put_nowait({"type": "websocket.connect"})
        self._unread += early
        task = self.loop.create_task(self._run(), name="websocket")
        self.shared.tasks.add(task)
        task.add_done_callback(self.shared.tasks.discard)
        task.add_done_callback(self._ended)

    async def _run(self) -> None:
        try:
            await self._app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            logger.debug("the client of a WebSocket disconnected during a write")
        except Exception:
            logger.exception("a WebSocket failed outside the application's error boundary")
            self._refuse(refusals.crashed())
            self._close(CloseCode.INTERNAL_ERROR)
            self._hang_up()
        else:
            self._refuse(refusals.crashed())  # when the application neither accepted nor refused
            self._close(CloseCode.NORMAL_CLOSURE)

    def _ended(self, task: asyncio.Task[None]) -> None:
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            logger.error("a WebSocket failed and was closed", exc_info=failure)
        if failure is not None or self.phase in (Phase.OPENING, Phase.OPEN):
            self.transport.abort()

    # The connection

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.left(self.transport)
        was_open = self.phase not in (Phase.OPENING, Phase.REFUSED)
        self.phase = Phase.GONE
        self.scope["extensions"].pop(HOLD)  # it refers to us
        self._writable.set()
        code = self.frames.last_code
        self._messages.put_nowait({"type": "websocket.disconnect", "code": code})
        if was_open:
            logger.debug("WebSocket %s of %s: closed, %d", self._path, self.address, code)

    def shutdown(self) -> None:
        """Called when the server stops."""
        self._refuse(refusals.stopping())
        self._close(CloseCode.SERVICE_RESTART)
        # While stopping, the peer's close frame is waited for only this long.
        self.deadline = min(self.deadline, self.loop.time() + self.limits.linger_seconds_max)

    def expire(self, now: float) -> None:
        """Called by the sweep when the deadline has passed."""
        if self.transport.is_closing():
            self.transport.abort()  # closing waits for a client that takes nothing
        elif self.phase is Phase.OPEN and not self._ping_is_owed:
            self._ping_is_owed = True
            self.deadline = now + self.limits.websocket_pong_seconds_max
            self.frames.send_ping(PING)
            self._flush()
        elif self.phase is Phase.OPENING:
            self.deadline = math.inf  # the application has a time limit of its own
        else:
            self._close(CloseCode.INTERNAL_ERROR, "no answer to a ping")
            self._hang_up()

    @property
    def _path(self) -> str:
        """For the log: without the query, and not decoded, so line ends cannot forge log lines."""
        raw_path: bytes = self.scope["raw_path"]
        return raw_path.decode("ascii", "backslashreplace")

    def _hang_up(self) -> None:
        """Close once the peer has taken what is written, and cut it off after the linger time."""
        self.phase = Phase.CLOSING
        self.deadline = self.loop.time() + self.limits.linger_seconds_max
        self.transport.close()

    # Receiving

    def data_received(self, data: bytes) -> None:
        """Keep the bytes; they are parsed in pieces, and others get their turn between pieces."""
        if self.phase in (Phase.REFUSED, Phase.DEAF):
            return
        self._unread += data
        if self.phase is not Phase.OPENING:
            self._read_on()
        elif len(self._unread) > EARLY_BYTES_MAX:
            self.transport.pause_reading()

    def _read_on(self) -> None:
        if self._is_in_line or self.phase is Phase.DEAF or self.transport.is_closing():
            return
        if self.phase is Phase.OPEN and not self._messages.empty():
            self.transport.pause_reading()  # until the application has taken what came
        elif self._unread:
            self.transport.pause_reading()
            self._is_in_line = True
            self.shared.reading.call(self._read_piece)
        else:
            self.transport.resume_reading()

    def _read_piece(self) -> None:
        self._is_in_line = False
        if self.phase is Phase.GONE:
            return
        piece = bytes(self._unread[:PIECE_BYTES])
        del self._unread[:PIECE_BYTES]
        frames = self.frames
        frames.receive_data(piece)
        for frame in frames.events_received():
            assert isinstance(frame, Frame), "the handshake is over"
            self._take(frame)
        self._flush()
        if not frames.is_open and (frames.close_rcvd is not None or frames.parser_exc is not None):
            self._tell_closed()
            self._hang_up()
        else:
            self._read_on()

    def _take(self, frame: Frame) -> None:
        if self.phase is not Phase.OPEN:
            return  # we have sent our close frame, so the peer's messages no longer count
        if not self._allowance.take(1 + len(frame.data) // FRAME_BYTES, self.loop.time()):
            self._stop_listening()
            return
        match frame.opcode:
            case Opcode.TEXT | Opcode.BINARY:
                self._is_text = frame.opcode is Opcode.TEXT
                self._parts = [bytes(frame.data)]
            case Opcode.CONT:
                self._parts.append(bytes(frame.data))
            case Opcode.PONG if bytes(frame.data) == PING:
                self._ping_is_owed = False
                self.deadline = self.loop.time() + self.limits.websocket_ping_seconds
                return
            case _:
                return
        if frame.fin:
            self._take_message()
        elif len(self._parts) > FRAGMENTS_MAX:
            self._close(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
            self._hang_up()

    def _stop_listening(self) -> None:
        """Close on a peer that floods, without reading on to its close frame behind the flood."""
        self._close(CloseCode.POLICY_VIOLATION, "too many messages")
        self.phase = Phase.DEAF
        self.deadline = self.loop.time() + self.limits.linger_seconds_max
        self._unread.clear()
        self.transport.pause_reading()

    def _take_message(self) -> None:
        data, self._parts = b"".join(self._parts), []
        if not self._is_text:
            self._messages.put_nowait({"type": "websocket.receive", "bytes": data})
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._close(CloseCode.INVALID_DATA)
            self._hang_up()
        else:
            self._messages.put_nowait({"type": "websocket.receive", "text": text})

    async def receive(self) -> Message:
        message = await self._messages.get()
        if self.phase is Phase.OPEN:
            self._read_on()
        return message

    # Sending

    def pause_writing(self) -> None:
        self._writable.clear()
        self.shared.unread.fell_behind(self.transport, self.address)

    def resume_writing(self) -> None:
        self._writable.set()
        self.shared.unread.caught_up(self.transport)
        self.frames.pay_pong()
        self._flush()

    def _hold(self, is_held: bool) -> None:
        """Say nothing more, no ping and no pong either, or go on: for who is told to misbehave."""
        if self.phase is Phase.OPEN:
            ping_seconds = math.inf if is_held else self.limits.websocket_ping_seconds
            self.deadline = self.loop.time() + ping_seconds
        if is_held:
            self._writable.clear()
        else:
            self._writable.set()
            self.frames.pay_pong()
            self._flush()

    async def send(self, message: Message) -> None:
        """Raises ClientDisconnected when either side has ended the connection."""
        kind = message["type"]
        if kind != "websocket.close":
            # Only a close does not wait: a peer that reads nothing must not delay its own close.
            await self._writable.wait()
        if self.transport.is_closing() or self.phase not in (Phase.OPENING, Phase.OPEN):
            raise ClientDisconnected
        is_open = self.phase is Phase.OPEN
        if kind == "websocket.send" and is_open:
            self._send(message)
        elif kind == "websocket.close":
            self._refuse(refusals.websocket_denied())
            self._close(message.get("code", CloseCode.NORMAL_CLOSURE), message.get("reason") or "")
        elif kind == "websocket.accept" and not is_open:
            self._accept(message)
        elif kind == "websocket.http.response.start" and not is_open:
            self._answer_head = message
        elif kind == "websocket.http.response.body" and self._answer_head is not None:
            assert not message.get("more_body", False), "an answer here is whole"
            self._answer(self._answer_head, message.get("body", b""))
        else:
            raise RuntimeError(f"{kind} has no place while a WebSocket is {self.phase.value}")

    def _send(self, message: Message) -> None:
        ready: bytes | None = message.get(FRAMES)
        if ready is not None:
            self.transport.write(ready)
            return
        if not self.frames.is_open:
            raise ClientDisconnected
        data, text = message.get("bytes"), message.get("text")
        if data is not None:
            self.frames.send_binary(data)
        else:
            self.frames.send_text((text or "").encode())
        self._flush()

    def _accept(self, message: Message) -> None:
        self.phase = Phase.OPEN
        self.deadline = self.loop.time() + self.limits.websocket_ping_seconds
        headers = [
            (b"Upgrade", b"websocket"),
            (b"Connection", b"Upgrade"),
            (b"Sec-WebSocket-Accept", self._accept_value),
            *self._default_headers(message),
            *message.get("headers", ()),
        ]
        self._write_head(101, headers)
        logger.debug("WebSocket %s of %s: open", self._path, self.address)
        self._read_on()

    def _answer(self, head: Message, body: bytes) -> None:
        """Give the HTTP answer that the application made instead of accepting the WebSocket."""
        self.phase = Phase.REFUSED
        headers = [*self._default_headers(head), *head["headers"], (b"connection", b"close")]
        self._write_head(head["status"], headers, body)
        self._linger()

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with the error envelope, unless the application has already decided."""
        if self.phase is not Phase.OPENING:
            return
        self.phase = Phase.REFUSED
        self.scope[REFUSED] = refusal.status
        if not self.transport.is_closing():
            self.transport.write(self.shared.answer(refusal, self.request_headers))
            self._linger()

    def _linger(self) -> None:
        """Half-close: closing with bytes unread would reset the connection and lose the answer."""
        self._unread.clear()
        self._tell_closed()
        self.deadline = self.loop.time() + self.limits.linger_seconds_max
        self.transport.write_eof()
        self.transport.resume_reading()

    def _close(self, code: int, reason: str = "") -> None:
        """Send a close frame and wait for the peer's; does nothing unless the phase is OPEN."""
        if self.phase is not Phase.OPEN:
            return
        self.phase = Phase.CLOSING
        self.frames.close(code, reason)
        self._tell_closed()
        self._flush()
        self.deadline = self.loop.time() + self.limits.websocket_close_seconds_max
        self._read_on()

    def _tell_closed(self) -> None:
        """Tell the application that nothing more comes."""
        self._messages.put_nowait(
            {"type": "websocket.disconnect", "code": self.frames.last_code, "reason": ""}
        )

    def _default_headers(self, head: Message) -> Sequence[Header]:
        return () if DATED in head else self.shared.default_headers

    def _write_head(self, status: int, headers: list[Header], body: bytes = b"") -> None:
        lines = [STATUS_LINE[status]]
        for name, value in headers:
            lines += (name, b": ", value, b"\r\n")
        self.transport.write(b"".join([*lines, b"\r\n", body]))

    def _flush(self) -> None:
        output = self.frames.take_output()
        if output and not self.transport.is_closing():
            self.transport.write(output)
