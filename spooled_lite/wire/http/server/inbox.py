"""Bytes that one client has sent and that have not been parsed yet."""

from typing import Final

HEAD_END: Final = b"\r\n\r\n"
CHUNKS_BYTES: Final = 4 * 1024  # least piece of a body in chunks: its end is found while parsing


class Inbox:
    """Gives out the bytes in pieces that rarely hold more than one request.

    The parser parses all it is given, and a parsed request takes a thousand times the memory of
    the shortest request's bytes. So requests sent ahead wait here as bytes.
    """

    __slots__ = ("_at", "_data", "left_bytes")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self.left_bytes = 0

    def put(self, data: bytes) -> None:
        self._hold(self._data[self._at :] + data if self.left_bytes else data)

    def put_back(self, data: bytes) -> None:
        """Put `data` before the bytes that are here."""
        self._hold(data + self._data[self._at :])

    def clear(self) -> None:
        self._hold(b"")

    def take_all(self) -> bytes:
        data = self._data[self._at :]
        self.clear()
        return data

    def take_head(self) -> bytes:
        """The bytes up to the next blank line, which ends a head; all bytes when there is none."""
        return self._take_to(self._data.find(HEAD_END, self._at))

    def take_body(self, size: int) -> bytes:
        """The next bytes, at most `size`."""
        return self._take(self._at + size)

    def take_chunks(self) -> bytes:
        """A piece of a body in chunks: up to the first blank line after CHUNKS_BYTES.

        The heads of short requests that follow the body may be in the piece too.
        """
        return self._take_to(self._data.find(HEAD_END, self._at + CHUNKS_BYTES))

    def _take_to(self, end: int) -> bytes:
        return self._take(len(self._data) if end < 0 else end + len(HEAD_END))

    def _take(self, end: int) -> bytes:
        if end >= len(self._data):
            return self.take_all()
        piece = self._data[self._at : end]
        self._at = end
        self.left_bytes = len(self._data) - end
        return piece

    def _hold(self, data: bytes) -> None:
        self._data, self._at, self.left_bytes = data, 0, len(data)
