"""Completing a run early, or cancelling it, by one of its workers: catbird-capabilities, 8.5."""

from typing import Any, Final

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.end_run import (
    EarlyEnd,
    RunEnded,
    complete_and_cancel_run,
    complete_early,
    complete_with_run,
)
from spooled_lite.core.lifecycle.held_by import HeldJob
from spooled_lite.core.lifecycle.renew import renew
from spooled_lite.errors import AccessDenied, BadRequest, Conflict, LeaseExpired, NotFound
from tests.core.job_stage import JobStage, holder
from tests.core.steps.mapped import a_map, items_of, take
from tests.core.workflows.graphs import a_step, check, stored
from tests.core.workflows.runs import Run, a_node, started

EARLY: Final = "workflow_completed_early"


def end(run: Run, output: bytes = b'"early"', *, by: JobRow | None = None, **more: Any) -> RunEnded:
    asked: dict[str, Any] = {"org": run.stage.org, "scope": ALL_QUEUES, **more}
    held = None if by is None else HeldJob(job_id=by["id"], claimant=holder(by))
    wanted = EarlyEnd(output=output, reason="fast path")
    return run.stage.run(complete_early, asked["org"], run.id, wanted, held, asked["scope"])


def settle(run: Run, job: JobRow, output: bytes = b'"early"') -> RunEnded:
    """The worker completes the run in place of its job."""
    end = EarlyEnd(output=output)
    return run.stage.run(
        complete_with_run, run.stage.org, job["id"], holder(job), b"1", end, ALL_QUEUES
    )


def seen(ended: RunEnded) -> tuple[bool, str, str]:
    return ended.was_applied, ended.status, ended.state


def refused(stage: JobStage, job: JobRow) -> Any:
    """Why every answer of this worker is refused."""
    with pytest.raises(LeaseExpired) as beat:
        stage.run(renew, stage.org, job["id"], holder(job), 60_000, ALL_QUEUES)
    with pytest.raises(LeaseExpired) as done:
        stage.complete(job)
    assert beat.value.details == done.value.details
    return beat.value.details["reason"]


def test_the_run_gives_the_output_and_everything_else_is_closed(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("slow"), a_node("later", "a", "slow"))
    job, slow = run.take("a"), run.take("slow")
    stage.happened()

    assert seen(end(run, b'{"ok":true}', by=job)) == (True, "completed", "completed")

    assert (run.state, run.output) == ("completed", {"ok": True})
    assert run.row["completion_reason"] == "fast path"
    assert run.states == dict.fromkeys(("a", "slow", "later"), "canceled")
    assert refused(stage, slow) == EARLY
    told = stage.happened()
    assert told.count("workflow.completed") == 1
    assert told.count("job.stop_requested") == 2
    check(stage)


