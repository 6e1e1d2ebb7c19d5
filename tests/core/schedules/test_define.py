"""Making, changing, pausing and deleting schedules; what happens to their next slot."""

from typing import Any

import pytest

from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.schedules.define import (
    change,
    create,
    delete,
    pause,
    remove_deleted_schedules,
    slots_after,
    worked_out,
)
from spooled_lite.core.schedules.records import ScheduleChanges
from spooled_lite.errors import AccessDenied, NotFound, QuotaExceeded, RuleBroken
from spooled_lite.events import Deadline
from tests.core.schedules.schedule_stage import (
    TEMPLATE_BYTES_MAX,
    ScheduleStage,
    a_schedule,
    at,
)
from tests.core.stage import capped

FULL = capped(schedules=0).caps
DAY_MS = 86_400_000


def delete_schedule(stage: ScheduleStage, schedule: ScheduleRow) -> None:
    stage.run(delete, stage.org, schedule["id"], ALL_QUEUES)


def left(stage: ScheduleStage) -> tuple[int, int]:
    """Rows of schedules and of runs."""
    return (
        stage.value("SELECT count(*) FROM schedules"),
        stage.value("SELECT count(*) FROM schedule_runs"),
    )


# -- making ----------------------------------------------------------------------------------


def test_a_new_schedule_has_defaults(stage: ScheduleStage) -> None:
    row = stage.schedule()

    assert (row["timezone"], row["priority"], row["catch_up"]) == ("UTC", 0, "one")
    assert (row["max_retries"], row["timeout_seconds"]) == (3, 300)
    assert (row["is_active"], row["run_count"], row["failed_count"]) == (1, 0, 0)
    assert (row["tags"], row["metadata"], row["last_run_at_ms"]) == (None, None, None)
    assert row["created_at_ms"] == row["updated_at_ms"] == at("08:00")
    assert row["next_run_at_ms"] == stage.due_at_ms[Deadline.SLOT] == at("09:00")


def test_values_that_it_does_not_name_are_those_of_its_queue(stage: ScheduleStage) -> None:
    stage.configure("reports", max_retries=8, default_timeout=99)

    rows = [stage.schedule(), stage.schedule(max_retries=0, timeout_seconds=1)]

    assert [(row["max_retries"], row["timeout_seconds"]) for row in rows] == [(8, 99), (0, 1)]


def test_only_active_schedules_count_against_the_cap(stage: ScheduleStage) -> None:
    one = capped(schedules=1)
    stage.schedule(one, is_active=False)
    kept = stage.schedule(one)
    stage.schedule(one, is_active=False)

    with pytest.raises(QuotaExceeded) as refused:
        stage.schedule(one)
    stage.pause(kept)
    stage.schedule(one)

    assert refused.value.details == {
        "resource": "schedules",
        "current": 1,
        "limit": 1,
        "plan": "free",
        "upgrade_to": "starter",
    }


def test_a_schedule_that_does_not_run_wakes_nobody(stage: ScheduleStage) -> None:
    stage.due_at_ms.clear()

    row = stage.schedule(is_active=False)

    assert (row["next_run_at_ms"], Deadline.SLOT in stage.due_at_ms) == (at("09:00"), False)


# -- changing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "next_run_at_ms"),
    [
        ({}, at("08:30")),
        ({"name": "other", "priority": 1, "catch_up": "all"}, at("08:30")),
        ({"cron_expression": "30 * * * *"}, at("08:30")),  # the one it has
        ({"is_active": True}, at("08:30")),
        ({"cron_expression": "0 10 * * *"}, at("10:00")),
        ({"cron_expression": "0 0 10 * * *"}, at("10:00")),
        ({"timezone": "America/New_York"}, at("09:30")),
        ({"cron_expression": "0 9 * * *", "timezone": "America/New_York"}, at("14:00")),
        ({"cron_expression": "0 0 30 2 *"}, None),
        ({"is_active": False}, at("08:30")),
        ({"is_active": False, "cron_expression": "0 10 * * *"}, at("10:00")),
    ],
)
def test_only_another_rule_moves_the_next_slot(
    stage: ScheduleStage, columns: dict[str, Any], next_run_at_ms: int | None
) -> None:
    schedule = stage.schedule(cron_expression="30 * * * *")
    stage.clock.advance(seconds=3_600)  # the slot at half past is due and has not fired yet

    changed = stage.change(schedule, **columns)

    assert changed is not None
    assert {**changed, **columns} == {**changed}
    assert changed["next_run_at_ms"] == next_run_at_ms


