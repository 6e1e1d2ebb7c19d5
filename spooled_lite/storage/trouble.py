"""Sorts what SQLite raises: trouble of the storage, a broken unique rule, or a bug of ours."""

import errno
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from spooled_lite.errors import (
    Conflict,
    DatabaseError,
    OutageReason,
    SpooledError,
    Unavailable,
)

logger = logging.getLogger(__name__)

SAY_AGAIN_SECONDS: Final = 10.0  # between two log lines about the same trouble that goes on

# Primary result codes of SQLite (the low byte of the extended code).
_REASONS: Final[dict[int, OutageReason]] = {
    sqlite3.SQLITE_FULL: "storage_full",
    sqlite3.SQLITE_READONLY: "read_only",
    sqlite3.SQLITE_PERM: "read_only",
    sqlite3.SQLITE_CANTOPEN: "storage_error",
    sqlite3.SQLITE_IOERR: "storage_error",
    sqlite3.SQLITE_CORRUPT: "storage_error",
    sqlite3.SQLITE_NOTADB: "storage_error",
    sqlite3.SQLITE_NOMEM: "overloaded",
    sqlite3.SQLITE_BUSY: "overloaded",
    sqlite3.SQLITE_LOCKED: "overloaded",
    sqlite3.SQLITE_PROTOCOL: "overloaded",  # the log's locks were contended for too long
}

# What the operating system says of files.
_REASONS_OF_OS: Final[dict[int, OutageReason]] = {
    errno.ENOSPC: "storage_full",
    errno.EDQUOT: "storage_full",
    errno.EFBIG: "storage_full",
    errno.EROFS: "read_only",
    errno.EACCES: "read_only",
    errno.EPERM: "read_only",
}

_MESSAGES: Final[dict[OutageReason, str]] = {
    "storage_full": "No room is left on the disk; nothing was stored",
    "read_only": "The database file cannot be written; nothing was stored",
    "storage_error": (
        "The storage failed while writing; whether the call was done is unknown."
        " Repeat it with the same idempotency key"
    ),
    "overloaded": "The server is busy; nothing was stored, try again",
    "shutting_down": "The server is stopping; nothing was stored",
}

# States that last until a restart, told apart from a write that failed: nothing is tried.
_GONE: Final = (
    "The database file was moved or deleted; nothing is stored until it is back and the server is"
    " restarted"
)
_LOG_GONE: Final = (
    "The log of the database file was moved or deleted; nothing is stored until the server is"
    " restarted"
)
_DAMAGED: Final = (
    "The database file is damaged; nothing is stored until the server is stopped and a backup is"
    " restored"
)

# A unique rule that a caller can break, by the words SQLite names it with.
_UNIQUE: Final = {
    "organizations.slug": "This slug is taken",
    "workers.id": "This worker id belongs to another organization",
}


@contextmanager
def damage_as_text() -> Iterator[None]:
    """Where a file may be damaged: an error of SQLite is one whatever bytes it repeats.

    SQLite repeats what it found, and Python raises an error of its own when that is no UTF-8.
    """
    try:
        yield
    except UnicodeDecodeError as error:
        raise sqlite3.DatabaseError("the schema of the file is damaged") from error


def unavailable(reason: OutageReason) -> Unavailable:
    return Unavailable(reason, _MESSAGES[reason])


def file_gone() -> Unavailable:
    return Unavailable("read_only", _GONE)


def log_gone() -> Unavailable:
    return Unavailable("read_only", _LOG_GONE)


def file_damaged() -> Unavailable:
    return Unavailable("storage_error", _DAMAGED)


def reason_of(error: sqlite3.Error) -> OutageReason | None:
    """Why the storage is in trouble; None when the error is not about the storage."""
    code = getattr(error, "sqlite_errorcode", None)
    return None if code is None else _REASONS.get(code & 0xFF)


def reason_of_os(error: OSError) -> OutageReason | None:
    """As `reason_of`, for what the operating system refuses."""
    return _REASONS_OF_OS.get(error.errno or 0)


def is_corrupt(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_interrupted(error: sqlite3.Error) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_INTERRUPT


def broken_rule(error: sqlite3.Error) -> SpooledError | None:
    """The domain error of a unique rule that a caller broke; None for any other error."""
    if isinstance(error, sqlite3.IntegrityError):
        for index, message in _UNIQUE.items():
            if index in str(error):
                return Conflict(message)
    return None


def as_answer(error: Exception) -> Exception:
    """The error that the caller gets for an error of an operation. Logs unexpected SQL errors."""
    if not isinstance(error, sqlite3.Error):
        return error
    known = broken_rule(error)
    if known is not None:
        return known
    logger.error("an operation failed in SQL", exc_info=error)
    return DatabaseError()
