"""One HTTP connection: uvicorn's protocol with limits, and the error envelope in its refusals.

Each request gets the extensions named in scope.py. `is_gone` may be called after the request has
ended, too. `receive()` after the body still delivers `http.disconnect` when the client leaves.
While more requests of the same client wait behind this one, nothing is read, so the server notices
that the client has left only once none of them waits.
"""

import asyncio
import logging
import math
from typing import Any, Final, cast

from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl

from spooled_lite.wire.http.server import head as heads
from spooled_lite.wire.http.server import refusal as refusals
from spooled_lite.wire.http.server.connections import Connections, EarlyRefusal, give_up
from spooled_lite.wire.http.server.cycle import Cycle, Flow
from spooled_lite.wire.http.server.places import address_of
from spooled_lite.wire.http.server.refusal import Refusal, Refused
from spooled_lite.wire.http.server.requests import ReadState, Requests
from spooled_lite.wire.http.server.scope import ABORT, IS_GONE, REFUSED
from spooled_lite.wire.http.server.upgrade import WebSocketProtocol

logger = logging.getLogger(__name__)

# Connections without a place that get an answer before they close; further ones just close.
OVERFLOW_MAX: Final = 128
# A client that has just connected sends its request within a round trip. So long a stop waits for
# it: a connection that is closed before its first request looks to the client like a failure.
FIRST_REQUEST_SECONDS: Final = 0.25


