"""Opens SQLite connections with the pragmas the promises rest on, and reads them back."""

import sqlite3
import urllib.parse
from typing import Final, Literal

from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.trouble import damage_as_text

Durability = Literal["full", "normal", "off"]

WRITER_BUSY_MS: Final = 250  # nobody else writes: only a checkpoint can find a reader in its way
READER_BUSY_MS: Final = 2_000
WRITER_CACHE_KIB: Final = 16 * 1024
READER_CACHE_KIB: Final = 4 * 1024
WAL_KEPT_BYTES: Final = 64 * 1024 * 1024  # a truncated log keeps at most this
CACHED_STATEMENTS: Final = 512
AUTO_VACUUM_INCREMENTAL: Final = 2
STEPS_BETWEEN_LOOKS: Final = 10_000  # virtual machine steps before a long statement may be ended

_SYNCHRONOUS: Final = {"off": 0, "normal": 1, "full": 2}

# The library looks for a conversion of every value that it binds, except numbers and texts, and
# makes and throws away an exception when there is none: half a microsecond for each None and each
# piece of bytes. So both get one that gives them back as they are, and is no function of Python.
_NO_ENTRIES: Final[dict[None, None]] = {}
sqlite3.register_adapter(bytes, bytes)
sqlite3.register_adapter(type(None), _NO_ENTRIES.get)


class WrongPragma(CannotUseFile):
    """SQLite did not take a pragma that a promise rests on."""


def open_writer(path: str, durability: Durability) -> sqlite3.Connection:
    """The connection of the writing thread. The file exists, even if it is still empty.

    Never creates it: a file that is missing was moved or deleted.

    Raises:
        WrongPragma: a pragma reads back differently from what was set.
        sqlite3.Error: the file cannot be opened, or is no database.
    """
    synchronous = {"synchronous": _SYNCHRONOUS[durability]}
    return _with_pragmas(
        path,
        {
            # Has to come before the first table; it cannot be added to a file later.
            "auto_vacuum": AUTO_VACUUM_INCREMENTAL,
            # Where nothing is to last, first: changing the mode of the journal waits for the disk.
            **(synchronous if durability == "off" else {}),
            "journal_mode": "wal",
            **synchronous,
            "foreign_keys": 1,
            # Some builds overwrite what is deleted: a purge would write all of it into the log.
            "secure_delete": 0,
            "busy_timeout": WRITER_BUSY_MS,
            "temp_store": 2,
            "mmap_size": 0,
            "cache_size": -WRITER_CACHE_KIB,
            "wal_autocheckpoint": 0,
            "journal_size_limit": WAL_KEPT_BYTES,
        },
    )


def open_reader(path: str, *, busy_ms: int = READER_BUSY_MS) -> sqlite3.Connection:
    """A connection that can only read, for one thread at a time."""
    return _with_pragmas(path, reader_pragmas(busy_ms))


def reader_pragmas(busy_ms: int) -> dict[str, int | str]:
    return {
        "query_only": 1,
        "busy_timeout": busy_ms,
        "temp_store": 2,
        "mmap_size": 0,
        "cache_size": -READER_CACHE_KIB,
        # A reader must never checkpoint: only the writing thread does.
        "wal_autocheckpoint": 0,
    }


def uri_of(path: str) -> str:
    return f"file:{urllib.parse.quote(path)}?mode=rw"


def _connect(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        uri_of(path),
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=CACHED_STATEMENTS,
    )
    connection.row_factory = sqlite3.Row
    return connection


def _with_pragmas(path: str, pragmas: dict[str, int | str]) -> sqlite3.Connection:
    connection = _connect(path)
    try:
        with damage_as_text():
            for name, wanted in pragmas.items():
                # Asked first: setting one that is kept in the file writes, even if it stands there.
                if _value_of(connection, name) != wanted:
                    connection.execute(f"PRAGMA {name} = {wanted}").fetchall()
                    found = _value_of(connection, name)
                    if found != wanted:
                        raise WrongPragma(f"{path}: PRAGMA {name} is {found!r} and not {wanted!r}")
    except BaseException:
        connection.close()
        raise
    return connection


def _value_of(connection: sqlite3.Connection, pragma: str) -> object:
    row = connection.execute(f"PRAGMA {pragma}").fetchone()
    # Builds without memory mapping answer nothing, which is what is wanted.
    return row[0] if row is not None else 0
