"""One window as a file: a line that says what it is, the packed pages, and a hash of all of it."""

import hashlib
import os
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from spooled_lite.archive.chain import BadArchive
from spooled_lite.backups.manifest import ManifestCount, ShortWord
from spooled_lite.storage.log_index import PAGE_BYTES

LEVEL: Final = 1
HASH_BYTES: Final = 32
# Pages of a window are held in memory until it ends. A single commit may be longer than a window.
WINDOW_FILE_BYTES_MAX: Final = 1024**3
HEAD_BYTES_MAX: Final = 4_096
_NUMBER: Final = struct.Struct("<I")
_RECORD_BYTES: Final = _NUMBER.size + PAGE_BYTES


class BadWindow(BadArchive):
    """It is cut, changed, or not the one that was looked for. The message names it and says why."""


class WindowHead(Struct, frozen=True, kw_only=True):
    """What a window is."""

    format: Literal["spooled-window"] = "spooled-window"
    version: Literal[1] = 1
    program: ShortWord
    file_id: ShortWord
    chain: ManifestCount
    number: ManifestCount  # from 1
    before: str  # the hash of the window before it; of the first one the token of the chain
    from_ms: int  # when the window before it ended
    to_ms: int  # everything in it was committed by then
    size_pages: ManifestCount  # of the database at its end
    pages: ManifestCount  # in it
    # Counted from the beginning of the chain to the end of this window, by the server's figures.
    created: ManifestCount
    settled: ManifestCount


class WholeWindow(Struct, frozen=True):
    """A window that was found to be whole."""

    head: WindowHead
    hash: str
    packed: bytes  # its pages

    def pages(self) -> Iterator[tuple[int, bytes]]:
        """Their numbers, counted from 1, and what they hold.

        Raises BadWindow.
        """
        wanted = self.head.pages * _RECORD_BYTES
        try:
            plain = zlib.decompressobj().decompress(self.packed, wanted + 1)
        except zlib.error as error:
            raise BadWindow(f"window {self.head.number}: it cannot be unpacked: {error}") from None
        if len(plain) != wanted:
            raise BadWindow(f"window {self.head.number}: it has more or fewer pages than it says")
        for at in range(0, len(plain), _RECORD_BYTES):
            (number,) = _NUMBER.unpack_from(plain, at)
            yield number, plain[at + _NUMBER.size : at + _RECORD_BYTES]


def write_window(path: Path, head: WindowHead, pages: dict[int, bytes]) -> str:
    """Write a window, readable by its owner only. Returns its hash.

    Raises OSError: the disk is full, for example.
    """
    packer = zlib.compressobj(LEVEL)
    whole = hashlib.sha256()
    with open(path, "wb", opener=open_private) as file:

        def write(text: bytes) -> None:
            whole.update(text)
            file.write(text)

        write(msgspec.json.encode(head) + b"\n")
        for number in sorted(pages):
            write(packer.compress(_NUMBER.pack(number) + pages[number]))
        write(packer.flush())
        file.write(whole.digest())
    return whole.hexdigest()


def read_window(text: bytes, name: str) -> WholeWindow:
    """Raises BadWindow, with the name."""
    body, found = text[:-HASH_BYTES], text[-HASH_BYTES:]
    wanted = hashlib.sha256(body)
    if len(text) <= HASH_BYTES or wanted.digest() != found:
        raise BadWindow(f"{name}: it is cut, or a part of it is another")
    line, _, packed = body.partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=WindowHead)
    except msgspec.DecodeError as error:
        raise BadWindow(f"{name}: this version does not know what it is: {error}") from None
    return WholeWindow(head, wanted.hexdigest(), packed)


def open_private(path: str, flags: int) -> int:
    """For `open`: a new file that only its owner may read."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
