"""`spooled-lite restore`: brings a backup, or a moment of an archive, back as a database file."""

import os
from functools import partial
from typing import Any

import click
from rich.console import Console

from spooled_lite.archive.reach import reaches
from spooled_lite.backups.manifest import MANIFEST_SUFFIX, PACKED_SUFFIX
from spooled_lite.backups.restore import restore as restore_backup
from spooled_lite.backups.restore import restore_file
from spooled_lite.backups.shelf import find
from spooled_lite.cli.preparing import Preparing
from spooled_lite.cli.restore_moment import (
    list_moments,
    restore_from_archive,
    say_passed_over,
)
from spooled_lite.cli.stores import PLACE_HELP, named_failures, store_at
from spooled_lite.clock import SystemClock
from spooled_lite.errors import WrongShape
from spooled_lite.outbound.stores import Store
from spooled_lite.storage.database import IN_MEMORY
from spooled_lite.storage.file_kind import check_place
from spooled_lite.times import parse_ms


class TimeOption(click.ParamType[int]):
    """A time, in milliseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return parse_ms(str(value), "--to")
        except WrongShape:
            self.fail(f"{value!r} is no time such as 2030-12-01T14:03:00Z", param, ctx)


@click.command()
@click.option(
    "--from",
    "place",
    required=True,
    metavar="PLACE",
    help=f"{PLACE_HELP} Or a database file, such as the copy that an upgrade made.",
)
@click.option("--backup", "name", metavar="NAME", help="Which one. Default: the newest.")
@click.option(
    "--to",
    "to_ms",
    type=TimeOption(),
    metavar="TIME",
    help="Of an archive: the last moment up to this time. Without an offset it is UTC.",
)
@click.option("--file", "file_id", metavar="ID", help="Of an archive: which file, if of several.")
@click.option("--list", "lists", is_flag=True, help="Show what an archive can bring back.")
@click.option(
    "--follow",
    "follows",
    is_flag=True,
    help="Of an archive: apply what comes into it until SIGINT or SIGTERM, then write the file.",
)
@click.option("--database", metavar="PATH", help="The file to write.")
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
    to_ms: int | None,
    file_id: str | None,
    lists: bool,
    follows: bool,
    database: str | None,
    replaces: bool,
    free_leases: bool,
    paused: bool,
    hold_webhooks: bool,
) -> None:
    """Bring a backup, or a moment of an archive, back as a database file, ready to be served.

    Without --replace the file must not exist. Exit code 1 when nothing was restored.
    """
    asks_for_archive = to_ms is not None or follows or lists or file_id is not None
    if to_ms is not None and follows:
        raise click.UsageError("--follow goes on to the newest moment: leave out --to")
    is_file = os.path.isfile(place)
    if is_file and (name is not None or place.endswith((PACKED_SUFFIX, MANIFEST_SUFFIX))):
        raise click.BadParameter(
            "of a backup give the folder, and its name with --backup", param_hint="--from"
        )
    if asks_for_archive and (is_file or name is not None):
        raise click.UsageError("--to, --file, --list and --follow are for the place of an archive")
    store = None if is_file else store_at(place)
    if lists and store is not None:
        with named_failures():
            list_moments(store, file_id)
        return
    if database is None:
        raise click.UsageError("--database says which file to write")
    if database == IN_MEMORY:
        raise click.BadParameter("a backup is restored as a file", param_hint="--database")
    path = os.path.realpath(database)
    preparing = Preparing(path, frees=free_leases, pauses=paused, holds=hold_webhooks)
    with named_failures():
        check_place(path)
        found = (
            []
            if store is None or name is not None
            else reaches(store, file_id, on_bad=say_passed_over)
        )
        if store is not None and (found or asks_for_archive):
            restore_from_archive(
                store,
                found,
                path,
                to_ms=to_ms,
                follows=follows,
                replaces=replaces,
                preparing=preparing,
            )
        else:
            _restore_whole(store, place, name, path, replaces=replaces, preparing=preparing)


def _restore_whole(
    store: Store | None,
    place: str,
    name: str | None,
    path: str,
    *,
    replaces: bool,
    preparing: Preparing,
) -> None:
    with Console(stderr=True).status("reading") as status:
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
            prepare=preparing.prepare,
            replaces=replaces,
            now_ms=SystemClock().now_ms(),
            on_stage=lambda stage: status.update(f"{stage} {told}"),
        )
    click.echo(f"restored  {told}")
    click.echo(f"checked   {checked}integrity and sums ok")
    preparing.say(done)
