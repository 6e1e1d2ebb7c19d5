"""The next slots of all schedules together."""

from collections.abc import Callable

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.schedules import upcoming
from spooled_lite.core.schedules.define import pause
from spooled_lite.core.schedules.upcoming import Upcoming, upcoming_slots
from spooled_lite.core.schedules.zones import Zone, zone_of
from tests.core.schedules.schedule_stage import ScheduleStage

HOUR_MS = 60 * 60 * 1000


def found(
    stage: ScheduleStage,
    *,
    hours: int = 24,
    rows_max: int = 500,
    each_max: int | None = None,
    scope: Scope = ALL_QUEUES,
    org: int | None = None,
    is_late: Callable[[], bool] = lambda: False,
) -> Upcoming:
    return stage.read(
        upcoming_slots,
        stage.org if org is None else org,
        scope,
        until_ms=stage.clock.now_ms() + hours * HOUR_MS,
        rows_max=rows_max,
        each_max=each_max,
        is_late=is_late,
    )


def told(stage: ScheduleStage, upcoming: Upcoming) -> list[tuple[str, int]]:
    """Names, and the hours until then."""
    now_ms = stage.clock.now_ms()
    return [(slot.schedule["name"], (slot.at_ms - now_ms) // HOUR_MS) for slot in upcoming.slots]


def test_slots_come_in_the_order_of_time_up_to_the_end(stage: ScheduleStage) -> None:
    stage.schedule(name="noon", cron_expression="0 12 * * *")
    stage.schedule(name="often", cron_expression="0 */6 * * *")
    stage.schedule(name="late", cron_expression="0 0 1 3 *")

    slots = found(stage)

    assert told(stage, slots) == [
        ("noon", 4),
        ("often", 4),
        ("often", 10),
        ("often", 16),
        ("often", 22),
    ]
    assert not slots.has_more


def test_a_limit_and_the_end_of_the_time_say_that_there_are_more(stage: ScheduleStage) -> None:
    stage.schedule(name="often", cron_expression="0 * * * *")
    asked = iter([False, False, True])

    few = found(stage, rows_max=3)
    late = found(stage, is_late=lambda: next(asked))

    assert told(stage, few) == [("often", 1), ("often", 2), ("often", 3)]
    assert told(stage, late) == [("often", 1), ("often", 2)]
    assert (few.has_more, late.has_more) == (True, True)
    assert not found(stage, hours=3, rows_max=2).has_more


def test_nothing_is_shown_behind_a_schedule_that_is_not_looked_at(
    stage: ScheduleStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upcoming, "SCHEDULES_MAX", 1)
    stage.schedule(name="often", cron_expression="0 * * * *")
    stage.schedule(name="noon", cron_expression="0 12 * * *")

    slots = found(stage)

    assert told(stage, slots) == [("often", 1), ("often", 2), ("often", 3)]
    assert slots.has_more


def test_a_clock_change_is_in_the_slots(stage: ScheduleStage) -> None:
    stage.schedule(name="a", cron_expression="30 2 * * *", timezone="America/New_York")

    first, *_ = found(stage, hours=7 * 24).slots

    assert first.at_ms == stage.clock.now_ms() + 23 * HOUR_MS + HOUR_MS // 2


def test_what_is_paused_foreign_or_outside_the_scope_is_left_out(stage: ScheduleStage) -> None:
    mine = stage.schedule(name="mine", cron_expression="0 12 * * *", queue_name="one")
    stage.schedule(name="theirs", cron_expression="0 12 * * *", queue_name="two")

    assert told(stage, found(stage, scope=Scope(["one"]))) == [("mine", 4)]
    assert found(stage, org=stage.other_org()).slots == []
    stage.run(pause, stage.org, mine["id"], ALL_QUEUES)
    assert told(stage, found(stage)) == [("theirs", 4)]


def test_one_that_fires_often_leaves_room_for_the_others(stage: ScheduleStage) -> None:
    stage.schedule(name="often", cron_expression="* * * * * *")
    stage.schedule(name="noon", cron_expression="0 12 * * *")

    slots = found(stage, rows_max=5, each_max=3)

    assert [name for name, _ in told(stage, slots)] == ["often", "often", "often", "noon"]
    assert not slots.has_more


def test_a_zone_that_this_host_lacks_hides_no_other_schedule(
    stage: ScheduleStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.schedule(name="moved", cron_expression="0 * * * *", timezone="America/Punta_Arenas")
    stage.schedule(name="noon", cron_expression="0 12 * * *")

    def lacking(name: str) -> Zone:
        return zone_of("Nowhere/At_All" if name == "America/Punta_Arenas" else name)

    monkeypatch.setattr(upcoming, "zone_of", lacking)

    assert told(stage, found(stage)) == [("moved", 1), ("noon", 4)]
