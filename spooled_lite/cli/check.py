"""`spooled-lite check`: whether the file is intact and its counters agree with its rows."""

import os
import sqlite3
import sys

import click
import msgspec
from rich.console import Console

from spooled_lite.clock import SystemClock
from spooled_lite.core.maintenance.check import problems
from spooled_lite.storage.connection import open_reader
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.file_kind import (
    open_to_look,
)
from spooled_lite.storage.known_file import check_known
from spooled_lite.storage.migrate import version_problem
from spooled_lite.storage.transaction import Reading
from spooled_lite.storage.trouble import damage_as_text


@click.command()
@click.option("--database", required=True, help="The database file. A server may be using it.")
@click.option(
    "--deep",
    is_flag=True,
    help="Also look at every stored text, at orphaned history and at the sums of usage.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def check(database: str, deep: bool, as_json: bool) -> None:
    """Check a database file and its counters without changing it.

    Exit codes: 0 when all is well, 1 when something is wrong, 2 when the file cannot be checked.
    """
    console = Console(stderr=True)
    try:
        check_known(database)
        with console.status("checking every page and every job"), damage_as_text():
            found = problems_of(database, deep=deep)
    except CannotUseFile as error:
        raise NothingLookedAt(str(error)) from error
    except sqlite3.Error as error:
        found = [f"the file cannot be read: {error}"]
    if as_json:
        click.echo(msgspec.json.encode({"ok": not found, "problems": found}))
    else:
        for problem in found:
            click.echo(problem)
        click.echo(f"{database}: {_verdict(len(found))}")
    sys.exit(1 if found else 0)


class NothingLookedAt(click.ClickException):
    """The file cannot be checked, so nothing is known about it."""

    exit_code = 2


def _verdict(count: int) -> str:
    return "ok" if not count else f"{count} problem{'' if count == 1 else 's'}"


def problems_of(database: str, *, deep: bool = False) -> list[str]:
    """Every problem of the file as a sentence, from one snapshot; an empty list if all is well."""
    connection = opened(database)
    try:
        if (problem := version_problem(connection)) is not None:
            return [problem]
        connection.execute("BEGIN")
        return problems(Reading(connection, SystemClock().now_ms()), deep=deep)
    finally:
        connection.close()


def opened(database: str) -> sqlite3.Connection:
    """Open the file for reading.

    When this user may not write the file, no log is created beside it either: the server could not
    write to such a log, and would stop.
    """
    if os.access(database, os.W_OK):
        return open_reader(database)
    return open_to_look(database)
