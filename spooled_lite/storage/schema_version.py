"""Which programs can use a file: its schema version, and the oldest version that it suits."""

import contextlib
import sqlite3
from typing import Final

_KNOWN: Final = "SELECT value FROM server_state WHERE name = 'readable_by'"
_KEEP: Final = """
INSERT INTO server_state (name, value) VALUES ('readable_by', ?)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


def version_of(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def readable_by(connection: sqlite3.Connection) -> int:
    """A program that knows this schema version, or a newer one, can read and write the file."""
    # A file without this table, or one that somebody else has written into.
    with contextlib.suppress(sqlite3.OperationalError, ValueError):
        if (row := connection.execute(_KNOWN).fetchone()) is not None:
            return int(row[0])
    return version_of(connection)


def keep_readable_by(connection: sqlite3.Connection, version: int) -> None:
    """Write it into the file. Programs that know less refuse the file from now on."""
    connection.execute(_KEEP, (str(version).encode(),))
