"""Lines that organizations share, and the time that the lanes of a batch share."""

from types import SimpleNamespace
from typing import Any

import pytest

from spooled_lite.storage import time_shares
from spooled_lite.storage.backlog import Backlog, Request
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.time_shares import run_in_time
from spooled_lite.storage.turns import Turns

LANES = (Lane.SETTLE, Lane.CLAIM, Lane.REST)


def a_request(lane: Lane, owner: int = 1, name: str = "") -> Request:
    return Request(print, (name,), lane, owner, None)


def several(lane: Lane, count: int, owner: int = 1) -> list[Request]:
    return [a_request(lane, owner, f"{owner}.{number}") for number in range(count)]


def names(requests: Any) -> list[str]:
    return [each.arguments[0] for each in requests]


def in_line(*items: str) -> Turns[str]:
    """The first letter says whose it is."""
    turns: Turns[str] = Turns()
    for item in items:
        turns.put(ord(item[0]), item)
    return turns


def all_of(turns: Turns[str]) -> list[str]:
    return [item for item in iter(turns.take, None) if item is not None]


def test_owners_take_turns_and_each_keeps_its_order() -> None:
    turns = in_line("a1", "a2", "a3", "b1", "c1", "b2")

    assert len(turns) == 6
    assert all_of(turns) == ["a1", "b1", "c1", "a2", "b2", "a3"]
    assert len(turns) == 0


def test_who_comes_new_is_served_after_one_of_each_other() -> None:
    turns = in_line("a1", "a2", "a3", "b1", "b2")
    taken = [turns.take(), turns.take()]
    turns.put(ord("c"), "c1")

    assert taken == ["a1", "b1"]
    assert all_of(turns) == ["a2", "b2", "c1", "a3"]


def test_what_is_put_back_in_the_opposite_order_is_taken_as_before() -> None:
    turns = in_line("a1", "a2", "b1", "b2", "c1")
    before = all_of(in_line("a1", "a2", "b1", "b2", "c1"))

    taken = [turns.take() for _ in range(4)]
    for item in reversed(taken[1:]):
        assert item is not None
        turns.put_back(ord(item[0]), item)

    assert [taken[0], *all_of(turns)] == before


def test_an_owner_that_may_not_be_served_keeps_its_turn() -> None:
    turns = in_line("a1", "b1", "a2")

    assert turns.take(lambda owner: owner != ord("a")) == "b1"
    assert turns.take(lambda owner: owner == ord("x")) is None
    assert all_of(turns) == ["a1", "a2"]


@pytest.mark.parametrize("lane", LANES)
def test_in_every_lane_one_organization_waits_for_one_operation_of_another(lane: Lane) -> None:
    backlog = Backlog(line_max=1_000)
    backlog.put(several(lane, 100, owner=1))
    backlog.put([a_request(lane, owner=2, name="other")])

    taken = backlog.take(10, wait_seconds=0) or []

    assert names(taken)[:3] == ["1.0", "other", "1.1"]


def test_a_batch_has_room_for_each_lane() -> None:
    backlog = Backlog(line_max=1_000)
    for lane in LANES:
        backlog.put(several(lane, 100))

    taken = backlog.take(40, wait_seconds=0) or []

    assert [sum(each.lane == lane for each in taken) for lane in LANES] == [20, 10, 10]
    assert [each.lane for each in taken] == sorted(each.lane for each in taken)


def test_a_batch_is_filled_by_one_lane_when_nothing_waits_in_the_others() -> None:
    backlog = Backlog(line_max=1_000)
    backlog.put([*several(Lane.SETTLE, 100), *several(Lane.REST, 3)])

    taken = backlog.take(40, wait_seconds=0) or []

    assert [each.lane for each in taken].count(Lane.SETTLE) == 37


class Clock:
    """Every operation takes a sixty-fourth of a second: such sums are exact."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        self.ran: list[Request] = []
        clock = SimpleNamespace(monotonic=lambda: self.seconds)
        monkeypatch.setattr(time_shares, "time", clock)

    def run(self, request: Request) -> None:
        self.seconds += 1 / 64
        self.ran.append(request)

    def counts(self) -> list[int]:
        return [sum(each.lane == lane for each in self.ran) for lane in LANES]


def test_the_lanes_share_the_time_of_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    requests = [request for lane in LANES for request in several(lane, 100)]

    left = run_in_time(requests, 0.25, clock.run)

    assert clock.counts() == [8, 4, 4]
    assert left == [each for each in requests if each not in clock.ran]


def test_at_least_one_operation_of_each_lane_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    requests = [request for lane in LANES for request in several(lane, 3)]

    run_in_time(requests, 0.001, clock.run)

    assert clock.counts() == [1, 1, 1]


def test_a_lane_has_all_the_time_that_the_others_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)

    left = run_in_time(several(Lane.SETTLE, 30) + several(Lane.CREATE, 2), 0.25, clock.run)

    assert clock.counts()[0] == 14
    assert len(left) == 16


@pytest.mark.parametrize("items", [["a1"], ["a1", "a2", "a3"], ["a1", "a2", "b1", "c1", "b2"]])
@pytest.mark.parametrize("count_max", [0, 1, 2, 4, 9])
def test_many_are_taken_in_the_turns_of_one_after_the_other(
    items: list[str], count_max: int
) -> None:
    at_once, one_by_one = in_line(*items), in_line(*items)
    taken = at_once.take_many(count_max)
    assert taken == all_of(one_by_one)[:count_max]
    assert len(at_once) == len(items) - len(taken)
    assert taken + all_of(at_once) == all_of(in_line(*items))


def test_a_backlog_knows_how_much_waits_in_all_its_lanes() -> None:
    backlog = Backlog(line_max=100)
    backlog.put([request for lane in LANES for request in several(lane, 3)])
    assert len(backlog) == 9
    taken = backlog.take(4, wait_seconds=0)
    assert taken is not None
    assert len(backlog) == 5
    backlog.put_back(taken[2:])
    assert len(backlog) == 7 == sum(backlog.lengths().values())
