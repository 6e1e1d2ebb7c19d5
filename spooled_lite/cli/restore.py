"""`spooled-lite restore`: brings a backup back as a database file."""

import asyncio
import os
import time
from functools import partial

import click
from rich.console import Console

from spooled_lite.app import hooks
from spooled_lite.backups.manifest import MANIFEST_SUFFIX, PACKED_SUFFIX
from spooled_lite.backups.restore import restore as restore_backup
from spooled_lite.backups.restore import restore_file
from spooled_lite.backups.shelf import find
from spooled_lite.cli.keys_alive import KeysAlive, keys_alive, said_of_keys
from spooled_lite.cli.offline import offline
from spooled_lite.cli.stores import PLACE_HELP, named_failures, store_at
from spooled_lite.clock import SystemClock
from spooled_lite.core.maintenance.restored import free_leases, pause_queues, skip_events
from spooled_lite.core.webhooks.hold import hold_webhooks as hold_webhooks_of
from spooled_lite.storage.database import IN_MEMORY
from spooled_lite.storage.file_kind import check_place


@click.command()
@click.option(
    "--from",
    "place",
    required=True,
    metavar="PLACE",
    help=f"{PLACE_HELP} Or a database file, such as the copy that an upgrade made.",
)
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
@click.option(
    "--hold-webhooks",
    is_flag=True,
    help="Make no webhook call that is owed until POST /api/v1/admin/webhooks/resume.",
)
def restore(
    place: str,
    name: str | None,
    database: str,
    replaces: bool,
    free_leases: bool,
    paused: bool,
    hold_webhooks: bool,
) -> None:
    """Bring a backup back as a database file, checked and ready to be served.

    Without --replace the file must not exist. Exit code 1 when nothing was restored.
    """
    if database == IN_MEMORY:
        raise click.BadParameter("a backup is restored as a file", param_hint="--database")
    path = os.path.realpath(database)
    is_file = os.path.isfile(place)
    if is_file and (name is not None or place.endswith((PACKED_SUFFIX, MANIFEST_SUFFIX))):
        raise click.BadParameter(
            "of a backup give the folder, and its name with --backup", param_hint="--from"
        )
    store = None if is_file else store_at(place)
    console = Console(stderr=True)
    began = time.monotonic()
    alive: KeysAlive = None

    def prepare(unpacked: str) -> None:
        nonlocal alive
        asyncio.run(_prepare(unpacked, frees=free_leases, pauses=paused, holds=hold_webhooks))
        alive = keys_alive(unpacked, newer=path)

    with named_failures(), console.status("reading") as status:
        check_place(path)
        if store is None:
            told, checked = place, ""
            bring_back = partial(restore_file, os.path.realpath(place))
        else:
            manifest = find(store, name)
            told = f"{manifest.name}, the moment {manifest.made_at}"
            checked = f"{sum(manifest.rows.values()):,} rows, "
            bring_back = partial(restore_backup, store, manifest)
        done = bring_back(
            path,
            prepare=prepare,
            replaces=replaces,
            now_ms=SystemClock().now_ms(),
            on_stage=lambda stage: status.update(f"{stage} {told}"),
        )
    click.echo(f"restored  {told}")
    click.echo(f"checked   {checked}integrity and sums ok")
    if done.old is not None:
        click.echo(f"kept      the file that was there, as {done.old}")
    click.echo(f"wrote     {done.path} in {time.monotonic() - began:.1f} s")
    if hold_webhooks:
        click.echo("held      webhook calls, until POST /api/v1/admin/webhooks/resume")
    click.echo("mind      jobs that were settled after that moment run again")
    for line in said_of_keys(alive):
        click.echo(line)


async def _prepare(path: str, *, frees: bool, pauses: bool, holds: bool) -> None:
    async with offline(path, hooks()) as database:
        await database.write(skip_events)
        if holds:
            await database.write(hold_webhooks_of)
        while frees and await database.write(free_leases) > 0:
            pass
        while pauses and await database.write(pause_queues) > 0:
            pass
