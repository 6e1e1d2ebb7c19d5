"""A name that a file keeps all its life, wherever it is: backups of it are known by it."""

import contextlib
import sqlite3
from typing import Final

_KNOWN: Final = "SELECT value FROM server_state WHERE name = 'file_id'"
_KEEP: Final = "INSERT INTO server_state (name, value) VALUES ('file_id', ?)"


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
