"""A cancel that tells running steps to stop: contract catbird-capabilities, section 8.6."""

from typing import Any

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.renew import renew, report_progress
from spooled_lite.core.lifecycle.retry import retry_dead_letters
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.errors import Conflict, LeaseExpired, NotFound
from tests.core.job_stage import JobStage, holder
from tests.core.workflows.graphs import a_step, as_seen, check, stored

DIAMOND = (a_step("a"), a_step("b", "a"), a_step("c", "a"), a_step("d", "b", "c"))
REASON = {"reason": "workflow_canceled"}
STOPPED = {"status": "cancelled", "by_this_lease": False, **REASON}
ENDS = ("renewed", "failed", "failed for good", "lease over", "released")


def heartbeat(stage: JobStage, job: JobRow, who: Claimant | None = None) -> Any:
    who = holder(job) if who is None else who
    return stage.run(renew, stage.org, job["id"], who, 60_000, ALL_QUEUES)


def end(stage: JobStage, job: JobRow, how: str) -> None:
    """How an attempt ends that does not complete its job."""
    match how:
        case "renewed":
            assert isinstance(heartbeat(stage, job), LeaseExpired)
        case "failed" | "failed for good":
            failed = stage.fail(job, may_retry=how == "failed")
            assert (failed.status, failed.will_retry, failed.delay_ms) == ("cancelled", False, 0)
        case "lease over":
            stage.wait(seconds=30)
        case "released":
            assert stage.run(release, [job]) == 1


# -- the call ------------------------------------------------------------------------------------


