"""Reads beside the writing thread: what they see, how long they may take, what they hold."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.errors import DatabaseError, RequestTimeout, Unavailable
from spooled_lite.storage import readers, waiting_reads
from spooled_lite.storage.database import Database
from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.transaction import Reading, Tx
from tests.storage.stage import (
    NOTES_AFTER,
    SECONDS_MAX,
    Note,
    a_database,
    add,
    notes,
    reasons,
    run,
    storage_error,
)

ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
ENDLESS_PAGE = Statement(Note, f"SELECT ({ENDLESS}) AS seq, :after AS text, :page")
INSERT = Value(int, "INSERT INTO notes (text) VALUES ('x') RETURNING seq")
FORBIDDEN = Statement(Note, "DELETE FROM notes RETURNING seq, text, :after, :page")
LONG = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)"
    " SELECT max(i) FROM n"
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def add_many(tx: Tx, count: int) -> None:
    for _ in range(count):
        tx.execute("INSERT INTO notes (text) VALUES (NULL)")


def value(reading: Reading, statement: str) -> Any:
    return reading.value(Value(int, statement))


def truncated(db: Database) -> bool:
    """Whether nobody is in the way of emptying the log. Only while nothing is written."""
    busy = db.writer._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()[0][0]
    return bool(busy == 0)


class Held:
    """A short read that stops half way."""

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()

    def __call__(self, reading: Reading) -> list[list[str]]:
        before = notes(reading)
        self.entered.set()
        assert self.go_on.wait(SECONDS_MAX)
        return [before, notes(reading)]


def test_a_read_cannot_write(path: Path) -> None:
    def write(reading: Reading) -> None:
        reading.values(INSERT)

    async def main() -> None:
        async with a_database(path) as db:
            for attempt in (db.readers.read(write), db.readers.point(write)):
                with pytest.raises(Unavailable) as refused:
                    await attempt
                assert refused.value.reason == "read_only"
            with pytest.raises(Unavailable):
                async for _ in db.readers.pages(FORBIDDEN, {}):
                    pass
            assert await db.readers.read(notes) == []

    run(main())


def test_a_short_read_sees_one_state_while_writes_go_on(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add, "one")
            held = Held()
            reading = asyncio.create_task(db.readers.read(held))
            assert await asyncio.to_thread(held.entered.wait, SECONDS_MAX)
            await db.write(add, "two")
            held.go_on.set()

            assert await reading == [["one"], ["one"]]
            assert await db.readers.read(notes) == ["one", "two"]

    run(main())


def test_who_reads_after_a_write_was_answered_sees_it(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            for number in range(20):
                await db.write(add, str(number))
                assert len(await db.readers.read(notes)) == number + 1
                assert len(await db.readers.point(notes)) == number + 1

    run(main())


def test_a_read_that_takes_too_long_is_ended_and_the_next_ones_work(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            for _ in range(waiting_reads.THREADS + 1):
                with pytest.raises(RequestTimeout):
                    await db.readers.read_within(0.02, value, ENDLESS)
            assert await db.readers.read(notes) == []
            assert truncated(db)

    run(main())


def test_a_read_whose_time_is_over_still_ends_its_transaction(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "STEPS_BETWEEN_LOOKS", 1)
    over = False
    monkeypatch.setattr(readers.Readers, "_is_over", lambda self, until: over)

    def read(reading: Reading) -> list[str]:
        nonlocal over
        found = notes(reading)
        over = True
        return found

    async def main() -> None:
        nonlocal over
        async with a_database(path) as db:
            for _ in range(waiting_reads.THREADS + 1):
                over = False
                assert await db.readers.read(read) == []
            assert truncated(db)

    run(main())


def test_the_wait_in_line_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_reads, "WAIT_SECONDS_MAX", 0.01)

    async def main() -> None:
        async with a_database(path) as db:
            held = [Held() for _ in range(waiting_reads.THREADS)]
            tasks = [asyncio.create_task(db.readers.read(each)) for each in held]
            for each in held:
                assert await asyncio.to_thread(each.entered.wait, SECONDS_MAX)

            with pytest.raises(Unavailable) as refused:
                await db.readers.read(notes)

            assert refused.value.reason == "overloaded"
            for each in held:
                each.go_on.set()
            await asyncio.gather(*tasks)

    run(main())


def test_the_wait_in_line_is_not_taken_from_the_time_of_a_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[float] = []
    plain = readers.Readers._is_over

    def noting(self: readers.Readers, until: float) -> bool:
        ends.append(until)
        return plain(self, until)

    monkeypatch.setattr(readers.Readers, "_is_over", noting)

    async def main() -> None:
        async with a_database(path) as db:
            held = [Held() for _ in range(waiting_reads.THREADS)]
            tasks = [asyncio.create_task(db.readers.read(each)) for each in held]
            for each in held:
                assert await asyncio.to_thread(each.entered.wait, SECONDS_MAX)
            late = asyncio.create_task(db.readers.read_within(9.0, value, LONG))
            await asyncio.sleep(0)
            ends.clear()
            released_at = time.monotonic()
            for each in held:
                each.go_on.set()
            await asyncio.gather(*tasks)

            assert await late == 1_000_000
            assert min(ends) >= released_at + 9.0

    run(main())


class Slow:
    """A read that runs until it is let go, and is seen by what looks at the clock."""

    def __init__(self) -> None:
        self.begun = self.runs = 0
        self.go_on = threading.Event()

    def __call__(self, reading: Reading) -> str:
        self.begun += 1
        self.runs += 1
        try:
            while not self.go_on.is_set():
                value(reading, LONG)
        finally:
            self.runs -= 1
        return "read"


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SECONDS_MAX):
        while not condition():  # noqa: ASYNC110  # threads announce themselves to nobody here
            await asyncio.sleep(0.005)


def test_slow_reads_never_take_every_thread(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            slow = [Slow() for _ in range(12)]
            tasks = [
                asyncio.create_task(db.readers.of(owner).read(each))
                for owner in (1, 2, 3)
                for each in slow[owner * 4 - 4 : owner * 4]
            ]
            await until(lambda: all(each.begun for each in slow))

            # Each has had its try, and all that may run as slow ones do.
            await until(lambda: sum(each.runs for each in slow) == waiting_reads.SLOW_MAX)
            for _ in range(5):
                assert await db.readers.of(1).read(notes) == []

            for each in slow:
                each.go_on.set()
            assert set(await asyncio.gather(*tasks)) == {"read"}

    run(main())


def test_slow_reads_of_one_organization_leave_room_for_a_slow_one_of_another(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            flood = [Slow() for _ in range(16)]
            tasks = [asyncio.create_task(db.readers.of(1).read(each)) for each in flood]
            await until(lambda: all(each.begun for each in flood))
            await until(lambda: sum(each.runs for each in flood) == waiting_reads.SLOW_OF_ONE_MAX)

            other = await db.readers.of(2).read(value, LONG)

            assert other == 1_000_000
            for each in flood:
                each.go_on.set()
            await asyncio.gather(*tasks)

    run(main())


def test_quick_reads_are_served_in_turns_by_organization(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "THREADS", 1)  # of several, one may be held up with its read
    order: list[str] = []

    def read(_: Reading, who: str) -> None:
        order.append(who)

    async def main() -> None:
        async with a_database(path) as db:
            held = Held()
            task = asyncio.create_task(db.readers.read(held))
            assert await asyncio.to_thread(held.entered.wait, SECONDS_MAX)
            many = [asyncio.create_task(db.readers.of(1).read(read, "many")) for _ in range(100)]
            one = asyncio.create_task(db.readers.of(2).read(read, "one"))
            await asyncio.sleep(0)
            held.go_on.set()
            await asyncio.gather(task, *many, one)

            assert order.index("one") <= 1

    run(main())


def test_one_organization_cannot_fill_the_line_of_reads(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_reads, "WAITING_OF_ONE_MAX", 1)

    async def main() -> None:
        async with a_database(path) as db:
            held = Held()
            task = asyncio.create_task(db.readers.of(1).read(held))
            await asyncio.sleep(0)
            with pytest.raises(Unavailable):
                await db.readers.of(1).read(notes)
            assert await db.readers.of(2).read(notes) == []
            held.go_on.set()
            await task
            assert await db.readers.of(1).read(notes) == []

    run(main())


def test_a_caller_that_leaves_takes_its_read_out_of_the_line(path: Path) -> None:
    ran: list[str] = []

    async def main() -> None:
        async with a_database(path) as db:
            held = [Held() for _ in range(waiting_reads.THREADS)]
            tasks = [asyncio.create_task(db.readers.read(each)) for each in held]
            for each in held:
                assert await asyncio.to_thread(each.entered.wait, SECONDS_MAX)
            gone = asyncio.create_task(db.readers.read(lambda _: ran.append("gone")))
            await asyncio.sleep(0)
            gone.cancel()
            await asyncio.wait([gone])
            for each in held:
                each.go_on.set()
            await asyncio.gather(*tasks)
            await db.readers.read(notes)

    run(main())

    assert ran == []


def test_too_many_waiting_reads_are_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_reads, "WAITING_MAX", 2)

    async def main() -> None:
        async with a_database(path) as db:
            held = [Held(), Held()]
            tasks = [asyncio.create_task(db.readers.read(each)) for each in held]
            await asyncio.sleep(0)
            with pytest.raises(Unavailable) as refused:
                await db.readers.read(notes)
            assert refused.value.reason == "overloaded"
            for each in held:
                each.go_on.set()
            await asyncio.gather(*tasks)
            assert await db.readers.read(notes) == []

    run(main())


def test_an_sql_error_in_a_read_tells_the_log_and_not_the_caller(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            for attempt in (
                db.readers.read(value, "SELECT secret"),
                db.readers.point(value, "SELECT secret"),
            ):
                with pytest.raises(DatabaseError) as refused:
                    await attempt
                assert "secret" not in str(refused.value)

    run(main())

    assert "no such column: secret" in caplog.text


def test_a_point_read_runs_on_the_loops_thread(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            here = threading.current_thread().name
            assert await db.readers.point(lambda _: threading.current_thread().name) == here
            assert await db.readers.read(lambda _: threading.current_thread().name) != here

    run(main())


def test_a_point_read_falls_back_to_a_thread_when_the_file_is_busy(path: Path) -> None:
    def busy_here(reading: Reading) -> str:
        if threading.current_thread() is threading.main_thread():
            raise storage_error(sqlite3.SQLITE_BUSY)
        return "from a thread"

    async def main() -> None:
        async with a_database(path) as db:
            assert await db.readers.point(busy_here) == "from a thread"

    run(main())


def test_a_point_read_that_is_none_does_not_hold_up_the_loop(path: Path) -> None:
    ran: list[str] = []

    def read(reading: Reading) -> int:
        ran.append(threading.current_thread().name)
        found: int = value(reading, LONG)
        return found

    async def main() -> None:
        async with a_database(path) as db:
            assert await db.readers.point(read) == 1_000_000

    run(main())

    # On a thread it may be run again, for a moment without readers.
    here, *elsewhere = ran
    assert here == threading.current_thread().name
    assert elsewhere
    assert here not in elsewhere


def test_pages_show_every_row_once_and_hold_nothing_between_them(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add_many, 1_234)
            seen: list[int] = []
            sizes: list[int] = []
            async for page in db.readers.pages(NOTES_AFTER, {}):
                sizes.append(len(page))
                seen += [row["seq"] for row in page]
                if len(sizes) == 1:
                    await db.write(add_many, 10)
                    assert truncated(db)

            assert seen == list(range(1, 1_245))
            assert sizes == [500, 500, 244]

    run(main())


def test_a_page_that_takes_too_long_is_ended(path: Path) -> None:
    async def main() -> None:
        async with a_database(path) as db:
            with pytest.raises(RequestTimeout):
                async for _ in db.readers.pages(ENDLESS_PAGE, {}):
                    pass

    run(main())


def test_too_many_long_reads_at_a_time_are_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "PAGED_MAX", 1)

    async def main() -> None:
        async with a_database(path) as db:
            await db.write(add_many, 1)
            first = db.readers.pages(NOTES_AFTER, {})
            await anext(first)
            with pytest.raises(Unavailable) as refused:
                await anext(db.readers.pages(NOTES_AFTER, {}))
            assert refused.value.reason == "overloaded"
            await first.aclose()  # type: ignore[attr-defined]
            assert len(await anext(db.readers.pages(NOTES_AFTER, {}))) == 1

    run(main())


def test_closing_ends_reads_that_still_run_and_refuses_those_in_line(path: Path) -> None:
    entered = threading.Event()

    def read(reading: Reading) -> int:
        entered.set()
        found: int = value(reading, ENDLESS)
        return found

    async def main() -> None:
        async with a_database(path) as db:
            running = [
                asyncio.create_task(db.readers.read(read)) for _ in range(waiting_reads.THREADS + 2)
            ]
            assert await asyncio.to_thread(entered.wait, SECONDS_MAX)
            await asyncio.to_thread(db.close)
            results = await asyncio.gather(*running, return_exceptions=True)
            assert set(reasons(results)) == {"shutting_down"}
            assert not path.with_name(path.name + "-wal").exists()

    run(main())
