"""What the file at a path is: ours, new, or not to be touched. Looked at before it is changed."""

import os
import sqlite3
import stat
import urllib.parse
from typing import Final

from spooled_lite.storage.file_guard import WAL_SUFFIX, CannotUseFile, length_of
from spooled_lite.storage.trouble import damage_as_text

# "SPLD", kept in the header of each of our files (PRAGMA application_id, in the first migration).
APPLICATION_ID: Final = 0x53504C44
JOURNAL_SUFFIX: Final = "-journal"


def check_is_file(path: str) -> None:
    """Raises CannotUseFile when there is no file at this path, or something else."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        raise CannotUseFile(
            f"{path}: there is no such file; `spooled-lite serve` creates a database"
        ) from None
    except OSError as error:  # links that lead to each other, a folder that is closed to this user
        raise CannotUseFile(f"{path}: {error.strerror}") from error
    if stat.S_ISDIR(mode):
        raise CannotUseFile(f"{path}: this is a folder, not a file")
    if not stat.S_ISREG(mode):
        raise CannotUseFile(f"{path}: this is a device, a pipe or a socket and no file")


def check_place(path: str) -> None:
    """Raises CannotUseFile when there can be no file at this path."""
    folder = os.path.dirname(path) or "."
    if os.path.lexists(path):
        check_is_file(path)
    elif not os.path.isdir(folder):
        raise CannotUseFile(f"{path}: the folder {folder} does not exist; create it first")
    if os.path.exists(path) and not os.access(path, os.W_OK):
        raise CannotUseFile(f"{path}: this user may not write the file, or the disk is read-only")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise CannotUseFile(
            f"{path}: this user may not write in the folder {folder}, where the log of the file"
            " stands beside it"
        )


def check_log_has_its_file(path: str) -> None:
    """Raises CannotUseFile when a log is there without its file: SQLite would destroy it."""
    log = path + WAL_SUFFIX
    if length_of(log) and not length_of(path):
        raise CannotUseFile(
            f"{path}: the file is missing or empty, but its log {log} exists and may contain"
            " acknowledged work. Put the file back beside it, or move the log away to start with an"
            " empty file"
        )


def check_kind(path: str) -> None:
    """Look into a file without changing it; one without tables counts as new.

    Raises:
        CannotUseFile: it belongs to another program, or is no database.
        sqlite3.Error: it cannot be read.
    """
    connection = sqlite3.connect(uri_to_look(path), uri=True)
    try:
        with damage_as_text():
            kind = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            has_tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] > 0
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_NOTADB:
            raise
        raise CannotUseFile(
            f"{path}: this is no SQLite file, or its first bytes are destroyed. Choose another"
            " file, or restore a backup. Nothing was changed"
        ) from error
    finally:
        connection.close()
    if kind == APPLICATION_ID:
        if version <= 0 or not has_tables:
            what = f"with schema version {version}" if version <= 0 else "without tables"
            raise CannotUseFile(
                f"{path}: this is a file of Spooled Lite {what}: another"
                " program has changed it. Restore a backup. Nothing was changed"
            )
    elif has_tables or kind or version:
        raise CannotUseFile(
            f"{path}: this SQLite file belongs to another program (application id {kind}, schema"
            f" version {version}). Choose another file. Nothing was changed"
        )


def open_to_look(path: str) -> sqlite3.Connection:
    """A connection for one thread that changes nothing of the file and makes nothing beside it."""
    connection = sqlite3.connect(uri_to_look(path), uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    return connection


def uri_to_look(path: str) -> str:
    """To open a file with in order to look into it: nothing of it is changed."""
    uri = f"file:{urllib.parse.quote(path)}?mode=ro"
    # Without a log nothing has to be read beside it, and nothing is made beside it. A journal that
    # a power cut left is for a process that may write; a first start leaves one.
    reads_log = length_of(path + WAL_SUFFIX) and not length_of(path + JOURNAL_SUFFIX)
    return uri if reads_log else f"{uri}&immutable=1"
