"""`spooled-lite restore`: brings a backup back as a database file."""

import asyncio
import os
import time

import click
from rich.console import Console

from spooled_lite.app import hooks
from spooled_lite.backups.restore import restore as restore_backup
from spooled_lite.backups.shelf import find
from spooled_lite.cli.offline import offline
from spooled_lite.cli.stores import PLACE_HELP, named_failures, store_at
from spooled_lite.clock import SystemClock
from spooled_lite.core.maintenance.restored import free_leases, pause_queues, skip_events
from spooled_lite.storage.database import IN_MEMORY
from spooled_lite.storage.file_kind import check_place


@click.command()
@click.option("--from", "place", required=True, metavar="PLACE", help=PLACE_HELP)
@click.option("--backup", "name", metavar="NAME", help="Which one. Default: the newest.")
@click.option("--database", required=True, metavar="PATH", help="The file to write.")
@click.option(
    "--replace",
    "replaces",
    is_flag=True,
    help="The file exists: keep it as PATH.before-restore-TIME. No server may be using it.",
)
@click.option("--free-leases", is_flag=True, help="Take running jobs back from their workers.")
@click.option("--paused", is_flag=True, help="Pause all queues, to look around before work begins.")
def restore(
    place: str, name: str | None, database: str, replaces: bool, free_leases: bool, paused: bool
) -> None:
    """Bring a backup back as a database file, checked and ready to be served.

    Without --replace the file must not exist. Exit code 1 when nothing was restored.
    """
    if database == IN_MEMORY:
        raise click.BadParameter("a backup is restored as a file", param_hint="--database")
    store = store_at(place)
    path = os.path.realpath(database)
    console = Console(stderr=True)
    began = time.monotonic()
    with named_failures(), console.status("reading") as status:
        check_place(path)
        manifest = find(store, name)
        done = restore_backup(
            store,
            manifest,
            path,
            prepare=lambda partial: asyncio.run(
                _prepare(partial, frees=free_leases, pauses=paused)
            ),
            replaces=replaces,
            now_ms=SystemClock().now_ms(),
            on_stage=lambda stage: status.update(f"{stage} {manifest.name}"),
        )
    click.echo(f"restored  {manifest.name}, the moment {manifest.made_at}")
    click.echo(f"checked   {sum(manifest.rows.values()):,} rows, integrity and sums ok")
    if done.old is not None:
        click.echo(f"kept      the file that was there, as {done.old}")
    click.echo(f"wrote     {done.path} in {time.monotonic() - began:.1f} s")
    click.echo(
        "mind      jobs that were settled after that moment run again; API keys and tokens that"
        " were revoked after it work again: revoke them once more"
    )


async def _prepare(path: str, *, frees: bool, pauses: bool) -> None:
    async with offline(path, hooks()) as database:
        await database.write(skip_events)
        while frees and await database.write(free_leases) > 0:
            pass
        while pauses and await database.write(pause_queues) > 0:
            pass
