"""The part of `spooled-lite restore` that is about archives."""

import signal
import threading
from collections.abc import Callable
from typing import Final

import click
from rich.console import Console
from rich.table import Table

from spooled_lite.archive.chain import Base
from spooled_lite.archive.follow import ChainEnded, windows_as_they_come
from spooled_lite.archive.reach import (
    OutOfReach,
    Reach,
    file_in,
    reaches,
    way_to,
    ways_to,
    window_at,
    windows_after,
)
from spooled_lite.archive.restore import RestoredMoment, Way, restore_moment
from spooled_lite.archive.window import BadWindow, WindowHead
from spooled_lite.backups.packing import NotWhole
from spooled_lite.backups.restore import RestoreFailed
from spooled_lite.backups.shelf import NoBackup
from spooled_lite.cli.backup import MIB
from spooled_lite.cli.preparing import Preparing
from spooled_lite.clock import SystemClock
from spooled_lite.outbound.stores import NotStored, Store, StoreTrouble
from spooled_lite.times import format_ms

FOLLOW_SECONDS: Final = 5.0  # between two looks for the next window
MISSING_SHOWN_MAX: Final = 3  # windows


def list_moments(store: Store, file_id: str | None) -> None:
    """Show which moments each chain can bring back. Raises StoreTrouble."""
    found = reaches(store, file_id, on_bad=say_passed_over)
    if not found:
        raise OutOfReach(f"{store.where}: no archive has a base here")
    table = Table(box=None, pad_edge=False)
    for title in ("FILE", "CHAIN", "FROM", "TO", "BASES", "WINDOWS", "SIZE", "MISSING"):
        table.add_column(title, no_wrap=True)
    for each in found:
        newest = _newest(store, each)
        missing = each.missing(MISSING_SHOWN_MAX)
        table.add_row(
            each.name.file_id,
            str(each.name.chain),
            format_ms(each.bases[0].at_ms),
            f"window {each.newest:,} is bad"
            if isinstance(newest, str)
            else format_ms(newest.to_ms),
            str(len(each.bases)),
            f"{len(each.numbers):,}",
            f"{-(-each.bytes // MIB)} MiB",
            ", ".join(map(str, missing)) or "-",
        )
    Console(width=200, highlight=False).print(table)


def restore_from_archive(
    store: Store,
    found: list[Reach],
    path: str,
    *,
    to_ms: int | None,
    follows: bool,
    replaces: bool,
    preparing: Preparing,
) -> None:
    """Write a moment to `path` and say what it is. Raises: as `restore_moment`."""
    file_id = file_in(found, store)
    with Console(stderr=True).status("reading") as status:

        def restored(way: Way) -> RestoredMoment:
            return restore_moment(
                store,
                way,
                path,
                prepare=preparing.prepare,
                replaces=replaces,
                now_ms=SystemClock().now_ms(),
                on_stage=lambda stage: status.update(f"{stage} {way.base.backup}"),
            )

        if follows:
            done, way = _followed(store, file_id, restored, status.update)
        else:
            done, way = _by_some_base(store, ways_to(found, to_ms), to_ms, restored)
    click.echo(f"base      {way.base.backup}, the moment {format_ms(way.base.at_ms)}")
    early = ""
    if to_ms is not None:
        early = f", {(to_ms - done.at_ms) / 1000:.1f} s before the time asked for"
    click.echo(
        f"windows   {done.windows:,} to number {done.number:,} of chain {way.reach.name.chain}:"
        f" the moment {format_ms(done.at_ms)}{early}"
    )
    click.echo("checked   integrity and sums ok")
    if not follows:
        click.echo(f"not in it {_said_of_rest(store, found, way, done)}")
    preparing.say(done.file)


def say_passed_over(error: Exception) -> None:
    """A base is spoiled: the one before it leads to the same moment, with more windows."""
    click.echo(f"passed over {error}", err=True)


def _by_some_base(
    store: Store,
    ways: list[tuple[Reach, Base]],
    to_ms: int | None,
    restored: Callable[[Way], RestoredMoment],
) -> tuple[RestoredMoment, Way]:
    """By the first way whose base is whole. Raises: as `restore_moment` for the last one."""
    for reach, base in ways[:-1]:
        way = Way(reach, base, windows_after(store, reach, base, to_ms))
        try:
            return restored(way), way
        except NoBackup as error:
            say_passed_over(error)
        except RestoreFailed as error:
            if not isinstance(error.__cause__, NotWhole | NotStored):
                raise
            say_passed_over(error)
    reach, base = ways[-1]
    way = Way(reach, base, windows_after(store, reach, base, to_ms))
    return restored(way), way


def _followed(
    store: Store,
    file_id: str,
    restored: Callable[[Way], RestoredMoment],
    say: Callable[[str], None],
) -> tuple[RestoredMoment, Way]:
    """Follow the newest chain, and the one after it, until a signal comes."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    def pause(trouble: StoreTrouble | None) -> bool:
        say("waiting for the next window" if trouble is None else f"trying again: {trouble}")
        return not stop.wait(FOLLOW_SECONDS)

    while True:
        reach, base = way_to(reaches(store, file_id), None)
        way = Way(reach, base, windows_as_they_come(store, reach, base, pause=pause))
        try:
            return restored(way), way
        except ChainEnded:
            say("the server has begun a new chain")


def _said_of_rest(store: Store, found: list[Reach], way: Way, done: RestoredMoment) -> str:
    """What happened after the moment, as far as the archive knows."""
    created, settled, end_ms = -done.created, -done.settled, done.at_ms
    for each in found:
        if each.name.file_id == way.reach.name.file_id and each.name >= way.reach.name:
            newest = _newest(store, each)
            if isinstance(newest, str):
                return f"what came later cannot be told: {newest}"
            created, settled = created + newest.created, settled + newest.settled
            end_ms = max(end_ms, newest.to_ms)
    if end_ms == done.at_ms:
        return "what the server has done since the last window"
    return (
        f"{created:,} jobs were created and {settled:,} completed or became dead letters until the"
        f" end of the archive ({format_ms(end_ms)})"
    )


def _newest(store: Store, reach: Reach) -> WindowHead | str:
    """The newest window of a chain; a text: it cannot be read, and why."""
    base = reach.bases[-1]
    if base.number >= reach.newest:
        return WindowHead(
            program="",
            file_id=base.file_id,
            chain=base.chain,
            number=base.number,
            before="",
            from_ms=base.at_ms,
            to_ms=base.at_ms,
            size_pages=0,
            pages=0,
            created=base.created,
            settled=base.settled,
        )
    try:
        return window_at(store, reach.name, reach.newest).head
    except BadWindow as error:
        return str(error)
