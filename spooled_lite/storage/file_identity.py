"""A name that a file keeps all its life, wherever it is, and how often it was opened: by these
backups and the archive know it again."""

import contextlib
import os
import sqlite3
from typing import Final

from msgspec import Struct

from spooled_lite.storage.file_guard import WAL_SUFFIX, length_of
from spooled_lite.storage.transaction import Tx

_KNOWN: Final = "SELECT value FROM server_state WHERE name = 'file_id'"
_KEEP: Final = "INSERT INTO server_state (name, value) VALUES ('file_id', ?)"

_OPENINGS: Final = "SELECT CAST(value AS TEXT) FROM server_state WHERE name = 'openings'"
_COUNT_OPENING: Final = """
INSERT INTO server_state (name, value) VALUES ('openings', CAST('1' AS BLOB))
    ON CONFLICT (name) DO UPDATE
   SET value = CAST(CAST(value AS TEXT) + 1 AS BLOB)
"""


class FileMark(Struct, frozen=True):
    """A file that was closed in order: any write, and any copy put in its place, changes it."""

    inode: int
    bytes: int
    changed_ns: int


def keep_identity(connection: sqlite3.Connection, new_id: str) -> None:
    """Give the file `new_id` for its identity, unless it has one."""
    # On a disk without room for a row it gets one at a later start.
    with contextlib.suppress(sqlite3.OperationalError):
        if not identity_of(connection):
            connection.execute(_KEEP, (new_id.encode(),))


def identity_of(connection: sqlite3.Connection) -> str:
    """Empty for a file that was never opened by a server that keeps it."""
    row = connection.execute(_KNOWN).fetchone()
    return "" if row is None else bytes(row[0]).decode()


def openings_of(connection: sqlite3.Connection) -> int:
    """How often programs of ours have opened the file to write to it.

    So one that goes on with the archive of a file learns whether another was there meanwhile.
    """
    row = connection.execute(_OPENINGS).fetchone()
    return 0 if row is None else int(row[0])


def count_opening(tx: Tx) -> None:
    """The first write of each that opens it: opening alone writes nothing."""
    tx.execute(_COUNT_OPENING)


def mark_of(path: str) -> FileMark | None:
    """None: there is no such file, or there is a log beside it."""
    if length_of(path + WAL_SUFFIX):
        return None
    try:
        found = os.stat(path)
    except OSError:
        return None
    return FileMark(found.st_ino, found.st_size, found.st_mtime_ns)
