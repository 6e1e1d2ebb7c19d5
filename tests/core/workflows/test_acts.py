"""What callers do to a workflow: cancel, retry, delete; and what is deleted under it."""

from collections.abc import Callable, Iterator

import pytest

from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.depend import depend
from spooled_lite.core.lifecycle.retry import Retried, retry, retry_dead_letters
from spooled_lite.core.lifecycle.workflow import cancel_workflow, delete_workflow, retry_workflow
from spooled_lite.core.maintenance.prune import SWEEP_MS, Retention
from spooled_lite.core.maintenance.remove import (
    delete_queue,
    purge_dead_letters_pass,
    purge_queue_pass,
)
from spooled_lite.errors import AccessDenied, BadRequest, Conflict, NotFound, QuotaExceeded
from spooled_lite.events import Deadline
from spooled_lite.plans import Caps
from tests.core.job_stage import JobStage
from tests.core.stage import capped
from tests.core.store import NOW_MS
from tests.core.workflows.graphs import Graph, a_step, as_seen, check, stored

DIAMOND = (a_step("a"), a_step("b", "a"), a_step("c", "a"), a_step("d", "b", "c"))
DAY = 86_400


def caps(**limits: int) -> Caps:
    found = capped(**limits).caps
    assert found is not None
    return found


def dlq_retry(stage: JobStage, *ids: str, caps: Caps | None = None) -> Retried:
    wanted = DeadLetters(job_ids=ids or None, limit=100)
    return stage.run(retry_dead_letters, stage.org, wanted, ALL_QUEUES, caps)


def finish(graph: Graph) -> None:
    """Let workers complete whatever can be claimed, and the loops run, until nothing moves."""
    for _ in range(len(graph.ids) + 1):
        graph.stage.run_due()
        if not graph.claimable:
            return
        graph.complete(*sorted(graph.claimable))
    raise AssertionError(f"still {graph.claimable}")


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


