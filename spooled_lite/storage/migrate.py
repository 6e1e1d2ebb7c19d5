"""Applies the numbered files of `migrations/`, once, in order; prints the schema they make."""

import argparse
import logging
import re
import shlex
import sqlite3
import sys
import time
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Final

from spooled_lite.storage.before_upgrade import copy_before_upgrade, copy_to_go_back_to
from spooled_lite.storage.file_guard import CannotUseFile, length_of
from spooled_lite.storage.file_kind import APPLICATION_ID, open_to_look
from spooled_lite.storage.schema_version import keep_readable_by, readable_by, version_of
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading

_VERSION: Final = Value(int, "SELECT user_version FROM pragma_user_version")
_MIGRATIONS: Final = resources.files("spooled_lite.storage") / "migrations"
# Every migration says so: the oldest schema version whose programs can still use the file after it.
_READABLE_BY: Final = re.compile(r"^-- readable by: ([1-9][0-9]{0,3})$", re.MULTILINE)

logger = logging.getLogger(__name__)


class NewerSchema(CannotUseFile):
    """The file was written by a newer version of this program, and this one cannot use it."""


@cache
def numbered() -> tuple[tuple[int, str], ...]:
    """Number and text of each migration, in order. Read once, however many files are opened."""
    names = sorted(each.name for each in _MIGRATIONS.iterdir() if each.name.endswith(".sql"))
    return tuple(
        (int(name.split("_")[0]), (_MIGRATIONS / name).read_text("utf-8")) for name in names
    )


@cache
def names() -> dict[int, str]:
    """The name of each migration by its number, in order."""
    files = sorted(each.name for each in _MIGRATIONS.iterdir() if each.name.endswith(".sql"))
    parts = [name.removesuffix(".sql").split("_", 1) for name in files]
    return {int(number): name for number, name in parts}


def applied_migrations(tx: Reading) -> list[tuple[int, str, bool]]:
    """Number and name of each migration, in order, and whether the file has it."""
    version = tx.value(_VERSION) or 0
    return [(number, name, number <= version) for number, name in names().items()]


def migrate(connection: sqlite3.Connection, *, copy_to: str | None = None) -> None:
    """Bring the file to the newest schema: each migration whole, in a transaction of its own.

    A file that holds data is first copied to `<copy_to>.before-<version>`, the version that comes
    next. An upgrade that failed half way and is tried again leaves the first copy alone. A file of
    a newer version that this program can use is left as it is.

    Raises:
        NewerSchema: the file needs a newer version of this program.
        CannotUseFile: there is no room for the copy.
    """
    check_version(connection, path=copy_to)
    version, newest = version_of(connection), newest_version()
    if version >= newest:
        return
    if version > 0 and copy_to is not None:
        copy = copy_before_upgrade(connection, copy_to, version=version + 1)
        logger.info(
            "upgrading the file from schema version %d to %d; as it was it is kept as %s",
            version,
            newest,
            copy,
        )
    began = time.monotonic()
    for number, text in numbered():
        if number > version:
            _apply(connection, number, text)
    if version > 0:
        seconds = time.monotonic() - began
        fields = {"from_version": version, "to_version": newest}
        logger.info(
            "migration: schema version %d to %d in %.1f s",
            *(version, newest, seconds),
            extra={"fields": fields},
        )
    # So the schema is in the file itself, even if the log is lost later.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def check_schema(path: str) -> None:
    """As `check_version`, for a file of ours that nobody has opened yet, or an empty one.

    Before it is opened to be written: that alone would change it.
    """
    if length_of(path):
        connection = open_to_look(path)
        try:
            check_version(connection, path=path)
        finally:
            connection.close()


def check_version(connection: sqlite3.Connection, *, path: str | None) -> None:
    """Raises NewerSchema when this program cannot use the file, with the way back."""
    version, known = version_of(connection), newest_version()
    if version <= known or (needed := readable_by(connection)) <= known:
        return
    copy = None if path is None else copy_to_go_back_to(path, known=known)
    way_back = "restore a backup that was made before the upgrade"
    if path is not None and copy is not None:
        command = ("restore", "--from", copy, "--database", path, "--replace")
        way_back = (
            f"go back to the copy from before the upgrade: spooled-lite {shlex.join(command)}"
        )
    raise NewerSchema(
        f"{path}: the file has schema version {version} and needs a program that knows version"
        f" {needed}, this program knows {known}: install the newer version again; or export with"
        " that one and import with this one (`import --ignore-unknown`); or, without what was"
        f" stored since, {way_back}. Nothing was changed"
    )


def version_problem(connection: sqlite3.Connection) -> str | None:
    """Why this program cannot read the file as it is; None when it can."""
    version, known = version_of(connection), newest_version()
    if version >= known and (version == known or readable_by(connection) <= known):
        return None
    what = (
        "start the server on it once, or use the version that made it"
        if version < known
        else "install the newer version"
    )
    return f"the file has schema version {version}, this program needs {known}: {what}"


def oldest_reader(text: str) -> int:
    """The schema version that a migration says still suits the file: its `-- readable by:`."""
    found = _READABLE_BY.findall(text)
    assert len(found) == 1, "a migration says once by which version it leaves a file readable"
    return int(found[0])


def newest_version() -> int:
    return numbered()[-1][0]


def schema() -> str:
    """The whole schema on one page, as the migrations make it."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    page = schema_of(connection)
    connection.close()
    return "-- Generated by `make schema` from migrations/; not read by the program.\n\n" + page


def schema_of(connection: sqlite3.Connection) -> str:
    """The statements that make the tables of a file, in an order that depends on names only."""
    rows = connection.execute(
        "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        " ORDER BY tbl_name, type DESC, name"
    )
    return "\n".join(f"{row[0]};\n" for row in rows)


def _apply(connection: sqlite3.Connection, number: int, text: str) -> None:
    readable_before = readable_by(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(text):
            connection.execute(statement)
        keep_readable_by(connection, max(readable_before, oldest_reader(text)))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(text: str) -> Iterator[str]:
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    rest = [line for line in statement.splitlines() if not line.lstrip().startswith("--")]
    assert not "".join(rest).strip(), "every statement of a migration ends with a semicolon"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--print-schema", action="store_true", required=True)
    parser.parse_args()
    sys.stdout.write(schema())


if __name__ == "__main__":
    main()
