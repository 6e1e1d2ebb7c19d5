"""Takes the lines of an export into a file that no server uses."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.export.lines import (
    END,
    EXPORT_FORMAT,
    EXPORT_VERSION,
    ExportHeader,
    LineSums,
    Trailer,
)
from spooled_lite.core.export.settle import find_circle, recount
from spooled_lite.core.export.take import (
    Decoded,
    Decoder,
    ImportPosition,
    LineRefused,
    Taker,
    forget_position,
    position,
)
from spooled_lite.core.inbox.check import skip_notification_numbers
from spooled_lite.core.maintenance.check import problems
from spooled_lite.core.maintenance.restored import free_leases, skip_events
from spooled_lite.exports.failed import ImportFailed
from spooled_lite.exports.source import lines
from spooled_lite.storage.database import Database
from spooled_lite.storage.turns import HOUSE

LINES_AT_ONCE: Final = 500
BYTES_AT_ONCE: Final = 8 * 1024 * 1024  # of lines: with large payloads fewer are stored together


class Taken(Struct, frozen=True):
    lines: int
    bytes: int


class _Batch:
    """Lines that are stored together."""

    def __init__(self) -> None:
        self.lines: list[Decoded] = []
        self.bytes = 0

    def add(self, line: Decoded | None, size: int) -> None:
        self.bytes += size
        if line is not None:
            self.lines.append(line)

    @property
    def is_full(self) -> bool:
        return len(self.lines) >= LINES_AT_ONCE or self.bytes >= BYTES_AT_ONCE


def read_header(source: Path) -> ExportHeader:
    """The first line. Raises LineRefused: it is none of an export; OSError."""
    return _header(next(lines(source), b""))


async def take_file(
    db: Database,
    source: Path,
    *,
    only: str | None,
    allows_unknown: bool,
    on_taken: Callable[[Taken], None] = lambda taken: None,
) -> Trailer:
    """Store all lines of a file, from where an import of it had come to.

    `only`: no other organization than this one.

    Raises:
        LineRefused: a line cannot be stored. Lines before it are.
        ImportFailed: the file is another one than that of the import that is continued.
    """
    decoder, taker, sums = Decoder(allows_unknown=allows_unknown), Taker(only=only), LineSums()
    # In a file that an organization is added to, nothing of the addition is there.
    begun = await db.write(position) if only is None else None
    if begun is not None:
        await db.write(taker.find_orgs)
    rest = lines(source)
    _header(next(rest, b""))
    number, size = 1, 0
    batch = _Batch()
    storing: asyncio.Future[None] | None = None
    while (line := next(rest, None)) is not None:
        number += 1
        if line.startswith(END):
            break
        size += len(line)
        if begun is not None and number <= begun.lines:
            sums.add(line, decoder.name_of(number, line))
            if number == begun.lines and sums.digest() != begun.sha256:
                raise ImportFailed("it is another file than the one that was begun with")
            continue
        decoded = decoder.decoded(number, line)
        sums.add(line, decoder.name_of(number, line) if decoded is None else decoded.kind.name)
        batch.add(decoded, len(line))
        if batch.is_full:
            # While some are stored, the next ones are read.
            if storing is not None:
                await storing
            storing = db.submit(
                HOUSE, taker.take, batch.lines, ImportPosition(number, sums.digest())
            )
            on_taken(Taken(number, size))
            batch = _Batch()
    if storing is not None:
        await storing
    if line is None:
        raise LineRefused(number, "the file ends without its last line: it is cut")
    trailer = _checked_trailer(number, line, sums)
    if next(rest, None) is not None:
        raise LineRefused(number + 1, "there is more behind the last line")
    await db.write(taker.take, batch.lines, ImportPosition(number - 1, sums.digest()))
    on_taken(Taken(number, size))
    await _settle(db, source, list(taker.orgs.values()), is_new=only is None)
    return trailer


async def _settle(db: Database, source: Path, orgs: list[int], *, is_new: bool) -> None:
    """Put in order what came. After a break all of it is done again, which is no change."""
    if is_new:
        # Streams come back with the numbers of the file that was exported.
        await db.write(skip_events)
    else:
        await db.write(skip_notification_numbers)
    circle = await db.write(find_circle)
    if circle is not None:
        raise LineRefused(_line_of(source, circle.job_ids), circle.said)
    for org in orgs:
        await db.write(recount, org)
    while await db.write(free_leases) > 0:
        pass


async def finish_import(db: Database) -> None:
    """Look at all of the file, as `spooled-lite check` does; from then on it is one as any other.

    Raises:
        ImportFailed: what came contradicts itself.
    """
    if found := await db.write(problems):
        raise ImportFailed("\n".join(["what came does not add up:", *found]))
    await db.write(forget_position)


def _header(line: bytes) -> ExportHeader:
    try:
        header = msgspec.json.decode(line, type=ExportHeader)
    except msgspec.MsgspecError as error:
        raise LineRefused(1, f"this is no export of Spooled Lite: {error}") from error
    if header.format != EXPORT_FORMAT:
        raise LineRefused(1, f"this is no export of Spooled Lite: `format` is {header.format!r}")
    if header.version != EXPORT_VERSION:
        raise LineRefused(
            1,
            f"it has version {header.version} of the format, this program knows {EXPORT_VERSION}:"
            " import it with the version that made it",
        )
    return header


def _checked_trailer(number: int, line: bytes, sums: LineSums) -> Trailer:
    try:
        trailer = msgspec.json.decode(line, type=Trailer)
    except msgspec.MsgspecError as error:
        raise LineRefused(number, f"the export was not finished: {error}") from error
    if {kind: count for kind, count in trailer.lines.items() if count} != sums.lines:
        raise LineRefused(number, _differing(trailer.lines, sums.lines))
    if trailer.sha256 != sums.digest():
        raise LineRefused(number, "the lines are not those that were exported: SHA-256 differs")
    return trailer


def _differing(said: Mapping[str, int], found: Mapping[str, int]) -> str:
    """The first kind of which there are more or fewer lines than the last one says."""
    kind = next(each for each in {**said, **found} if said.get(each, 0) != found.get(each, 0))
    return f"it says {said.get(kind, 0)} of `{kind}`, and there are {found.get(kind, 0)}"


def _line_of(source: Path, job_ids: list[str]) -> int:
    """The line that lets the first of these wait for the second."""
    waits = b'"job_id":"%b"' % job_ids[0].encode()
    awaited = b'"depends_on":"%b"' % job_ids[1 % len(job_ids)].encode()
    for number, line in enumerate(lines(source), start=1):
        if waits in line and awaited in line:
            return number
    return 1
