import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from spooled_lite.app import hooks
from spooled_lite.background import supervisor
from spooled_lite.background.deadlines import Deadlines
from spooled_lite.background.loops import loops
from spooled_lite.background.supervisor import Loop, run_loops
from spooled_lite.clock import ManualClock
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.maintenance.prune import Retention
from spooled_lite.core.maintenance.safety import SafetySweep
from spooled_lite.core.orgs.create import create
from spooled_lite.errors import Conflict
from spooled_lite.events import Deadline, Event, EventBus
from spooled_lite.storage.database import Database
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading, Tx
from tests.core.stage import OPEN
from tests.factories import a_job, an_org
from tests.storage.stage import NOON_MS, SECONDS_MAX, a_database, run


class Work:
    """A loop's operation that counts its passes and says what it was told to say."""

    def __init__(self, again: Callable[[Tx], int | None] = lambda tx: None) -> None:
        self.passes = 0
        self.errors: list[Exception] = []
        self._again = again
        self._passed = threading.Condition()

    def __call__(self, tx: Tx) -> Pass:
        with self._passed:
            self.passes += 1
            self._passed.notify_all()
        if self.errors:
            raise self.errors.pop(0)
        return Pass(1, self._again(tx))

    async def reaches(self, passes: int) -> None:
        def wait() -> bool:
            with self._passed:
                return self._passed.wait_for(lambda: self.passes >= passes, SECONDS_MAX)

        assert await asyncio.to_thread(wait)


class Loops:
    """Loops that run over a database, with a clock that is moved by hand."""

    def __init__(
        self, database: Database, clock: ManualClock, deadlines: Deadlines, bus: EventBus
    ) -> None:
        self.database = database
        self.bus = bus
        self.clock = clock
        self.deadlines = deadlines
        self.stop = asyncio.Event()
        self.task: asyncio.Task[None] | None = None

    def begin(self, *table: Loop) -> None:
        self.task = asyncio.create_task(
            run_loops(self.database, self.deadlines, table, self.stop), name="loops"
        )

    async def end(self) -> None:
        self.stop.set()
        self.deadlines.wake_all()
        if self.task is not None:
            await self.task

    async def come_to_rest(self) -> None:
        """Two writes later every pass that was due has been answered and has had its turn."""
        for _ in range(3):
            await self.database.write(lambda tx: None)
            await asyncio.sleep(0)


@asynccontextmanager
async def running(path: Path, *table: Loop) -> AsyncIterator[Loops]:
    clock = ManualClock(NOON_MS)
    deadlines, bus = Deadlines(clock), EventBus()
    async with a_database(
        path, table=False, clock=clock, hooks=hooks(), bus=bus, on_due=deadlines.announce
    ) as database:
        running = Loops(database, clock, deadlines, bus)
        running.begin(*table)
        try:
            yield running
        finally:
            await running.end()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def types(events: Sequence[Event]) -> set[str]:
    return {event.type for event in events}


def due(kind: Deadline, at_ms: int) -> Callable[[Tx], None]:
    return lambda tx: tx.due(kind, at_ms)


# -- deadlines and commits, no polling -------------------------------------------------------


def test_a_loop_runs_once_and_then_rests_while_the_clock_stands(path: Path) -> None:
    async def main() -> None:
        work = Work()
        async with running(path, Loop("work", Deadline.PROMOTION, work)) as it:
            for _ in range(20):
                await it.come_to_rest()

            assert work.passes == 1

    run(main())


def test_it_runs_again_when_the_pass_said_so_and_not_before(path: Path) -> None:
    async def main() -> None:
        work = Work(lambda tx: tx.now_ms + 1_000)
        async with running(path, Loop("work", Deadline.PROMOTION, work)) as it:
            await work.reaches(1)
            it.clock.advance(seconds=0.999)
            await it.come_to_rest()
            assert work.passes == 1

            it.clock.advance(seconds=0.001)
            await work.reaches(2)
            await it.come_to_rest()
            assert work.passes == 2

    run(main())


def test_it_runs_again_at_once_as_long_as_there_is_more(path: Path) -> None:
    async def main() -> None:
        work = Work(lambda tx: tx.now_ms if work.passes < 5 else None)
        async with running(path, Loop("work", Deadline.PROMOTION, work)) as it:
            await work.reaches(5)
            await it.come_to_rest()

            assert work.passes == 5

    run(main())


def test_a_commit_wakes_the_loop_it_concerns_and_no_other(path: Path) -> None:
    async def main() -> None:
        work, other = Work(), Work()
        async with running(
            path,
            Loop("work", Deadline.PROMOTION, work),
            Loop("other", Deadline.LEASE_END, other),
        ) as it:
            await work.reaches(1)
            await other.reaches(1)

            await it.database.write(due(Deadline.PROMOTION, NOON_MS))
            await work.reaches(2)
            await it.database.write(due(Deadline.PROMOTION, NOON_MS + 5_000))
            await it.come_to_rest()
            assert (work.passes, other.passes) == (2, 1)

            it.clock.advance(seconds=5)
            await work.reaches(3)
            await it.come_to_rest()
            assert (work.passes, other.passes) == (3, 1)

    run(main())


def test_an_operation_that_was_refused_wakes_nobody(path: Path) -> None:
    def refused(tx: Tx) -> None:
        tx.due(Deadline.PROMOTION, NOON_MS)
        raise Conflict("refused")

    async def main() -> None:
        work = Work()
        async with running(path, Loop("work", Deadline.PROMOTION, work)) as it:
            await work.reaches(1)
            with pytest.raises(Conflict):
                await it.database.write(refused)
            await it.come_to_rest()

            assert work.passes == 1

    run(main())


