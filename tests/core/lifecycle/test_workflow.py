"""What callers do to a workflow as a whole: cancel, retry, delete."""

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.workflow import cancel_workflow, delete_workflow, retry_workflow
from spooled_lite.core.maintenance.remove import (
    delete_queue,
)
from spooled_lite.errors import AccessDenied, BadRequest, Conflict, NotFound, QuotaExceeded
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS
from tests.core.workflows.graphs import (
    DIAMOND,
    a_step,
    as_seen,
    caps,
    check,
    dlq_retry,
    finish,
    stored,
)

# -- cancel --------------------------------------------------------------------------------------


def test_cancelling_ends_all_that_waits(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    stage.clock.advance(seconds=1)

    row = graph.cancel("withdrawn")

    assert (row["status"], row["completed_at_ms"]) == ("cancelled", NOW_MS + 1_000)
    assert (row["started_at_ms"], row["cancel_reason"]) == (None, "withdrawn")
    assert set(graph.steps.values()) == {"cancelled"}
    assert graph.step("d")["cancelled_by_parent"] == 0
    assert stage.history(graph.step("d"))[-1][2] == {"reason": "workflow cancelled"}
    assert stage.happened().count("workflow.cancelled") == 1
    stage.run_due()
    check(stage)


@pytest.mark.parametrize("how", ["completed", "failed", "retried"])
def test_a_running_job_goes_on_in_a_cancelled_workflow(stage: JobStage, how: str) -> None:
    graph = stored(stage, *DIAMOND)
    job = graph.take("a")
    graph.cancel()
    assert graph.steps == {"a": "processing", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    ended_at_ms = graph.row["completed_at_ms"]
    stage.clock.advance(seconds=1)

    if how == "completed":
        stage.complete(job)
    elif how == "failed":
        stage.fail(job, may_retry=False)
    else:
        stage.fail(job)
        stage.wait(seconds=5)
        graph.complete("a")

    stage.run_due()
    assert (graph.status, graph.row["completed_at_ms"]) == ("cancelled", ended_at_ms)
    expected = (0, 0, 0, 1, 3) if how == "failed" else (0, 0, 1, 0, 3)
    assert graph.counted == expected
    assert stage.happened().count("workflow.cancelled") == 1
    check(stage)


def test_cancelling_again_changes_nothing(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    first = as_seen(graph.cancel("one"))
    stage.happened()
    stage.clock.advance(seconds=1)

    assert as_seen(graph.cancel("two")) == first
    assert stage.happened() == []


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_what_has_ended_cannot_be_cancelled(stage: JobStage, end: str) -> None:
    graph = stored(stage, a_step("a"))
    graph.complete("a") if end == "completed" else graph.fail("a")

    with pytest.raises(Conflict, match=end):
        graph.cancel()


def test_a_job_outside_that_waits_for_a_cancelled_step_is_cancelled_too(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a"))
    child = stage.enqueue("outside", parent_job_id=graph.ids["b"])

    graph.cancel()
    stage.run_due()

    assert stage.status(child["id"]) == "cancelled"


def test_steps_of_a_queue_that_is_being_deleted_do_not_block_a_cancel(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    stage.run(delete_queue, stage.org, "b", delete_jobs=True)  # its rows are still there

    assert graph.cancel()["status"] == "cancelled"

    stage.run_due()
    assert graph.counted == (0, 0, 0, 0, 4)
    check(stage)


# -- retry of the whole --------------------------------------------------------------------------


def test_a_retry_starts_over_what_failed_and_brings_back_what_that_had_cancelled(
    stage: JobStage,
) -> None:
    graph = stored(stage, *DIAMOND, a_step("e", max_retries=5))
    graph.complete("e")
    stage.fail(graph.take("a"))
    stage.wait(seconds=60)
    stage.fail(graph.take("a"), may_retry=False)
    stage.run_due()
    assert (graph.status, graph.counted) == ("failed", (0, 0, 1, 1, 3))
    started_at_ms = graph.row["started_at_ms"]
    stage.happened()

    row = graph.retry()

    assert (row["status"], row["completed_at_ms"]) == ("running", None)
    assert row["started_at_ms"] == started_at_ms
    assert graph.steps == {**dict.fromkeys("abcd", "pending"), "e": "completed"}
    assert graph.claimable == {"a"}
    again = graph.step("a")
    assert [again[name] for name in ("retry_count", "last_error", "result")] == [0, None, None]
    assert [again[name] for name in ("started_at_ms", "completed_at_ms")] == [None, None]
    assert stage.happened() == ["job.retried"] * 4
    finish(graph)
    assert graph.status == "completed"
    assert stage.happened().count("workflow.started") == 0
    check(stage)


def test_a_retry_leaves_what_a_person_has_cancelled(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"), a_step("c", "a"), a_step("d", "b"))
    stage.cancel(graph.step("b"))
    graph.fail("a")
    stage.run_due()

    graph.retry()

    # d was cancelled for b, which stays as it is.
    assert graph.steps == {"a": "pending", "b": "cancelled", "c": "pending", "d": "cancelled"}
    finish(graph)
    assert (graph.status, graph.counted) == ("cancelled", (0, 0, 2, 0, 2))
    check(stage)


def test_a_retry_that_fails_again_can_be_retried_again(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    for _ in range(3):
        graph.fail("a")
        stage.run_due()
        assert (graph.status, graph.counted) == ("failed", (0, 0, 0, 1, 3))
        graph.retry()
        assert graph.counted == (4, 0, 0, 0, 0)

    finish(graph)

    assert graph.status == "completed"
    assert stage.happened().count("workflow.failed") == 3


def test_a_retry_brings_back_what_waits_outside(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a"))
    outside = [stage.enqueue("outside", parent_job_id=graph.ids[key]) for key in "ab"]
    graph.fail("a")
    stage.run_due()
    assert {stage.status(child["id"]) for child in outside} == {"cancelled"}

    graph.retry()
    stage.run_due()

    assert {stage.status(child["id"]) for child in outside} == {"pending"}


def test_a_job_for_failures_waits_again_for_one_that_starts_over(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a", condition="failure"))
    graph.fail("a")
    graph.fail("b")
    assert graph.status == "failed"

    graph.retry()

    assert graph.steps == {"a": "pending", "b": "pending"}
    assert graph.claimable == {"a"}  # at once, whatever the loops do
    finish(graph)
    assert graph.steps == {"a": "completed", "b": "cancelled"}
    check(stage)


@pytest.mark.parametrize("status", ["pending", "running", "completed", "cancelled"])
def test_only_failed_workflows_can_be_retried(stage: JobStage, status: str) -> None:
    graph = stored(stage, a_step("a"))
    if status == "cancelled":
        graph.cancel()
    elif status != "pending":
        job = graph.take("a")
        stage.complete(job) if status == "completed" else None
    assert graph.status == status

    with pytest.raises(BadRequest, match="failed"):
        graph.retry()


@pytest.mark.parametrize("resource", ["workflows", "active_jobs"])
def test_a_retry_needs_room(stage: JobStage, resource: str) -> None:
    graph = stored(stage, *DIAMOND)
    graph.fail("a")
    stage.run_due()
    stored(stage, a_step("x"))

    with pytest.raises(QuotaExceeded):
        graph.retry(caps(**{resource: 1}))
    with pytest.raises(QuotaExceeded) as both:
        graph.retry(caps(workflows=1, active_jobs=1))
    assert both.value.extra["resource"] == "active_jobs"
    assert graph.status == "failed"
    graph.retry(caps(**{resource: 5}))
    assert graph.status == "running"


# -- delete --------------------------------------------------------------------------------------


def test_a_deleted_workflow_leaves_its_jobs_as_ordinary_ones(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    finish(graph)

    graph.delete()

    assert stage.value("SELECT count(*) FROM workflows") == 0
    assert stage.value("SELECT count(*) FROM job_dependencies") == 0
    assert {graph.step(key)["workflow_id"] for key in "abcd"} == {None}
    assert set(graph.steps.values()) == {"completed"}
    check(stage)


@pytest.mark.parametrize("status", ["pending", "running"])
def test_an_unfinished_workflow_cannot_be_deleted(stage: JobStage, status: str) -> None:
    graph = stored(stage, a_step("a"))
    if status == "running":
        graph.take("a")

    with pytest.raises(Conflict, match=status):
        graph.delete()


def test_what_still_runs_when_its_workflow_is_deleted_runs_to_its_end(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    job = graph.take("a")
    graph.cancel()

    graph.delete()

    stage.fail(job)
    stage.wait(seconds=5)
    graph.complete("a")
    assert graph.steps == {"a": "completed", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    check(stage)


def test_a_step_that_waits_when_its_workflow_is_deleted_does_not_wait_for_ever(
    stage: JobStage,
) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a", condition="failure"), a_step("c"))
    graph.fail("a")
    graph.fail("b")
    graph.cancel()
    dlq_retry(stage)
    assert graph.claimable == {"a"}

    graph.delete()

    graph.fail("a")
    assert graph.claimable == {"b"}


def test_retrying_a_step_of_a_deleted_workflow_concerns_itself_alone(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a"))
    graph.fail("a")
    graph.delete()

    stage.retry(graph.step("a"))
    stage.run_due()

    assert graph.steps == {"a": "pending", "b": "cancelled"}
    check(stage)


# -- who may -------------------------------------------------------------------------------------


def test_an_act_is_for_keys_of_all_its_queues(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"))
    some, others = Scope(["a"]), Scope(["a", "b"])

    for act in (
        lambda scope: stage.run(cancel_workflow, stage.org, graph.id, None, scope),
        lambda scope: stage.run(retry_workflow, stage.org, graph.id, scope, None),
        lambda scope: stage.run(delete_workflow, stage.org, graph.id, scope),
    ):
        with pytest.raises(AccessDenied):
            act(some)
    assert graph.status == "pending"
    done = stage.run(cancel_workflow, stage.org, graph.id, None, others)
    assert done.row["status"] == "cancelled"


def test_the_workflow_of_another_organization_is_not_there(stage: JobStage) -> None:
    graph, other = stored(stage, a_step("a")), stage.other_org()

    for act in (
        lambda: stage.run(cancel_workflow, other, graph.id, None, ALL_QUEUES),
        lambda: stage.run(retry_workflow, other, graph.id, ALL_QUEUES, None),
        lambda: stage.run(delete_workflow, other, graph.id, ALL_QUEUES),
    ):
        with pytest.raises(NotFound):
            act()
