"""The clock: jumps of wall time are noticed, a manual clock stands still until it is moved."""

import math
import time

import pytest

from spooled_lite.clock import ManualClock, SystemClock


class Wall:
    """What the machine's clock says, set by hand."""

    def __init__(self) -> None:
        self.offset_ms = 1_700_000_000_000

    def __call__(self) -> int:
        return time.monotonic_ns() // 1_000_000 + self.offset_ms


@pytest.mark.parametrize("by_ms", [250, 3_600_000, -250, -3_600_000])
def test_a_jump_is_seen_and_not_followed_until_told_to(by_ms: int) -> None:
    wall = Wall()
    system = SystemClock(wall)
    before_ms = system.now_ms()

    wall.offset_ms += by_ms

    assert abs(system.jump_ms() - by_ms) <= 1
    assert abs(system.now_ms() - before_ms) < 200, "time goes on as if nothing were"
    target_ms = system.offset_ms + system.jump_ms()
    for _ in range(2):
        system.jump(target_ms)
        assert abs(system.now_ms() - wall()) <= 1
    assert system.jump_ms() == 0


@pytest.mark.parametrize("by_ms", [100, -100])
def test_less_than_a_jump_is_followed_and_told_when_it_adds_up(by_ms: int) -> None:
    wall = Wall()
    system = SystemClock(wall)
    calls: list[int] = []
    system.on_jump(lambda: calls.append(1))

    for _ in range(3):
        wall.offset_ms += by_ms
        assert system.jump_ms() == 0
        assert abs(system.now_ms() - wall()) <= 1

    assert calls == [1]


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
