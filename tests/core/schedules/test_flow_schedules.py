"""Schedules that run flows. Contract: catbird-capabilities, S10-S14 and V68-V72."""

from typing import Any

import pytest

from spooled_lite.core.flows.define import define_flow
from spooled_lite.core.flows.records import FlowDefinition
from spooled_lite.core.flows.runs import list_flow_runs
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.schedules.define import first_slot
from spooled_lite.core.schedules.of_flow import get_flow_schedule, put_flow_schedule
from spooled_lite.core.schedules.records import NewSchedule
from spooled_lite.core.workflows.columns import WorkflowRow
from tests.core.schedules.schedule_stage import ScheduleStage
from tests.core.stage import OPEN
from tests.core.workflows.runs import a_document, a_node

MINUTE: Any = {"cron_expression": "* * * * *"}


@pytest.fixture(autouse=True)
def _a_flow(stage: ScheduleStage) -> None:
    wanted = FlowDefinition(document=a_document(a_node("a"), a_node("b", "a")))
    stage.run(define_flow, stage.org, "orders", wanted, ALL_QUEUES, None)


def put(stage: ScheduleStage, **fields: Any) -> ScheduleRow:
    new = NewSchedule(
        **{
            "name": "orders",
            "flow_name": "orders",
            "is_of_task": True,
            "queue_name": "",
            "payload_template": b"{}",
            **MINUTE,
            **fields,
        }
    )
    slot = first_slot(new.cron_expression, new.timezone, stage.clock.now_ms())
    return stage.run(put_flow_schedule, stage.org, new, {}, slot, OPEN, ALL_QUEUES)


def again(stage: ScheduleStage) -> ScheduleRow:
    return stage.read(get_flow_schedule, stage.org, "orders", ALL_QUEUES)


def flow_runs(stage: ScheduleStage) -> list[WorkflowRow]:
    """The oldest one first."""
    rows = stage.read(list_flow_runs, stage.org, "orders", None, ALL_QUEUES, limit=100, offset=0)
    return rows[::-1]


def key_of(slot_at_ms: int) -> str:
    return f"schedule:{slot_at_ms // 1000}.000000"


@pytest.mark.parametrize(("catch_up", "runs"), [("one", 1), ("skip", 0), ("all", 5)])
def test_what_becomes_of_missed_slots_is_as_it_says(
    stage: ScheduleStage, catch_up: str, runs: int
) -> None:
    first = put(stage, catch_up=catch_up)["next_run_at_ms"]
    assert first is not None

    stage.clock.advance(seconds=5 * 60)
    stage.fire_due()
    assert again(stage)["next_run_at_ms"] > stage.clock.now_ms()  # type: ignore[operator]
    stage.fire_due()

    keys = [run["concurrency_key"] for run in flow_runs(stage)]
    assert keys == [key_of(first + n * 60_000) for n in range(runs)]


def test_with_skip_the_one_slot_that_is_due_fires_within_the_grace_only(
    stage: ScheduleStage,
) -> None:
    put(stage, catch_up="skip")

    stage.clock.advance(seconds=60)
    stage.fire_due()

    assert len(flow_runs(stage)) == 1


def test_two_schedules_of_one_tick_have_one_run(stage: ScheduleStage) -> None:
    own = put(stage, timezone="Asia/Tokyo")
    second = stage.schedule(flow_name="orders", queue_name="", **MINUTE)

    stage.clock.advance(seconds=60)
    stage.fire_due()

    [run] = flow_runs(stage)
    histories = [stage.runs(each) for each in (own, second)]
    assert [history[0]["workflow_id"] for history in histories] == [run["id"]] * 2


def test_over_minutes_each_slot_is_run_once_however_often_it_is_looked_for(
    stage: ScheduleStage,
) -> None:
    put(stage)

    for _ in range(3):
        stage.clock.advance(seconds=60)
        stage.fire_due()
        stage.fire_due()

    assert len({run["concurrency_key"] for run in flow_runs(stage)}) == len(flow_runs(stage)) == 3


def test_a_run_has_the_priority_and_the_schedule_the_first_queue(stage: ScheduleStage) -> None:
    made = put(stage, payload_template=b"7", priority=9)
    assert (made["queue_name"], made["priority"]) == ("a", 9)

    stage.clock.advance(seconds=60)
    stage.fire_due()

    [run] = flow_runs(stage)
    assert run["priority"] == 9
