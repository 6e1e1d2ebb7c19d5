"""A slot fires once: its job, its run and the next slot are one."""

import json
from typing import Any

import pytest
from msgspec import structs

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.maintenance.remove_org import delete_organization
from spooled_lite.core.queues.pause import pause as pause_queue
from spooled_lite.core.schedules.fire import ERROR_CHARACTERS_MAX, TRUNCATED, trigger
from spooled_lite.errors import AccessDenied, NotFound, QuotaExceeded
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx
from tests.core.schedules.schedule_stage import OPEN_TERMS, ScheduleStage, at
from tests.core.stage import OPEN, capped

HOUR = 3_600
UNTIMELY = "the storage is nearly full"


def limit(stage: ScheduleStage, **limits: int) -> None:
    """Give the organization limits of its own."""
    blob = json.dumps(limits).encode()
    stage.run(lambda tx: tx.execute("UPDATE organizations SET custom_limits = :it", {"it": blob}))


# -- a slot that has come --------------------------------------------------------------------


def test_a_slot_makes_a_job_with_the_values_of_the_schedule(stage: ScheduleStage) -> None:
    schedule = stage.schedule(
        payload_template=b'{"job_type": "mail",  "n": [1]}',
        priority=7,
        max_retries=9,
        timeout_seconds=42,
        tags=b'["a"]',
        metadata=b'{"owner":"ada"}',
    )

    stage.pass_time(seconds=HOUR)

    [run] = stage.runs(schedule)
    assert run["job_id"] is not None
    job = stage.job(run["job_id"])
    assert job["payload"] == b'{"job_type": "mail",  "n": [1]}'
    assert (job["queue_name"], job["status"], job["job_type"]) == ("reports", "pending", "mail")
    assert (job["priority"], job["max_retries"], job["timeout_seconds"]) == (7, 9, 42)
    assert (job["tags"], job["idempotency_key"], job["claimable"]) == (b'["a"]', None, 1)
    assert (run["status"], run["error_message"]) == ("completed", None)
    assert run["started_at_ms"] == run["completed_at_ms"] == at("09:00")