def test_each_running_step_is_told_once_to_stop_and_runs_on(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"), a_step("c"), a_step("d", "a"))
    job, other = graph.take("b"), graph.take("a")
    stage.events.clear()

    row = graph.cancel("withdrawn", stop_running=True)

    assert (row["status"], row["cancel_reason"]) == ("cancelled", "withdrawn")
    assert graph.steps == {"a": "processing", "b": "processing", "c": "cancelled", "d": "cancelled"}
    assert graph.counted == (0, 2, 0, 0, 2)
    told = [event for event in stage.events if event.type == "job.stop_requested"]
    assert [event.row["id"] for event in told] == [other["id"], job["id"]]
    assert [(event.was, event.facts) for event in told] == [("processing", REASON)] * 2
    assert stage.story(job) == ["created", "claimed"]
    check(stage)


def test_without_it_nobody_is_told(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    job = graph.take("a")
    stage.happened()

    graph.cancel()

    assert "job.stop_requested" not in stage.happened()
    assert heartbeat(stage, job) == stage.clock.now_ms() + 60_000


def test_a_step_that_runs_on_after_a_cancel_can_still_be_told_to_stop(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    job = graph.take("a")
    first = graph.cancel("one")
    stage.happened()
    stage.clock.advance(seconds=1)

    assert as_seen(graph.cancel("two", stop_running=True)) == as_seen(first)

    assert stage.happened() == ["job.stop_requested"]
    graph.cancel(stop_running=True)
    assert stage.happened() == [], "told already"
    end(stage, job, "renewed")
    assert graph.steps["a"] == "cancelled"


def test_a_retry_that_waits_after_a_cancel_is_cancelled_too(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    job = graph.take("a")
    graph.cancel()
    stage.fail(job)
    assert graph.counted == (1, 0, 0, 0, 3)

    graph.cancel(stop_running=True)

    assert graph.steps["a"] == "cancelled"
    assert (graph.status, graph.counted) == ("cancelled", (0, 0, 0, 0, 4))
    check(stage)


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_what_has_ended_cannot_be_stopped(stage: JobStage, status: str) -> None:
    graph = stored(stage, a_step("a"))
    graph.complete("a") if status == "completed" else graph.fail("a")

    with pytest.raises(Conflict, match=status):
        graph.cancel(stop_running=True)


def test_a_thousand_running_steps_are_told_in_one_operation(stage: JobStage) -> None:
    graph = stored(stage, *(a_step(f"s{n}", queue_name="q") for n in range(1_000)))
    for _ in range(10):
        stage.claim("q", limit=100)
    stage.happened()

    graph.cancel(stop_running=True)

    assert stage.happened().count("job.stop_requested") == 1_000
    stage.wait(seconds=30)
    assert graph.counted == (0, 0, 0, 0, 1_000)
    check(stage)


# -- what becomes of the step --------------------------------------------------------------------


@pytest.mark.parametrize("how", ENDS)
def test_a_step_that_was_told_to_stop_is_cancelled_however_its_attempt_ends(
    stage: JobStage, how: str
) -> None:
    graph = stored(stage, *DIAMOND)
    job = graph.take("a")
    graph.cancel(stop_running=True)
    ended_at_ms = graph.row["completed_at_ms"]
    stage.clock.advance(seconds=1)
    stage.happened()

    end(stage, job, how)

    assert stage.happened() == ["job.cancelled"]
    row = graph.step("a")
    assert (row["status"], row["retry_count"], row["run_at_ms"]) == ("cancelled", 0, None)
    assert (row["lease_id"], row["lease_expires_at_ms"], row["assigned_worker_id"]) == (None,) * 3
    assert row["completed_at_ms"] == stage.clock.now_ms()
    assert row["last_error"] == ("boom" if "failed" in how else None)
    assert stage.history(row)[-1] == (
        "cancelled",
        job["assigned_worker_id"],
        {"reason": "workflow cancelled"},
    )
    assert (graph.status, graph.row["completed_at_ms"]) == ("cancelled", ended_at_ms)
    assert graph.counted == (0, 0, 0, 0, 4)
    stage.wait(seconds=3_600)
    assert graph.step("a")["status"] == "cancelled"
    check(stage)


def test_a_completion_that_comes_first_is_accepted(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    job = graph.take("a")
    graph.cancel(stop_running=True)
    stage.happened()

    stage.complete(job)

    row = graph.step("a")
    assert (row["status"], row["stop_reason"]) == ("completed", None)
    assert stage.happened() == ["job.completed"]
    assert (graph.status, graph.counted) == ("cancelled", (0, 0, 1, 0, 3))
    check(stage)


def test_the_heartbeat_says_why_and_says_it_again(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"))
    job = graph.take("a")
    graph.cancel(stop_running=True)

    refused = heartbeat(stage, job)

    assert (refused.message, refused.details) == ("Lease expired", STOPPED)
    # The first answer may have been lost on its way; a completion comes too late by now.
    for act in (heartbeat, JobStage.complete, JobStage.fail):
        with pytest.raises(LeaseExpired) as again:
            act(stage, job)
        assert again.value.details == STOPPED
    with pytest.raises(Conflict, match="already cancelled"):
        heartbeat(stage, job, Claimant())
    assert stage.story(job).count("cancelled") == 1


def test_a_failure_that_was_taken_for_a_cancellation_has_settled_the_job(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"))
    job = graph.take("a")
    graph.cancel(stop_running=True)
    stage.fail(job)

    with pytest.raises(Conflict, match="already cancelled"):
        stage.fail(job)


def test_a_heartbeat_after_the_end_of_the_lease_says_why_too(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"))
    job = graph.take("a")
    graph.cancel(stop_running=True)
    stage.clock.advance(seconds=30)

    with pytest.raises(LeaseExpired) as refused:
        heartbeat(stage, job)

    assert refused.value.details == {**STOPPED, "status": "processing"}
    assert graph.steps == {"a": "processing"}, "the loop has not come by yet"


@pytest.mark.parametrize("who", [Claimant(lease_id="other"), Claimant(worker_id="other")])
def test_a_stranger_stops_nothing(stage: JobStage, who: Claimant) -> None:
    graph = stored(stage, a_step("a"))
    job = graph.take("a")
    graph.cancel(stop_running=True)

    with pytest.raises((LeaseExpired, Conflict)):
        heartbeat(stage, job, who)
    with pytest.raises(NotFound):
        stage.run(renew, stage.org, job["id"], holder(job), 60_000, Scope(["others"]))

    assert graph.steps == {"a": "processing"}
    others: JobRow = {**job, "lease_id": "other"}
    assert stage.run(release, [others]) == 0


def test_progress_is_still_taken(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"))
    job = graph.take("a")
    graph.cancel(stop_running=True)

    stage.run(report_progress, stage.org, job["id"], holder(job), 50.0, None, ALL_QUEUES)

    assert (graph.step("a")["progress"], graph.steps["a"]) == (50.0, "processing")


@pytest.mark.parametrize("how", ENDS)
def test_whoever_waits_outside_for_it_is_told(stage: JobStage, how: str) -> None:
    graph = stored(stage, a_step("a"))
    child = stage.enqueue("outside", parent_job_id=graph.ids["a"])
    job = graph.take("a")
    graph.cancel(stop_running=True)
    assert stage.status(child["id"]) == "pending"

    end(stage, job, how)
    stage.run_due()

    assert stage.status(child["id"]) == "cancelled"


def test_a_queue_with_a_concurrency_limit_has_room_again(stage: JobStage) -> None:
    stage.configure("q", max_concurrency=1)
    graph = stored(stage, a_step("a", queue_name="q"))
    job = stage.take("q")
    next_one = stage.enqueue("q")
    graph.cancel(stop_running=True)
    stage.fed.clear()

    end(stage, job, "renewed")

    assert (stage.org, "q") in stage.fed
    assert stage.take("q")["id"] == next_one["id"]


def test_a_step_stops_even_when_its_workflow_is_deleted(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    job = graph.take("a")
    graph.cancel(stop_running=True)
    graph.delete()

    end(stage, job, "renewed")

    assert graph.steps["a"] == "cancelled"
    check(stage)


def test_a_step_of_a_queue_that_is_being_deleted_is_in_nobodys_way(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"))
    job, other = graph.take("a"), graph.take("b")
    stage.run(delete_queue, stage.org, "a", delete_jobs=True)  # its rows are still there
    stage.happened()

    graph.cancel(stop_running=True)

    assert stage.happened().count("job.stop_requested") == 1
    assert stage.run(release, [job]) == 0
    end(stage, other, "renewed")
    stage.run_due()
    assert graph.counted == (0, 0, 0, 0, 2)
    check(stage)


# -- what comes after ----------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["by itself", "as a dead letter"])
def test_a_step_that_is_retried_by_hand_afterwards_has_nobody_stopping_it(
    stage: JobStage, how: str
) -> None:
    graph = stored(stage, a_step("a"), a_step("b"))
    graph.fail("a")
    graph.take("b")
    graph.cancel(stop_running=True)

    if how == "by itself":
        stage.retry(graph.step("a"))
    else:
        stage.run(retry_dead_letters, stage.org, DeadLetters(limit=1), ALL_QUEUES, None)
    job = graph.take("a")

    assert graph.step("a")["stop_reason"] is None
    assert heartbeat(stage, job) == stage.clock.now_ms() + 60_000
    stage.fail(job)
    stage.wait(seconds=5)
    graph.complete("a")
    check(stage)


def test_a_retry_of_it_that_runs_can_be_stopped_as_well(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"))
    graph.fail("a")
    graph.cancel(stop_running=True)
    stage.retry(graph.step("a"))
    job = graph.take("a")

    graph.cancel(stop_running=True)

    end(stage, job, "renewed")
    assert graph.counted == (0, 0, 0, 0, 2)
    check(stage)
