"""The name a file was opened under last, kept in it: its log stands beside that name only."""

import contextlib
import os
import sqlite3
from typing import Final

from spooled_lite.storage.file_guard import WAL_SUFFIX, CannotUseFile, length_of
from spooled_lite.storage.file_kind import uri_to_look

_KNOWN: Final = "SELECT value FROM server_state WHERE name = 'path'"
_KEEP: Final = """
INSERT INTO server_state (name, value) VALUES ('path', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


def check_log_is_here(path: str) -> None:
    """Raises CannotUseFile when the log is left beside an earlier name of this file.

    After a kill acknowledged work stands in the log alone. Who then moves the file without it, or
    opens it by a hard link, would go on without that work; and the log, brought together with the
    file later, would undo what was done meanwhile.
    """
    if length_of(path + WAL_SUFFIX) or not length_of(path):
        return  # its log is here, or there is nothing yet
    earlier = _earlier_name(path)
    if earlier is None or earlier == path or not length_of(earlier + WAL_SUFFIX):
        return
    if os.path.exists(earlier) and not os.path.samefile(earlier, path):
        return  # this one is a copy, or another file has taken its name: the log is that one's
    raise CannotUseFile(
        f"{path}: the file was last opened as {earlier}, and its log {earlier}{WAL_SUFFIX} is"
        " there, with work that was acknowledged. Use that name, or move both; or move the log"
        " away to go on without it"
    )


def keep_name(connection: sqlite3.Connection, path: str) -> None:
    """Write the name down, in the file itself and not in its log, if it is a new one."""
    value = os.fsencode(path)
    row = connection.execute(_KNOWN).fetchone()
    if row is not None and row[0] == value:
        return
    # On a disk without room for a row it stays as it is: what the file is opened for matters more.
    with contextlib.suppress(sqlite3.OperationalError):
        connection.execute(_KEEP, (value,))
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _earlier_name(path: str) -> str | None:
    """None also for a file without this table, which others look at more closely."""
    connection = sqlite3.connect(uri_to_look(path), uri=True)
    try:
        row = connection.execute(_KNOWN).fetchone()
    except sqlite3.Error:
        return None
    finally:
        connection.close()
    return None if row is None else os.fsdecode(row[0])