def test_a_change_keeps_what_it_does_not_name(stage: ScheduleStage) -> None:
    schedule = stage.schedule(description="d", tags=b"[1]", metadata=b"{}")
    stage.clock.advance(seconds=1)

    changed = stage.change(schedule, name="other")

    assert changed is not None
    assert dict(changed) == {
        **dict(schedule),
        "name": "other",
        "updated_at_ms": at("08:00:01"),
    }


def test_a_change_wakes_the_loop_for_an_earlier_slot(stage: ScheduleStage) -> None:
    schedule = stage.schedule()

    stage.change(schedule, cron_expression="1 8 * * *")

    assert stage.due_at_ms[Deadline.SLOT] == at("08:01")


def test_a_change_that_others_have_overtaken_is_not_made(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    wanted = worked_out(
        ScheduleChanges(columns={"timezone": "Asia/Tokyo"}),
        schedule,
        now_ms=stage.clock.now_ms(),
        template_bytes_max=TEMPLATE_BYTES_MAX,
    )
    overtaking = stage.change(schedule, cron_expression="0 9 * * *")

    made = stage.run(change, stage.org, schedule["id"], wanted, ALL_QUEUES, None)

    assert (made, stage.again(schedule)) == (None, overtaking)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (b'{"a":1}', b'{"a":1,"job_type":"mail"}'),
        (b"{}", b'{"job_type":"mail"}'),
        (b'{"job_type":"sms"}', b'{"job_type":"sms"}'),
        (b"[1]", b"[1]"),
        (b"null", b"null"),
    ],
)
def test_a_type_goes_into_the_template_that_is_there(
    stage: ScheduleStage, template: bytes, expected: bytes
) -> None:
    schedule = stage.schedule(payload_template=template)

    changed = stage.change(schedule, job_type="mail")

    assert changed is not None
    assert changed["payload_template"] == expected


def test_beginning_to_run_counts_against_the_cap(stage: ScheduleStage) -> None:
    running, paused = stage.schedule(), stage.schedule(is_active=False)

    for schedule in (running, paused):
        stage.change(schedule, FULL, name="other")
    stage.resume(running, FULL)
    for attempt in (stage.resume, lambda it, caps: stage.change(it, caps, is_active=True)):
        with pytest.raises(QuotaExceeded):
            attempt(paused, FULL)

    assert stage.again(paused)["is_active"] == 0


@pytest.mark.parametrize(
    ("rule", "field"),
    [
        ({"cron_expression": "* * * *"}, "cron_expression"),
        ({"cron_expression": ""}, "cron_expression"),
        ({"timezone": "Nowhere/Else"}, "timezone"),
    ],
)
def test_a_rule_that_is_none_is_refused(
    stage: ScheduleStage, rule: dict[str, Any], field: str
) -> None:
    schedule = stage.schedule()

    with pytest.raises(RuleBroken) as refused:
        stage.change(schedule, **rule)

    assert refused.value.details[0].field == field
    assert stage.again(schedule) == schedule


# -- pausing ---------------------------------------------------------------------------------


