"""Random lives of jobs in a world whose clock is moved between them, against the reference."""

import asyncio
import sqlite3
from contextlib import AsyncExitStack
from typing import Any, Final

import pytest
import uvloop
from hypothesis import strategies as st
from hypothesis.stateful import rule

from spooled_lite.events import Deadline, Event
from spooled_lite.storage.transaction import Operation
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.move import How
from spooled_lite.testing.passes import ALL
from spooled_lite.testing.world import World, world
from tests.core.job_stage import JobStage
from tests.core.reference import Reference
from tests.core.store import NOW_MS
from tests.core.test_model import PICKS, Lives, live
from tests.testing.stage import settings_of

YEARS: Final = 3_000  # days: nothing is deleted in the meantime
REPAIRED: Final = "spooled_repaired_deadlines_total"
ALONE: Final = How(workers="ignore")
Changes = dict[tuple[int, str], str]  # when, which job, and how it then stood


class WorldStage(JobStage):
    """A world in place of the store that is run by hand. Its loops run by themselves."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._stack = AsyncExitStack()
        self.world: World = self._runner.run(self._started())
        self.world.app.services.bus.listen(self.events.extend)
        [[self.org]] = self.rows("SELECT seq FROM organizations")

    async def _started(self) -> World:
        settings = settings_of(job_retention_days=YEARS, history_retention_days=YEARS)
        it = await self._stack.enter_async_context(world(settings, VirtualClock(NOW_MS), seed=1))
        await it.stepper.settle(ALONE)
        self._reader = sqlite3.connect(it.app.services.db.path, isolation_level=None)
        self._reader.row_factory = sqlite3.Row
        return it

    def run(self, operation: Operation[Any, Any], *args: Any, **kwargs: Any) -> Any:
        async def written() -> Any:
            return await self.world.app.services.db.write(operation, *args, **kwargs)

        return self._runner.run(written())

    def rows(self, statement: str, **params: Any) -> list[Any]:
        return self._reader.execute(statement, params).fetchall()

    def run_due(self, *kinds: Deadline) -> None:
        self._runner.run(self.world.stepper.until_quiet())

    def move(self, way: str, by_ms: int) -> int:
        """Where the clock then stands."""
        stepper = self.world.stepper
        now_ms = self.world.clock.now_ms()
        moves = {
            "advance": lambda: stepper.advance(now_ms + by_ms, ALONE),
            "outage": lambda: stepper.outage(by_ms, ALONE),
            "next": lambda: stepper.next(1, ALONE),
        }
        self._runner.run(moves[way]())
        return self.world.clock.now_ms()

    @property
    def due_at_ms(self) -> dict[Deadline, int]:  # type: ignore[override]  # of the stepper here
        return {kind: at_ms for at_ms, kind in self.world.stepper._passes.due(ALL)}

    @property
    def repaired(self) -> list[int]:  # type: ignore[override]
        count = self.world.app.services.metrics.counted(REPAIRED)
        return [count] if count else []

    def close(self) -> None:
        self._reader.close()
        self._runner.run(self._stack.aclose())
        self._runner.close()


class TimedReference(Reference):
    """The reference, which does what time does as time passes, and says when it did it."""

    def settle(self) -> Changes:
        before = {job.id: job.status for job in self.jobs.values()}
        self.promote(list(self.jobs.values()))
        self.reap()
        self.expire()
        self.tell_families()
        return {
            (self.now_ms, job.id): job.status
            for job in self.jobs.values()
            if before[job.id] != job.status
        }

    def next_ms(self) -> int | None:
        """When the next of its jobs is due."""
        times = [
            at_ms
            for job in self.jobs.values()
            for at_ms, waits in (
                (job.run_at, job.status in ("pending", "scheduled")),
                (job.lease_ends, job.status == "processing"),
                (job.expires_at, job.status in ("pending", "scheduled")),
            )
            if waits and at_ms is not None
        ]
        return min(times, default=None)

    def move(self, way: str, by_ms: int) -> Changes:
        to_ms, changes = self.now_ms + by_ms, Changes()
        if way == "next":
            to_ms = self.next_ms() or self.now_ms
        while way != "outage" and (at_ms := self.next_ms()) is not None and at_ms <= to_ms:
            self.now_ms = at_ms
            changes |= self.settle()
        self.now_ms = to_ms
        return changes | self.settle()


class LivesInAWorld(Lives):
    """What is due has always happened already: no command finds a lease that is over."""

    stage: WorldStage
    model: TimedReference

    def __init__(self) -> None:
        super(Lives, self).__init__()
        self.stage = WorldStage()
        self.model = TimedReference(NOW_MS)
        self.begin_books()

    @rule(
        way=st.sampled_from(["advance", "advance", "advance", "next", "outage"]),
        seconds=st.sampled_from([0, 0.001, 1, 2, 5, 19.999, 20, 60, 7_200]),
    )
    def time_passes(self, way: str, seconds: float) -> None:
        by_ms = round(seconds * 1000)
        expected = self.model.move(way, by_ms)
        assert self.stage.move(way, by_ms) == self.model.now_ms
        assert self.changes() == expected

    @rule(pick=PICKS)
    def a_loop_runs(self, pick: int) -> None:
        """Moves in pieces are as one."""
        by_ms = pick % 40_000
        for part in (by_ms // 3, by_ms // 3, by_ms - by_ms // 3 * 2):
            self.stage.move("advance", part)
        expected = self.model.move("advance", by_ms)
        assert self.changes() == expected

    def changes(self) -> Changes:
        """What time has done since the last step."""
        return {(each.at_ms, each.row["id"]): each.row["status"] for each in self.stage.events}

    def released(self) -> None:
        self._families()

    def _families(self) -> None:
        self.stage.run_due()
        self.model.tell_families()  # whose parent can never be is cancelled as it is made
        self.model.settle()


@pytest.mark.slow
def test_jobs_live_by_the_reference_while_time_is_moved() -> None:
    live(LivesInAWorld, examples=12, steps=50, derandomize=True)


@pytest.mark.long
def test_a_hundred_thousand_commands_differ_in_nothing_from_the_reference() -> None:
    live(LivesInAWorld, examples=1_000, steps=100, derandomize=False)
