"""Running a finished workflow again from some of its steps on."""

from typing import Final

import pytest

from spooled_lite.core.jobs.bodies import IN_ROW_BYTES_MAX
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.rerun import Rerun, plan_rerun, rerun_workflow
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.errors import AccessDenied, BadRequest, Conflict, NotFound, QuotaExceeded
from spooled_lite.plans import Caps
from tests.core.job_stage import JobStage
from tests.core.workflows.graphs import DIAMOND, Graph, a_step, as_seen, caps, check, stored

STATEMENTS_MAX: Final = 30  # of a rerun, however many steps


def rerun(graph: Graph, *keys: str, limits: Caps | None = None) -> Rerun:
    stage = graph.stage
    return stage.run(rerun_workflow, stage.org, graph.id, keys, ALL_QUEUES, limits)


def planned(graph: Graph, *keys: str, scope: Scope = ALL_QUEUES) -> list[str]:
    return graph.stage.read(plan_rerun, graph.stage.org, graph.id, keys, scope).keys


def complete_with(graph: Graph, key: str, result: bytes) -> None:
    job, stage = graph.take(key), graph.stage
    claimant = Claimant(lease_id=job["lease_id"])
    stage.run(complete, stage.org, job["id"], claimant, result, ALL_QUEUES)


def done(stage: JobStage) -> Graph:
    """A diamond whose steps are all completed."""
    graph = stored(stage, *DIAMOND)
    graph.complete("a", "b", "c", "d")
    return graph


def test_a_step_and_all_after_it_start_over_in_place(stage: JobStage) -> None:
    graph = done(stage)
    before = graph.step("b")
    stage.clock.advance(seconds=1)

    assert rerun(graph, "b").keys == ["b", "d"]

    assert graph.steps == {"a": "completed", "b": "pending", "c": "completed", "d": "pending"}
    assert (graph.status, graph.row["completed_at_ms"]) == ("running", None)
    assert graph.claimable == {"b"}
    after = graph.step("b")
    assert (after["id"], after["retry_count"], after["started_at_ms"]) == (before["id"], 0, None)
    assert stage.history(after)[-1][0] == "retried"
    stage.run_due()
    check(stage)
    graph.complete("b", "d")
    assert graph.status == "completed"
    check(stage)


def test_what_would_run_again_is_named_and_nothing_changes(stage: JobStage) -> None:
    graph = done(stage)
    before = as_seen(graph.row)

    assert planned(graph, "a") == ["a", "b", "c", "d"]
    assert planned(graph, "d", "c", "d") == ["c", "d"]

    assert as_seen(graph.row) == before
    assert set(graph.steps.values()) == {"completed"}


def test_results_are_gone_until_they_are_given_anew(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a"))
    large = b'"' + b"x" * IN_ROW_BYTES_MAX + b'"'
    complete_with(graph, "a", large)
    complete_with(graph, "b", b'"small"')

    rerun(graph, "a")

    for key in ("a", "b"):
        step = graph.step(key)
        assert (step["result"], step["result_bytes"]) == (None, None)
    assert stage.rows("SELECT job FROM job_bodies WHERE which = 'result'") == []
    complete_with(graph, "a", large)
    check(stage)


def test_jobs_outside_that_wait_for_a_step_wait_for_it_again(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    graph.complete("a", "c")
    child = stage.enqueue(parent_job_id=graph.step("d")["id"])["id"]
    graph.fail("b")
    stage.run_due()
    assert stage.job(child)["status"] == "cancelled"

    rerun(graph, "b")
    stage.run_due()

    assert (stage.job(child)["status"], stage.job(child)["claimable"]) == ("pending", 0)
    graph.complete("b", "d")
    assert stage.job(child)["claimable"] == 1
    check(stage)


def test_a_failed_workflow_goes_on_from_a_step_before_its_failure(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    graph.complete("a", "c")
    graph.fail("b")
    stage.run_due()
    assert graph.steps["d"] == "cancelled"

    rerun(graph, "a")
    stage.run_due()

    assert set(graph.steps.values()) == {"pending"}
    assert graph.counted == (4, 0, 0, 0, 0)
    check(stage)
    graph.complete("a", "b", "c", "d")
    assert graph.status == "completed"


def test_a_step_that_would_never_run_is_named_and_nothing_changes(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    graph.complete("a", "c")
    graph.fail("b")
    stage.run_due()
    before = graph.steps

    with pytest.raises(BadRequest, match="Job `d` would never run"):
        rerun(graph, "c")

    assert graph.steps == before
    assert rerun(graph, "c", "b").keys == ["b", "c", "d"]


def test_a_cancelled_workflow_may_run_again(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    graph.complete("a")
    graph.cancel("withdrawn")

    rerun(graph, "b", "c")

    assert (graph.status, graph.row["cancel_reason"]) == ("running", None)
    graph.complete("b", "c", "d")
    assert graph.status == "completed"
    check(stage)


def test_one_that_has_not_ended_is_refused(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    with pytest.raises(Conflict, match="this one is pending"):
        rerun(graph, "a")

    running = graph.take("a")
    with pytest.raises(Conflict, match="this one is running"):
        rerun(graph, "a")
    graph.cancel()
    with pytest.raises(Conflict, match="still run"):
        rerun(graph, "a")

    stage.complete(running)
    assert rerun(graph, "a").keys == ["a", "b", "c", "d"]


def test_an_unknown_job_is_named(stage: JobStage) -> None:
    with pytest.raises(BadRequest, match="no job `x`"):
        rerun(done(stage), "a", "x")


def test_a_workflow_of_another_organization_or_scope_is_not_there(stage: JobStage) -> None:
    graph = done(stage)
    other = stage.other_org()

    with pytest.raises(NotFound):
        stage.run(rerun_workflow, other, graph.id, ["a"], ALL_QUEUES, None)
    with pytest.raises(AccessDenied):
        planned(graph, "a", scope=Scope(("a",)))


@pytest.mark.parametrize("limits", [{"active_jobs": 1}, {"workflows": 0}])
def test_a_cap_that_would_be_passed_changes_nothing(
    stage: JobStage, limits: dict[str, int]
) -> None:
    graph = done(stage)

    with pytest.raises(QuotaExceeded):
        rerun(graph, "b", limits=caps(**limits))

    assert set(graph.steps.values()) == {"completed"}
    check(stage)


def test_a_thousand_steps_start_over_at_once(stage: JobStage) -> None:
    steps = [a_step("s0"), *(a_step(f"s{n}", f"s{n - 1}", queue_name="q") for n in range(1, 1000))]
    graph = stored(stage, *steps)
    graph.cancel()
    stage.run_due()
    statements: list[str] = []
    stage._connection.set_trace_callback(statements.append)

    assert len(rerun(graph, "s0").steps) == 1000

    # Nobody else writes meanwhile: each statement for one step would be a thousand.
    stage._connection.set_trace_callback(None)
    own = dict.fromkeys(statements)  # one that asks a trigger about each row is told of again
    of_jobs = [each for each in own if "job_history" not in each and "event_log" not in each]
    assert len(of_jobs) < STATEMENTS_MAX
    # Those that wait for one another were decided about; others wait for none of them.
    assert stage.rows("SELECT * FROM job_cascades") == []
    assert (graph.counted, graph.claimable) == ((1000, 0, 0, 0, 0), {"s0"})
