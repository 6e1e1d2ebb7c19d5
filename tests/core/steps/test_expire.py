"""Runs of documents whose time is over."""

import pytest

from spooled_lite.core.maintenance.collect import Collected, collect_pass
from spooled_lite.errors import LeaseExpired
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import a_node, started


def test_a_run_expires_with_all_its_open_steps(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"), a_node("c"), expires_in_ms=10_000)
    run.give("a")
    held = run.take("b")
    stage.happened()

    stage.wait(seconds=10)

    assert (run.status, run.state) == ("cancelled", "expired")
    assert run.states == {"a": "completed", "b": "canceled", "c": "canceled"}
    assert "workflow.cancelled" in stage.happened()
    with pytest.raises(LeaseExpired) as refused:
        run.settle(held)
    assert refused.value.details is not None
    assert refused.value.details["reason"] == "expired"
    assert not run.has_output
    check(stage)


def test_a_run_whose_only_step_is_held_expires(stage: JobStage) -> None:
    run = started(stage, a_node("a"), expires_in_ms=10_000)
    run.take("a")

    stage.wait(seconds=10)

    assert (run.state, run.states["a"]) == ("expired", "canceled")
    check(stage)


def test_no_step_is_handed_out_once_the_time_is_over(stage: JobStage) -> None:
    started(stage, a_node("a"), expires_in_ms=10_000)
    stage.clock.advance(seconds=10)

    assert stage.claim("a") == []


def test_a_run_that_ends_in_time_does_not_expire(stage: JobStage) -> None:
    run = started(stage, a_node("a"), expires_in_ms=10_000)
    run.give("a", 1)

    stage.wait(seconds=20)

    assert (run.state, run.output) == ("completed", 1)


def test_a_cancelled_run_that_still_waits_for_a_worker_expires(stage: JobStage) -> None:
    run = started(stage, a_node("a"), expires_in_ms=10_000)
    run.take("a")
    run.cancel()
    assert run.state == "canceling"

    stage.wait(seconds=10)

    assert (run.status, run.state, run.steps) == ("cancelled", "expired", {"a": "cancelled"})
    check(stage)


def test_a_pass_ends_some_hundred_steps_and_the_loop_goes_on(stage: JobStage) -> None:
    steps = [a_node(f"s{n}", queue_name="all") for n in range(300)]
    runs = [started(stage, *steps, expires_in_ms=1_000) for _ in range(4)]
    stage.clock.advance(seconds=1)

    assert stage.run_pass(Deadline.RUN_EXPIRY) == 2
    stage.run_due()

    assert {run.state for run in runs} == {"expired"}
    assert Deadline.RUN_EXPIRY not in stage.due_at_ms
    check(stage)


def test_a_caller_may_have_runs_expire_now(stage: JobStage) -> None:
    run = started(stage, a_node("a"), expires_in_ms=1_000)
    stage.clock.advance(seconds=1)

    done = stage.run(collect_pass, stage.org, may_prune=True)

    assert done == Collected(flow_runs=1)
    assert run.state == "expired"
