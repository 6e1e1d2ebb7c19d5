"""Cancelling a run of a document in two phases: contract catbird-capabilities, section 8.6."""

from typing import Any

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.held_by import HeldJob
from spooled_lite.core.lifecycle.renew import renew
from spooled_lite.core.lifecycle.workflow import CancelledWorkflow, cancel_workflow
from spooled_lite.errors import BadRequest, Conflict, LeaseExpired
from tests.core.job_stage import JobStage, holder
from tests.core.steps.mapped import a_map, items_of, take
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import Run, a_node, started


def cancel(run: Run, reason: str | None = None, **how: Any) -> CancelledWorkflow:
    return run.stage.run(cancel_workflow, run.stage.org, run.id, reason, ALL_QUEUES, **how)


def told(stage: JobStage, job: JobRow) -> Any:
    """Why the worker of this job has to stop, at its next heartbeat."""
    answer = stage.run(renew, stage.org, job["id"], holder(job), 60_000, ALL_QUEUES)
    assert isinstance(answer, LeaseExpired)
    return answer.details["reason"]


def test_with_nothing_in_flight_it_is_canceled_at_once(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"), a_node("c", signal=True))

    done = cancel(run, "customer")

    assert (done.was_applied, run.status, run.state) == (True, "cancelled", "canceled")
    assert (done.row["cancel_reason"], run.counted) == ("customer", (0, 0, 0, 0, 3))
    check(stage)


def test_what_runs_is_told_to_stop_and_the_run_is_canceling_until_then(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b"), a_node("c", "a"))
    job, other = run.take("a"), run.take("b")

    cancel(run)

    assert (run.status, run.state, run.states["c"]) == ("cancelled", "canceling", "canceled")
    assert told(stage, job) == "workflow_canceled"
    assert run.state == "canceling"
    run.settle(other, "in time")
    assert run.state == "canceled"
    assert run.states == {"a": "canceled", "b": "completed", "c": "canceled"}
    check(stage)


def test_a_step_that_fails_meanwhile_does_not_fail_the_run(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b"))
    job, other = run.take("a"), run.take("b")
    cancel(run)

    assert stage.fail(job, may_retry=False).status == "cancelled"
    assert run.state == "canceling"
    stage.wait(seconds=60)

    assert (run.status, run.state) == ("cancelled", "canceled")
    assert stage.job(other["id"])["status"] == "cancelled"
    check(stage)


def test_running_steps_may_go_on_to_their_end_if_that_is_asked_for(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"))
    job = run.take("a")

    cancel(run, stop_running=False)
    answer = stage.run(renew, stage.org, job["id"], holder(job), 60_000, ALL_QUEUES)
    assert isinstance(answer, int)
    run.settle(job)

    assert (run.state, run.states["b"]) == ("canceled", "canceled")
    check(stage)


def test_one_that_was_left_to_run_may_be_tried_again_and_the_run_waits_for_it(
    stage: JobStage,
) -> None:
    run = started(stage, a_node("a"))
    job = run.take("a")
    cancel(run, stop_running=False)

    assert stage.fail(job).status == "pending"
    assert run.state == "canceling"
    stage.wait(seconds=60)
    run.complete("a")

    assert (run.status, run.state) == ("cancelled", "canceled")
    check(stage)


def test_the_newest_reason_counts_while_it_is_canceling(stage: JobStage) -> None:
    run = started(stage, a_node("a"))
    job = run.take("a")
    cancel(run, "first")

    assert cancel(run, "second").row["cancel_reason"] == "second"
    again = cancel(run)
    assert (again.was_applied, again.row["cancel_reason"]) == (True, "second")
    stage.fail(job)
    last = cancel(run, "too late")

    assert (last.was_applied, last.row["cancel_reason"]) == (False, "second")
    check(stage)


def test_a_completed_or_failed_run_is_left_alone(stage: JobStage) -> None:
    done, failed = started(stage, a_node("a")), started(stage, a_node("b"))
    done.complete("a")
    failed.fail("b")

    for run in (done, failed):
        before = dict(run.row)
        with pytest.raises(Conflict):
            cancel(run, "late")
        assert dict(run.row) == before


def test_a_worker_cancels_the_run_of_its_own_step(stage: JobStage) -> None:
    run, other = started(stage, a_node("a")), started(stage, a_node("b"))
    job = run.take("a")
    mine = HeldJob(job_id=job["id"], claimant=holder(job))

    with pytest.raises(BadRequest):
        cancel(other, by=mine)
    cancel(run, "enough", by=mine)

    assert told(stage, job) == "workflow_canceled"
    assert run.state == "canceled"
    check(stage)


def test_a_worker_that_has_lost_its_step_cancels_nothing(stage: JobStage) -> None:
    run = started(stage, a_node("a"))
    job = run.take("a")
    stage.wait(seconds=60)

    with pytest.raises(LeaseExpired):
        cancel(run, by=HeldJob(job_id=job["id"], claimant=holder(job)))

    assert run.state == "started"


def test_a_step_ends_with_the_last_of_its_items(stage: JobStage) -> None:
    run = started(stage, a_map("each"), a_node("sum", "each"), input=[1, 2, 3])
    first, second = take(stage, "each", limit=2)

    cancel(run)

    assert (run.state, run.states["each"]) == ("canceling", "waiting_for_map_tasks")
    assert items_of(stage, run, "each")[2]["status"] == "cancelled"
    assert take(stage, "each") == []
    assert told(stage, first) == "workflow_canceled"
    assert run.state == "canceling"
    run.settle(second, 2)

    assert (run.state, run.states) == ("canceled", {"each": "canceled", "sum": "canceled"})
    check(stage)


def test_a_step_whose_items_nobody_has_is_canceled_with_them(stage: JobStage) -> None:
    run = started(stage, a_map("each"), input=[1, 2, 3])

    cancel(run)

    assert (run.state, run.states) == ("canceled", {"each": "canceled"})
    stage.run_due()
    assert {item["status"] for item in items_of(stage, run, "each")} == {"cancelled"}
    check(stage)
