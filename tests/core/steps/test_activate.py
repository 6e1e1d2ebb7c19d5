"""Runs of documents: which of their steps may run, which are skipped, and what the run gives."""

from tests.core.job_stage import JobStage
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import a_node, started


def test_a_run_of_one_step_gives_what_its_worker_gave(stage: JobStage) -> None:
    run = started(stage, a_node("only"), input={"n": 1})
    assert (run.status, run.state, run.states) == ("pending", "started", {"only": "queued"})

    run.give("only", {"n": 2})

    assert (run.status, run.state, run.output) == ("completed", "completed", {"n": 2})
    assert run.states == {"only": "completed"}
    check(stage)


def test_steps_run_one_after_the_other_and_side_by_side(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"), a_node("c", "a"), a_node("d", "b", "c"))
    assert run.claimable == {"a"}

    run.give("a", 1)
    assert run.claimable == {"b", "c"}
    run.give("b", 2)
    assert run.states["d"] == "waiting_for_dependencies"
    run.give("c", 3)
    run.give("d", [4])

    assert (run.state, run.output) == ("completed", [4])
    check(stage)
