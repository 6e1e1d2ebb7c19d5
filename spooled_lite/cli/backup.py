"""`spooled-lite backup`: makes a backup of a database file, whether or not a server uses it."""

import os
import time
from pathlib import Path
from typing import Final

import click
import msgspec
from rich.console import Console

from spooled_lite.backups.copies import CopyProgress, Work, back_up_file
from spooled_lite.backups.manifest import Manifest
from spooled_lite.cli.stores import named_failures, store_at
from spooled_lite.clock import SystemClock
from spooled_lite.storage.connection import open_reader
from spooled_lite.storage.file_kind import check_kind, check_log_has_its_file
from spooled_lite.storage.file_name import check_log_is_here

MIB: Final = 2**20


@click.command()
@click.option(
    "--database",
    required=True,
    envvar="SPOOLED_DATABASE",
    metavar="PATH",
    help="The database file. A server may be using it.",
)
@click.option("--to", "place", required=True, metavar="FOLDER", help="Where backups are kept.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest of the backup.")
def backup(database: str, place: str, as_json: bool) -> None:
    """Back up a database file: a copy of one moment, checked, packed, with a manifest.

    Exit codes: 0 when there is a backup, 1 when there is none.
    """
    if not Path(database).is_file():
        raise click.BadParameter(f"{database}: there is no such file", param_hint="--database")
    store = store_at(place)
    console = Console(stderr=True)
    began = time.monotonic()
    with named_failures(), console.status("copying") as status:

        def show(progress: CopyProgress) -> None:
            status.update(f"{progress.stage} {progress.all_bytes // MIB} MiB")

        check_log_has_its_file(database)
        check_kind(database)
        check_log_is_here(os.path.realpath(database))
        connection = open_reader(database)
        try:
            made = back_up_file(
                connection,
                Work(
                    store=store,
                    folder=Path(store.where),
                    now_ms=SystemClock().now_ms,
                    bytes_per_second=0,
                    on_progress=show,
                ),
            )
        finally:
            connection.close()
    if as_json:
        click.echo(msgspec.json.encode(made))
    else:
        click.echo(f"{store.where}/{said_of(made)} ({time.monotonic() - began:.1f} s)")


def said_of(made: Manifest) -> str:
    """A backup in a line, such as `spooled-….db.gz  36 MiB  412,118 rows  sha256 9c1e…`."""
    return (
        f"{made.name}  {-(-made.packed_bytes // MIB)} MiB  {sum(made.rows.values()):,} rows"
        f"  sha256 {made.packed_sha256[:12]}…"
    )
