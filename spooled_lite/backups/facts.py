"""What a file holds, to compare a copy with it: pages, rows by table, the newest event."""

import sqlite3
from pathlib import Path
from typing import Final

from msgspec import Struct

from spooled_lite.core.maintenance.check import problems
from spooled_lite.storage.file_identity import identity_of
from spooled_lite.storage.file_kind import open_to_look
from spooled_lite.storage.migrate import newest_version, version_of
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading

_TABLES: Final = Value(
    str,
    "SELECT name FROM sqlite_schema"
    " WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name",
)
_PAGES: Final = Value(int, "SELECT page_count FROM pragma_page_count")
_PAGE_BYTES: Final = Value(int, "SELECT page_size FROM pragma_page_size")
_LAST_EVENT: Final = Value(int, "SELECT max(seq) FROM event_log")


class FileFailed(Exception):
    """The file cannot be backed up as it is. The message says why."""


class Facts(Struct, frozen=True):
    file_id: str
    schema: int
    bytes: int
    pages: int
    rows: dict[str, int]  # by table
    last_event: int  # 0: there was none


def facts_of(connection: sqlite3.Connection) -> Facts:
    """Read them in the transaction that is open.

    Raises:
        FileFailed: its schema is not that of this program.
    """
    schema = version_of(connection)
    if schema != newest_version():
        raise FileFailed(
            f"the file has schema version {schema}, this program needs {newest_version()}: start"
            " the server on it once, or use the version that made it"
        )
    reading = Reading(connection, 0)
    pages = reading.value(_PAGES) or 0
    return Facts(
        file_id=identity_of(connection),
        schema=schema,
        bytes=pages * (reading.value(_PAGE_BYTES) or 0),
        pages=pages,
        rows={
            table: reading.value(Value(int, f'SELECT count(*) FROM "{table}"')) or 0  # noqa: S608
            for table in reading.values(_TABLES)
        },
        last_event=reading.value(_LAST_EVENT) or 0,
    )


def problems_of_copy(path: Path, wanted: Facts, now_ms: int) -> list[str]:
    """Open a copy, look at all of it, and compare it with what was read from its source.

    Returns a sentence for each problem; none when the copy is whole.
    """
    try:
        connection = open_to_look(str(path))
    except sqlite3.Error as error:
        return [f"it cannot be opened: {error}"]
    try:
        return [
            *problems(Reading(connection, now_ms)),
            *_differences(facts_of(connection), wanted),
        ]
    except (sqlite3.Error, FileFailed) as error:
        return [f"it cannot be read: {error}"]
    finally:
        connection.close()


def _differences(found: Facts, wanted: Facts) -> list[str]:
    tables = sorted({*found.rows, *wanted.rows})
    differing = [
        f"table {table}: {found.rows.get(table, 0)} rows, {wanted.rows.get(table, 0)} were pinned"
        for table in tables
        if found.rows.get(table) != wanted.rows.get(table)
    ]
    if (found.file_id, found.schema, found.last_event) != (
        wanted.file_id,
        wanted.schema,
        wanted.last_event,
    ):
        differing.append("its identity, schema or newest event is another")
    return differing