def test_a_slot_moves_its_schedule_on(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    assert stage.due_at_ms[Deadline.SLOT] == at("09:00")
    stage.due_at_ms.clear()

    stage.pass_time(seconds=HOUR)

    after = stage.again(schedule)
    assert after["next_run_at_ms"] == stage.due_at_ms[Deadline.SLOT] == at("10:00")
    assert (after["last_run_at_ms"], after["run_count"], after["failed_count"]) == (
        at("09:00"),
        1,
        0,
    )
    assert after["updated_at_ms"] == at("08:00")


def test_a_slot_is_announced_after_its_job(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.enqueue("reports")
    stage.happened()

    stage.pass_time(seconds=HOUR)

    [created, triggered] = stage.events
    assert (created.type, triggered.type) == ("job.created", "schedule.triggered")
    assert triggered.row["id"] == schedule["id"]
    assert triggered.row["run_count"] == 1
    assert triggered.facts == {"job_id": created.row["id"], "trigger": "cron"}


def test_the_job_of_a_slot_is_like_any_job(stage: ScheduleStage) -> None:
    stage.schedule()

    stage.pass_time(seconds=HOUR)

    assert (stage.org, "reports") in stage.fed
    assert stage.counter("status.pending", "reports") == 1
    assert stage.value("SELECT event_type FROM job_history") == "created"
    assert [row["type"] for row in stage.rows("SELECT type FROM event_log ORDER BY seq")] == [
        "job.created",
        "schedule.triggered",
    ]


def test_the_queue_is_made_with_the_first_job_and_not_before(stage: ScheduleStage) -> None:
    stage.schedule()
    assert stage.value("SELECT count(*) FROM queues") == 0

    stage.pass_time(seconds=HOUR)

    assert stage.value("SELECT queue_name FROM queues") == "reports"


def test_a_paused_queue_gets_its_jobs(stage: ScheduleStage) -> None:
    stage.schedule()
    stage.run(pause_queue, stage.org, "reports", None, OPEN)

    stage.pass_time(seconds=HOUR)

    assert stage.job_count() == 1


def test_nothing_fires_before_its_time(stage: ScheduleStage) -> None:
    stage.schedule()

    stage.pass_time(seconds=HOUR - 0.001)

    assert stage.job_count() == 0


def test_a_paused_schedule_does_not_fire(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.pause(schedule)

    stage.pass_time(seconds=HOUR)

    assert (stage.job_count(), stage.again(schedule)["next_run_at_ms"]) == (0, at("09:00"))


def test_a_rule_that_never_matches_never_fires(stage: ScheduleStage) -> None:
    schedule = stage.schedule(cron_expression="0 0 30 2 *")

    stage.pass_time(seconds=400 * 24 * HOUR)

    assert (schedule["next_run_at_ms"], stage.job_count()) == (None, 0)


# -- once ------------------------------------------------------------------------------------


def test_two_passes_over_the_same_due_rows_fire_once(stage: ScheduleStage) -> None:
    schedules = [stage.schedule() for _ in range(3)]
    stage.clock.advance(seconds=HOUR)
    first, second = stage.decided(), stage.decided()

    assert [stage.fire(first), stage.fire(second), stage.fire(first)] == [3, 0, 0]

    assert stage.job_count() == 3
    assert [len(stage.runs(schedule)) for schedule in schedules] == [1, 1, 1]


@pytest.mark.parametrize(
    "columns",
    [
        {"cron_expression": "0 9 * * *"},
        {"timezone": "Etc/GMT+1"},
        {"catch_up": "skip"},
        {"is_active": False},
    ],
)
def test_a_decision_that_is_out_of_date_does_nothing(
    stage: ScheduleStage, columns: dict[str, Any]
) -> None:
    schedule = stage.schedule()
    stage.clock.advance(seconds=HOUR)
    firings = stage.decided()
    changed = stage.change(schedule, **columns)

    assert stage.fire(firings) == 0

    assert (stage.job_count(), stage.again(schedule)) == (0, changed)


def test_a_clock_set_back_fires_nothing_twice_and_loses_nothing(stage: ScheduleStage) -> None:
    schedule = stage.schedule(cron_expression="*/30 * * * *")
    stage.pass_time(seconds=1_800)
    stage.pass_time(seconds=1_800)
    assert stage.slots(schedule) == [at("08:30"), at("09:00")]

    stage.clock.advance(seconds=-HOUR)
    for _ in range(6):
        stage.pass_time(seconds=600)
    assert stage.slots(schedule) == [at("08:30"), at("09:00")]
    stage.pass_time(seconds=1_800)

    assert stage.slots(schedule) == [at("08:30"), at("09:00"), at("09:30")]
    assert stage.job_count() == 3


def test_a_slot_that_comes_again_after_a_resume_makes_no_second_job(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.pass_time(seconds=HOUR)
    stage.clock.advance(seconds=-HOUR / 2)
    stage.pause(schedule)
    resumed = stage.resume(schedule)
    assert resumed is not None
    assert resumed["next_run_at_ms"] == at("09:00")

    stage.pass_time(seconds=HOUR / 2)

    after = stage.again(schedule)
    assert (stage.job_count(), stage.slots(schedule)) == (1, [at("09:00")])
    assert (after["next_run_at_ms"], after["run_count"]) == (at("10:00"), 1)


# -- missed slots ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("catch_up", "late_seconds", "slots"),
    [
        # A slot that is late, and no other is due yet.
        ("one", 0, ["09:00"]),
        ("skip", 0, ["09:00"]),
        ("all", 0, ["09:00"]),
        ("one", 60, ["09:00"]),
        ("skip", 60, ["09:00"]),
        ("all", 60, ["09:00"]),
        ("one", 60.001, ["09:00"]),
        ("skip", 60.001, []),
        ("all", 60.001, ["09:00"]),
        # Several were missed.
        ("one", 3 * HOUR, ["09:00"]),
        ("skip", 3 * HOUR, []),
        ("all", 3 * HOUR, ["09:00", "10:00", "11:00", "12:00"]),
    ],
)
def test_what_was_missed_is_made_up_for_as_the_schedule_says(
    stage: ScheduleStage, catch_up: str, late_seconds: float, slots: list[str]
) -> None:
    schedule = stage.schedule(catch_up=catch_up)

    stage.pass_time(seconds=HOUR + late_seconds)

    after = stage.again(schedule)
    assert stage.slots(schedule) == [at(slot) for slot in slots]
    assert stage.job_count() == after["run_count"] == len(slots)
    assert after["next_run_at_ms"] == (at("13:00") if late_seconds > 61 else at("10:00"))


def test_two_slots_within_the_grace_are_downtime(stage: ScheduleStage) -> None:
    schedule = stage.schedule(cron_expression="*/10 * * * * *", catch_up="skip")

    stage.pass_time(seconds=20)

    assert (stage.slots(schedule), stage.again(schedule)["next_run_at_ms"]) == ([], at("08:00:30"))


@pytest.mark.parametrize(("catch_up", "count"), [("one", 1), ("skip", 0), ("all", 24)])
def test_a_clock_set_forward_a_day_is_downtime(
    stage: ScheduleStage, catch_up: str, count: int
) -> None:
    schedule = stage.schedule(catch_up=catch_up)

    stage.pass_time(seconds=24 * HOUR)

    assert (stage.job_count(), len(stage.runs(schedule))) == (count, count)
    assert stage.again(schedule)["next_run_at_ms"] == at("09:00") + 24 * HOUR * 1000


def test_all_that_was_missed_goes_in_passes_and_has_an_end(stage: ScheduleStage) -> None:
    schedule = stage.schedule(cron_expression="* * * * * *", catch_up="all")
    stage.clock.advance(seconds=2 * HOUR)
    counts: list[int] = []
    while not counts or counts[-1] < 1_000:
        assert stage.fire_due() == 1
        counts.append(len(stage.slots(schedule)))

    assert counts == [*range(32, 1_000, 32), 1_000]
    assert stage.slots(schedule) == [at("08:00") + 1_000 * n for n in range(1, 1_001)]
    after = stage.again(schedule)
    assert (after["next_run_at_ms"], after["caught_up"]) == (at("10:00:01"), 0)
    assert stage.fire_due() == 0


def test_the_bound_holds_when_the_server_starts_again_meanwhile(stage: ScheduleStage) -> None:
    """What has been made up for is written down with the slots."""
    schedule = stage.schedule(cron_expression="* * * * * *", catch_up="all")
    stage.clock.advance(seconds=2 * HOUR)
    stage.fire_due()
    assert stage.again(schedule)["caught_up"] == 32

    stage.clock.advance(seconds=HOUR)
    stage.come_to_rest()

    assert len(stage.slots(schedule)) == 1_000


def test_catching_up_ends_when_nothing_is_missed_any_more(stage: ScheduleStage) -> None:
    schedule = stage.schedule(catch_up="all")

    stage.pass_time(seconds=40 * HOUR)
    assert stage.again(schedule)["caught_up"] == 0
    stage.pass_time(seconds=10 * HOUR)

    assert stage.job_count() == 50


def test_a_pause_is_not_downtime(stage: ScheduleStage) -> None:
    schedule = stage.schedule(catch_up="all")
    stage.pause(schedule)
    stage.clock.advance(seconds=5 * HOUR)

    stage.resume(schedule)
    stage.come_to_rest()

    assert (stage.job_count(), stage.again(schedule)["next_run_at_ms"]) == (0, at("14:00"))


# -- jobs that cannot be made ----------------------------------------------------------------


@pytest.mark.parametrize("resource", ["jobs_per_day", "active_jobs"])
def test_a_full_plan_leaves_a_failed_run_and_moves_on(stage: ScheduleStage, resource: str) -> None:
    schedule = stage.schedule()
    stage.enqueue("others")
    limit(stage, **{f"max_{resource}": 1})
    stage.happened()

    stage.pass_time(seconds=HOUR)

    [run], after = stage.runs(schedule), stage.again(schedule)
    assert (run["status"], run["job_id"], run["completed_at_ms"]) == ("failed", None, at("09:00"))
    assert (run["error_message"] or "").startswith(
        f"{resource.replace('_', ' ')} limit reached (1/1)."
    )
    assert (after["run_count"], after["failed_count"], after["last_run_at_ms"]) == (0, 1, None)
    assert after["next_run_at_ms"] == at("10:00")
    assert (stage.job_count(), stage.happened()) == (1, [])


def test_a_refused_job_keeps_no_other_from_being_made(stage: ScheduleStage) -> None:
    before, refused, after = (
        stage.schedule(queue_name=name, cron_expression=f"{second} 0 9 * * *")
        for second, name in enumerate(["one", "two", "one"])
    )
    limit(stage, max_queues=1)

    stage.pass_time(seconds=HOUR + 5)

    statuses = [[run["status"] for run in stage.runs(it)] for it in (before, refused, after)]
    assert statuses == [["completed"], ["failed"], ["completed"]]
    assert [row["queue_name"] for row in stage.rows("SELECT queue_name FROM queues")] == ["one"]


def test_the_plan_holds_only_where_it_is_enforced(stage: ScheduleStage) -> None:
    stage.run(lambda tx: tx.execute("UPDATE organizations SET plan_tier = 'free'"))
    for number in range(12):
        stage.schedule(queue_name=f"queue-{number % 2}")
    stage.pass_time(seconds=HOUR)
    assert stage.job_count() == 12

    stage.terms = structs.replace(OPEN_TERMS, is_enforced=True)
    stage.pass_time(seconds=HOUR)

    assert stage.job_count() == 12
    assert stage.value("SELECT count(*) FROM schedule_runs WHERE status = 'failed'") == 12


def test_a_template_that_has_become_too_large_leaves_a_failed_run(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    limit(stage, max_payload_size_bytes=5)

    stage.pass_time(seconds=HOUR)

    [run] = stage.runs(schedule)
    assert run["error_message"] == "Field `payload_template` is larger than 5 bytes"
    assert stage.job_count() == 0


def test_every_missed_slot_of_a_full_plan_is_written_down(stage: ScheduleStage) -> None:
    schedule = stage.schedule(catch_up="all")
    limit(stage, max_active_jobs=2)

    stage.pass_time(seconds=5 * HOUR)

    assert [run["status"] for run in reversed(stage.runs(schedule))] == [
        *["completed"] * 2,
        *["failed"] * 3,
    ]
    after = stage.again(schedule)
    assert (after["run_count"], after["failed_count"]) == (2, 3)


def test_a_refusal_of_the_storage_leaves_failed_runs(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.clock.advance(seconds=HOUR)

    assert stage.fire(stage.decided(), refusal=UNTIMELY) == 1

    [run] = stage.runs(schedule)
    assert (run["status"], run["error_message"]) == ("failed", UNTIMELY)
    assert (stage.job_count(), stage.again(schedule)["next_run_at_ms"]) == (0, at("10:00"))


def test_a_long_reason_is_cut(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.clock.advance(seconds=HOUR)

    stage.fire(stage.decided(), refusal="x" * (ERROR_CHARACTERS_MAX + 1))

    [run] = stage.runs(schedule)
    error = run["error_message"] or ""
    assert len(error) == ERROR_CHARACTERS_MAX
    assert error.endswith("x" + TRUNCATED)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("timezone", "Mars/Olympus", "Unknown time zone"),
        ("cron_expression", "no rule", "Invalid cron expression:"),
    ],
)
def test_a_rule_that_cannot_be_read_any_more_ends_with_a_failed_run(
    stage: ScheduleStage, column: str, value: str, reason: str
) -> None:
    """A file that was moved to a machine with other time zones, for example."""
    schedule, other = stage.schedule(), stage.schedule()
    statement = f"UPDATE schedules SET {column} = :value WHERE seq = :seq"  # noqa: S608
    stage.run(lambda tx: tx.execute(statement, {"value": value, "seq": schedule["seq"]}))

    stage.pass_time(seconds=HOUR)

    [run] = stage.runs(schedule)
    assert (run["error_message"] or "").startswith(reason)
    assert stage.again(schedule)["next_run_at_ms"] is None
    assert stage.again(other)["run_count"] == 1


def test_schedules_of_a_deleted_organization_do_not_fire(stage: ScheduleStage) -> None:
    stage.schedule()
    stage.clock.advance(seconds=HOUR)
    firings = stage.decided()

    def delete(tx: Tx) -> None:
        delete_organization(tx, stage.org, even_if_busy=True)

    stage.run(delete)

    assert (stage.fire(firings), stage.decided(), stage.job_count()) == (0, [], 0)


# -- by hand ---------------------------------------------------------------------------------


def test_a_trigger_makes_a_job_now_and_keeps_the_next_slot(stage: ScheduleStage) -> None:
    schedule = stage.schedule(priority=4, tags=b"{}")
    stage.happened()

    job = stage.trigger(schedule)

    [run], after = stage.runs(schedule), stage.again(schedule)
    assert (run["job_id"], run["status"], run["started_at_ms"]) == (
        job["id"],
        "completed",
        at("08:00"),
    )
    assert (after["run_count"], after["last_run_at_ms"]) == (1, at("08:00"))
    assert after["next_run_at_ms"] == at("09:00")
    assert (job["status"], job["priority"], job["tags"]) == ("pending", 4, b"{}")
    triggered = stage.events[-1]
    assert (triggered.type, triggered.facts) == (
        "schedule.triggered",
        {"job_id": job["id"], "trigger": "manual"},
    )


def test_a_paused_schedule_can_be_triggered_again_and_again(stage: ScheduleStage) -> None:
    schedule = stage.schedule()
    stage.pause(schedule)

    jobs = {stage.trigger(schedule)["id"] for _ in range(3)}

    assert (len(jobs), len(stage.runs(schedule)), stage.job_count()) == (3, 3, 3)


def test_a_refused_trigger_leaves_nothing(stage: ScheduleStage) -> None:
    schedule = stage.schedule()

    with pytest.raises(QuotaExceeded):
        stage.trigger(schedule, capped(active_jobs=0))

    assert (stage.runs(schedule), stage.again(schedule)) == ([], schedule)


def test_a_trigger_needs_a_schedule_and_its_queue(stage: ScheduleStage) -> None:
    schedule, other = stage.schedule(), stage.other_org()

    with pytest.raises(NotFound):
        stage.run(trigger, other, schedule["id"], OPEN, Scope())
    with pytest.raises(AccessDenied):
        stage.run(trigger, stage.org, schedule["id"], OPEN, Scope(["others"]))

    assert stage.job_count() == 0
