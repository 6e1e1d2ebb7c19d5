"""While an organization is closed nobody gets in, and its schedules make no jobs either."""

from typing import Any, Final

import pytest

from spooled_lite.core.maintenance.safety import OVERDUE_MS, SafetySweep
from spooled_lite.core.orgs.records import OrganizationChanges
from spooled_lite.core.orgs.update import update
from spooled_lite.events import Deadline
from tests.core.schedules.schedule_stage import ScheduleStage, at

HOUR = 3_600
SUSPENDED: Final = {"is_active": 0}
SOFTLY_DELETED: Final = {"plan_tier": "deleted"}
OPEN: Final = {"is_active": 1, "plan_tier": "enterprise"}


def change_org(stage: ScheduleStage, columns: dict[str, Any]) -> None:
    stage.run(update, stage.org, OrganizationChanges(columns))


@pytest.mark.parametrize("how", [SUSPENDED, SOFTLY_DELETED])
def test_schedules_of_a_closed_organization_do_not_fire(
    stage: ScheduleStage, how: dict[str, Any]
) -> None:
    schedule = stage.schedule()
    change_org(stage, how)

    stage.pass_time(seconds=3 * HOUR)

    assert (stage.job_count(), stage.runs(schedule)) == (0, [])
    assert stage.again(schedule)["next_run_at_ms"] == at("09:00")


@pytest.mark.parametrize("how", [SUSPENDED, SOFTLY_DELETED])
def test_one_that_is_closed_after_the_decision_does_not_fire(
    stage: ScheduleStage, how: dict[str, Any]
) -> None:
    stage.schedule()
    stage.clock.advance(seconds=HOUR)
    firings = stage.decided()

    change_org(stage, how)

    assert (stage.fire(firings), stage.job_count()) == (0, 0)


def test_the_others_go_on(stage: ScheduleStage) -> None:
    stage.schedule()
    change_org(stage, SUSPENDED)
    stage.org = stage.other_org()
    schedule = stage.schedule()

    stage.pass_time(seconds=HOUR)

    assert stage.again(schedule)["run_count"] == stage.job_count() == 1


@pytest.mark.parametrize("how", [SUSPENDED, SOFTLY_DELETED])
@pytest.mark.parametrize(
    ("catch_up", "slots"),
    [("one", ["09:00"]), ("skip", []), ("all", ["09:00", "10:00", "11:00"])],
)
def test_what_came_due_meanwhile_counts_as_missed(
    stage: ScheduleStage, how: dict[str, Any], catch_up: str, slots: list[str]
) -> None:
    schedule = stage.schedule(catch_up=catch_up)
    change_org(stage, how)
    stage.pass_time(seconds=3 * HOUR)

    change_org(stage, OPEN)
    stage.come_to_rest()

    assert stage.slots(schedule) == [at(slot) for slot in slots]
    assert stage.job_count() == len(slots)
    assert stage.again(schedule)["next_run_at_ms"] == at("12:00")


@pytest.mark.parametrize("how", [SUSPENDED, SOFTLY_DELETED])
def test_opening_wakes_the_loop_and_nothing_else_does(
    stage: ScheduleStage, how: dict[str, Any]
) -> None:
    stage.schedule()
    change_org(stage, how)
    stage.clock.advance(seconds=HOUR)
    stage.due_at_ms.clear()

    change_org(stage, {"name": "Another"})
    assert Deadline.SLOT not in stage.due_at_ms
    change_org(stage, OPEN)

    assert stage.due_at_ms[Deadline.SLOT] == at("09:00")


def test_the_safety_sweep_takes_no_closed_organization_for_one_that_was_forgotten(
    stage: ScheduleStage,
) -> None:
    stage.schedule()
    sweep, repaired = SafetySweep(lambda count: repaired.append(count)), list[int]()
    stage.run(sweep.run_once)
    change_org(stage, SUSPENDED)
    stage.clock.advance(seconds=2 * HOUR)
    for _ in range(2):  # the first look is late itself, and looks at nothing
        stage.run(sweep.run_once)

    change_org(stage, OPEN)
    stage.run(sweep.run_once)
    assert repaired == []
    stage.clock.advance(seconds=OVERDUE_MS / 1000 + 1)
    stage.run(sweep.run_once)

    assert repaired == [1]
