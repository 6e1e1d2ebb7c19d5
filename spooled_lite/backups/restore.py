"""Brings a backup back as a file: unpacked, made ready to be served, checked, put in its place."""

import glob
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from spooled_lite.backups import statements
from spooled_lite.backups.manifest import Manifest
from spooled_lite.backups.packing import NotWhole, unpack
from spooled_lite.backups.shelf import sums_of
from spooled_lite.core.maintenance.check import problems
from spooled_lite.outbound.stores import Store, StoreTrouble
from spooled_lite.storage.copy import copy_file
from spooled_lite.storage.copy_room import NoRoom, check_room
from spooled_lite.storage.file_guard import CannotUseFile, FileLock, give_file_to_owner_of
from spooled_lite.storage.file_kind import (
    open_to_look,
)
from spooled_lite.storage.file_place import BESIDE, check_is_new, place_new, replace
from spooled_lite.storage.known_file import check_known
from spooled_lite.storage.migrate import newest_version
from spooled_lite.storage.transaction import Reading
from spooled_lite.times import format_ms

PARTIAL_SUFFIX: Final = ".partial-restore"
# What SQLite and the server leave beside a file that was opened.
_LEFT: Final = ("", *BESIDE, ".lock")


class RestoreFailed(Exception):
    """Nothing was restored, and nothing is left of the try. The message says why."""


class Restored(Struct, frozen=True):
    path: str
    old: str | None  # where the file is that was there before


def restore(
    store: Store,
    manifest: Manifest,
    path: str,
    *,
    prepare: Callable[[str], None],
    replaces: bool,
    now_ms: int,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Restored:
    """Write a backup to `path`, on the disk and checked. Blocks.

    `prepare` is called with the unpacked file, to change in it what a file of an earlier moment
    needs, and to bring it to the schema of this program. With `replaces` a file that is there is
    kept under another name.

    Raises:
        RestoreFailed: the backup is not whole, there is no room, a server uses the file, …
    """

    def fill(partial: Path) -> None:
        known, needed = newest_version(), manifest.readable_by or manifest.schema
        if manifest.schema > known and needed > known:
            raise RestoreFailed(
                f"{manifest.name} was made by version {manifest.program} and has schema version"
                f" {manifest.schema}, this program knows {known}: install that version"
            )
        check_room(manifest.bytes, partial.parent)
        on_stage("unpacking")
        with store.opened(manifest.name) as packed:
            unpack(packed, partial, sums_of(manifest))

    return _placed(manifest.name, fill, path, prepare, replaces, now_ms, on_stage)


def restore_file(
    source: str,
    path: str,
    *,
    prepare: Callable[[str], None],
    replaces: bool,
    now_ms: int,
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Restored:
    """As `restore`, from a database file, such as the copy that an upgrade makes first.

    Its log is read with it, and nothing of it is changed.
    """

    def fill(partial: Path) -> None:
        check_known(source)
        connection = open_to_look(source)
        try:
            connection.execute("BEGIN")
            reading = Reading(connection, now_ms)
            pages = reading.value(statements.PAGES) or 0
            check_room(pages * (reading.value(statements.PAGE_BYTES) or 0), partial.parent)
            on_stage("copying")
            copy_file(connection, str(partial), pace=None, on_step=lambda done, size: None)
        finally:
            connection.close()

    return _placed(source, fill, path, prepare, replaces, now_ms, on_stage)


def _placed(
    name: str,
    fill: Callable[[Path], None],
    path: str,
    prepare: Callable[[str], None],
    replaces: bool,
    now_ms: int,
    on_stage: Callable[[str], None],
) -> Restored:
    """Have `fill` write a file, prepare and check it, and put it in its place."""
    partial = Path(path + PARTIAL_SUFFIX)
    try:
        # Held to the end: no server begins on the file meanwhile, and no other restore into it.
        lock = FileLock(path).acquire()
    except (OSError, CannotUseFile) as error:
        raise RestoreFailed(str(error)) from error
    try:
        if not replaces:
            check_is_new(path)
        remove_with_all_beside(partial)  # left by a crash
        fill(partial)
        on_stage("preparing")
        prepare(str(partial))
        on_stage("checking")
        if found := problems_of_file(partial, now_ms):
            raise RestoreFailed("\n".join([f"{name} is not whole:", *found]))
        # Whom the old file belongs to, or else the folder, is whom the server runs as.
        owned_as = path if os.path.exists(path) else str(partial.parent)
        give_file_to_owner_of(owned_as, str(partial))
        if not replaces:
            place_new(partial, path)
            return Restored(path, None)
        at = format_ms(now_ms).partition(".")[0].replace(":", "-")
        return Restored(path, replace(partial, path, old_suffix=f".before-restore-{at}"))
    except (NotWhole, sqlite3.Error) as error:
        raise RestoreFailed(f"{name}: {error}") from error
    except (OSError, CannotUseFile, NoRoom, StoreTrouble) as error:
        raise RestoreFailed(str(error)) from error
    finally:
        remove_with_all_beside(partial)
        lock.leave_no_trace()


def problems_of_file(path: Path, now_ms: int) -> list[str]:
    """A sentence for each problem of a closed file; none when it is whole."""
    connection = open_to_look(str(path))
    try:
        return problems(Reading(connection, now_ms))
    except sqlite3.Error as error:
        return [f"it cannot be read: {error}"]
    finally:
        connection.close()


def remove_with_all_beside(partial: Path) -> None:
    """Remove a file that never got its name, with its log and its lock."""
    for suffix in _LEFT:
        Path(f"{partial}{suffix}").unlink(missing_ok=True)
    for copy in partial.parent.glob(f"{glob.escape(partial.name)}.before-*"):
        copy.unlink(missing_ok=True)  # made by the upgrade of a backup with an older schema
