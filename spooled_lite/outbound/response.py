"""Reading the answer of a receiver: its head and the beginning of its body, at little cost."""

from typing import Any, Final

import httptools
from msgspec import Struct

ANSWER_BYTES_MAX: Final = 16 * 1024  # of the body
HEADERS_MAX: Final = 100  # interim answers (1xx) and trailers included
HEAD_BYTES_MAX: Final = 64 * 1024  # up to the end of the headers, interim answers included
# Read behind the head. A body in chunks of one byte has five more bytes for each.
FRAMED_BYTES_MAX: Final = 64 * 1024


class RawAnswer(Struct, frozen=True):
    """`body` is as received, cut to ANSWER_BYTES_MAX. Of repeated headers the last one counts."""

    status_code: int
    headers: dict[str, str]  # by name in small letters
    body: bytes


class BadResponse(ConnectionError):
    """The answer is not HTTP, is not complete, or has too many headers."""


class ResponseReader:
    """Is fed with the bytes of one connection until it has read enough.

    Whatever a receiver sends, this takes a few milliseconds in all: the parser is compiled, calls
    back once for a header or a chunk, and gets at most HEAD_BYTES_MAX and FRAMED_BYTES_MAX bytes.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        # Common mistakes of servers are accepted. That is harmless, because the connection ends
        # with the answer: no second one can be smuggled in behind it.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_data_after_close=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )
        self._head_bytes = 0
        self._framed_bytes = 0
        self._header_count = 0
        self._headers: dict[str, str] = {}
        self._status_code: int | None = None  # None: the head is not complete
        self._body = bytearray()
        self._has_enough = False

    def feed(self, data: bytes) -> bool:
        """Read some bytes; whether that was enough. Raises BadResponse."""
        if self._status_code is None:
            part = data[: HEAD_BYTES_MAX - self._head_bytes]
            self._head_bytes += len(part)
            self._parse(part)
            if self._status_code is None and self._head_bytes >= HEAD_BYTES_MAX:
                raise BadResponse("the headers are too large")
            data = data[len(part) :]
        if data and not self._has_enough:
            part = data[: FRAMED_BYTES_MAX - self._framed_bytes]
            self._framed_bytes += len(part)
            self._parse(part)
            self._has_enough |= self._framed_bytes >= FRAMED_BYTES_MAX
        return self._has_enough

    def end(self) -> None:
        """The receiver closed the connection. Raises BadResponse when the answer is incomplete."""
        is_framed = "content-length" in self._headers or self._headers.get(
            "transfer-encoding", ""
        ).lower().endswith("chunked")
        if not self._has_enough and (self._status_code is None or is_framed):
            raise BadResponse("the answer is incomplete")

    def received(self) -> RawAnswer:
        """The answer, once enough has been read."""
        assert self._status_code is not None, "asked for before there was enough"
        body = bytes(self._body[:ANSWER_BYTES_MAX])
        return RawAnswer(self._status_code, self._headers, body)

    def _parse(self, part: bytes) -> None:
        try:
            self._parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            self._has_enough = True
        except httptools.HttpParserError as error:
            if not self._has_enough:
                raise BadResponse("the answer is not HTTP") from error

    # -- called by the parser; an exception ends the parsing -----------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self._header_count += 1
        if self._header_count > HEADERS_MAX:
            raise BadResponse("there are too many headers")
        if self._status_code is None:  # else it is a trailer
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        status_code = self._parser.get_status_code()
        if 100 <= status_code < 200 and status_code != 101:
            self._headers.clear()  # the answer itself is still to come
        else:
            self._status_code = status_code

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) >= ANSWER_BYTES_MAX:
            self._enough()

    def on_message_complete(self) -> None:
        if self._status_code is not None:
            self._enough()

    def _enough(self) -> Any:
        self._has_enough = True
        raise _Enough


class _Enough(Exception):
    """Nothing more is to be parsed."""
