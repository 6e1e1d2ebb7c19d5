"""A copy of a moment of a file, from which an export is read however long that takes."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

from spooled_lite import __version__
from spooled_lite.backups.facts import FileFailed, facts_of
from spooled_lite.core.export.fields import NotAsPromised
from spooled_lite.core.export.lines import ExportHeader
from spooled_lite.core.export.read import WantedLines, check_organization, chunks
from spooled_lite.errors import NotFound
from spooled_lite.exports.failed import ExportFailed
from spooled_lite.storage.copy import CopyPace, copy_file
from spooled_lite.storage.copy_room import NoRoom, check_room
from spooled_lite.storage.file_kind import open_to_look
from spooled_lite.storage.pin import Pin, PinLost
from spooled_lite.storage.transaction import Reading
from spooled_lite.times import format_ms


class MomentAsked(Struct, frozen=True, kw_only=True):
    """What is wanted of a moment, and where its copy is to be."""

    path: Path
    wanted: WantedLines
    name: str
    now_ms: int


class Moment(Struct, frozen=True, kw_only=True):
    """A copy, and what is wanted of it: read again it gives the same bytes."""

    path: Path
    wanted: WantedLines
    header: ExportHeader

    def chunks(self) -> Iterator[bytes]:
        """The whole export, in pieces of whole lines.

        Raises:
            ExportFailed: the copy cannot be read, or what stands in it is damaged.
        """
        try:
            connection = open_to_look(str(self.path))
            try:
                yield from chunks(connection, self.wanted, self.header)
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise ExportFailed(f"the file cannot be read: {error}") from error
        except NotAsPromised as error:
            raise ExportFailed(f"{error.message}: `spooled-lite check` says more") from error

    def remove(self) -> None:
        remove_copy(self.path)


def remove_copy(path: Path) -> None:
    for suffix in ("", "-journal"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)


def copied_beside_server(
    pin: Pin, asked: MomentAsked, *, pace: CopyPace, check: Callable[[], None]
) -> Moment:
    """Copy a moment of a file beside its server, on a thread of its own. Blocks.

    `check` is called between steps; what it raises ends the copy.

    Raises:
        ExportFailed: there is no copy, and nothing is left of it.
    """

    def step(done: int, all_bytes: int) -> None:
        pin.check()
        check()

    try:
        with pin:
            return _copied(pin.connection, asked, pace, step)
    except PinLost as error:
        raise ExportFailed(f"no export: {error}") from error


def copied_from_outside(connection: sqlite3.Connection, asked: MomentAsked) -> Moment:
    """The same from outside the server, if there is one. `connection` may only read.

    Raises: as `copied_beside_server`.
    """
    connection.execute("BEGIN")
    try:
        return _copied(connection, asked, None, lambda done, all_bytes: None)
    finally:
        connection.execute("ROLLBACK")


def _copied(
    connection: sqlite3.Connection,
    asked: MomentAsked,
    pace: CopyPace | None,
    step: Callable[[int, int], None],
) -> Moment:
    try:
        moment = _moment(connection, asked)
        remove_copy(asked.path)
        copy_file(connection, str(asked.path), pace=pace, on_step=step)
    except BaseException as error:
        remove_copy(asked.path)
        if isinstance(error, OSError | sqlite3.Error):
            raise ExportFailed(f"the file cannot be copied: {error}") from error
        raise
    return moment


def _moment(connection: sqlite3.Connection, asked: MomentAsked) -> Moment:
    try:
        facts = facts_of(connection)
        check_organization(Reading(connection, asked.now_ms), asked.wanted)
        check_room(facts.bytes, asked.path.parent)
    except (FileFailed, NoRoom) as error:
        raise ExportFailed(str(error)) from error
    except NotFound as error:
        raise ExportFailed(f"there is no organization {asked.wanted.organization}") from error
    header = ExportHeader(
        program=__version__,
        schema=facts.schema,
        made_at=format_ms(asked.now_ms),
        moment=asked.name,
        file_id=facts.file_id,
        organization=asked.wanted.organization,
        kinds=asked.wanted.kinds,
        has_secrets=asked.wanted.with_secrets,
    )
    return Moment(path=asked.path, wanted=asked.wanted, header=header)


def moment_of_copy(path: Path, header: ExportHeader) -> Moment:
    """The moment that an export was begun from. Raises ExportFailed: its copy is gone."""
    if not path.exists():
        raise ExportFailed(f"there is no {path} any more; begin without --resume")
    wanted = WantedLines(
        organization=header.organization,
        kinds=None if header.kinds is None else tuple(header.kinds),
        with_secrets=header.has_secrets,
    )
    return Moment(path=path, wanted=wanted, header=header)