def test_a_pause_keeps_the_next_slot_and_can_be_repeated(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.clock.advance(seconds=5)

    first = stage.pause(schedule)
    stage.clock.advance(seconds=5)
    second = stage.pause(schedule)

    assert (first["is_active"], first["next_run_at_ms"]) == (0, at("09:00"))
    assert first["updated_at_ms"] == at("08:00:05")
    assert second == first


def test_a_resumed_schedule_goes_on_with_the_next_slot_from_now(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.pause(schedule)
    stage.clock.advance(seconds=5 * 3_600 + 1)
    stage.due_at_ms.clear()

    resumed = stage.resume(schedule)

    assert resumed is not None
    assert (resumed["is_active"], resumed["next_run_at_ms"]) == (1, at("14:00"))
    assert stage.due_at_ms[Deadline.SLOT] == at("14:00")


def test_resuming_what_runs_loses_no_slot_that_is_due(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.clock.advance(seconds=3_600)

    stage.resume(schedule)
    stage.come_to_rest()

    assert stage.slots(schedule) == [at("09:00")]


# -- deleting --------------------------------------------------------------------------------


def test_a_deleted_schedule_is_gone_with_its_runs_and_its_jobs_stay(stage: ScheduleStage) -> None:
    schedule, other = stage.schedule(), stage.schedule()
    stage.pass_time(seconds=3_600)

    delete_schedule(stage, schedule)

    assert left(stage) == (1, 1)
    assert (stage.job_count(), len(stage.runs(other))) == (2, 1)
    with pytest.raises(NotFound):
        stage.again(schedule)
    with pytest.raises(NotFound):
        delete_schedule(stage, schedule)


def test_many_runs_of_a_deleted_schedule_go_with_the_sweeps(stage: ScheduleStage) -> None:
    schedule, other = stage.schedule(), stage.schedule(is_active=False)
    for _ in range(PASS_MAX + 10):
        stage.trigger(schedule)

    delete_schedule(stage, schedule)

    assert left(stage) == (2, 10)
    with pytest.raises(NotFound):
        stage.again(schedule)
    stage.pass_time(seconds=3_600)
    stage.wait(seconds=300)
    assert (left(stage), stage.again(other)) == ((1, 0), other)
    assert stage.job_count() == PASS_MAX + 10


def test_a_deleted_schedule_does_not_fire_and_leaves_its_place(stage: ScheduleStage) -> None:
    one = capped(schedules=1)
    schedule = stage.schedule(one)
    stage.clock.advance(seconds=3_600)
    firings = stage.decided()

    delete_schedule(stage, schedule)

    assert (stage.fire(firings), stage.job_count()) == (0, 0)
    stage.schedule(one)


def test_a_pass_over_what_is_left_finds_nothing_when_all_is_gone(stage: ScheduleStage) -> None:
    stage.schedule()

    assert stage.run(remove_deleted_schedules, stage.org) == 0


# -- whose -----------------------------------------------------------------------------------


def test_every_act_needs_a_schedule_of_the_organization_and_its_queue(
    stage: ScheduleStage,
) -> None:
    schedule, other = stage.schedule(), stage.other_org()
    wanted = worked_out(
        ScheduleChanges(columns={"name": "x"}), schedule, now_ms=0, template_bytes_max=9
    )
    for org, scope, refusal in (
        (other, ALL_QUEUES, NotFound),
        (stage.org, Scope(["others"]), AccessDenied),
    ):
        with pytest.raises(refusal):
            stage.run(change, org, schedule["id"], wanted, scope, None)
        with pytest.raises(refusal):
            stage.run(pause, org, schedule["id"], scope)
        with pytest.raises(refusal):
            stage.run(delete, org, schedule["id"], scope)

    assert stage.again(schedule) == schedule


def test_slots_are_worked_out_strictly_after_a_moment() -> None:
    assert slots_after("0 9 * * *", "UTC", at("09:00"), 2) == [
        at("09:00") + DAY_MS,
        at("09:00") + 2 * DAY_MS,
    ]
    assert slots_after("0 0 30 2 *", "UTC", at("09:00"), 2) == []


def test_a_schedule_made_in_another_organization_does_not_count(stage: ScheduleStage) -> None:
    one, other = capped(schedules=1), stage.other_org()
    stage.run(create, other, a_schedule(), None, one)

    assert stage.schedule(one)["org"] == stage.org
