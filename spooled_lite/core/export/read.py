"""Reads what is exported, as lines: from one snapshot, in the order in which it was stored."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final, Self

import msgspec
from msgspec import Struct

from spooled_lite.core.export import statements
from spooled_lite.core.export.all_kinds import BY_NAME, LINE_KINDS
from spooled_lite.core.export.kind import LineKind, line_of
from spooled_lite.core.export.lines import ExportHeader, LineSums, encoded
from spooled_lite.errors import BadRequest, NotFound
from spooled_lite.storage.transaction import Reading

CHUNK_BYTES: Final = 256 * 1024


class WantedLines(Struct, frozen=True, kw_only=True):
    """What is exported."""

    organization: str | None = None  # None: all
    kinds: tuple[str, ...] | None = None  # None: all
    with_secrets: bool = True

    @classmethod
    def checked(
        cls, *, organization: str | None, kinds: Sequence[str] | None, with_secrets: bool
    ) -> Self:
        """Raises BadRequest: there is no such kind."""
        for name in kinds or ():
            if name not in BY_NAME:
                raise BadRequest(f"There is no kind `{name}`; kinds are {', '.join(BY_NAME)}")
        chosen = None if kinds is None else tuple(name for name in BY_NAME if name in kinds)
        return cls(organization=organization, kinds=chosen, with_secrets=with_secrets)

    def includes(self, kind: LineKind) -> bool:
        if kind.needs_secrets and not self.with_secrets:
            return False
        return self.kinds is None or kind.name in self.kinds


def check_organization(tx: Reading, wanted: WantedLines) -> None:
    """Raises NotFound: the organization is not there."""
    if wanted.organization is None:
        return
    if tx.value(statements.IS_THERE, {"id": wanted.organization}) is None:
        raise NotFound.thing("Organization")


def chunks(
    connection: sqlite3.Connection, wanted: WantedLines, header: ExportHeader
) -> Iterator[bytes]:
    """All lines of an export, some at a time, each piece of whole lines.

    Equal for equal files, but for the header. Memory is that of a few lines.

    Raises:
        NotAsPromised: what stands in the file is damaged.
    """
    piece, size, sums = [encoded(header)], 0, LineSums()
    encode = msgspec.json.Encoder().encode
    for kind in LINE_KINDS:
        if not wanted.includes(kind):
            continue
        for row in connection.execute(kind.select, {"organization": wanted.organization}):
            line = encode(line_of(kind, row, with_secrets=wanted.with_secrets)) + b"\n"
            sums.add(line, kind.name)
            piece.append(line)
            size += len(line)
            if size >= CHUNK_BYTES:
                yield b"".join(piece)
                piece, size = [], 0
    piece.append(encoded(sums.trailer()))
    yield b"".join(piece)
