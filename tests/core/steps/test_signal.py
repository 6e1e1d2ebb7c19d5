"""Signals that steps wait for: who takes them, when they come too early, and who is refused."""

from typing import Any

import msgspec
import pytest

from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.steps.signal import deliver_signal
from spooled_lite.errors import AccessDenied, Conflict, NotFound
from tests.core.job_stage import JobStage
from tests.core.workflows.graphs import a_step, check, stored
from tests.core.workflows.runs import Run, a_document, a_node, started


def send(
    run: Run, key: str, value: Any = None, *, org: int | None = None, scope: Scope = ALL_QUEUES
) -> str:
    """The state of the step after its signal."""
    body = msgspec.json.encode(value)
    org = run.stage.org if org is None else org
    return run.stage.run(deliver_signal, org, run.id, key, body, scope).state


def reason(run: Run, key: str) -> str:
    """Why it is not delivered."""
    with pytest.raises(Conflict) as refused:
        send(run, key, "late")
    return str(refused.value.details["reason"])


def delivered(run: Run, key: str) -> Any:
    body = run.stage.value(
        "SELECT signal FROM step_states WHERE job = :job", job=run.step(key)["seq"]
    )
    return msgspec.json.decode(body)


def test_a_first_step_waits_for_its_signal_and_runs_in_the_same_transaction(
    stage: JobStage,
) -> None:
    run = started(stage, a_node("a", signal=True), a_node("b", "a"))
    assert (run.states["a"], run.claimable) == ("waiting_for_signal", set())
    stage.fed.clear()

    assert send(run, "a", {"ok": True}) == "queued"

    assert run.claimable == {"a"}
    assert stage.fed == {(stage.org, "a")}
    assert delivered(run, "a") == {"ok": True}
    check(stage)


def test_an_inner_step_waits_for_its_dependencies_and_for_its_signal(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a", signal=True))
    assert run.states["b"] == "waiting_for_dependencies"

    run.give("a")
    assert run.states["b"] == "waiting_for_signal"
    assert send(run, "b") == "queued"

    run.give("b", "done")
    assert (run.state, run.output) == ("completed", "done")
    check(stage)


def test_it_may_come_before_the_dependencies_are_done(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a", signal=True))

    assert send(run, "b", 1) == "waiting_for_dependencies"
    run.give("a")

    assert run.states["b"] == "queued"
    check(stage)


def test_null_counts_and_the_first_one_wins(stage: JobStage) -> None:
    run = started(stage, a_node("a", signal=True))

    assert send(run, "a", None) == "queued"

    assert reason(run, "a") == "already_delivered"
    assert delivered(run, "a") is None


def test_a_step_whose_condition_the_signal_does_not_meet_is_skipped(stage: JobStage) -> None:
    gate = a_node("gate", signal=True, condition="signal.ok")
    run = started(stage, gate, a_node("b", "gate", optional_deps=("gate",)))

    assert send(run, "gate", {"ok": False}) == "skipped"

    assert run.claimable == {"b"}
    check(stage)


def test_a_run_may_end_by_a_signal(stage: JobStage) -> None:
    run = started(stage, a_node("gate", signal=True, condition="signal gt 5"))

    assert send(run, "gate", 5) == "skipped"

    assert (run.state, run.row["error_message"]) == (
        "failed",
        "no output candidate produced output",
    )
    assert reason(run, "gate") == "already_delivered"
    check(stage)


def test_each_refusal_says_why(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a", signal=True), a_node("c", "b", signal=True))

    assert reason(run, "a") == "not_a_signal_step"
    send(run, "b")
    assert reason(run, "b") == "already_delivered"
    run.cancel()
    assert reason(run, "c") == "workflow_terminal"
    assert reason(run, "b") == "already_delivered"
    assert reason(run, "a") == "not_a_signal_step"


def test_a_step_that_can_never_run_takes_no_signal(stage: JobStage) -> None:
    document = a_document(
        a_node("a"), a_node("b", "a", signal=True), a_node("c"), failure_policy="continue"
    )
    run = started(stage, document=document)
    run.fail("a")
    stage.run_due()

    assert (run.status, run.steps["b"]) == ("running", "cancelled")
    assert reason(run, "b") == "step_not_waiting"


def test_a_plain_workflow_has_no_step_that_takes_one(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"))

    assert reason(Run(stage, graph.id, graph.ids), "a") == "not_a_signal_step"


def test_what_is_not_there_is_not_found_and_what_is_out_of_scope_refused(stage: JobStage) -> None:
    run = started(stage, a_node("a", signal=True))

    with pytest.raises(NotFound, match="Step"):
        send(run, "b")
    with pytest.raises(NotFound, match="Workflow"):
        send(run, "a", org=stage.other_org())
    with pytest.raises(AccessDenied):
        send(run, "a", scope=Scope(["others"]))
    assert run.states == {"a": "waiting_for_signal"}
