"""Files that a server under a clock of its own made: never opened by another one, nor the reverse.

Rows with times that nobody lived through and rows of production do not meet in one file.
"""

import sqlite3
from typing import Final

from spooled_lite.storage.file_guard import CannotUseFile, length_of
from spooled_lite.storage.file_kind import uri_to_look

_MARKED: Final = "SELECT count(*) FROM server_state WHERE name = 'test_mode'"
_HAS_TABLES: Final = "SELECT count(*) FROM sqlite_schema"
_HAS_STATE: Final = f"{_HAS_TABLES} WHERE name = 'server_state'"
_MARK: Final = "INSERT INTO server_state (name, value) VALUES ('test_mode', x'01')"


def check_clock(path: str, *, is_test: bool) -> None:
    """Look into a file of ours, or a new one.

    Raises:
        CannotUseFile: test mode made it and this is none, or the other way round.
    """
    if not length_of(path):
        return
    connection = sqlite3.connect(uri_to_look(path), uri=True)
    try:
        if not connection.execute(_HAS_TABLES).fetchone()[0]:
            return
        has_state = connection.execute(_HAS_STATE).fetchone()[0] > 0  # or it is damaged
        is_marked = has_state and connection.execute(_MARKED).fetchone()[0] > 0
    finally:
        connection.close()
    if is_marked and not is_test:
        raise CannotUseFile(
            f"{path}: test mode made this file, and its clock was moved. Open it with --test, or"
            " choose another file. Nothing was changed"
        )
    if is_test and not is_marked:
        raise CannotUseFile(
            f"{path}: test mode opens only :memory:, a new file, or one that it made: its clock is"
            " moved, which would spoil what is stored here. Nothing was changed"
        )


def mark_as_test(connection: sqlite3.Connection) -> None:
    """Write it into the file before anything else is."""
    if not connection.execute(_MARKED).fetchone()[0]:
        connection.execute(_MARK)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
