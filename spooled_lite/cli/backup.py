"""`spooled-lite backup`: makes a backup of a database file, whether or not a server uses it."""

import math
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import click
import msgspec
from msgspec import structs
from rich.console import Console

from spooled_lite.backups.copies import CopyProgress, Work, back_up_file
from spooled_lite.backups.manifest import Manifest
from spooled_lite.cli.escaped import escaped, escaped_json
from spooled_lite.cli.stores import PLACE_HELP, named_failures, settings_here, spool_at, store_at
from spooled_lite.clock import SystemClock
from spooled_lite.storage.connection import open_reader
from spooled_lite.storage.copy import lower_priority
from spooled_lite.storage.file_guard import WAL_SUFFIX, length_of
from spooled_lite.storage.known_file import check_known
from spooled_lite.storage.pin import PinLimits, why_over

MIB: Final = 2**20


@click.command()
@click.option(
    "--database", metavar="PATH", help="Back up this file from here. A server may be using it."
)
@click.option("--to", "place", metavar="PLACE", help=f"With --database. {PLACE_HELP}")
@click.option("--url", help="Or have the server at this address back its file up.")
@click.option(
    "--admin-key", envvar="SPOOLED_ADMIN_KEY", help="With --url. Or the variable SPOOLED_ADMIN_KEY."
)
@click.option("--json", "as_json", is_flag=True, help="Print what is known of the backup.")
def backup(
    database: str | None, place: str | None, url: str | None, admin_key: str | None, as_json: bool
) -> None:
    """Back up a database: a copy of one moment, checked, packed, with a manifest.

    Exit codes: 0 when there is a backup, 1 when there is none, 3 when the server at --url cannot be
    reached.
    """
    began = time.monotonic()
    if url is not None and database is None and place is None:
        if not admin_key:
            raise click.UsageError("--url needs --admin-key, or the variable SPOOLED_ADMIN_KEY")
        _by_server(url, admin_key, as_json=as_json, began=began)
    elif database is not None and place is not None and url is None:
        _from_here(database, place, as_json=as_json, began=began)
    else:
        raise click.UsageError("give --database and --to, or --url and --admin-key")


def _by_server(url: str, admin_key: str, *, as_json: bool, began: float) -> None:
    # Imported here, since the client for HTTP is not needed for a file.
    from spooled_lite.cli.asked_backup import ask_for_backup

    with Console(stderr=True).status("asking the server") as status:
        made, shown = ask_for_backup(
            url,
            admin_key,
            lambda stage, done, size: status.update(f"{stage} {done // MIB} of {size // MIB} MiB"),
        )
    if as_json:
        click.echo(escaped_json(bytes(shown).decode()))
    else:
        packed = -(-made.packed_bytes // MIB)
        seconds = time.monotonic() - began
        click.echo(f"{escaped(made.name)}  {packed} MiB  {made.rows:,} rows ({seconds:.1f} s)")


def _from_here(database: str, place: str, *, as_json: bool, began: float) -> None:
    store, settings = store_at(place), settings_here()
    console = Console(stderr=True)
    with named_failures(database), console.status("copying") as status:

        def show(progress: CopyProgress) -> None:
            status.update(f"{progress.stage} {progress.all_bytes // MIB} MiB")

        check_known(database)
        made = _made_aside(
            database,
            Work(
                store=store,
                folder=spool_at(place, database),
                now_ms=SystemClock().now_ms,
                bytes_per_second=settings.backup_mib_per_second * MIB,
                on_progress=show,
            ),
            wal_bytes_max=settings.backup_wal_bytes_max,
        )
    if as_json:
        click.echo(msgspec.json.encode(made))
    else:
        click.echo(f"{store.where}/{said_of(made)} ({time.monotonic() - began:.1f} s)")


def _made_aside(database: str, work: Work, *, wal_bytes_max: int) -> Manifest:
    """Make it on a thread of low priority, since a server may be using the file."""
    is_stopping = threading.Event()
    work = structs.replace(work, is_stopping=is_stopping.is_set)

    def make() -> Manifest:
        lower_priority()
        connection = open_reader(database)
        try:
            log = os.path.realpath(database) + WAL_SUFFIX
            over = why_over(
                PinLimits(seconds_max=math.inf, wal_bytes_max=wal_bytes_max),
                is_stopping=is_stopping.is_set,
                is_disk_low=lambda: False,  # `check_room` has looked
                is_well=lambda: True,
                wal_bytes=lambda: length_of(log),
            )
            return back_up_file(connection, work, over)
        finally:
            connection.close()

    with ThreadPoolExecutor(1, "backup") as worker:
        making = worker.submit(make)
        try:
            return making.result()
        except BaseException:
            is_stopping.set()  # Ctrl-C came here, and the thread goes on otherwise
            raise


def said_of(made: Manifest) -> str:
    """A backup in a line, such as `spooled-….db.gz  36 MiB  412,118 rows  sha256 9c1e…`."""
    return (
        f"{made.name}  {-(-made.packed_bytes // MIB)} MiB  {sum(made.rows.values()):,} rows"
        f"  sha256 {made.packed_sha256[:12]}…"
    )
