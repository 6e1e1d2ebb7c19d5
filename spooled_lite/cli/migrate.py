"""`spooled-lite migrate`: which migrations of the schema a database file has, and applies them."""

import os
import shlex
import sqlite3
from contextlib import closing
from typing import Final

import click
import msgspec

from spooled_lite.cli.check import opened
from spooled_lite.cli.escaped import escaped
from spooled_lite.cli.offline import write_offline
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.clock import SystemClock
from spooled_lite.storage.before_upgrade import copy_to_go_back_to
from spooled_lite.storage.file_guard import CannotUseFile
from spooled_lite.storage.known_file import check_known
from spooled_lite.storage.migrate import applied_migrations, newest_version
from spooled_lite.storage.schema_version import version_of
from spooled_lite.storage.transaction import Reading
from spooled_lite.storage.trouble import damage_as_text

file_option: Final = click.option(
    "--database", required=True, metavar="PATH", help="The database file."
)


class FileSchema(msgspec.Struct, frozen=True, kw_only=True):
    """How far a file is."""

    version: int
    newest: int  # that this program knows
    migrations: list[tuple[int, str, bool]]

    @property
    def left(self) -> int:
        return sum(not is_applied for _, _, is_applied in self.migrations)


@click.group(cls=SuggestingGroup)
def migrate() -> None:
    """Look at the schema of a database file, and bring it up to date.

    Nobody needs this to upgrade: a server migrates its file by itself when it starts.
    """


@migrate.command()
@file_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(database: str, as_json: bool) -> None:
    """List the migrations, and whether the file has each.

    The file is not changed, and a server may be using it.
    """
    found = _status_of(database)
    if as_json:
        rows = [
            {"version": version, "name": name, "applied": is_applied}
            for version, name, is_applied in found.migrations
        ]
        told = {"version": found.version, "newest": found.newest, "migrations": rows}
        click.echo(msgspec.json.encode(told))
        return
    width = max(len("NAME"), *(len(name) for _, name, _ in found.migrations))
    click.echo(f"VERSION  {'NAME':<{width}}  APPLIED")
    for version, name, is_applied in found.migrations:
        click.echo(f"{version:>7}  {name:<{width}}  {'yes' if is_applied else 'no'}")
    click.echo(f"{escaped(database)} {_verdict(found)}", err=True)


@migrate.command()
@file_option
def up(database: str) -> None:
    """Apply what the file lacks, without serving. No server may be using it.

    It does what a start does: the file is copied first, and each migration is applied whole.
    """
    before = _status_of(database)
    if not before.left:
        click.echo(f"{escaped(database)} {_verdict(before)}")
        return
    write_offline(database, lambda tx: None, instead="start it anew: a start migrates by itself")
    after = _status_of(database)
    click.echo(
        f"{escaped(database)} was at schema version {before.version} and is at {after.version} now"
    )
    if (copy := copy_to_go_back_to(os.path.realpath(database), known=before.version)) is not None:
        click.echo(f"As it was it is kept as {escaped(copy)}")


@migrate.command()
@click.option("--database", metavar="PATH", help="The database file.")
@click.option("--to", "version", type=click.IntRange(1), metavar="N", help="The schema version.")
def down(database: str | None, version: int | None) -> None:
    """Refused: migrations have no way back. Says what to do instead."""
    path = "FILE" if database is None else os.path.realpath(database)
    known = newest_version() - 1 if version is None else version
    copy = None if database is None else copy_to_go_back_to(path, known=known)
    command = ("restore", "--from", copy or f"{path}.before-N", "--database", path, "--replace")
    raise click.ClickException(
        "migrations have no way back: undoing one would lose what was stored since. Most only add"
        " to the file, and the older version of the program goes on with it as it is: install it"
        " and start it. Where it refuses, go back to the copy that was made before the upgrade:"
        f" spooled-lite {shlex.join(command)}"
    )


def _status_of(database: str) -> FileSchema:
    """Raises click.ClickException: the file cannot be looked at."""
    try:
        check_known(database)
        with damage_as_text(), closing(opened(database)) as connection:
            return FileSchema(
                version=version_of(connection),
                newest=newest_version(),
                migrations=applied_migrations(Reading(connection, SystemClock().now_ms())),
            )
    except CannotUseFile as error:
        raise click.ClickException(str(error)) from error
    except sqlite3.Error as error:
        raise click.ClickException(f"{database}: the file cannot be read: {error}") from error


def _verdict(found: FileSchema) -> str:
    if found.version > found.newest:
        return (
            f"is at schema version {found.version}, of a newer version of this program, which knows"
            f" {found.newest}. It has only added to the file: this one can use it as it is"
        )
    if found.left:
        return (
            f"lacks {found.left} of them. A server applies them by itself when it starts;"
            " `spooled-lite migrate up` does it without serving"
        )
    return f"is at schema version {found.version}: nothing is left to apply"
