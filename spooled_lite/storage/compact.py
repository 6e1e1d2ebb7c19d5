"""Writes a database file anew without the pages that it does not need, while nobody uses it."""

import os
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct

from spooled_lite.storage.connection import WRITER_BUSY_MS, uri_of
from spooled_lite.storage.copy import sync
from spooled_lite.storage.copy_room import NoRoom, check_room
from spooled_lite.storage.file_guard import (
    FileLock,
    create_private,
    give_file_to_owner_of,
    length_of,
)
from spooled_lite.storage.file_kind import check_place
from spooled_lite.storage.file_place import BESIDE, check_not_replaced
from spooled_lite.storage.known_file import check_known
from spooled_lite.storage.trouble import damage_as_text

F = TypeVar("F")

PARTIAL_SUFFIX: Final = ".partial-compact"
_NEEDED_BYTES: Final = """
SELECT (page_count - freelist_count) * page_size
  FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""


class NotCompacted(Exception):
    """The file is as it was. The message says why, naming it."""


class Compacted(Struct, frozen=True):
    bytes_before: int
    bytes_after: int


def compact(
    path: str,
    *,
    measure: Callable[[sqlite3.Connection], F],
    problems: Callable[[Path, F], list[str]],
    on_stage: Callable[[str], None] = lambda stage: None,
) -> Compacted:
    """Put a smaller file with the same rows in the place of the one at `path`. Blocks.

    `measure` reads what the file holds, and `problems` says what of it a new file does not. No
    other program can open the file meanwhile. A kill at any line leaves one whole file under its
    name, the old one or the new one.

    Raises:
        NotCompacted: it has problems, there is no room, another program has the file open, …
        sqlite3.Error, OSError: it cannot be read or written. It is as it was.
        CannotUseFile: a server uses it, or it is no file of ours.
    """
    check_known(path)
    check_place(path)
    check_not_replaced(path)
    lock = FileLock(path).acquire()
    try:
        lock.hold_file()
        check_known(path)  # again, since a server may have used it until now
        if os.stat(path).st_nlink > 1:
            raise NotCompacted(f"{path} has other names (hard links), which would keep the old one")
        with damage_as_text():
            return _compacted(path, measure, problems, on_stage)
    except NoRoom as error:
        raise NotCompacted(f"{path}: a smaller copy {error}") from error
    finally:
        _remove(path + PARTIAL_SUFFIX)
        lock.leave_no_trace()


def _compacted(
    path: str,
    measure: Callable[[sqlite3.Connection], F],
    problems: Callable[[Path, F], list[str]],
    on_stage: Callable[[str], None],
) -> Compacted:
    partial = path + PARTIAL_SUFFIX
    _remove(partial)  # left by a crash
    bytes_before = length_of(path)
    connection = _opened_alone(path)
    try:
        facts = measure(connection)
        needed_bytes: int = connection.execute(_NEEDED_BYTES).fetchone()[0]
        check_room(needed_bytes, Path(partial).parent)
        on_stage("copying")
        create_private(partial)
        connection.execute("VACUUM INTO ?", (partial,))
        on_stage("checking")
        if found := problems(Path(partial), facts):
            raise NotCompacted("\n".join([f"{path}: the smaller copy is not whole:", *found]))
        os.chmod(partial, stat.S_IMODE(os.stat(path).st_mode))
        give_file_to_owner_of(path, partial)
        sync(partial)
        os.replace(partial, path)
        sync(path)
    finally:
        connection.close()  # only now may others open the file of this name
    return Compacted(bytes_before, length_of(path))


def _opened_alone(path: str) -> sqlite3.Connection:
    """Bring the log into the file and keep every other program out until the connection closes.

    Then nothing belongs to the file beside it, and another one can be put in its place.
    """
    connection = sqlite3.connect(
        uri_of(path), uri=True, isolation_level=None, timeout=WRITER_BUSY_MS / 1000
    )
    try:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = delete").fetchall()
        connection.execute("PRAGMA locking_mode = exclusive").fetchall()
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
    except BaseException as error:
        connection.close()
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            raise
        raise NotCompacted(
            f"{path}: another program has the file open: `fuser {path}` names it"
        ) from error
    return connection


def _remove(partial: str) -> None:
    for suffix in ("", *BESIDE):
        Path(partial + suffix).unlink(missing_ok=True)