def test_completed_steps_stay_and_dependents_never_run(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"), a_node("c", "b"))
    run.give("a", 1)

    end(run, by=run.take("b"))
    stage.wait(seconds=600)

    assert run.states == {"a": "completed", "b": "canceled", "c": "canceled"}
    assert (run.state, run.claimable) == ("completed", set())
    check(stage)


def test_the_first_one_counts_and_later_ones_are_accepted(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b"))
    job, other = run.take("a"), run.take("b")

    assert end(run, b"1", by=job).was_applied
    for again in (end(run, b"2"), end(run, b"3", by=other), end(run, b"4", by=job)):
        assert seen(again) == (False, "completed", "completed")
    late = settle(run, other, b"5")

    assert (late.was_applied, late.job_status) == (False, "cancelled")
    assert run.output == 1
    check(stage)


def test_a_caller_from_outside_may_do_it_too(stage: JobStage) -> None:
    run = started(stage, a_node("a", signal=True), a_node("b", "a"))

    assert seen(end(run, b"null")) == (True, "completed", "completed")
    assert run.output is None
    check(stage)


def test_it_is_not_possible_once_the_run_is_cancelled_or_failed(stage: JobStage) -> None:
    canceling, failed = started(stage, a_node("a")), started(stage, a_node("b"))
    job = canceling.take("a")
    canceling.cancel()
    failed.fail("b")

    assert seen(end(canceling, by=job)) == (False, "cancelled", "canceling")
    assert seen(end(failed)) == (False, "failed", "failed")
    told = settle(canceling, job)

    assert (*seen(told), told.job_status) == (False, "cancelled", "canceled", "completed")
    assert canceling.states == {"a": "completed"}
    assert not canceling.has_output
    check(stage)


def test_a_worker_ends_its_run_in_place_of_completing_its_step(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"))
    job = run.take("a")

    told = settle(run, job)

    assert (*seen(told), told.job_status) == (True, "completed", "completed", "cancelled")
    assert (run.output, run.states["a"]) == ("early", "canceled")
    with pytest.raises(Conflict) as again:  # its own lease has settled it
        stage.complete(job)
    assert again.value.details == {"status": "cancelled", "by_this_lease": True}
    check(stage)


def test_the_worker_of_an_item_may_do_it_for_the_whole_run(stage: JobStage) -> None:
    run = started(stage, a_map("each"), a_node("sum", "each"), input=[1, 2, 3])
    first, second = take(stage, "each", limit=2)

    assert settle(run, first).was_applied

    assert (run.state, run.output) == ("completed", "early")
    assert refused(stage, second) == EARLY
    stage.run_due()
    assert {item["status"] for item in items_of(stage, run, "each")} == {"cancelled"}
    assert take(stage, "each") == []
    check(stage)


@pytest.mark.parametrize("kind", ["generator", "reducer"])
def test_from_a_producer_or_a_reducer_it_is_an_ordinary_failure(stage: JobStage, kind: str) -> None:
    if kind == "generator":
        run, key = started(stage, a_node("g", type="generator", max_retries=1)), "g"
    else:
        reducer = a_node("r", "m", type="reducer", source="m", max_retries=1)
        run, key = started(stage, a_map("m"), reducer, input=[]), "r"
        stage.run_due()

    first = settle(run, run.take(key))
    assert (*seen(first), first.job_status) == (False, "running", "started", "pending")
    assert first.failed is not None
    stage.wait(seconds=60)
    last = end(run, by=run.take(key))

    assert (*seen(last), last.job_status) == (False, "failed", "failed", "deadletter")
    assert run.row["error_message"] == f"A {kind} may not complete its run early"
    check(stage)


def test_outside_of_a_run_it_is_an_error(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"))
    plain, alone = Run(stage, graph.id, graph.ids), stage.enqueue()
    job, other = plain.take("a"), stage.take()

    with pytest.raises(BadRequest):
        end(plain)
    for each in (job, other):
        with pytest.raises(BadRequest):
            settle(plain, each)
    assert stage.status(alone["id"]) == stage.status(job["id"]) == "processing"


def test_only_who_has_a_job_of_that_run_may_speak_for_it(stage: JobStage) -> None:
    run, other = started(stage, a_node("a")), started(stage, a_node("b"))
    stale, foreign = run.take("a"), other.take("b")
    stage.wait(seconds=60)

    with pytest.raises(LeaseExpired):
        end(run, by=stale)
    with pytest.raises(LeaseExpired):
        settle(run, stale)
    with pytest.raises(BadRequest):
        end(run, by=foreign)
    with pytest.raises(NotFound):
        end(run, org=stage.other_org())
    with pytest.raises(AccessDenied):
        end(run, scope=Scope(["others"]))
    assert run.state == "started"


def test_a_worker_cancels_its_run_with_the_end_of_its_step(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"), a_node("c"))
    job, other = run.take("a"), run.take("c")

    done = stage.run(
        complete_and_cancel_run, stage.org, job["id"], holder(job), b"1", "enough", ALL_QUEUES
    )

    assert (*seen(done), done.job_status) == (True, "cancelled", "canceling", "completed")
    assert run.states == {"a": "completed", "b": "canceled", "c": "started"}
    assert run.row["cancel_reason"] == "enough"
    stage.fail(other)
    assert run.state == "canceled"
    check(stage)


def test_a_plain_job_has_no_run_to_cancel(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take()

    with pytest.raises(BadRequest):
        stage.run(
            complete_and_cancel_run,
            stage.org,
            job["id"],
            Claimant(lease_id=job["lease_id"]),
            None,
            None,
            ALL_QUEUES,
        )
    assert stage.status(job["id"]) == "processing"
