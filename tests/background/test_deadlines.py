import asyncio

from spooled_lite.background import deadlines as deadlines_module
from spooled_lite.background.deadlines import Deadlines
from spooled_lite.clock import ManualClock, SystemClock
from spooled_lite.events import Deadline
from tests.storage.stage import NOON_MS, run

KIND = Deadline.PROMOTION


class Waiter:
    """Waits for a deadline in a task of its own."""

    def __init__(self, deadlines: Deadlines, due_again_ms: int | None) -> None:
        self.stop = asyncio.Event()
        self.deadlines = deadlines
        self.task = asyncio.create_task(deadlines.wait_until(KIND, due_again_ms, self.stop))

    async def is_waiting(self) -> bool:
        for _ in range(5):  # whatever can happen at once has happened then
            await asyncio.sleep(0)
        return not self.task.done()

    async def end(self) -> None:
        self.stop.set()
        self.deadlines.wake_all()
        await self.task


def test_what_is_due_already_is_not_waited_for() -> None:
    async def main() -> None:
        deadlines = Deadlines(ManualClock(NOON_MS))

        for due_ms in (NOON_MS, NOON_MS - 1):
            await deadlines.wait_until(KIND, due_ms, asyncio.Event())

    run(main())


def test_a_wait_ends_when_its_time_has_come() -> None:
    async def main() -> None:
        clock = ManualClock(NOON_MS)
        waiter = Waiter(Deadlines(clock), NOON_MS + 1_000)
        assert await waiter.is_waiting()

        clock.advance(seconds=0.999)
        assert await waiter.is_waiting()

        clock.advance(seconds=0.001)
        assert not await waiter.is_waiting()

    run(main())


def test_a_commit_that_brings_a_nearer_time_ends_it_then() -> None:
    async def main() -> None:
        clock = ManualClock(NOON_MS)
        deadlines = Deadlines(clock)
        waiter = Waiter(deadlines, None)
        assert await waiter.is_waiting()

        deadlines.announce(KIND, NOON_MS + 5_000)
        deadlines.announce(KIND, NOON_MS + 2_000)
        deadlines.announce(KIND, NOON_MS + 9_000)
        assert await waiter.is_waiting()

        clock.advance(seconds=2)
        assert not await waiter.is_waiting()

    run(main())


def test_something_due_now_ends_it_at_once() -> None:
    async def main() -> None:
        deadlines = Deadlines(ManualClock(NOON_MS))
        waiter = Waiter(deadlines, NOON_MS + 60_000)
        assert await waiter.is_waiting()

        deadlines.announce(KIND, NOON_MS)

        assert not await waiter.is_waiting()

    run(main())


def test_another_kind_is_no_concern() -> None:
    async def main() -> None:
        deadlines = Deadlines(ManualClock(NOON_MS))
        waiter = Waiter(deadlines, None)

        deadlines.announce(Deadline.LEASE_END, NOON_MS)

        assert await waiter.is_waiting()
        await waiter.end()

    run(main())


def test_what_is_announced_during_a_pass_is_not_forgotten() -> None:
    async def main() -> None:
        deadlines = Deadlines(ManualClock(NOON_MS))
        deadlines.begin(KIND)

        deadlines.announce(KIND, NOON_MS)

        await deadlines.wait_until(KIND, None, asyncio.Event())

    run(main())


def test_what_was_announced_before_a_pass_is_seen_by_it() -> None:
    async def main() -> None:
        deadlines = Deadlines(ManualClock(NOON_MS))
        deadlines.announce(KIND, NOON_MS)

        deadlines.begin(KIND)

        waiter = Waiter(deadlines, None)
        assert await waiter.is_waiting()
        await waiter.end()

    run(main())


def test_a_stop_ends_it() -> None:
    async def main() -> None:
        waiter = Waiter(Deadlines(ManualClock(NOON_MS)), NOON_MS + 1_000)
        assert await waiter.is_waiting()

        await waiter.end()

        assert waiter.task.done()

    run(main())


def test_a_clock_that_is_set_back_prolongs_it() -> None:
    async def main() -> None:
        clock = ManualClock(NOON_MS)
        waiter = Waiter(Deadlines(clock), NOON_MS + 1_000)
        assert await waiter.is_waiting()

        clock.set(NOON_MS - 60_000)
        clock.set(NOON_MS + 999)
        assert await waiter.is_waiting()

        clock.set(NOON_MS + 1_000)
        assert not await waiter.is_waiting()

    run(main())


def test_real_time_ends_it_no_earlier_than_it_should() -> None:
    async def main() -> None:
        clock = SystemClock()
        due_ms = clock.now_ms() + 20

        await Deadlines(clock).wait_until(KIND, due_ms, asyncio.Event())

        assert clock.now_ms() >= due_ms

    run(main())


def test_no_sleep_is_longer_than_a_timer_can_be_trusted() -> None:
    assert deadlines_module.SLEEP_SECONDS_MAX <= 86_400
