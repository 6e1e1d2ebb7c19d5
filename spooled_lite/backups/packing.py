"""Packs a copy with gzip and unpacks it, counting and hashing both sides on the way."""

import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from spooled_lite.storage.copy import CopyPace

CHUNK_BYTES: Final = 1024 * 1024
LEVEL: Final = 1  # a third of the time of the usual level, and nine tenths of what it saves
_GZIP: Final = 16 + zlib.MAX_WBITS


class NotWhole(Exception):
    """What was unpacked is not what was packed. The message says what differs."""


class Sums(Struct, frozen=True):
    bytes: int
    sha256: str
    packed_bytes: int
    packed_sha256: str


def pack(
    source: Path,
    target: Path,
    pace: CopyPace | None,
    *,
    on_chunk: Callable[[], None] = lambda: None,
) -> Sums:
    """What `on_chunk` raises ends it.

    Raises OSError: the disk is full, for example. What was written is left there.
    """
    packer = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP)
    plain, packed = _Counter(), _Counter()
    with open(source, "rb") as reader, _new(target) as writer:
        while chunk := reader.read(CHUNK_BYTES):
            on_chunk()
            plain.add(chunk)
            packed.write(writer, packer.compress(chunk))
            if pace is not None:
                pace.took(len(chunk))
        packed.write(writer, packer.flush())
        writer.flush()
        os.fsync(writer.fileno())
    return Sums(plain.bytes, plain.sha256, packed.bytes, packed.sha256)


def unpack(
    source: BinaryIO, target: Path, wanted: Sums, *, on_chunk: Callable[[], None] = lambda: None
) -> None:
    """What `on_chunk` raises ends it.

    Raises:
    NotWhole: the packed file is cut, or a bit of it is another.
    OSError: the disk is full, for example.
    """
    unpacker = zlib.decompressobj(_GZIP)
    plain, packed = _Counter(), _Counter()
    try:
        with _new(target) as writer:
            while chunk := source.read(CHUNK_BYTES):
                on_chunk()
                packed.add(chunk)
                for piece in _pieces(unpacker, chunk):
                    plain.write(writer, piece)
                    if plain.bytes > wanted.bytes:
                        raise NotWhole(f"it unpacks to more than {wanted.bytes} bytes")
            writer.flush()
            os.fsync(writer.fileno())
    except zlib.error as error:
        raise NotWhole(f"it cannot be unpacked: {error}") from error
    if (packed.bytes, packed.sha256) != (wanted.packed_bytes, wanted.packed_sha256):
        raise NotWhole(
            f"it has {packed.bytes} bytes with SHA-256 {packed.sha256}, where its manifest says"
            f" {wanted.packed_bytes} and {wanted.packed_sha256}"
        )
    if (plain.bytes, plain.sha256) != (wanted.bytes, wanted.sha256):
        raise NotWhole("it unpacks to something else than its manifest says")


def _pieces(unpacker: "zlib._Decompress", chunk: bytes) -> Iterator[bytes]:
    """What a chunk unpacks to, in pieces: a few bytes may unpack to any number."""
    while not unpacker.eof:  # what stands behind the end is found by the sum of all
        piece = unpacker.decompress(chunk, CHUNK_BYTES)
        yield piece
        chunk = unpacker.unconsumed_tail
        if not chunk and len(piece) < CHUNK_BYTES:
            return


class _Counter:
    def __init__(self) -> None:
        self.bytes = 0
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()

    def add(self, chunk: bytes) -> None:
        self.bytes += len(chunk)
        self._hash.update(chunk)

    def write(self, writer: BinaryIO, chunk: bytes) -> None:
        self.add(chunk)
        writer.write(chunk)


def _new(path: Path) -> BinaryIO:
    """A new file that only its owner may read: it holds secrets."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    return os.fdopen(descriptor, "wb")
