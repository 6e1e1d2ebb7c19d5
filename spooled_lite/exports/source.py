"""Reads a file of lines, plain or packed, with a bound for each line."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from spooled_lite.core.export.lines import LINE_BYTES_MAX
from spooled_lite.core.export.take import LineRefused

_GZIP: Final = b"\x1f\x8b"


def is_packed(path: Path) -> bool:
    """By its first bytes, whatever its name is."""
    with path.open("rb") as file:
        return file.read(len(_GZIP)) == _GZIP


def lines(path: Path) -> Iterator[bytes]:
    """Its lines with their ends. Memory is that of one line, whatever it unpacks to.

    Raises:
        LineRefused: the file is cut, a line is too long, or it cannot be unpacked.
        OSError: it cannot be read.
    """
    number = 1
    with _opened(path) as file:
        try:
            while line := file.readline(LINE_BYTES_MAX + 1):
                if len(line) > LINE_BYTES_MAX:
                    raise LineRefused(number, f"it is longer than {LINE_BYTES_MAX // 2**20} MiB")
                if not line.endswith(b"\n"):
                    raise LineRefused(number, "the file is cut in it")
                yield line
                number += 1
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise LineRefused(number, f"the file is cut or damaged: {error}") from error


def _opened(path: Path) -> BinaryIO:
    if is_packed(path):
        return cast(BinaryIO, gzip.open(path, "rb"))
    return path.open("rb")
