"""Retrying steps of workflows: one, named dead letters, and very many."""

from collections.abc import Callable

import pytest

from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.depend import depend
from spooled_lite.core.lifecycle.retry import Retried, retry, retry_dead_letters
from spooled_lite.errors import QuotaExceeded
from tests.core.job_stage import JobStage
from tests.core.workflows.graphs import (
    DIAMOND,
    Graph,
    a_step,
    caps,
    check,
    dlq_retry,
    finish,
    stored,
)

# -- retry of a step -----------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["job", "dead letters"])
def test_a_retried_step_starts_its_failed_workflow_again(stage: JobStage, by: str) -> None:
    graph = stored(stage, *DIAMOND)
    graph.fail("a")
    stage.run_due()

    if by == "job":
        stage.retry(graph.step("a"))
    else:
        assert dlq_retry(stage) == Retried([graph.ids["a"]], [])

    assert set(graph.steps.values()) == {"pending"}
    assert graph.step("a")["retry_count"] == (1 if by == "job" else 0)
    assert (graph.status, graph.row["completed_at_ms"]) == ("running", None)
    assert graph.claimable == {"a"}
    finish(graph)
    assert graph.status == "completed"
    check(stage)


def test_a_retried_step_brings_back_its_own_dependents_only(stage: JobStage) -> None:
    graph = stored(
        stage, a_step("a"), a_step("b"), a_step("c", "a"), a_step("d", "b"), a_step("e", "c", "d")
    )
    graph.fail("a")
    graph.fail("b")
    stage.run_due()

    stage.retry(graph.step("a"))
    stage.run_due()

    assert graph.steps == {
        **{"a": "pending", "c": "pending"},
        **{"b": "deadletter", "d": "cancelled", "e": "cancelled"},
    }
    finish(graph)
    assert (graph.status, graph.counted) == ("failed", (0, 0, 2, 1, 2))
    dlq_retry(stage)
    finish(graph)
    assert graph.status == "completed"
    check(stage)


def test_a_cap_on_workflows_keeps_steps_among_the_dead_letters(stage: JobStage) -> None:
    one, other = stored(stage, a_step("a")), stored(stage, a_step("b"))
    plain = stage.dead_letter("c")
    one.fail("a")
    other.fail("b")

    retried = dlq_retry(stage, caps=caps(workflows=1))

    assert retried.skipped == [other.ids["b"]]
    assert set(retried.job_ids) == {one.ids["a"], plain["id"]}
    assert (one.status, other.status) == ("running", "failed")
    with pytest.raises(QuotaExceeded):
        stage.run(retry, stage.org, other.ids["b"], ALL_QUEUES, caps(workflows=1))
    one.complete("a")
    assert dlq_retry(stage, caps=caps(workflows=1)).skipped == []
    assert other.status == "running"
    check(stage)