def test_whoever_waits_outside_for_a_cancelled_step_is_told(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b", "a"))
    child = stage.enqueue("outside", parent_job_id=graph.ids["b"])

    graph.cancel()
    stage.run_due()

    assert stage.status(child["id"]) == "cancelled"


def test_steps_of_a_queue_that_is_being_deleted_are_in_nobodys_way(stage: JobStage) -> None:
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
    assert stage.run(cancel_workflow, stage.org, graph.id, None, others)["status"] == "cancelled"


def test_the_workflow_of_another_organization_is_not_there(stage: JobStage) -> None:
    graph, other = stored(stage, a_step("a")), stage.other_org()

    for act in (
        lambda: stage.run(cancel_workflow, other, graph.id, None, ALL_QUEUES),
        lambda: stage.run(retry_workflow, other, graph.id, ALL_QUEUES, None),
        lambda: stage.run(delete_workflow, other, graph.id, ALL_QUEUES),
    ):
        with pytest.raises(NotFound):
            act()


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


# -- what is deleted under it --------------------------------------------------------------------


def purge(stage: JobStage, queue_name: str) -> None:
    assert stage.run(purge_queue_pass, stage.org, queue_name).after is None


def purge_dead(stage: JobStage) -> None:
    wanted = DeadLetters(limit=100)
    assert stage.run(purge_dead_letters_pass, stage.org, wanted, ALL_QUEUES).after is None


@pytest.mark.parametrize("key", ["a", "b", "d"])
@pytest.mark.parametrize("how", ["purged", "deleted"])
@pytest.mark.parametrize("is_running", [False, True])
def test_a_queue_that_goes_does_not_hold_the_workflow_up(
    stage: JobStage, how: str, key: str, is_running: bool
) -> None:
    graph = stored(stage, *DIAMOND)
    if is_running:
        graph.take("a")

    if how == "purged":
        purge(stage, key)
    else:
        stage.run(delete_queue, stage.org, key, delete_jobs=True)
    stage.run_due()
    stage.wait(seconds=30)
    finish(graph)

    is_whole = how == "purged" and is_running and key == "a"  # what runs stays
    assert graph.status == ("completed" if is_whole else "cancelled")
    assert sum(graph.counted[2:]) == 4
    check(stage)


def test_purging_finished_steps_changes_no_count(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    graph.complete("a")
    purge(stage, "a")

    finish(graph)

    assert (graph.status, graph.counted) == ("completed", (0, 0, 4, 0, 0))
    check(stage)


def test_a_workflow_whose_dead_letters_were_purged_stays_failed(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    graph.fail("a")
    stage.run_due()
    purge_dead(stage)

    assert (graph.status, graph.counted) == ("failed", (0, 0, 0, 1, 3))
    with pytest.raises(BadRequest, match="deleted"):
        graph.retry()
    graph.delete()
    check(stage)


def test_what_a_purged_job_had_cancelled_does_not_come_back(stage: JobStage) -> None:
    graph = stored(
        stage,
        *(a_step("a"), a_step("b", priority=1), a_step("both", "a", "b"), a_step("gone", "a")),
        a_step("any", "a", "b", mode="any"),
    )
    graph.fail("b")
    graph.fail("a")
    stage.run_due()
    assert graph.counted == (0, 0, 0, 2, 3)
    purge(stage, "a")

    graph.retry()

    assert graph.steps == {
        "b": "pending",
        "any": "pending",  # b may still do
        "both": "cancelled",
        "gone": "cancelled",
    }
    finish(graph)
    assert graph.steps["any"] == "completed"
    assert graph.status == "failed"  # a is deleted, and was never made good
    check(stage)


def test_nothing_comes_back_when_all_it_could_have_built_on_is_gone(stage: JobStage) -> None:
    graph = stored(
        stage, a_step("a"), a_step("b"), a_step("any", "a", "b", mode="any"), a_step("c")
    )
    for key in "abc":
        graph.fail(key)
    stage.run_due()
    purge(stage, "a")
    purge(stage, "b")

    graph.retry()

    assert graph.steps == {"any": "cancelled", "c": "pending"}


def test_what_the_purge_itself_has_cancelled_does_not_come_back(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"), a_step("c", "a", "b"))
    purge(stage, "a")
    assert graph.steps == {"b": "pending", "c": "cancelled"}
    graph.fail("b")

    graph.retry()

    assert graph.steps == {"b": "pending", "c": "cancelled"}


def test_a_job_that_got_what_it_needed_keeps_it_when_the_giver_is_deleted(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"), a_step("c", "a", "b", mode="any"))
    graph.complete("a")
    purge(stage, "a")

    graph.fail("b")
    stage.run_due()

    assert graph.claimable == {"c"}


# -- retention -----------------------------------------------------------------------------------


@pytest.fixture
def kept_a_day() -> Iterator[JobStage]:
    stage = JobStage(Retention(job_days=1))
    yield stage
    stage.close()


def sweep(stage: JobStage) -> None:
    stage.wait(seconds=SWEEP_MS / 1000)


def test_an_old_workflow_goes_after_its_jobs(kept_a_day: JobStage) -> None:
    stage = kept_a_day
    graph = stored(stage, *DIAMOND)
    finish(graph)
    young = stored(stage, a_step("x"))

    stage.wait(seconds=DAY - 60)
    assert len(graph.steps) == 4
    stage.wait(seconds=DAY)

    assert graph.steps == {}
    assert [row["id"] for row in stage.rows("SELECT id FROM workflows")] == [young.id]
    assert young.steps == {"x": "pending"}
    check(stage)


def test_steps_are_kept_while_their_workflow_is_not_finished(kept_a_day: JobStage) -> None:
    stage = kept_a_day
    graph = stored(stage, *DIAMOND)
    graph.complete("a")

    stage.wait(seconds=9 * DAY)
    assert len(graph.steps) == 4

    finish(graph)
    stage.wait(seconds=DAY + SWEEP_MS / 1000)
    sweep(stage)
    assert graph.steps == {}


def test_a_failed_workflow_is_kept_with_its_dead_letters(kept_a_day: JobStage) -> None:
    stage = kept_a_day
    graph = stored(stage, a_step("a"), a_step("b", "a"))
    graph.fail("a")
    stage.run_due()

    stage.wait(seconds=2 * DAY)
    assert (graph.steps, graph.status) == ({"a": "deadletter"}, "failed")

    graph.retry()
    finish(graph)
    assert graph.counted == (0, 0, 1, 0, 1)
    check(stage)


def test_every_loop_comes_to_rest(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    finish(graph)

    assert stage.due_at_ms.get(Deadline.DEPENDENTS) is None
    assert stage.value("SELECT count(*) FROM job_cascades") == 0
