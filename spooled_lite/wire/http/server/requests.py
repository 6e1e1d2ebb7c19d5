"""Parses what one client sends into requests, within limits. The answers are in protocol.py."""

import asyncio
import math
import urllib.parse
from abc import abstractmethod
from collections import deque
from enum import Enum
from typing import Any, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from spooled_lite.wire.header import Header
from spooled_lite.wire.http.server import head as heads
from spooled_lite.wire.http.server import refusal as refusals
from spooled_lite.wire.http.server.connections import Connections
from spooled_lite.wire.http.server.cycle import Cycle, Flow
from spooled_lite.wire.http.server.inbox import HEAD_END, Inbox
from spooled_lite.wire.http.server.refusal import Refusal, Refused

HEADER_OVERHEAD_BYTES: Final = 4  # ": " and CRLF
WHOLE_BYTES_MAX: Final = 16 * 1024  # received with at most one head in them: parsed in one piece
# Pieces parsed before other connections get their turn. Nearly all requests are one or two pieces.
PIECES_MAX: Final = 128


class ReadState(Enum):
    """The part of a message that has begun and not ended."""

    NOTHING = 0
    HEAD = 1
    BODY = 2


class Requests(HttpToolsProtocol):
    """The parsing half of uvicorn's protocol, which here can stop between pieces and go on."""

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
        self.flow: Flow
        self.cycle: Cycle  # the newest
        self.deadline = math.inf
        self.reading = ReadState.NOTHING
        self.timed = ReadState.NOTHING  # the part that the deadline was set for
        self.pending_bytes = 0  # parsed since the last part ended
        self.inbox = Inbox()
        self.turn: asyncio.Handle | None = None  # the scheduled call that parses more of the inbox
        self.framing: list[Header] = []
        self.head = heads.Head(expects_go_ahead=False, body_bytes=0)
        self.body_left: int | None = 0  # bytes still to come; None: the body comes in chunks
        self.line: deque[Cycle] = deque()  # requests that wait for the answers before them
        self.has_place = True  # False: the next request is refused once its head has been read
        self.is_deaf = False  # True: whatever else arrives is thrown away
        self.extensions: dict[str, Any] = {}  # put into the scope of every request

    @abstractmethod
    def take(self, cycle: Cycle) -> None:
        """A request has begun: start it or put it in line."""

    @abstractmethod
    def idle(self) -> None:
        """Called when no request is open and every answer has been given."""

    @abstractmethod
    def throw_away(self, data: bytes) -> None:
        """Called with what arrives once `is_deaf` is set."""

    @abstractmethod
    def upgrade(self) -> None:
        """A request has asked for WebSocket; the bytes that came after it are in the inbox."""

    @abstractmethod
    def refuse(self, refusal: Refusal) -> None:
        """Answer the message that is being read with this refusal, and serve nothing after it."""

    def seconds_max(self) -> float:
        """How long the part that is being read may take."""
        if self.reading is ReadState.HEAD:
            return self.limits.header_seconds_max
        return self.limits.body_seconds_max

    def data_received(self, data: bytes) -> None:
        if self.is_deaf:
            self.throw_away(data)
            return
        if self.inbox.left_bytes or len(data) > WHOLE_BYTES_MAX or data.count(HEAD_END) > 1:
            self.inbox.put(data)
            self.go_on_reading()
            return
        self._parse(data)  # nearly always one request or a part of one
        if self.inbox.left_bytes:
            self.go_on_reading()
        elif self.line:
            self.flow.pause_reading()

    def go_on_reading(self) -> None:
        """Parse what waits in the inbox; when nothing waits, have more bytes received."""
        if self.inbox.left_bytes and self.turn is None and not self.is_deaf:
            self._read()
        else:
            self.flow.resume_reading()

    def _read(self) -> None:
        """Parse what has come, until a request has to wait for the answer before it.

        After PIECES_MAX pieces other connections get their turn before this one goes on.
        """
        self.turn = None
        for _ in range(PIECES_MAX):
            if not self.inbox.left_bytes or self.line or self.is_deaf:
                break
            self._parse(self._next_piece())
        else:
            if self.inbox.left_bytes:
                self.turn = self.loop.call_soon(self._read)
        if self.inbox.left_bytes or self.line:
            self.flow.pause_reading()
        else:
            self.flow.resume_reading()

    def _next_piece(self) -> bytes:
        if self.reading is not ReadState.BODY:
            return self.inbox.take_head()
        if self.body_left is None:
            return self.inbox.take_chunks()
        return self.inbox.take_body(self.body_left)

    def _parse(self, piece: bytes) -> None:
        self.pending_bytes += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgrade:
            self.inbox.put_back(piece[upgrade.args[0] :])
            if heads.wants_websocket(self.framing):
                self.upgrade()
            else:
                self._ignore_upgrade()
        except httptools.HttpParserError as error:
            reason = error.__context__
            if isinstance(reason, Refused):
                # The parser keeps the error, and the frames of its traceback keep the parser.
                reason.with_traceback(None)
                self.refuse(reason.refusal)
            elif heads.CODING_FAULT in str(error):
                self.refuse(refusals.unknown_coding())
            else:
                self.refuse(refusals.malformed())
        else:
            if self.reading is not ReadState.NOTHING:
                self._check_unfinished()

    def has_enough(self) -> bool:
        """Whether reading is paused because requests or enough of a body wait to be taken."""
        if self.is_deaf:
            return False
        if self.line or self.inbox.left_bytes:
            return True
        is_body = self.reading is ReadState.BODY and not self.cycle.response_complete
        return is_body and len(self.cycle.body) > HIGH_WATER_LIMIT

    def _check_unfinished(self) -> None:
        """Check the limits of a message that has begun and not ended, and set its deadline."""
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
            self.deadline = self.loop.time() + self.seconds_max()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self.extensions
        self.framing = []
        self.reading = ReadState.HEAD
        self.shared.places.busy(self.transport)

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name in heads.FRAMING:
            self.framing.append((name, value))
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand on the request.

        Raises:
            Refused: a limit is broken, or the request is of a kind that is not served.
        """
        self._check_size()
        parser, scope = self.parser, self.scope
        http_version = parser.get_http_version()
        if http_version != "1.1":
            if http_version != "1.0":
                raise Refused(refusals.malformed())  # the parser accepts 0.9 and 2.0
            scope["http_version"] = http_version
        self.head = head = heads.checked(self.framing, is_http_1_0=http_version == "1.0")
        method = parser.get_method()
        scope["method"] = method.decode("ascii")
        if method == b"CONNECT":
            raise Refused(refusals.malformed("This server is not a proxy"))
        self._split_url()
        if not self.has_place:
            raise Refused(refusals.too_many_connections())
        if parser.should_upgrade():
            return  # the parser stops after this head, and `_parse` deals with the upgrade

        cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.shared.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=head.expects_go_ahead,
            keep_alive=http_version != "1.0"
            and parser.should_keep_alive()
            and not self.shared.is_stopping,
            on_response=self.on_response_complete,
        )
        cycle.connections = self.shared
        self.cycle = cycle
        self.reading = ReadState.BODY
        self.body_left = head.body_bytes
        self.headers = []  # trailers that follow must not be added to the request's headers
        self.take(cycle)

    def _check_size(self) -> None:
        limits = self.limits
        if len(self.url) > limits.url_bytes_max:
            raise Refused(refusals.url_too_long(limits))
        if len(self.headers) > limits.header_count_max:
            raise Refused(refusals.headers_too_large(limits))
        if self.pending_bytes > limits.header_block_bytes_max:
            # The pending bytes may include some of the message before, so count this head alone.
            block_bytes = len(self.url) + sum(
                len(name) + len(value) + HEADER_OVERHEAD_BYTES for name, value in self.headers
            )
            if block_bytes > limits.header_block_bytes_max:
                raise Refused(refusals.headers_too_large(limits))
        self.pending_bytes = 0

    def _split_url(self) -> None:
        parsed = httptools.parse_url(self.url)
        raw_path = parsed.path or b"/"
        path = raw_path.decode("ascii")
        self.scope["path"] = urllib.parse.unquote(path) if "%" in path else path
        self.scope["raw_path"] = raw_path
        self.scope["query_string"] = parsed.query or b""

    def on_body(self, body: bytes) -> None:
        self.pending_bytes = 0
        if self.body_left is not None:
            self.body_left -= len(body)
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
        self.reading = self.timed = ReadState.NOTHING
        cycle = self.cycle
        if cycle.response_complete:
            self.idle()
        else:
            self.deadline = math.inf
            cycle.more_body = False
            cycle.message_event.set()

    def _ignore_upgrade(self) -> None:
        """Have the request parsed again without its Upgrade headers.

        Java's client asks for HTTP/2 in this way on every request. The parser expects no body
        after a request for an upgrade, and would read the body as the next request.
        """
        scope = self.scope
        line = f"{scope['method']} ".encode() + self.url + f" HTTP/{scope['http_version']}".encode()
        lines = [line]
        lines += [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.inbox.put_back(b"\r\n".join([*lines, b"", b""]))
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
