"""The first and the last line of an export, and what lines add up to."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

EXPORT_FORMAT: Final = "spooled-export"
EXPORT_VERSION: Final = 1
# How the last line begins, which says that the file is whole.
END: Final = b'{"end":'
# A payload has 5 MiB at most, which as a text may take twice as many, and a result one of them.
LINE_BYTES_MAX: Final = 16 * 1024 * 1024


class ExportHeader(Struct, frozen=True, kw_only=True):
    """The first line."""

    format: str = EXPORT_FORMAT
    version: int = EXPORT_VERSION
    program: str
    schema: int
    made_at: str
    moment: str  # names the copy that it was made from, to go on with it
    file_id: str
    organization: str | None = None  # the only one that is in it; None: all
    kinds: Sequence[str] | None = None  # those that are in it; None: all
    has_secrets: bool = True


class Trailer(Struct, frozen=True, kw_only=True):
    """The last line. Two exports with the same one hold the same."""

    end: bool = True
    lines: Mapping[str, int]  # by kind
    sha256: str  # of the lines between the first and this one, with their ends


class Broken(Struct, frozen=True, kw_only=True):
    """The last line of an export that could not be made to its end."""

    end: bool = False
    error: str


class LineSums:
    """What the lines between the first and the last one add up to."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self._hash = hashlib.sha256()

    def add(self, line: bytes, kind: str) -> None:
        """A line with its end."""
        self.lines[kind] = self.lines.get(kind, 0) + 1
        self._hash.update(line)

    def digest(self) -> str:
        return self._hash.hexdigest()

    def trailer(self) -> Trailer:
        return Trailer(lines=self.lines, sha256=self.digest())


def encoded(line: ExportHeader | Trailer | Broken) -> bytes:
    return msgspec.json.encode(line) + b"\n"
