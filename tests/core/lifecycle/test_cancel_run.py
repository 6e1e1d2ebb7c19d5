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
from tests.core.steps.mapped import a_generator, a_map, add, give_up, items_of, take
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


def renewed(stage: JobStage, job: JobRow) -> bool:
    """Whether its worker may go on."""
    answer = stage.run(renew, stage.org, job["id"], holder(job), 60_000, ALL_QUEUES)
    return isinstance(answer, int)


def statuses(stage: JobStage, run: Run, key: str) -> list[str]:
    return [item["status"] for item in items_of(stage, run, key)]


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


def test_items_and_producers_that_are_left_to_run_go_on_to_their_end(stage: JobStage) -> None:
    run = started(stage, a_map("each"), a_generator("make"), input=[1, 2])
    [item] = take(stage, "each", limit=1)
    producer = run.take("make")
    add(run, producer, 1, 2)
    [made] = take(stage, "numbers", limit=1)

    cancel(run, stop_running=False)

    assert all(renewed(stage, job) for job in (item, producer, made))
    assert run.states == {"each": "waiting_for_map_tasks", "make": "started"}
    assert (take(stage, "each"), take(stage, "numbers")) == ([], [])
    with pytest.raises(Conflict, match="takes no more items"):
        add(run, producer, 3)
    run.settle(item, 1)
    assert (run.state, run.states["each"]) == ("canceling", "canceled")
    run.settle(producer)
    assert run.states["make"] == "waiting_for_map_tasks"
    run.settle(made, 2)

    assert (run.state, run.states) == ("canceled", {"each": "canceled", "make": "canceled"})
    assert (
        statuses(stage, run, "each") == statuses(stage, run, "make") == ["completed", "cancelled"]
    )
    check(stage)


def test_what_was_never_released_does_not_begin_when_held_items_end(stage: JobStage) -> None:
    maps = [a_map(f"each{number}", queue_name="work") for number in range(100)]
    run = started(stage, *maps, input=list(range(12)))  # ten of each may be open
    items = take(stage, "work", limit=10)

    cancel(run, stop_running=False)
    for item in items:
        run.settle(item, 1)
    stage.run_due()

    assert take(stage, "work") == []
    assert (run.state, set(run.states.values())) == ("canceled", {"canceled"})
    assert statuses(stage, run, "each0") == ["completed"] * 10 + ["cancelled"] * 2
    check(stage)


def test_unreleased_items_of_a_generator_end_when_its_producer_was_left_to_run(
    stage: JobStage,
) -> None:
    others = [a_map(f"each{number}", queue_name="other") for number in range(99)]
    run = started(stage, a_generator("make"), *others, input=[1])
    producer = run.take("make")
    add(run, producer, *range(12))
    items = take(stage, "numbers", limit=10)

    cancel(run, stop_running=False)
    run.settle(producer)
    for item in items:
        run.settle(item, 1)
    stage.run_due()

    assert (run.state, run.states["make"]) == ("canceled", "canceled")
    assert statuses(stage, run, "make") == ["completed"] * 10 + ["cancelled"] * 2
    check(stage)


def test_an_item_that_fails_when_it_was_left_to_run_takes_no_other_with_it(stage: JobStage) -> None:
    run = started(stage, a_generator("make"))
    producer = run.take("make")
    add(run, producer, 1, 2)
    first, second = take(stage, "numbers")
    cancel(run, stop_running=False)

    give_up(stage, first, may_retry=False)
    assert renewed(stage, second)
    assert renewed(stage, producer)
    run.settle(second, 1)
    run.settle(producer)

    assert (run.state, run.states["make"]) == ("canceled", "canceled")
    assert statuses(stage, run, "make") == ["deadletter", "completed"]
    check(stage)


def test_a_second_cancel_stops_items_that_were_left_to_run(stage: JobStage) -> None:
    run = started(stage, a_map("each"), input=[1])
    [item] = take(stage, "each")
    cancel(run, stop_running=False)
    assert renewed(stage, item)

    cancel(run, stop_running=True)

    assert told(stage, item) == "workflow_canceled"
    assert (run.state, run.states) == ("canceled", {"each": "canceled"})
    check(stage)


@pytest.mark.parametrize("stop_running", [True, False])
def test_items_of_a_generator_that_waits_for_another_attempt_may_end(
    stage: JobStage, stop_running: bool
) -> None:
    run = started(stage, a_generator("make", max_retries=1))
    producer = run.take("make")
    add(run, producer, 1, 2, 3)
    first, second = take(stage, "numbers", limit=2)
    give_up(stage, producer)

    cancel(run, stop_running=stop_running)

    assert (run.state, run.states["make"]) == ("canceling", "waiting_for_map_tasks")
    run.settle(first, 1)
    assert run.state == "canceling"
    assert renewed(stage, second) is not stop_running
    if not stop_running:
        run.settle(second, 2)

    assert (run.state, run.states["make"]) == ("canceled", "canceled")
    ended = "cancelled" if stop_running else "completed"
    assert statuses(stage, run, "make") == ["completed", ended, "cancelled"]
    stage.wait(seconds=3_600)
    assert take(stage, "make") == []
    check(stage)