class HttpProtocol(Requests):
    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.address = ""
        self.made_at = math.inf
        self.running: Cycle | None = None
        self.task: asyncio.Task[None] | None = None
        self.refusal: Refusal | None = None
        self.is_lingering = False
        self.thrown_away_bytes = 0
        self.unsent_bytes = 0  # at the last deadline, to see whether the client has read since
        self.extensions[IS_GONE] = self.is_gone
        self.extensions[ABORT] = self.abort

    # The connection

    def connection_made(  # type: ignore[override]  # uvicorn narrows the type, too
        self, transport: asyncio.Transport
    ) -> None:
        """Raises nothing: after an exception here uvloop would neither close the connection nor
        call `connection_lost`."""
        self.transport = transport
        try:
            self._begin(transport)
        except Exception:
            # Without a reference the transport would be collected before it is closed.
            self.shared.open[transport] = self
            give_up(self)

    def _begin(self, transport: asyncio.Transport) -> None:
        self.shared.open[transport] = self
        self.flow = Flow(transport, self.has_enough)
        self.server = get_local_addr(transport)
        self.client = get_remote_addr(transport)
        self.scheme = "https" if is_ssl(transport) else "http"
        self.address = address_of(self.client)
        shared = self.shared
        self.made_at = self.loop.time()
        self.has_place = shared.places.take(transport, self.address)
        if self.has_place:
            self.deadline = self.made_at + self.limits.header_seconds_max
            shared.places.idle(transport)
            if shared.is_stopping:  # accepted just before the listener was closed
                self.shutdown()
        elif shared.is_stopping or len(shared.open) - shared.places.count > OVERFLOW_MAX:
            transport.close()
        else:
            # The refusal waits for the request: its Origin header decides the answer's headers.
            self.deadline = self.loop.time() + self.limits.linger_seconds_max

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.left(self.transport)
        if self.turn is not None:
            self.turn.cancel()
        self.inbox.clear()
        self.line.clear()
        for cycle in (self.cycle, self.running):
            if cycle is not None and not cycle.response_complete:
                cycle.disconnected = True
                cycle.message_event.set()
        if self.flow is not None:
            self.flow.resume_writing()
        self._forget()

    def _forget(self) -> None:
        """Break the reference cycles: the collector comes late to those of an old connection.

        A handler that still answers has its own references to its request and the transport.
        """
        self.extensions = {}
        self.running = self.task = None
        if self.flow is not None:
            self.flow.forget()
        # uvicorn drops its parser in the same way: nothing uses these after the connection's end.
        self.parser = self.scope = self.cycle = None  # type: ignore[assignment]

    def is_gone(self) -> bool:
        return self.is_lingering or self.transport.is_closing()

    def abort(self) -> None:
        self.transport.abort()

    def is_answering(self) -> bool:
        running = self.running
        return not (running is None or running.response_complete or running.disconnected)

    def shutdown(self) -> None:
        """Called when the server stops: close after the answer under way, at once without one,
        except that the first request of a new connection is waited for."""
        self.line.clear()
        if self.running is not None and self.is_answering():
            self.running.keep_alive = False
            return
        left = self.made_at + FIRST_REQUEST_SECONDS - self.loop.time()
        if left > 0 and self.running is None and self.has_place and not self.is_deaf:
            self.loop.call_later(left, self._end_without_request)
        else:
            self.transport.close()

    def _end_without_request(self) -> None:
        # It may be a WebSocket by now, which is another connection to the stop.
        is_mine = self.shared.open.get(self.transport) is self
        if is_mine and self.running is None and not self.is_deaf:
            self.transport.close()

    # Time

    def expire(self, now: float) -> None:
        """Called by the sweep when the deadline has passed."""
        if not self.has_place and self.refusal is None:
            self.refuse(refusals.too_many_connections())
        elif self.flow.write_paused or self._is_only_sending() or self.transport.is_closing():
            self._end_unless_sending(now)
        elif self.flow.read_paused:
            # The server paused reading, so the client is not late.
            self.deadline = now + self.seconds_max()
        elif self.reading is ReadState.HEAD:
            self.refuse(refusals.headers_too_slow(self.limits))
        else:
            self.refuse(refusals.body_too_slow(self.limits))

    def pause_writing(self) -> None:
        super().pause_writing()
        self.shared.unread.fell_behind(self.transport, self.address)
        self.deadline = min(self.deadline, self.loop.time() + self.limits.send_seconds_max)

    def resume_writing(self) -> None:
        super().resume_writing()
        self.shared.unread.caught_up(self.transport)
        self.unsent_bytes = 0
        if self.is_lingering:
            self.deadline = self.loop.time() + self.limits.linger_seconds_max
            return
        if self.refusal is None:
            has_part = self.reading is not ReadState.NOTHING
            self.deadline = self.loop.time() + self.seconds_max() if has_part else math.inf
        if not self.is_answering():
            self._go_on()

    def _is_only_sending(self) -> bool:
        return self.reading is ReadState.NOTHING or self.is_deaf

    def _end_unless_sending(self, now: float) -> None:
        """End an idle connection, unless its client still takes an answer, however slowly."""
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes and unsent_bytes != self.unsent_bytes:
            self.unsent_bytes = unsent_bytes
            self.deadline = now + self.limits.send_seconds_max
        elif unsent_bytes or self.is_lingering:
            self.transport.abort()  # closing would wait for a client that takes nothing
        else:
            self.transport.close()

    # Receiving

    def take(self, cycle: Cycle) -> None:
        if self.line or self.is_answering() or self.flow.write_paused:
            self.line.append(cycle)  # the client has to take the answer before this one first
        else:
            self._start(cycle)

    # Another protocol

    def upgrade(self) -> None:
        if self.line or self.is_answering() or self.flow.write_paused:
            self.refuse(refusals.malformed("An upgrade must wait for the answer before it"))
        else:
            try:
                self._switch()
            except Refused as refused:
                self.refuse(refused.refusal)

    def _switch(self) -> None:
        """Hand the connection on to a WebSocketProtocol, which from then on gets its events.

        Raises:
            Refused: the handshake is not valid.
        """
        accept = heads.websocket_accept(self.scope["method"], self.head, self.headers)
        socket = WebSocketProtocol(
            self.app, self.shared, self.transport, self.scope, accept, address=self.address
        )
        self.transport.set_protocol(socket)
        self.shared.open[self.transport] = socket
        socket.begin(self.inbox.take_all())
        self._forget()

    # Answering

    def _start(self, cycle: Cycle) -> None:
        self.running = cycle
        self.task = task = self.loop.create_task(cycle.run_asgi(self.app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def on_response_complete(self) -> None:
        assert self.running is not None, "an answer belongs to a request"
        if self.transport.is_closing():
            self.deadline = self.loop.time() + self.limits.send_seconds_max
        elif not self.running.keep_alive:
            self._end_after_answer()
        else:
            self._go_on()

    def _go_on(self) -> None:
        """Go on with what waits behind an answer, unless the client still has to take it."""
        if self.refusal is not None and not self.line:
            self._send_refusal(self.refusal)
            return
        if self.flow.write_paused:
            return
        if self.line:
            self._start(self.line.popleft())
        if self.inbox.left_bytes or self.flow.read_paused:
            self.go_on_reading()
        if self.reading is ReadState.NOTHING and not self.line and not self.is_answering():
            self.idle()

    def idle(self) -> None:
        if self.flow.write_paused:
            return
        self.deadline = self.loop.time() + self.limits.keep_alive_seconds
        self.shared.places.idle(self.transport)

    def _end_after_answer(self) -> None:
        if self.reading is ReadState.BODY:
            self._linger()  # the client is still sending a body that was not read
        else:
            self.transport.close()
            self.deadline = self.loop.time() + self.limits.send_seconds_max

    # Refusing

    def refuse(self, refusal: Refusal) -> None:
        """Answer with the error envelope and close, once all earlier requests are answered."""
        if self.is_deaf:
            return
        logger.debug("refused with %d: %s", refusal.status, refusal.error)
        self.refusal, self.is_deaf = refusal, True
        # A client that does not take the answer before this one is cut off at the deadline.
        self.deadline = self.loop.time() + self.limits.send_seconds_max
        if self.reading is ReadState.BODY and not self._withdraw(self.cycle, refusal):
            self.transport.close()
        elif not self.is_answering() and not self.line:
            self._send_refusal(refusal)

    def _withdraw(self, cycle: Cycle, refusal: Refusal) -> bool:
        """End a request whose body turned out bad. False when its answer has begun."""
        if self.line and self.line[-1] is cycle:
            self.line.pop()
            return True
        if self.timed is not ReadState.BODY and self.task is not None:
            self.task.cancel()  # the fault came with the headers: the handler has not begun
        else:
            scope: dict[str, Any] = cast(Any, cycle.scope)
            scope[REFUSED] = refusal.status
        cycle.disconnected = True
        cycle.message_event.set()
        return not cycle.response_started

    def _send_refusal(self, refusal: Refusal) -> None:
        if not self.transport.is_closing():
            headers = self.headers or ()
            request_id = self.shared.request_id(headers)
            self.transport.write(self.shared.answer(refusal, headers, request_id=request_id))
            self._tell_refused(refusal, request_id)
            self._linger()

    def _tell_refused(self, refusal: Refusal, request_id: bytes) -> None:
        tell = self.shared.on_refusal
        scope = None if self.reading is ReadState.NOTHING else self.scope
        if tell is None or (scope is not None and REFUSED in scope):
            return  # of a request that has begun, the application tells
        sent = len(refusal.body())
        tell(EarlyRefusal(refusal.status, scope, self.address, request_id, sent))

    def _linger(self) -> None:
        """Half-close, and throw away what the client still sends.

        Closing with bytes unread would reset the connection, and the answer could be lost.
        """
        self.is_deaf = self.is_lingering = True
        self.inbox.clear()
        self.deadline = self.loop.time() + self.limits.linger_seconds_max
        self.transport.write_eof()
        self.flow.resume_reading()

    def throw_away(self, data: bytes) -> None:
        self.thrown_away_bytes += len(data)
        if self.thrown_away_bytes > self.limits.linger_bytes_max:
            if self.is_lingering:
                self.transport.abort()
            else:
                self.flow.pause_reading()