def test_two_failed_steps_of_one_workflow_need_room_for_one(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"))
    graph.fail("a")
    graph.fail("b")

    retried = dlq_retry(stage, caps=caps(workflows=1))

    assert (len(retried.job_ids), retried.skipped) == (2, [])


def test_retried_dead_letters_wait_for_each_other(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a", condition="failure"))
    graph.fail("a")
    graph.fail("b")

    dlq_retry(stage)

    assert graph.claimable == {"a"}


def test_a_retried_step_waits_for_a_parent_that_runs_again(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a", condition="failure"))
    graph.fail("a")
    graph.fail("b")
    stage.retry(graph.step("a"))

    row = stage.retry(graph.step("b"))

    assert (row["status"], row["dependencies_met"]) == ("pending", 0)
    assert graph.claimable == {"a"}
    graph.fail("a")
    assert graph.claimable == {"b"}


def test_a_retried_step_of_a_cancelled_workflow_runs_alone(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND, a_step("e"))
    graph.fail("a")
    stage.run_due()
    graph.cancel()

    stage.retry(graph.step("a"))
    stage.run_due()

    assert graph.steps == {"a": "pending", **dict.fromkeys("bcde", "cancelled")}
    finish(graph)
    assert (graph.status, graph.counted) == ("cancelled", (0, 0, 1, 0, 4))
    check(stage)


# -- many of them --------------------------------------------------------------------------------


def failed_graphs(stage: JobStage, count: int) -> list[Graph]:
    """Of each a first step has failed, and has taken two more with it."""
    graphs = []
    for n in range(count):
        first = a_step("a", queue_name=f"a{n}")
        graph = stored(stage, first, a_step("b", "a"), a_step("c", "a", queue_name=f"c{n}"))
        stage.fail(stage.take(f"a{n}"), may_retry=False)
        graphs.append(graph)
    stage.run_due()
    return graphs


def test_dead_letters_come_back_in_passes_of_whole_workflows(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.lifecycle.retry.RETRY_MAX", 4)
    graphs = failed_graphs(stage, 3)

    first = dlq_retry(stage)

    a = [graph.ids["a"] for graph in graphs]
    assert first == Retried(a[:2], [], [a[2]])
    assert [graph.status for graph in graphs] == ["running", "running", "failed"]
    assert dlq_retry(stage, *first.left) == Retried([a[2]], [])
    assert [graph.counted for graph in graphs] == [(3, 0, 0, 0, 0)] * 3
    check(stage)


def test_dead_letters_of_one_workflow_come_back_in_one_pass(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.lifecycle.retry.RETRY_MAX", 1)
    graph = stored(stage, a_step("a"), a_step("b"), a_step("c", "a", "b"))
    graph.fail("a")
    other = stage.dead_letter("other")
    graph.fail("b")
    stage.run_due()

    first = dlq_retry(stage)

    assert first == Retried([graph.ids["a"], graph.ids["b"]], [], [other["id"]])
    assert graph.counted == (3, 0, 0, 0, 0)
    check(stage)


def test_what_is_left_of_a_call_is_not_counted_against_the_active_jobs_again(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.lifecycle.retry.RETRY_MAX", 1)
    failed_graphs(stage, 2)
    room = caps(active_jobs=2)

    first = dlq_retry(stage, caps=room)
    wanted = DeadLetters(job_ids=first.left, limit=1)
    second = stage.run(retry_dead_letters, stage.org, wanted, ALL_QUEUES, room, True)

    assert (len(first.job_ids), len(second.job_ids), second.left) == (1, 1, [])
    check(stage)


@pytest.mark.parametrize("act", [Graph.cancel, Graph.retry])
def test_the_steps_that_an_act_changes_are_counted_together(
    stage: JobStage, act: Callable[[Graph], object]
) -> None:
    graph = stored(stage, *(a_step(f"s{n}", queue_name="q") for n in range(20)))
    if act is Graph.retry:
        for job in stage.claim("q", limit=20):
            stage.fail(job, may_retry=False)
    ran: list[str] = []
    stage._connection.set_trace_callback(ran.append)

    act(graph)

    stage._connection.set_trace_callback(None)
    assert len([said for said in ran if "SET waiting_jobs" in said]) == 1
    check(stage)


def test_one_retry_brings_few_workflows_back_at_once(stage: JobStage) -> None:
    first = stage.enqueue("first")
    graphs = [stored(stage, a_step("a"), a_step("b", "a")) for _ in range(4)]
    for graph in graphs:
        ids = [first["id"]]
        stage.run(depend, stage.org, graph.ids["a"], depends_on=ids, mode="all", scope=ALL_QUEUES)
    stage.fail(stage.take("first"), may_retry=False)
    stage.run_due()
    assert [graph.status for graph in graphs] == ["cancelled"] * 4

    stage.retry(first)

    # Each might have a thousand steps: the rest is left to the loop.
    assert [graph.status for graph in graphs] == ["running"] * 2 + ["cancelled"] * 2
    stage.run_due()
    assert [graph.counted for graph in graphs] == [(2, 0, 0, 0, 0)] * 4
    check(stage)
