"""Schedules that run tasks. Contract: catbird-capabilities, section 10 and V66-V70."""

from typing import Any

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.maintenance.remove_task import delete_task
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.schedules.define import first_slot
from spooled_lite.core.schedules.of_task import (
    delete_task_schedule,
    get_task_schedule,
    put_task_schedule,
)
from spooled_lite.core.schedules.query import ScheduleFilter, list_schedules
from spooled_lite.core.schedules.records import NewSchedule
from spooled_lite.core.tasks.define import define_task
from spooled_lite.core.tasks.records import TaskDefinition
from spooled_lite.core.tasks.runs import list_runs
from spooled_lite.errors import AccessDenied, NotFound
from tests.core.schedules.schedule_stage import ScheduleStage
from tests.core.stage import OPEN

MINUTE: Any = {"cron_expression": "* * * * *"}
FIVE_MINUTES: Any = {"cron_expression": "*/5 * * * *"}


def a_task(stage: ScheduleStage, name: str = "charge", **fields: Any) -> None:
    wanted = TaskDefinition(**{"queue_name": "payments", **fields})
    stage.run(define_task, stage.org, name, wanted, ALL_QUEUES, None)


def put(stage: ScheduleStage, scope: Scope = ALL_QUEUES, **fields: Any) -> ScheduleRow:
    also = {name: fields.pop(name) for name in ("priority",) if name in fields}
    new = NewSchedule(
        **{
            "name": "charge",
            "task_name": "charge",
            "is_of_task": True,
            "queue_name": "",
            "payload_template": b"{}",
            **MINUTE,
            **fields,
        }
    )
    slot = first_slot(new.cron_expression, new.timezone, stage.clock.now_ms())
    return stage.run(put_task_schedule, stage.org, new, also, slot, OPEN, scope)


def again(stage: ScheduleStage) -> ScheduleRow:
    return stage.read(get_task_schedule, stage.org, "charge", ALL_QUEUES)


def task_runs(stage: ScheduleStage) -> list[JobRow]:
    """The oldest one first."""
    rows = stage.read(list_runs, stage.org, "charge", None, ALL_QUEUES, limit=100, offset=0)
    return rows[::-1]


def key_of(slot_at_ms: int) -> str:
    return f"schedule:{slot_at_ms // 1000}.000000"


def test_a_slot_makes_a_run_of_the_task_with_the_input(stage: ScheduleStage) -> None:
    a_task(stage, max_retries=7, timeout_ms=1_500)
    made = put(stage, payload_template=b'{"amount": 1}')
    slot = made["next_run_at_ms"]
    assert (made["name"], made["queue_name"], made["is_active"]) == ("charge", "payments", 1)
    assert slot is not None

    stage.clock.advance(seconds=60)
    stage.fire_due()

    [run] = task_runs(stage)
    assert (run["kind"], run["queue_name"], run["payload"]) == (
        "task_run",
        "payments",
        b'{"amount": 1}',
    )
    assert (run["max_retries"], run["timeout_ms"]) == (7, 1_500)
    assert run["concurrency_key"] == key_of(slot)
    assert [each["job_id"] for each in stage.runs(made)] == [run["id"]]
    row = again(stage)
    assert row["last_scheduled_for_ms"] == slot
    assert row["last_run_at_ms"] == stage.clock.now_ms()


def test_putting_it_again_replaces_it_and_recomputes_the_slot_with_the_rule_only(
    stage: ScheduleStage,
) -> None:
    a_task(stage)
    first = put(stage)
    stage.pause(first)
    stage.clock.advance(seconds=30)

    same = put(stage, payload_template=b"7", catch_up="skip")
    other = put(stage, **FIVE_MINUTES)

    assert same["id"] == other["id"] == first["id"]
    assert (same["next_run_at_ms"], same["is_active"]) == (first["next_run_at_ms"], 0)
    assert (same["payload_template"], same["catch_up"]) == (b"7", "skip")
    assert (other["payload_template"], other["catch_up"]) == (b"{}", "one")
    assert other["next_run_at_ms"] != first["next_run_at_ms"]


