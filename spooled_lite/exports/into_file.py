"""Makes a file of an export, or adds the organization of one: beside its place, checked, placed."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from spooled_lite.backups.restore import remove_with_all_beside
from spooled_lite.core.export import take_statements as statements
from spooled_lite.core.export.lines import ExportHeader, Trailer
from spooled_lite.core.export.take import LineRefused
from spooled_lite.exports.failed import ImportFailed
from spooled_lite.exports.taking import read_header
from spooled_lite.storage.connection import open_reader
from spooled_lite.storage.copy import copy_file
from spooled_lite.storage.copy_room import NoRoom, check_room
from spooled_lite.storage.file_guard import CannotUseFile, FileLock, give_file_to_owner_of
from spooled_lite.storage.file_place import check_is_new, place_new, replace
from spooled_lite.storage.known_file import check_known
from spooled_lite.storage.transaction import Reading
from spooled_lite.times import format_ms

PARTIAL_SUFFIX: Final = ".partial-import"

# Stores the lines of the export in the file of this name and looks at all of it. `only`: of this
# organization alone.
Take = Callable[[str, str | None], Trailer]


class Imported(Struct, frozen=True):
    header: ExportHeader
    trailer: Trailer
    old: str | None  # where the file is that was there before


def import_file(
    source: Path,
    path: str,
    *,
    take: Take,
    resume: bool,
    now_ms: int,
) -> Imported:
    """Make a new file at `path`, or add an organization to the file that is there. Blocks.

    The file that is there is copied first, so that nothing of a try that is refused is in it, and
    is kept under another name. After a break a new file can be continued; an addition begins again.

    Raises:
        ImportFailed, LineRefused: nothing was imported, and nothing is left of the try.
        What `take` raises besides: what it stored is left for one that resumes.
    """
    partial = Path(path + PARTIAL_SUFFIX)
    with _alone(path):
        header = read_header(source)
        is_addition = os.path.exists(path)
        if resume and not (partial.exists() or is_addition):
            raise ImportFailed(f"there is no {partial}; begin without --resume")
        try:
            if is_addition:
                _begin_addition(path, partial, header)
            else:
                check_is_new(path)
                if not resume:
                    remove_with_all_beside(partial)  # left by a crash
            check_room(source.stat().st_size, partial.parent)
            trailer = take(str(partial), header.organization if is_addition else None)
        except (LineRefused, ImportFailed, NoRoom, CannotUseFile) as error:
            remove_with_all_beside(partial)
            if isinstance(error, LineRefused | ImportFailed):
                raise
            raise ImportFailed(str(error)) from error
        give_file_to_owner_of(path if is_addition else str(partial.parent), str(partial))
        if not is_addition:
            place_new(partial, path)
            remove_with_all_beside(partial)
            return Imported(header, trailer, None)
        at = format_ms(now_ms).partition(".")[0].replace(":", "-")
        old = replace(partial, path, old_suffix=f".before-import-{at}")
        remove_with_all_beside(partial)
        return Imported(header, trailer, old)


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """No server begins on the file meanwhile, and no other import into it."""
    try:
        lock = FileLock(path).acquire()
    except (OSError, CannotUseFile) as error:
        raise ImportFailed(str(error)) from error
    try:
        yield
    finally:
        lock.leave_no_trace()


def _begin_addition(path: str, partial: Path, header: ExportHeader) -> None:
    if header.organization is None:
        raise ImportFailed(
            f"{path} exists: only an export of one organization (`export --org`) can be added to it"
        )
    remove_with_all_beside(partial)
    try:
        check_known(path)
        connection = open_reader(path)
    except sqlite3.Error as error:
        raise ImportFailed(f"{path} cannot be read: {error}") from error
    try:
        connection.execute("BEGIN")
        if Reading(connection, 0).value(statements.NUMBER, {"id": header.organization}) is not None:
            raise ImportFailed(f"organization {header.organization} is in {path} already")
        check_room(os.path.getsize(path), partial.parent)
        copy_file(connection, str(partial), pace=None, on_step=lambda done, all_bytes: None)
    except (sqlite3.Error, OSError) as error:
        raise ImportFailed(f"{path} cannot be copied: {error}") from error
    finally:
        connection.close()
