"""An archive under load, with kills: each window has all that was acknowledged before it."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from msgspec import Struct

from spooled_lite.archive.reach import Reach, reaches, way_to, window_at, windows_after
from spooled_lite.archive.restore import Way, restore_moment
from spooled_lite.outbound.stores import Folder
from tests.crash.books import Book, Passing, book_of, complaints_about
from tests.crash.ledger import Ledger
from tests.crash.load import all_clients, let_loose
from tests.server_process import ServerProcess

LOOK_SECONDS: Final = 0.1  # between two entries in the books
CLOCKS_APART_MS: Final = 100  # at most: the server's clock follows that of the machine slowly
BASED_SECONDS_MAX: Final = 60.0


class Entry(Struct):
    """What was known at a moment."""

    at_ms: int
    book: Book


@pytest.mark.slow
def test_windows_under_load_have_what_was_acknowledged_before_them(tmp_path: Path) -> None:
    asyncio.run(a_series(tmp_path, rounds=2, seconds=1.2))


@pytest.mark.long
def test_every_window_of_a_long_series_of_kills_has_what_was_acknowledged(tmp_path: Path) -> None:
    asyncio.run(a_series(tmp_path, rounds=8, seconds=6))


async def a_series(tmp_path: Path, *, rounds: int, seconds: float) -> None:
    """Load in rounds that end with a kill, the last one with a stop; then each window restored."""
    to = tmp_path / "to"
    to.mkdir()
    ledger, passing, entries = Ledger(), Passing(), list[Entry]()
    settings = {"archive_to": str(to), "archive_seconds": "1"}
    with ServerProcess(tmp_path, **settings) as server:
        for number in range(rounds):
            began_at_ms = time.time_ns() // 1_000_000
            await asyncio.to_thread(server.start)
            is_last = number == rounds - 1
            until = time.monotonic() + seconds

            async def end(
                until: float = until, is_last: bool = is_last, began_at_ms: int = began_at_ms
            ) -> None:
                # A chain that begins anew after a kill has its base later than it goes on.
                gives_up_at = until + BASED_SECONDS_MAX
                while time.monotonic() < until or (
                    not has_moment_since(to, began_at_ms) and time.monotonic() < gives_up_at
                ):
                    entries.append(Entry(time.time_ns() // 1_000_000, book_of(ledger, passing)))
                    await asyncio.sleep(LOOK_SECONDS)
                if is_last:
                    server.terminate()
                else:
                    server.kill()

            async with asyncio.TaskGroup() as group:
                group.create_task(passing.run(server.url))
                clients = all_clients(ledger, f"archive.{number}")
                await let_loose(clients, server.url, end)
        assert await asyncio.to_thread(server.wait) == 0, server.log
        entries.append(Entry(time.time_ns() // 1_000_000, book_of(ledger, passing)))
        log = server.log

    assert ledger.complaints == []
    found = reaches(Folder(str(to)))
    moments = [moment for reach in found for moment in moments_of(to, reach)]
    assert len(moments) >= rounds, log
    for at_ms in moments:
        assert complaints_at(tmp_path, found, at_ms, entries) == []
    assert rows_of(tmp_path / "spooled.db") == rows_of(restored(tmp_path, found, None))
    assert entries[-1].book.completed
    assert entries[-1].book.queues_deleted


def has_moment_since(to: Path, at_ms: int) -> bool:
    return any(
        moment > at_ms for reach in reaches(Folder(str(to))) for moment in moments_of(to, reach)
    )


def moments_of(to: Path, reach: Reach) -> list[int]:
    """When each base was made, and each window after the first one ended."""
    store = Folder(str(to))
    heads = [window_at(store, reach.name, number).head for number in reach.numbers]
    return [
        *(base.at_ms for base in reach.bases),
        *(head.to_ms for head in heads if head.number > reach.bases[0].number),
    ]


def complaints_at(
    tmp_path: Path, found: list[Reach], at_ms: int, entries: list[Entry]
) -> list[str]:
    """A look at the moment that is restored for a time."""
    before = [each.book for each in entries if each.at_ms <= at_ms - CLOCKS_APART_MS]
    after = [each.book for each in entries if each.at_ms >= at_ms + CLOCKS_APART_MS]
    path = restored(tmp_path, found, at_ms)
    complaints = complaints_about(
        path, before[-1] if before else NOTHING, after[0] if after else entries[-1].book
    )
    path.unlink()
    return [f"{at_ms}, {what}: {sorted(which)[:5]}" for what, which in complaints.items() if which]


NOTHING: Final = Book(set(), set(), set(), set(), set())


def restored(tmp_path: Path, found: list[Reach], to_ms: int | None) -> Path:
    store, path = Folder(str(tmp_path / "to")), tmp_path / "restored.db"
    reach, base = way_to(found, to_ms)
    way = Way(reach, base, windows_after(store, reach, base, to_ms))
    restore_moment(
        store,
        way,
        str(path),
        prepare=lambda partial: None,
        replaces=False,
        now_ms=time.time_ns() // 1_000_000,
    )
    return path


def rows_of(path: Path) -> list[str]:
    """All that it holds, as statements that would make it."""
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())
