"""One HTTP connection: the library's protocol with limits, and the envelope for what it refuses.

For the application, `scope["extensions"]["spooled.is_gone"]` is a function without arguments that
tells whether the client has left, as far as the event loop knows: a look at the transport, no wait.
It goes on working after the request has ended. `receive()` after the body still delivers
`http.disconnect` when the client leaves. While requests of the same client wait in line behind
this one, nothing is read, so its leaving is noticed only when that line is empty.
"""

import asyncio
import logging
import math
import urllib.parse
from enum import Enum
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from spooled_lite.wire.http import refusal as refusals
from spooled_lite.wire.http.connections import Connections
from spooled_lite.wire.http.cycle import Cycle, Line
from spooled_lite.wire.http.refusal import Refusal, Refused

logger = logging.getLogger(__name__)

IS_GONE: Final = "spooled.is_gone"
OVERFLOW_MAX: Final = 128  # connections over the cap that are told so; further ones are just closed
HEADER_OVERHEAD_BYTES: Final = 4  # ": " and CRLF


class Reading(Enum):
    """What part of a message has begun and not ended."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class HttpProtocol(HttpToolsProtocol):
    def __init__(
        self,
        config: Config,
        server_state: Connections,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.shared = server_state
        self.limits = server_state.limits
        self.deadline = math.inf
        self.reading = Reading.NOTHING
        self.timed = Reading.NOTHING  # the part that the deadline was set for
        self.pending_bytes = 0  # received since the last part that ended
        self.running: Cycle | None = None
        self.task: asyncio.Task[None] | None = None
        self.refusal: Refusal | None = None  # once set, whatever else arrives is thrown away
        self.is_lingering = False
        self.thrown_away_bytes = 0
        self.unsent_bytes = 0  # at the last look
        self.extensions: dict[str, Any] = {IS_GONE: self.is_gone}

    # The connection

    def connection_made(  # type: ignore[override]  # as the library has it
        self, transport: asyncio.Transport
    ) -> None:
        super().connection_made(transport)
        self.flow = Line(transport, self.pipeline)
        over = len(self.connections) - self.shared.connection_count_max
        if self.shared.is_stopping or over > OVERFLOW_MAX:
            transport.close()
        elif over > 0:
            self.refuse(refusals.too_many_connections())
        else:
            self.deadline = self.loop.time() + self.limits.header_seconds_max

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.pipeline.clear()
        if self.running is not None and not self.running.response_complete:
            # The library tells only the newest request, which may be another that waited in line.
            self.running.disconnected = True
            self.running.message_event.set()
        self.extensions = {}
        self.shared.left()

    def is_gone(self) -> bool:
        return self.is_lingering or self.transport.is_closing()

    def is_answering(self) -> bool:
        running = self.running
        return not (running is None or running.response_complete or running.disconnected)

    def shutdown(self) -> None:
        """Called when the server stops: end after the answer in hand, at once without one."""
        self.pipeline.clear()
        if self.running is not None and self.is_answering():
            self.running.keep_alive = False
        else:
            self.transport.close()

    # Time

    def expire(self, now: float) -> None:
        """Called by the sweep when the deadline has passed."""
        if self.is_lingering:
            self.transport.abort()
        elif self._is_only_sending() or self.transport.is_closing():
            self._end_unless_sending(now)
        elif self.flow.read_paused:
            # It is us who keep the client waiting.
            self.deadline = now + self._seconds_max()
        elif self.reading is Reading.HEAD:
            self.refuse(refusals.headers_too_slow(self.limits))
        else:
            self.refuse(refusals.body_too_slow(self.limits))

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._is_only_sending():
            self.deadline = self.loop.time() + self.limits.send_seconds_max

    def resume_writing(self) -> None:
        super().resume_writing()
        self.unsent_bytes = 0
        if self.is_lingering or not self._is_only_sending():
            return
        if self.is_answering():
            self.deadline = math.inf
        else:
            self._idle()

    def _is_only_sending(self) -> bool:
        return self.reading is Reading.NOTHING or self.refusal is not None

    def _end_unless_sending(self, now: float) -> None:
        """End an idle connection, unless its client still takes an answer, however slowly."""
        unsent_bytes = self.transport.get_write_buffer_size()
        if unsent_bytes != self.unsent_bytes:
            self.unsent_bytes = unsent_bytes
            self.deadline = now + self.limits.send_seconds_max
        elif unsent_bytes:
            self.transport.abort()  # closing would wait for a client that takes nothing
        else:
            self.transport.close()

    def _seconds_max(self) -> float:
        if self.reading is Reading.HEAD:
            return self.limits.header_seconds_max
        return self.limits.body_seconds_max

    # Receiving

    def data_received(self, data: bytes) -> None:
        if self.refusal is not None:
            self._throw_away(data)
            return
        self.pending_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError as error:
            reason = error.__context__
            self.refuse(reason.refusal if isinstance(reason, Refused) else refusals.malformed())
        else:
            if self.reading is not Reading.NOTHING:
                self._check_unfinished()

    def _check_unfinished(self) -> None:
        """A message has begun and its end has not come: hold what there is against the limits."""
        limits = self.limits
        if len(self.url) > limits.url_bytes_max:
            self.refuse(refusals.url_too_long(limits))
        elif (
            self.pending_bytes > limits.header_block_bytes_max
            or len(self.headers) > limits.header_count_max
        ):
            self.refuse(refusals.headers_too_large(limits))
        elif self.reading is not self.timed:
            self.timed = self.reading
            self.deadline = self.loop.time() + self._seconds_max()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self.extensions
        self.reading = Reading.HEAD

    def on_headers_complete(self) -> None:
        """Start the request, or put it in line behind the one that is being answered.

        Raises:
            Refused: a limit is broken, or the request is of a kind that is not served.
        """
        self._check_head()
        parser = self.parser
        http_version = parser.get_http_version()
        method = parser.get_method()
        if http_version != "1.1":
            self._check_version(http_version)
        scope = self.scope
        scope["method"] = method.decode("ascii")
        if method == b"CONNECT":
            raise Refused(refusals.malformed("This server is not a proxy"))
        self._split_url()
        if parser.should_upgrade():
            return  # the parser stops here: _upgrade goes on

        previous = self.cycle
        self.cycle = cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.shared.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=http_version != "1.0" and parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        cycle.connections = self.shared
        self.reading = Reading.BODY
        self.headers = []  # trailers must not turn up among the headers
        if previous is None or previous.response_complete:
            self._start(cycle)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def _check_head(self) -> None:
        limits = self.limits
        if len(self.url) > limits.url_bytes_max:
            raise Refused(refusals.url_too_long(limits))
        if len(self.headers) > limits.header_count_max:
            raise Refused(refusals.headers_too_large(limits))
        if self.pending_bytes > limits.header_block_bytes_max:
            # Part of it may be the body, so now it is worth counting.
            block_bytes = len(self.url) + sum(
                len(name) + len(value) + HEADER_OVERHEAD_BYTES for name, value in self.headers
            )
            if block_bytes > limits.header_block_bytes_max:
                raise Refused(refusals.headers_too_large(limits))
        self.pending_bytes = 0

    def _check_version(self, http_version: str) -> None:
        if http_version != "1.0":
            raise Refused(refusals.malformed())  # the parser lets 0.9 and 2.0 through
        self.scope["http_version"] = http_version
        if any(name == b"transfer-encoding" for name, _ in self.headers):
            # A proxy in front that does not know it there has seen another end of this message.
            raise Refused(refusals.malformed("HTTP/1.0 has no Transfer-Encoding"))

    def _split_url(self) -> None:
        parsed = httptools.parse_url(self.url)
        raw_path = parsed.path or b"/"
        path = raw_path.decode("ascii")
        self.scope["path"] = urllib.parse.unquote(path) if "%" in path else path
        self.scope["raw_path"] = raw_path
        self.scope["query_string"] = parsed.query or b""

    def on_body(self, body: bytes) -> None:
        self.pending_bytes = 0
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self.pending_bytes = 0
        self.reading = self.timed = Reading.NOTHING
        cycle = self.cycle
        if cycle.response_complete:
            self._idle()
        else:
            self.deadline = math.inf
            cycle.more_body = False
            cycle.message_event.set()

    def _upgrade(self, rest: bytes) -> None:
        """Go on after a request to change the protocol, at which the parser has stopped."""
        if not self._should_upgrade():
            self._ignore_upgrade(rest)
        elif self.is_answering():
            self.refuse(refusals.malformed("An upgrade must wait for the answer before it"))
        else:
            self.handle_websocket_upgrade()

    def _ignore_upgrade(self, rest: bytes) -> None:
        """Read the request again without its wish for another protocol.

        Java's client has it on every request. The parser takes no body after such a request: it
        would read the body as the next request.
        """
        scope = self.scope
        line = f"{scope['method']} ".encode() + self.url + f" HTTP/{scope['http_version']}".encode()
        head = [line]
        head += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join([*head, b"", rest]))

    # Answering

    def _start(self, cycle: Cycle) -> None:
        self.running = cycle
        self.task = task = self.loop.create_task(cycle.run_asgi(self.app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def on_response_complete(self) -> None:
        if self.transport.is_closing():
            self.deadline = self.loop.time() + self.limits.send_seconds_max
            return
        if self.pipeline:
            cycle, _ = self.pipeline.pop()
            assert isinstance(cycle, Cycle), "on_headers_complete puts nothing else in line"
            self._start(cycle)
        elif self.refusal is not None:
            self._send_refusal(self.refusal)
            return
        elif self.reading is Reading.NOTHING:
            self._idle()
        self.flow.resume_reading()

    def _idle(self) -> None:
        self.deadline = self.loop.time() + self.limits.keep_alive_seconds

    # Refusing

    def refuse(self, refusal: Refusal) -> None:
        """Answer with the envelope and close, after the requests before have been answered."""
        if self.refusal is not None:
            return
        logger.debug("refused with %d: %s", refusal.status, refusal.error)
        self.refusal = refusal
        # A client that takes nothing of the answer before must not keep this one waiting for ever.
        self.deadline = self.loop.time() + self.limits.send_seconds_max
        if self.reading is Reading.BODY and not self._withdraw(self.cycle):
            self.transport.close()
        elif not self.is_answering():
            self._send_refusal(refusal)

    def _withdraw(self, cycle: RequestResponseCycle) -> bool:
        """Take back a request whose body turned out bad. False when its answer has begun."""
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
            return True
        if self.timed is not Reading.BODY and self.task is not None:
            self.task.cancel()  # headers and fault came together: it has not begun
        cycle.disconnected = True
        cycle.message_event.set()
        return not cycle.response_started

    def _send_refusal(self, refusal: Refusal) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(self.shared.answer(refusal, self.headers))
        # Closing now, with bytes unread, would reset the connection, and the answer could be lost.
        self.is_lingering = True
        self.deadline = self.loop.time() + self.limits.linger_seconds_max
        self.transport.write_eof()
        self.flow.resume_reading()

    def _throw_away(self, data: bytes) -> None:
        self.thrown_away_bytes += len(data)
        if self.thrown_away_bytes > self.limits.linger_bytes_max:
            if self.is_lingering:
                self.transport.abort()
            else:
                self.flow.pause_reading()
