"""HTTP/2 as no library would speak it: frames made by hand, without any compression."""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Final, Self

from tests.wire.grpc.stage import HOST, PATIENCE_SECONDS

# How every connection begins: the magic words, and no wishes for the other side.
PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
NO_SETTINGS: Final = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"

DATA, HEADERS, RESET, CONTINUATION = 0, 1, 3, 9
END_STREAM, END_HEADERS = 1, 4

Headers = Iterable[tuple[bytes, bytes]]


def frame(kind: int, flags: int, data: bytes = b"", *, stream: int = 1) -> bytes:
    return len(data).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + data


def field(name: bytes, value: bytes) -> bytes:
    """A header that the table of the connection does not keep; shorter than 127 bytes each."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def message(data: bytes = b"") -> bytes:
    return b"\x00" + len(data).to_bytes(4, "big") + data


def head(path: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """The headers of a call."""
    headers: Headers = (
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"t"),
        (b"content-type", b"application/grpc"),
        (b"te", b"trailers"),
        *more,
    )
    return b"".join(field(name, value) for name, value in headers)


class Peer:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def of(cls, port: int) -> Self:
        peer = cls(*await asyncio.open_connection(HOST, port))
        await peer.send(PREFACE + NO_SETTINGS)
        return peer

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def call(self, path: bytes, *more: tuple[bytes, bytes], data: bytes = b"") -> None:
        """A whole call, with one message."""
        await self.send(frame(HEADERS, END_HEADERS, head(path, *more)))
        await self.send(frame(DATA, END_STREAM, message(data)))

    async def until(self, words: bytes) -> bytes:
        """Read until the server has said this."""
        said = b""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while words not in said:
                part = await self._reader.read(65_536)
                assert part, said
                said += part
        return said

    async def close(self) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
