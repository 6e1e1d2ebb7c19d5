"""Slots that had come and that nothing ran for are counted."""

import pytest

from spooled_lite.core.schedules import missed
from tests.core.schedules.schedule_stage import ScheduleStage

HOUR = 3_600


def missed_at_rest(stage: ScheduleStage) -> int:
    """How many slots were passed over until nothing was due any more."""
    count = 0
    while firings := stage.decided():
        stage.fire(firings)
        count += sum(each.missed for each in firings)
    return count


@pytest.mark.parametrize(
    ("catch_up", "late_seconds", "count"),
    [
        ("one", 0, 0),
        ("skip", 0, 0),
        ("all", 0, 0),
        ("one", HOUR - 0.001, 0),
        ("skip", 60, 0),
        ("skip", 60.001, 1),
        # Four slots have come.
        ("one", 3 * HOUR, 3),
        ("skip", 3 * HOUR, 4),
        ("all", 3 * HOUR, 0),
    ],
)
def test_slots_without_a_job_of_their_own_are_missed(
    stage: ScheduleStage, catch_up: str, late_seconds: float, count: int
) -> None:
    stage.schedule(catch_up=catch_up)

    stage.clock.advance(seconds=HOUR + late_seconds)

    assert missed_at_rest(stage) == count


def test_slots_past_those_that_are_made_up_for_are_missed(
    stage: ScheduleStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed, "CAUGHT_UP_MAX", 40)
    stage.schedule(cron_expression="* * * * * *", catch_up="all")

    stage.clock.advance(seconds=100)

    assert (missed_at_rest(stage), stage.job_count()) == (60, 40)


def test_so_many_missed_slots_are_counted_that_no_one_waits_for_it(
    stage: ScheduleStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed, "MISSED_COUNTED_MAX", 10)
    for _ in range(3):
        stage.schedule(cron_expression="* * * * * *", catch_up="skip")

    stage.clock.advance(seconds=1_000)

    # The first slot of a schedule takes no search.
    assert missed_at_rest(stage) == 1 + 10 + 1 + 1


def test_slots_that_fail_are_not_missed(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.clock.advance(seconds=HOUR)

    stage.fire(firings := stage.decided(), refusal="the storage is nearly full")

    assert [each.missed for each in firings] == [0]
    assert len(stage.runs(schedule)) == 1
