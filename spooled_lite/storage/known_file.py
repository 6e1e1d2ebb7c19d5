"""What a command asks of a database file before it opens it; each answer names the file."""

import os

from spooled_lite.storage.file_guard import WAL_SUFFIX, CannotUseFile, length_of
from spooled_lite.storage.file_kind import (
    check_is_file,
    check_kind,
    check_log_has_its_file,
    open_to_look,
)
from spooled_lite.storage.file_name import check_log_is_here
from spooled_lite.storage.migrate import check_schema
from spooled_lite.storage.schema_version import version_of


def check_known(path: str) -> None:
    """Look whether there is a file of ours that this program can use. Nothing is changed.

    Raises:
        CannotUseFile: there is none, it is empty, it belongs to another program or needs a newer
            version of this one, or its log stands elsewhere.
        sqlite3.Error: it cannot be read.
    """
    check_is_file(path)
    check_log_has_its_file(path)
    check_kind(path)
    if _is_empty(path):
        raise CannotUseFile(f"{path}: this file is empty; `spooled-lite serve` makes one of it")
    check_schema(path)
    check_log_is_here(os.path.realpath(path))


def _is_empty(path: str) -> bool:
    if not length_of(path) and not length_of(path + WAL_SUFFIX):
        return True
    connection = open_to_look(path)
    try:
        return version_of(connection) == 0
    finally:
        connection.close()
