"""The loop that fires slots: by deadline, in passes, past whatever goes wrong with one of them."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.app import hooks
from spooled_lite.background import scheduler as scheduler_module
from spooled_lite.background.deadlines import Deadlines
from spooled_lite.background.scheduler import PASS_JOBS_MAX, STUCK_MS, Scheduler, in_passes
from spooled_lite.background.supervisor import AsyncLoop, run_loops
from spooled_lite.clock import ManualClock
from spooled_lite.core.jobs.passes import PASS_BYTES_MAX, Pass
from spooled_lite.core.orgs.create import create as create_org
from spooled_lite.core.schedules.define import create
from spooled_lite.core.schedules.fire import Fired, fire
from spooled_lite.core.schedules.missed import Firing
from spooled_lite.errors import Unavailable
from spooled_lite.events import Deadline, Event, EventBus
from spooled_lite.storage.database import Database
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading, Tx
from tests.core.schedules.schedule_stage import OPEN_TERMS, a_schedule
from tests.core.stage import OPEN
from tests.factories import an_org
from tests.storage.stage import NOON_MS, a_database, lined_up, run

SLOT_MS = NOON_MS + 1_000
NO_LIMIT_BYTES = 1 << 62  # more than any disk has free


@asynccontextmanager
async def firing(
    path: Path, *, schedules: int = 1, **options: Any
) -> AsyncIterator[tuple[Database, ManualClock, Deadlines]]:
    """A database with schedules that are due a second after noon."""
    clock = ManualClock(NOON_MS)
    deadlines = Deadlines(clock)
    async with a_database(
        path, table=False, clock=clock, hooks=hooks(), on_due=deadlines.announce, **options
    ) as database:
        org = (await database.write(create_org, an_org()))["seq"]
        for number in range(schedules):
            new = a_schedule(name=str(number), cron_expression="* * * * *")
            # Also where the disk is to be too full for a create.
            await lined_up(database, create, (org, new, SLOT_MS, OPEN))
        yield database, clock, deadlines


JOBS: Final = Value(int, "SELECT count(*) FROM jobs")
RUNS_WITH_STATUS: Final = Value(int, "SELECT count(*) FROM schedule_runs WHERE status = :status")
REASONS: Final = Value(str, "SELECT error_message FROM schedule_runs")
NAME: Final = Value(str, "SELECT name FROM schedules WHERE seq = :it")


def types(events: Sequence[Event]) -> set[str]:
    return {event.type for event in events}


def counts(tx: Reading) -> tuple[int, int, int]:
    """Jobs, and runs that are completed and failed."""
    jobs = tx.value(JOBS) or 0
    completed = tx.value(RUNS_WITH_STATUS, {"status": "completed"}) or 0
    failed = tx.value(RUNS_WITH_STATUS, {"status": "failed"}) or 0
    return jobs, completed, failed


def reasons(tx: Reading) -> set[str]:
    return set(tx.values(REASONS))


def fails_for(name: str) -> Callable[..., Fired]:
    """A bug that only this schedule brings out."""

    def fire_or_fail(
        tx: Tx, firings: Sequence[Firing], terms: Any, refusal: str | None = None
    ) -> Fired:
        done = fire(tx, firings, terms, refusal)
        names = {tx.value(NAME, {"it": each.schedule}) for each in firings}
        if name in names and refusal is None:
            raise ZeroDivisionError
        return done

    return fire_or_fail


def test_a_slot_fires_at_its_deadline_and_not_by_looking_again_and_again(tmp_path: Path) -> None:
    async def main() -> None:
        looked, fired, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()
        scheduler, rounds, bus = Scheduler(OPEN_TERMS), 0, EventBus()
        bus.listen(lambda events: fired.set() if "schedule.triggered" in types(events) else None)

        async def run_once(database: Database) -> Pass:
            nonlocal rounds
            rounds += 1
            done = await scheduler.run_once(database)
            looked.set()
            return done

        async with firing(tmp_path / "it.db", bus=bus) as (database, clock, deadlines):
            loop = AsyncLoop("fire-due", Deadline.SLOT, run_once)
            task = asyncio.create_task(run_loops(database, deadlines, [loop], stop))
            await looked.wait()
            clock.advance(seconds=1)
            await fired.wait()
            stop.set()
            deadlines.wake_all()
            await task

            # One look at the start, one that fires, one that finds when the next slot is.
            assert rounds <= 3
            assert await database.readers.read(counts) == (1, 1, 0)

    run(main())


def test_a_round_says_when_the_next_slot_is(tmp_path: Path) -> None:
    async def main() -> None:
        async with firing(tmp_path / "it.db") as (database, clock, _):
            scheduler = Scheduler(OPEN_TERMS)

            assert await scheduler.run_once(database) == Pass(0, SLOT_MS)
            clock.advance(seconds=1)
            assert await scheduler.run_once(database) == Pass(1, SLOT_MS)
            # The next full minute after the one that was due.
            assert await scheduler.run_once(database) == Pass(
                0, SLOT_MS // 60_000 * 60_000 + 60_000
            )
            assert await database.readers.read(counts) == (1, 1, 0)

    run(main())


def test_many_slots_fire_in_passes(tmp_path: Path) -> None:
    async def main() -> None:
        count = PASS_JOBS_MAX + 5
        async with firing(tmp_path / "it.db", schedules=count) as (database, clock, _):
            clock.advance(seconds=1)

            done = await Scheduler(OPEN_TERMS).run_once(database)

            assert done.done == count
            assert await database.readers.read(counts) == (count, count, 0)

    run(main())


def a_firing(size: int, size_bytes: int = 0) -> Firing:
    return Firing(
        schedule=size, was_next_run_at_ms=0, cron_expression="", timezone="", catch_up="all",
        slots=range(size), next_run_at_ms=None, size_bytes=size_bytes,
    )  # fmt: skip


def test_passes_are_as_large_as_their_jobs() -> None:
    half = PASS_JOBS_MAX // 2
    firings = [a_firing(size) for size in (half, half, 1, 0, PASS_JOBS_MAX - 2, 1)]

    passes = [[len(each.slots) for each in some] for some in in_passes(firings)]

    assert passes == [[half, half], [1, 0, PASS_JOBS_MAX - 2], [1]]
    assert list(in_passes([])) == []


def test_passes_make_four_mebibytes_of_jobs_and_at_least_one() -> None:
    quarter = PASS_BYTES_MAX // 4
    firings = [a_firing(1, quarter)] * 5 + [a_firing(2, PASS_BYTES_MAX)] * 2

    assert [len(some) for some in in_passes(firings)] == [4, 1, 1, 1]


def test_one_bad_schedule_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with firing(tmp_path / "it.db", schedules=4) as (database, clock, _):
            clock.advance(seconds=1)
            monkeypatch.setattr(scheduler_module, "fire", fails_for("2"))

            with caplog.at_level(logging.ERROR):
                done = await Scheduler(OPEN_TERMS).run_once(database)

            assert done.done == 4
            assert await database.readers.read(counts) == (3, 3, 1)
            assert await database.readers.read(reasons) == {None, "An internal error occurred"}

    run(main())
    assert any("could not fire" in record.message for record in caplog.records)


def test_what_cannot_even_move_on_is_not_tried_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always_fails(tx: Tx, *args: Any) -> int:
        raise ZeroDivisionError

    async def main() -> None:
        async with firing(tmp_path / "it.db") as (database, clock, _):
            clock.advance(seconds=1)
            monkeypatch.setattr(scheduler_module, "fire", always_fails)

            done = await Scheduler(OPEN_TERMS).run_once(database)

            assert done == Pass(0, SLOT_MS + STUCK_MS)
            assert await database.readers.read(counts) == (0, 0, 0)

    run(main())


def test_a_nearly_full_disk_leaves_failed_runs(tmp_path: Path) -> None:
    async def main() -> None:
        async with firing(tmp_path / "it.db", schedules=3, disk_reserve_bytes=NO_LIMIT_BYTES) as (
            database,
            clock,
            _,
        ):
            clock.advance(seconds=1)

            done = await Scheduler(OPEN_TERMS).run_once(database)

            assert done.done == 3
            assert await database.readers.read(counts) == (0, 0, 3)
            [reason] = await database.readers.read(reasons)
            assert "nearly full" in reason or "disk" in reason

    run(main())


def test_slots_wait_for_storage_that_fails(tmp_path: Path) -> None:
    path = tmp_path / "it.db"

    async def main() -> None:
        async with firing(path) as (database, clock, _):
            clock.advance(seconds=1)
            os.rename(path, tmp_path / "elsewhere.db")

            with pytest.raises(Unavailable):
                await Scheduler(OPEN_TERMS).run_once(database)

            os.rename(tmp_path / "elsewhere.db", path)
        async with a_database(path, table=False, clock=clock, hooks=hooks()) as again:
            assert (await Scheduler(OPEN_TERMS).run_once(again)).done == 1
            assert await again.readers.read(counts) == (1, 1, 0)

    run(main())
