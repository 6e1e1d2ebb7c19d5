"""The copy of a file that is made before its schema is changed: to go back to, and to tidy away."""

import glob
import os
import sqlite3
from pathlib import Path
from typing import Final

from msgspec import Struct

from spooled_lite.storage.copy import copy_file, sync
from spooled_lite.storage.copy_room import NoRoom, check_room
from spooled_lite.storage.file_guard import CannotUseFile, give_file_to_owner_of
from spooled_lite.storage.file_place import BESIDE

OLD_DAYS: Final = 30  # a copy that nobody has gone back to in this time is hardly needed
_DAY_SECONDS: Final = 86_400
_PARTIAL_SUFFIX: Final = ".partial"


class OldCopy(Struct, frozen=True):
    """A copy of a file as it was before an upgrade, or before it was replaced."""

    path: str
    days: int
    bytes: int


def copy_before_upgrade(connection: sqlite3.Connection, path: str, *, version: int) -> str:
    """Copy the file to `<path>.before-<version>`, the version that comes next; the name of it.

    The copy has that name only once it is whole and on the disk. One that is there already is
    replaced: the file was not changed since, or it is the one that somebody went back to.

    Raises:
        CannotUseFile: there is no room for a copy. Nothing was changed.
    """
    copy = _name(path, version)
    size: int = connection.execute(
        "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
    ).fetchone()[0]
    try:
        check_room(size, Path(copy).parent)
    except NoRoom as error:
        raise CannotUseFile(
            f"{path}: the upgrade to schema version {version} copies the file first, which {error}."
            " Nothing was changed"
        ) from error
    partial = copy + _PARTIAL_SUFFIX
    Path(partial).unlink(missing_ok=True)  # left by a crash
    copy_file(connection, partial, pace=None, on_step=lambda done, size: None)
    give_file_to_owner_of(path, partial)
    os.replace(partial, copy)
    sync(copy)
    return copy


def copy_to_go_back_to(path: str, *, known: int) -> str | None:
    """The newest copy from before an upgrade that a program which knows this version can open."""
    names = (_name(path, version) for version in range(known + 1, 0, -1))
    return next((name for name in names if os.path.isfile(name)), None)


def old_copies(path: str, *, now_ms: int) -> list[OldCopy]:
    """Those that are older than OLD_DAYS, by name."""
    found = []
    for copy in sorted(glob.glob(f"{glob.escape(path)}.before-*")):
        if copy.endswith(BESIDE) or not os.path.isfile(copy):
            continue
        about = os.stat(copy)
        days = int((now_ms / 1000 - about.st_mtime) // _DAY_SECONDS)
        if days > OLD_DAYS:
            found.append(OldCopy(copy, days, about.st_size))
    return found


def _name(path: str, version: int) -> str:
    return f"{path}.before-{version}"
