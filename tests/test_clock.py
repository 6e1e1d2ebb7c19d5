"""The clock: jumps of wall time are noticed, a manual clock stands still until it is moved."""

import asyncio
import math

import pytest

from spooled_lite import clock
from spooled_lite.clock import ManualClock, SystemClock


class JumpingClock(SystemClock):
    """A system clock whose wall time is set by hand against the monotonic one."""

    def __init__(self, offsets_ms: list[int]) -> None:
        super().__init__()
        self._offsets_ms = offsets_ms
        self.exhausted = asyncio.Event()

    def _offset_ms(self) -> int:
        offset_ms = self._offsets_ms.pop(0)
        if len(self._offsets_ms) == 0:
            self._offsets_ms.append(offset_ms)
            self.exhausted.set()
        return offset_ms


@pytest.mark.parametrize(
    ("offsets_ms", "told"),
    [
        ([0, 0, 0], 0),
        ([0, 249, 249], 0),
        ([0, 250, 250], 1),
        ([0, -3_600_000, -3_600_000], 1),
        ([0, 3_600_000, 0], 2),
        ([0, 100, 200, 300, 300], 1),
    ],
    ids=["still", "a little", "just enough", "back an hour", "there and back", "slowly"],
)
def test_a_jump_of_wall_time_is_told_once(
    offsets_ms: list[int], told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "CHECK_SECONDS", 0.001)

    async def main() -> int:
        jumping = JumpingClock(list(offsets_ms))
        calls: list[int] = []
        jumping.on_jump(lambda: calls.append(1))
        stop = asyncio.Event()
        watching = asyncio.create_task(jumping.watch(stop))
        await asyncio.wait_for(jumping.exhausted.wait(), 10)
        stop.set()
        await watching
        return len(calls)

    assert asyncio.run(main()) == told


def test_watching_ends_at_once_when_told_to() -> None:
    async def main() -> None:
        stop = asyncio.Event()
        watching = asyncio.create_task(SystemClock().watch(stop))
        await asyncio.sleep(0)
        stop.set()
        await asyncio.wait_for(watching, 0.9)  # less than one check

    asyncio.run(main())


def test_the_system_clock_counts_down_to_a_moment() -> None:
    system = SystemClock()
    now_ms = system.now_ms()

    assert system.seconds_until(now_ms - 1) == 0.0
    assert 50 < system.seconds_until(now_ms + 60_000) <= 60


def test_a_manual_clock_stands_still_until_it_is_moved() -> None:
    manual = ManualClock(1_000)
    calls: list[int] = []
    manual.on_jump(lambda: calls.append(manual.now_ms()))

    assert manual.seconds_until(1_001) == math.inf
    assert manual.seconds_until(1_000) == 0.0

    manual.advance(seconds=1.5)
    manual.set(700)

    assert calls == [2_500, 700]
