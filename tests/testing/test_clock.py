"""The clock of a world: it stands, or runs as fast as it is told, and says so at once."""

import math
import time

import pytest

from spooled_lite.testing.clock import END_MS, SEEDED_START_MS, VirtualClock, start_ms
from tests.testing.stage import START_MS


def test_a_frozen_clock_stands_until_it_is_moved() -> None:
    clock = VirtualClock(START_MS)

    assert clock.now_ms() == START_MS
    assert clock.seconds_until(START_MS + 1) == math.inf
    assert clock.seconds_until(START_MS) == 0.0

    clock.set(START_MS + 5)
    assert clock.now_ms() == START_MS + 5


def test_a_ticking_clock_counts_as_many_milliseconds_as_it_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_ns = 0
    monkeypatch.setattr(time, "monotonic_ns", lambda: real_ns)
    clock = VirtualClock(START_MS, "ticking", rate=60.0)

    real_ns = 2_000_000_000
    assert clock.now_ms() == START_MS + 120_000
    assert clock.seconds_until(START_MS + 240_000) == 2.0
    assert (clock.mode, clock.rate, clock.stands) == ("ticking", 60.0, False)


def test_a_clock_goes_on_in_another_mode_from_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_ns = 0
    monkeypatch.setattr(time, "monotonic_ns", lambda: real_ns)
    clock = VirtualClock(START_MS, "real")

    real_ns = 1_500_000_000
    clock.go("frozen")
    real_ns = 9_000_000_000
    assert clock.now_ms() == START_MS + 1_500

    clock.go("ticking", 10.0)
    real_ns = 9_100_000_000
    assert clock.now_ms() == START_MS + 2_500


def test_a_running_clock_stands_while_it_is_moved_and_then_runs_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_ns = 0
    monkeypatch.setattr(time, "monotonic_ns", lambda: real_ns)
    clock = VirtualClock(START_MS, "real")

    with clock.standing():
        clock.set(START_MS + 10_000)
        real_ns = 3_000_000_000
        assert (clock.now_ms(), clock.mode) == (START_MS + 10_000, "real")
        assert clock.seconds_until(START_MS + 10_001) == math.inf

    real_ns = 4_000_000_000
    assert clock.now_ms() == START_MS + 11_000


def test_every_change_is_told() -> None:
    clock, told = VirtualClock(START_MS), list[int]()
    clock.on_jump(lambda: told.append(clock.now_ms()))

    clock.set(START_MS + 1)
    clock.go("real")

    assert len(told) == 2
    assert told[0] == START_MS + 1


def test_a_clock_with_a_seed_starts_where_every_other_with_one_does() -> None:
    assert start_ms(None, 7) == SEEDED_START_MS
    assert start_ms(5, 7) == 5
    assert start_ms(None, None) > SEEDED_START_MS - 10 * 366 * 86_400_000


def test_a_clock_that_runs_stops_where_times_can_still_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_ns = 0
    monkeypatch.setattr(time, "monotonic_ns", lambda: real_ns)
    clock = VirtualClock(END_MS - 10, "ticking", rate=86_400.0)

    real_ns = 365 * 86_400 * 10**9
    assert clock.now_ms() == END_MS
    assert clock.seconds_until(END_MS + 1) == math.inf
    assert clock.seconds_until(END_MS) == 0.0

    clock.go("frozen")
    assert clock.now_ms() == END_MS
