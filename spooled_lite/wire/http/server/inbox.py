"""Bytes of one client that have come and have not been parsed."""

from typing import Final

HEAD_END: Final = b"\r\n\r\n"
CHUNKS_BYTES: Final = 4 * 1024  # of a body in chunks that is parsed at once


class Inbox:
    """Gives out what has come in pieces that hold hardly more than one request.

    The parser cannot be stopped before the end of what it was given, and a request costs a
    thousand times the bytes of the shortest one: so requests sent ahead wait here, as they came.
    """

    __slots__ = ("_at", "_data", "left_bytes")

    def __init__(self) -> None:
        self._data = b""
        self._at = 0
        self.left_bytes = 0

    def put(self, data: bytes) -> None:
        self._hold(self._data[self._at :] + data if self.left_bytes else data)

    def put_back(self, data: bytes) -> None:
        """In front of what is there."""
        self._hold(data + self._data[self._at :])

    def clear(self) -> None:
        self._hold(b"")

    def take_all(self) -> bytes:
        data = self._data[self._at :]
        self.clear()
        return data

    def take_head(self) -> bytes:
        """What comes up to the next end of a head. Blank lines end nothing else but chunks."""
        return self._take_to(self._data.find(HEAD_END, self._at))

    def take_body(self, size: int) -> bytes:
        """What comes, at most so many bytes."""
        return self._take(self._at + size)

    def take_chunks(self) -> bytes:
        """What comes of a body whose end is not known, and at most some heads behind it."""
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