def test_a_jump_of_the_clock_wakes_what_is_due_then(path: Path) -> None:
    async def main() -> None:
        soon, late = Work(lambda tx: NOON_MS + 3_600_000), Work(lambda tx: NOON_MS + 90_000_000)
        async with running(
            path,
            Loop("soon", Deadline.PROMOTION, soon),
            Loop("late", Deadline.LEASE_END, late),
        ) as it:
            await soon.reaches(1)
            await late.reaches(1)

            it.clock.set(NOON_MS + 7_200_000)

            await soon.reaches(2)
            assert late.passes == 1

    run(main())


# -- errors ----------------------------------------------------------------------------------


def test_a_failing_pass_is_retried_and_harms_no_other_loop(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(supervisor, "ERROR_PAUSE_SECONDS", 0.01)

    async def main() -> None:
        bad, good = Work(), Work(lambda tx: tx.now_ms if good.passes < 20 else None)
        bad.errors = [ValueError("one bad row"), ValueError("still bad")]
        async with running(
            path,
            Loop("bad", Deadline.PROMOTION, bad),
            Loop("good", Deadline.LEASE_END, good),
        ) as it:
            await bad.reaches(3)
            await good.reaches(20)
            await it.come_to_rest()

            assert bad.passes == 3
            assert it.task is not None
            assert not it.task.done()

    with caplog.at_level(logging.ERROR):
        run(main())
    assert [record.message for record in caplog.records if record.name.endswith("supervisor")] == [
        "bad: pass failed",
        "bad: pass failed",
    ]


def test_a_stop_does_not_wait_for_the_pause_after_an_error(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "ERROR_PAUSE_SECONDS", SECONDS_MAX * 10)

    async def main() -> None:
        bad = Work()
        bad.errors = [ValueError("bad")]
        async with running(path, Loop("bad", Deadline.PROMOTION, bad)) as it:
            await bad.reaches(1)
            await it.come_to_rest()
            await it.end()

    run(main())


# -- stopping --------------------------------------------------------------------------------


def test_a_stop_finishes_the_pass_in_hand(path: Path) -> None:
    entered, goes_on = threading.Event(), threading.Event()
    finished = []

    def slow(tx: Tx) -> Pass:
        entered.set()
        assert goes_on.wait(SECONDS_MAX)
        finished.append(tx.now_ms)
        return Pass(1, tx.now_ms)

    async def main() -> None:
        async with running(path, Loop("slow", Deadline.PROMOTION, slow)) as it:
            assert await asyncio.to_thread(entered.wait, SECONDS_MAX)
            ending = asyncio.create_task(it.end())
            await asyncio.sleep(0)
            assert not ending.done()
            assert finished == []

            goes_on.set()
            await ending

            assert finished == [NOON_MS]

    run(main())


def test_a_stop_ends_loops_that_wait(path: Path) -> None:
    async def main() -> None:
        work = Work(lambda tx: NOON_MS + 10**9)
        async with running(
            path,
            Loop("one", Deadline.PROMOTION, work),
            Loop("two", Deadline.LEASE_END, Work()),
        ) as it:
            await work.reaches(1)
            await it.end()

            assert it.task is not None
            assert it.task.done()

    run(main())


# -- the loops of the product ----------------------------------------------------------------


def test_every_loop_has_a_name_and_a_deadline_of_its_own() -> None:
    table = loops(Retention(), SafetySweep())

    assert len({loop.name for loop in table}) == len(table)
    assert len({loop.deadline for loop in table}) == len(table)


def test_a_delayed_job_is_promoted_at_its_moment_by_nothing_but_its_deadline(path: Path) -> None:
    def status(reading: Reading) -> str | None:
        return reading.value(Value(str, "SELECT status FROM jobs"))

    async def main() -> None:
        promoted = asyncio.Event()
        table = loops(Retention(), SafetySweep())
        async with running(path, *table) as it:
            it.bus.listen(
                lambda events: promoted.set() if "job.promoted" in types(events) else None
            )
            org = (await it.database.write(create, an_org()))["seq"]
            await it.database.write(enqueue, org, a_job(delay_ms=60_000), OPEN, ALL_QUEUES)
            it.clock.advance(seconds=59.999)
            await it.come_to_rest()
            assert await it.database.readers.read(status) == "scheduled"

            it.clock.advance(seconds=0.001)

            async with asyncio.timeout(SECONDS_MAX):
                await promoted.wait()
            assert await it.database.readers.read(status) == "pending"

    run(main())


def test_of_each_loop_it_is_known_when_it_ran_when_it_is_due_and_how_often_it_failed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "ERROR_PAUSE_SECONDS", 0.0)

    async def main() -> None:
        work = Work(lambda tx: tx.now_ms + 60_000)
        work.errors = [RuntimeError("no"), RuntimeError("no")]
        failures: list[int] = []
        async with running(path) as loops:

            def again(tx: Tx) -> Pass:
                failures.append(loops.deadlines.states({"work": Deadline.EXPIRY})[0].failures)
                return work(tx)

            loops.begin(Loop("work", Deadline.EXPIRY, again))
            await work.reaches(3)
            await loops.come_to_rest()

            [state] = loops.deadlines.states({"work": Deadline.EXPIRY})
            assert (state.ran_at_ms, state.due_at_ms) == (NOON_MS, NOON_MS + 60_000)
            assert failures == [0, 1, 2]
            assert state.failures == 0
            loops.deadlines.announce(Deadline.EXPIRY, NOON_MS + 1_000)
            [state] = loops.deadlines.states({"work": Deadline.EXPIRY})
            assert state.due_at_ms == NOON_MS + 1_000

    run(main())
