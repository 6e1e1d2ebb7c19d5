"""What a file holds, to compare a copy with it: pages, rows by table, the newest event."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from spooled_lite.backups import statements
from spooled_lite.core.maintenance.check import problems
from spooled_lite.storage.connection import STEPS_BETWEEN_LOOKS
from spooled_lite.storage.file_identity import identity_of
from spooled_lite.storage.file_kind import open_to_look
from spooled_lite.storage.migrate import version_problem
from spooled_lite.storage.schema_version import readable_by, version_of
from spooled_lite.storage.transaction import Reading
from spooled_lite.storage.trouble import damage_as_text


class FileFailed(Exception):
    """The file cannot be backed up as it is. The message says why."""


class Facts(Struct, frozen=True):
    file_id: str
    schema: int
    readable_by: int  # programs that know this schema version can use the file
    bytes: int
    pages: int
    rows: dict[str, int]  # by table
    last_event: int  # 0: there was none


def facts_of(connection: sqlite3.Connection) -> Facts:
    """Read them in the transaction that is open.

    Raises:
        FileFailed: its schema is none that this program can use.
    """
    if (problem := version_problem(connection)) is not None:
        raise FileFailed(problem)
    reading = Reading(connection, 0)
    pages = reading.value(statements.PAGES) or 0
    return Facts(
        file_id=identity_of(connection),
        schema=version_of(connection),
        readable_by=readable_by(connection),
        bytes=pages * (reading.value(statements.PAGE_BYTES) or 0),
        pages=pages,
        rows={
            table: reading.value(statements.count_of(table)) or 0
            for table in reading.values(statements.TABLES)
        },
        last_event=reading.value(statements.LAST_EVENT) or 0,
    )


def problems_of_copy(
    path: Path, wanted: Facts, now_ms: int, is_stopping: Callable[[], bool] = lambda: False
) -> list[str]:
    """Open a copy, look at all of it, and compare it with what was read from its source.

    When `is_stopping` says so it ends early, with a problem that is none.

    Returns a sentence for each problem; none when the copy is whole.
    """
    try:
        connection = open_to_look(str(path))
    except sqlite3.Error as error:
        return [f"it cannot be opened: {error}"]
    connection.set_progress_handler(is_stopping, STEPS_BETWEEN_LOOKS)
    try:
        with damage_as_text():
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
