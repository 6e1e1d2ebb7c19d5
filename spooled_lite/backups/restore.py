"""Brings a backup back as a file: unpacked, made ready to be served, checked, put in its place."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct

from spooled_lite.backups.manifest import Manifest
from spooled_lite.backups.packing import NotWhole, unpack
from spooled_lite.backups.shelf import sums_of
from spooled_lite.core.maintenance.check import problems
from spooled_lite.outbound.stores import Store, StoreTrouble
from spooled_lite.storage.file_guard import CannotUseFile, give_to_owner_of
from spooled_lite.storage.file_kind import open_to_look
from spooled_lite.storage.file_place import place_new, replace
from spooled_lite.storage.migrate import newest_version
from spooled_lite.storage.transaction import Reading
from spooled_lite.times import format_ms

PARTIAL_SUFFIX: Final = ".partial-restore"
ROOM_SHARE: Final = 1.05
# What SQLite and the server leave beside a file that was opened.
_BESIDE: Final = ("", "-wal", "-shm", "-journal", ".lock")


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
    partial = Path(path + PARTIAL_SUFFIX)
    try:
        if manifest.schema > newest_version():
            raise RestoreFailed(
                f"{manifest.name} was made by version {manifest.program} and has schema version"
                f" {manifest.schema}, this program knows {newest_version()}: install that version"
            )
        _check_room(manifest, partial)
        _remove(partial)  # left by a crash
        on_stage("unpacking")
        with store.opened(manifest.name) as packed:
            unpack(packed, partial, sums_of(manifest))
        on_stage("preparing")
        prepare(str(partial))
        on_stage("checking")
        if found := _problems(partial, now_ms):
            raise RestoreFailed("\n".join([f"{manifest.name} is not whole:", *found]))
        _give_to_owner(partial, path)
        if not replaces:
            place_new(partial, path)
            return Restored(path, None)
        at = format_ms(now_ms).partition(".")[0].replace(":", "-")
        return Restored(path, replace(partial, path, old_suffix=f".before-restore-{at}"))
    except NotWhole as error:
        raise RestoreFailed(f"{manifest.name}: {error}") from error
    except (OSError, sqlite3.Error, CannotUseFile, StoreTrouble) as error:
        raise RestoreFailed(str(error)) from error
    finally:
        _remove(partial)


def _check_room(manifest: Manifest, partial: Path) -> None:
    needed, free = int(manifest.bytes * ROOM_SHARE), shutil.disk_usage(partial.parent).free
    if free < needed:
        raise RestoreFailed(
            f"needs {-(-needed // 2**20)} MiB in {partial.parent}, {free // 2**20} MiB are free:"
            " free some room there"
        )


def _give_to_owner(partial: Path, path: str) -> None:
    """Whom the old file belongs to, or else the folder, is whom the server runs as."""
    descriptor = os.open(partial, os.O_RDONLY | os.O_CLOEXEC)
    try:
        give_to_owner_of(path if os.path.exists(path) else str(partial.parent), descriptor)
    finally:
        os.close(descriptor)


def _problems(path: Path, now_ms: int) -> list[str]:
    connection = open_to_look(str(path))
    try:
        return problems(Reading(connection, now_ms))
    except sqlite3.Error as error:
        return [f"it cannot be read: {error}"]
    finally:
        connection.close()


def _remove(partial: Path) -> None:
    for suffix in _BESIDE:
        Path(f"{partial}{suffix}").unlink(missing_ok=True)
