"""`spooled-lite backups`: lists backups, checks them, deletes old ones."""

import sys

import click
import msgspec
from rich.console import Console
from rich.table import Table

from spooled_lite.backups.keep import Keep
from spooled_lite.backups.shelf import find, on_shelf, prune, verify
from spooled_lite.cli.backup import MIB
from spooled_lite.cli.stores import PLACE_HELP, named_failures, store_at
from spooled_lite.cli.suggesting import SuggestingGroup
from spooled_lite.clock import SystemClock

from_option = click.option("--from", "place", required=True, metavar="PLACE", help=PLACE_HELP)


@click.group(cls=SuggestingGroup)
def backups() -> None:
    """List, check and delete backups."""


@backups.command("list")
@from_option
@click.option("--json", "as_json", is_flag=True, help="Print the manifests as JSON, a line each.")
def list_backups(place: str, as_json: bool) -> None:
    """List the backups in a place, the newest first.

    Exit code 1 when one of them cannot be used.
    """
    store = store_at(place)
    with named_failures():
        shelf = on_shelf(store)
    newest_first = shelf.manifests[::-1]
    if as_json:
        for each in newest_first:
            click.echo(msgspec.json.encode(each))
    elif newest_first:
        table = Table(box=None, pad_edge=False)
        for title in ("MADE", "AGE", "SIZE", "PACKED", "ROWS", "FILE", "NAME"):
            table.add_column(title, no_wrap=True)
        now_ms = SystemClock().now_ms()
        for each in newest_first:
            table.add_row(
                each.made_at.partition(".")[0] + "Z",
                age_of(now_ms - each.made_at_ms),
                f"{-(-each.bytes // MIB)} MiB",
                f"{-(-each.packed_bytes // MIB)} MiB",
                f"{sum(each.rows.values()):,}",
                each.file_id[:8],
                each.name,
            )
        Console(width=200, highlight=False).print(table)
    else:
        click.echo(f"{store.where}: there is no backup here")
    for problem in shelf.problems:
        click.echo(problem, err=True)
    sys.exit(1 if shelf.problems else 0)


@backups.command("verify")
@from_option
@click.argument("name", required=False)
@click.option("--all", "every", is_flag=True, help="Check all of them instead of the newest.")
def verify_backups(place: str, name: str | None, every: bool) -> None:
    """Unpack a backup, the newest or the one of this NAME, and look at all of it.

    Exit code 1 when it is not whole.
    """
    store = store_at(place)
    console = Console(stderr=True)
    is_well = True
    with named_failures():
        shelf = on_shelf(store)
        chosen = shelf.manifests if every else [find(store, name)]
        for each in chosen:
            with console.status(f"checking {each.name}"):
                found = verify(store, each, SystemClock().now_ms())
            is_well = is_well and not found
            for problem in found:
                click.echo(problem)
            click.echo(f"{each.name}: {'is not whole' if found else 'ok'}")
    if every:
        for problem in shelf.problems:
            click.echo(problem)
    sys.exit(0 if is_well and not (every and shelf.problems) else 1)


@backups.command("prune")
@from_option
@click.option(
    "--keep",
    "kept",
    required=True,
    metavar="TERMS",
    help="What to keep, such as '7d 4w 6m': the newest of each of 7 days, 4 weeks and 6 months.",
)
@click.option("--file", "file_id", metavar="ID", help="Of which database file, if of several.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune_backups(place: str, kept: str, file_id: str | None, yes: bool) -> None:
    """Delete backups that need not be kept. The newest always stays."""
    store = store_at(place)
    try:
        keep = Keep.parsed(kept)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--keep") from None
    with named_failures():
        files = sorted({each.file_id for each in on_shelf(store).manifests})
        chosen = [each for each in files if file_id is None or each.startswith(file_id)]
        if len(chosen) > 1:
            raise click.UsageError(
                f"{store.where} has backups of several files: choose one with --file"
                f" ({', '.join(each[:8] for each in chosen)})"
            )
        if not chosen:
            raise click.ClickException(f"{store.where}: there is no such backup here")
        if not yes:
            click.confirm(f"Delete all but {kept} in {store.where}?", abort=True)
        gone = prune(store, keep, file_id=chosen[0], now_ms=SystemClock().now_ms())
    for each in gone:
        click.echo(f"deleted {each.name}")
    click.echo(f"{len(gone)} deleted")


def age_of(ms: int) -> str:
    """Such as `3 d`, `5 h` or `12 min`."""
    minutes = max(0, ms) // 60_000
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"