@pytest.mark.parametrize(("catch_up", "runs"), [("one", 1), ("skip", 0), ("all", 5)])
def test_what_becomes_of_missed_slots_is_as_it_says(
    stage: ScheduleStage, catch_up: str, runs: int
) -> None:
    a_task(stage)
    first = put(stage, catch_up=catch_up)["next_run_at_ms"]
    assert first is not None

    stage.clock.advance(seconds=5 * 60)
    stage.fire_due()
    assert again(stage)["next_run_at_ms"] > stage.clock.now_ms()  # type: ignore[operator]
    stage.fire_due()

    keys = [run["concurrency_key"] for run in task_runs(stage)]
    assert keys == [key_of(first + n * 60_000) for n in range(runs)]


def test_all_missed_slots_come_in_passes(stage: ScheduleStage) -> None:
    a_task(stage)
    put(stage, catch_up="all")

    stage.clock.advance(seconds=50 * 60)

    counts = []
    for _ in range(3):
        stage.fire_due()
        counts.append(len(task_runs(stage)))
    assert counts[0] == 32
    assert counts[1] == counts[2] >= 50


def test_a_slot_that_is_late_but_within_the_grace_fires_with_skip(stage: ScheduleStage) -> None:
    a_task(stage)
    put(stage, **FIVE_MINUTES, catch_up="skip", misfire_grace_seconds=400)

    stage.clock.advance(seconds=5 * 60 + 30)
    stage.fire_due()

    assert len(task_runs(stage)) == 1


def test_two_schedules_of_one_tick_have_one_run(stage: ScheduleStage) -> None:
    a_task(stage)
    put(stage, timezone="Asia/Tokyo")
    second = stage.schedule(task_name="charge", queue_name="", **MINUTE)

    stage.clock.advance(seconds=60)
    stage.fire_due()

    [run] = task_runs(stage)
    assert [each["job_id"] for each in stage.runs(second)] == [run["id"]]


def test_a_schedule_of_the_other_kind_says_what_its_runs_are(stage: ScheduleStage) -> None:
    a_task(stage, max_retries=7, timeout_ms=1_500)
    own = stage.schedule(
        task_name="charge", queue_name="", priority=9, max_retries=1, timeout_seconds=60, **MINUTE
    )
    taken_over = stage.schedule(task_name="charge", queue_name="", **MINUTE)
    assert (taken_over["max_retries"], taken_over["timeout_seconds"]) == (7, 2)

    job = stage.trigger(own)

    assert (job["kind"], job["task_name"], job["priority"]) == ("task_run", "charge", 9)
    assert (job["max_retries"], job["timeout_ms"]) == (1, 60_000)
    assert job["concurrency_key"] is None


def test_the_schedule_is_that_of_a_task_that_is_there(stage: ScheduleStage) -> None:
    with pytest.raises(NotFound):
        put(stage)
    with pytest.raises(NotFound):
        stage.schedule(task_name="charge", queue_name="")
    a_task(stage)
    with pytest.raises(NotFound):
        again(stage)
    with pytest.raises(AccessDenied):
        put(stage, Scope(["others"]))


def test_it_is_deleted_by_the_name_of_its_task_once(stage: ScheduleStage) -> None:
    a_task(stage)
    put(stage)
    stage.schedule(task_name="charge", queue_name="")

    stage.run(delete_task_schedule, stage.org, "charge", ALL_QUEUES)

    with pytest.raises(NotFound):
        stage.run(delete_task_schedule, stage.org, "charge", ALL_QUEUES)
    assert len(stage.read(list_schedules, stage.org, ScheduleFilter(), ALL_QUEUES)) == 1
    assert put(stage)["is_active"]


def test_the_schedules_of_a_task_follow_its_queue_and_go_with_it(stage: ScheduleStage) -> None:
    a_task(stage)
    put(stage)
    stage.schedule(task_name="charge", queue_name="")
    others = stage.schedule(queue_name="payments")

    def listed(**wanted: Any) -> list[str]:
        rows = stage.read(list_schedules, stage.org, ScheduleFilter(**wanted), ALL_QUEUES)
        return [row["queue_name"] for row in rows]

    a_task(stage, queue_name="other_payments")
    assert listed(target="task") == listed(task_name="charge") == ["other_payments"] * 2
    assert listed(target="queue") == ["payments"]

    stage.run(delete_task, stage.org, "charge", ALL_QUEUES)
    assert listed() == ["payments"]
    stage.clock.advance(seconds=60)
    stage.fire_due()
    assert stage.again(others)["deleted_at_ms"] is None
