"""Storage trouble, each kind provoked: who is told what, and what works again when."""

import asyncio
import logging
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.core.maintenance.statements import PAGES
from spooled_lite.errors import Unavailable
from spooled_lite.events import EventBus
from spooled_lite.storage import checkpoint, connection, recovery, writer
from spooled_lite.storage.database import Database
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.transaction import Reading, Tx
from spooled_lite.storage.writer import plain_commit
from spooled_lite.wire.waiting.claims import Waiting
from tests.storage.stage import (
    SECONDS_MAX,
    Commits,
    a_database,
    add,
    add_and_feed,
    claim,
    in_file,
    lined_up,
    notes,
    reasons,
    run,
    storage_error,
    together,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def limit_pages(tx: Tx, more: int) -> None:
    pages = tx.value(PAGES)
    assert pages is not None
    tx.execute(f"PRAGMA max_page_count = {pages + more}")


def add_large(tx: Tx) -> None:
    add(tx, "x" * 200_000)


def connection_of(reading: Reading) -> sqlite3.Connection:
    return reading._connection


async def until_ok(db: Database) -> None:
    """The writing thread recovers on its own; nobody has to write for it."""
    ticks = asyncio.Event()
    while db.writer.state != "ok":
        await asyncio.to_thread(ticks.is_set)


# -- the disk is full -------------------------------------------------------------------------


def test_a_full_disk_refuses_the_whole_batch_and_later_writes_work(path: Path) -> None:
    waiting = Waiting()

    async def main() -> None:
        async with a_database(path, waiting=waiting) as db:
            parked = claim(db)
            await db.write(limit_pages, 2)

            results = await together(
                db, (add_and_feed, ("one",)), (add_large, ()), (add, ("two",)), lane=Lane.SETTLE
            )

            assert reasons(results) == ["storage_full"] * 3
            assert db.writer._metrics.counted("spooled_storage_errors_total") == 1
            assert await db.readers.read(notes) == []
            assert not parked.taker.done()

            await db.write(limit_pages, 1_000)
            await db.write(add_and_feed, "room again")
            assert await parked.taker == ["room again"]
            assert db.writer.state == "ok"

    run(main())

    assert in_file(path) == []


def test_below_the_reserve_only_what_creates_is_refused(path: Path) -> None:
    async def main() -> None:
        async with a_database(path, disk_reserve_bytes=2**62) as db:
            created = lined_up(db, add, ("create",), lane=Lane.CREATE)
            others = [
                lined_up(db, add, (lane.name,), lane=lane)
                for lane in (Lane.REST, Lane.CLAIM, Lane.SETTLE)
            ]

            assert await asyncio.gather(*others) == ["REST", "CLAIM", "SETTLE"]
            with pytest.raises(Unavailable) as refused:
                await created
            assert refused.value.reason == "storage_full"

    run(main())

    assert in_file(path) == ["SETTLE", "CLAIM", "REST"]


# -- the commit fails -------------------------------------------------------------------------


def test_after_an_io_error_the_file_is_opened_again_and_everything_works(path: Path) -> None:
    commits = Commits()

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            await db.write(add, "before")
            assert await db.readers.read(notes) == ["before"]
            assert await db.readers.point(notes) == ["before"]
            before = [db.writer._connection, await db.readers.point(connection_of)]
            gone = asyncio.gather(db.write(add, "a"), db.write(add, "b"), return_exceptions=True)
            commits.errors.append(storage_error(sqlite3.SQLITE_IOERR))

            assert reasons(await gone) == ["storage_error"] * 2
            assert db.writer._metrics.counted("spooled_storage_errors_total") == 1

            await until_ok(db)
            after = [db.writer._connection, await db.readers.point(connection_of)]
            assert all(one is not other for one, other in zip(before, after, strict=True))
            assert await db.write(add, "after") == "after"
            assert await db.readers.read(notes) == ["before", "after"]
            assert await db.readers.point(notes) == ["before", "after"]

    run(main())

    assert in_file(path) == ["before", "after"]


def test_an_io_error_whose_outcome_is_a_commit_says_that_it_is_unknown(path: Path) -> None:
    def commit_and_fail(connection: sqlite3.Connection) -> None:
        plain_commit(connection)
        if armed.is_set():
            armed.clear()
            raise storage_error(sqlite3.SQLITE_IOERR)

    armed = threading.Event()

    async def main() -> str:
        async with a_database(path, commit=commit_and_fail) as db:
            armed.set()
            with pytest.raises(Unavailable) as failed:
                await db.write(add, "unknown")
            await db.write(add, "after")
            return failed.value.message

    message = run(main())

    assert "unknown" in message
    assert in_file(path) == ["unknown", "after"]


def test_listeners_hear_that_the_file_was_opened_again(path: Path) -> None:
    commits, bus = Commits(), EventBus()
    heard: list[str] = []
    bus.listen(lambda events: heard.extend(event.type for event in events))

    async def main() -> None:
        async with a_database(path, commit=commits, bus=bus) as db:
            commits.errors.append(storage_error(sqlite3.SQLITE_IOERR))
            with pytest.raises(Unavailable):
                await db.write(add, "unknown")

            await until_ok(db)
            await db.write(add, "after")

    run(main())

    assert heard == ["storage.reopened"]


def test_a_file_that_cannot_be_opened_again_yet_is_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = Commits()
    failures = [storage_error(sqlite3.SQLITE_CANTOPEN), storage_error(sqlite3.SQLITE_IOERR)]
    open_writer = connection.open_writer

    def fail_at_first(path: str, durability: Any) -> sqlite3.Connection:
        if failures:
            raise failures.pop()
        return open_writer(path, durability)

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            monkeypatch.setattr(recovery, "open_writer", fail_at_first)
            monkeypatch.setattr(recovery, "TROUBLE_PAUSE_SECONDS", 0.01)
            monkeypatch.setattr(checkpoint, "IDLE_SECONDS", 3_600.0)  # nothing else wakes it
            commits.errors.append(storage_error(sqlite3.SQLITE_IOERR))
            with pytest.raises(Unavailable):
                await db.write(add, "lost")
            await until_ok(db)
            await db.write(add, "after")

    run(main())

    assert failures == []
    assert in_file(path) == ["after"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (sqlite3.SQLITE_READONLY, "read_only"),
        (sqlite3.SQLITE_BUSY, "overloaded"),
        (sqlite3.SQLITE_FULL, "storage_full"),
    ],
)
def test_a_commit_that_was_refused_is_told_and_the_next_one_works(
    path: Path, code: int, reason: str
) -> None:
    commits = Commits()

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            commits.errors.append(storage_error(code))
            with pytest.raises(Unavailable) as refused:
                await db.write(add, "lost")
            assert refused.value.reason == reason
            await db.write(add, "after")
            assert db.writer.state == "ok"

    run(main())

    assert in_file(path) == ["after"]


def test_a_file_that_cannot_be_written_is_read_only(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            db.writer._connection.execute("PRAGMA query_only = 1")
            results = await asyncio.gather(
                db.write(add, "one"), db.write(add, "two"), return_exceptions=True
            )
            assert reasons(results) == ["read_only"] * 2
            db.writer._connection.execute("PRAGMA query_only = 0")
            await db.write(add, "after")

    run(main())

    assert in_file(path) == ["after"]


# -- the file is damaged ----------------------------------------------------------------------


def assert_stopped_for_damage(error: Unavailable, caplog: pytest.LogCaptureFixture) -> None:
    assert error.reason == "storage_error"
    assert "a backup is restored" in error.message
    assert any(
        "restore" in record.message
        for record in caplog.records
        if record.levelno == logging.CRITICAL
    )


def test_a_corrupt_page_stops_writing_and_asks_for_a_backup(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def fill() -> None:
        async with a_database(path) as db:
            for number in range(200):
                await db.write(add, f"{number} " + "x" * 1_000)

    run(fill())
    page_bytes = 4096
    with path.open("r+b") as file:
        pages = path.stat().st_size // page_bytes
        for page in range(pages // 2, pages):
            file.seek(page * page_bytes)
            file.write(b"\xde\xad" * (page_bytes // 2))

    async def main() -> None:
        async with a_database(path, table=False) as db:
            with pytest.raises(Unavailable) as first:
                await db.write(lambda tx: tx.execute("UPDATE notes SET text = text || 'y'"))
            assert first.value.reason == "storage_error"
            assert db.writer.state == "failed"
            with pytest.raises(Unavailable) as later:
                await db.write(add, "never")
            assert_stopped_for_damage(later.value, caplog)
            assert db.writer.state == "failed"

    run(main())


@pytest.mark.parametrize("raises", [False, True])
def test_damage_found_when_the_file_is_opened_again_stops_writing(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    raises: bool,
) -> None:
    class Damaged(sqlite3.Connection):
        def execute(self, statement: str, *params: Any) -> sqlite3.Cursor:
            if "quick_check" not in statement:
                return super().execute(statement, *params)
            if raises:
                raise storage_error(sqlite3.SQLITE_CORRUPT, sqlite3.DatabaseError)
            return super().execute("SELECT 'page 7 is wrong'")

    commits = Commits()

    async def main() -> None:
        async with a_database(path, commit=commits) as db:
            monkeypatch.setattr(
                recovery,
                "open_writer",
                lambda path, durability: sqlite3.connect(
                    path, factory=Damaged, check_same_thread=False, isolation_level=None
                ),
            )
            commits.errors.append(storage_error(sqlite3.SQLITE_IOERR))
            with pytest.raises(Unavailable):
                await db.write(add, "lost")
            with pytest.raises(Unavailable) as later:
                await db.write(add, "never")
            assert_stopped_for_damage(later.value, caplog)

    run(main())


# -- health -----------------------------------------------------------------------------------


def test_a_writer_that_is_held_up_is_stalled(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "STALLED_SECONDS", 0.0)
    entered, go_on = threading.Event(), threading.Event()

    def hold(tx: Tx) -> None:
        entered.set()
        assert go_on.wait(SECONDS_MAX)

    async def main() -> None:
        async with a_database(path) as db:
            held = asyncio.create_task(db.write(hold))
            assert await asyncio.to_thread(entered.wait, SECONDS_MAX)
            assert db.writer.state == "stalled"
            go_on.set()
            await held
            await until_ok(db)

    run(main())
