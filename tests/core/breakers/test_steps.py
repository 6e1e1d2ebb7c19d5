"""Breakers and `max_concurrency` of steps, which the runs of a flow share."""

from typing import Any, Final

from spooled_lite.core.breakers.columns import BreakerStanding
from spooled_lite.core.breakers.standing import standing
from spooled_lite.core.flows.define import define_flow
from spooled_lite.core.flows.records import FlowDefinition
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import CircuitBreaker
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.maintenance.remove_flow import delete_flow, forget_documents
from spooled_lite.core.overview.explain import BreakerOpen, ConcurrencyFull, explain
from tests.core.job_stage import JobStage
from tests.core.overview.claims import KnownClaims
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import Run, a_document, a_node, started

LINE: Final = "emails"
OPEN_SECONDS: Final = 30
BREAKER: Final = CircuitBreaker(failure_threshold=2, open_timeout_ms=OPEN_SECONDS * 1000)


def a_run(stage: JobStage, *, flow_name: str | None = "orders", **more: Any) -> Run:
    step = a_node("a", **{"queue_name": LINE, "max_retries": 0, **more})
    return started(stage, step, flow_name=flow_name)


def guards(stage: JobStage) -> list[int]:
    return [row["seq"] for row in stage.rows("SELECT seq FROM step_guards ORDER BY seq")]


def seen(stage: JobStage, guard: int) -> BreakerStanding:
    return stage.read(standing, "step", guard)


def opened(stage: JobStage, more: int = 3, **about: Any) -> int:
    for _ in range(more + 2):
        a_run(stage, circuit_breaker=BREAKER, **about)
    for _ in range(2):
        stage.fail(stage.take())
    [guard] = guards(stage)
    return guard


def keys(jobs: list[JobRow]) -> list[str | None]:
    return [job["flow_name"] for job in jobs]


def test_the_breaker_of_a_step_denies_it_in_every_run_and_nothing_else(stage: JobStage) -> None:
    guard = opened(stage)
    a_run(stage, flow_name="others")
    stage.enqueue()

    assert seen(stage, guard).state == "open"
    assert keys(stage.claim(limit=10)) == ["others", None]
    assert stage.claim(limit=10) == []


def test_half_open_lets_one_through_and_its_success_the_others(stage: JobStage) -> None:
    guard = opened(stage)
    stage.wait(seconds=OPEN_SECONDS)

    [trial] = stage.claim(limit=10)
    assert seen(stage, guard).is_tried
    stage.complete(trial)

    assert seen(stage, guard).state == "closed"
    assert len(stage.claim(limit=10)) == 2
    check(stage)


def test_claims_that_wait_look_again_when_a_breaker_lets_something_through(
    stage: JobStage,
) -> None:
    opened(stage)
    stage.fed.clear()

    stage.wait(seconds=OPEN_SECONDS)

    assert (stage.org, LINE) in stage.fed


def test_no_more_of_a_step_are_handed_out_than_may_run_at_once(stage: JobStage) -> None:
    for _ in range(5):
        a_run(stage, max_concurrency=2)
    stage.enqueue()

    first, second, plain = stage.claim(limit=10)
    assert plain["kind"] == "job"
    assert stage.claim(limit=10) == []

    stage.complete(first)
    assert len(stage.claim(limit=10)) == 1
    stage.fail(second)
    assert len(stage.claim(limit=10)) == 1
    check(stage)


def test_the_items_of_a_step_have_its_limits(stage: JobStage) -> None:
    each = a_node("a", type="mapper", source="input", item_queue_name=LINE, max_concurrency=2)
    started(stage, each, input=[1, 2, 3, 4], flow_name="orders")

    first, _ = stage.claim(limit=10)
    assert stage.claim(limit=10) == []
    stage.complete(first)

    assert len(stage.claim(limit=10)) == 1
    check(stage)


def test_a_breaker_counts_the_items_of_its_step(stage: JobStage) -> None:
    each = a_node("a", type="mapper", source="input", item_queue_name=LINE, circuit_breaker=BREAKER)
    started(stage, each, input=[1, 2, 3, 4], flow_name="orders")
    for _ in range(2):
        stage.fail(stage.take())
    [guard] = guards(stage)

    assert seen(stage, guard).state == "open"
    assert stage.claim(limit=10) == []
    stage.wait(seconds=OPEN_SECONDS)
    assert len(stage.claim(limit=10)) == 1


def test_workflows_with_the_same_document_share_the_limits_of_its_steps(stage: JobStage) -> None:
    for _ in range(2):
        a_run(stage, flow_name=None, max_concurrency=1)
    a_run(stage, flow_name=None, max_concurrency=1, description="another")

    assert len(guards(stage)) == 2
    assert len(stage.claim(limit=10)) == 2


def test_the_newest_run_of_a_flow_says_how_much_is_let_through(stage: JobStage) -> None:
    a_run(stage, max_concurrency=1)
    a_run(stage, max_concurrency=1)
    assert len(stage.claim(limit=10)) == 1
    assert stage.claim(limit=10) == []
    stage.fed.clear()

    a_run(stage, max_concurrency=3)

    assert len(guards(stage)) == 1
    assert (stage.org, LINE) in stage.fed
    assert len(stage.claim(limit=10)) == 2


def define(stage: JobStage, **limits: Any) -> None:
    step = a_node("a", queue_name=LINE, max_retries=0, **limits)
    wanted = FlowDefinition(document=a_document(step))
    stage.run(define_flow, stage.org, "orders", wanted, ALL_QUEUES, None)


def test_another_definition_holds_for_the_runs_that_are_there(stage: JobStage) -> None:
    define(stage, max_concurrency=1)
    for _ in range(4):
        a_run(stage, max_concurrency=1)
    assert len(stage.claim(limit=10)) == 1
    stage.fed.clear()

    define(stage, max_concurrency=3)

    assert (stage.org, LINE) in stage.fed
    assert len(stage.claim(limit=10)) == 2
    define(stage)
    assert len(stage.claim(limit=10)) == 1


def test_a_deleted_flow_leaves_no_limits_and_no_breaker(stage: JobStage) -> None:
    define(stage, circuit_breaker=BREAKER)
    guard = opened(stage)
    assert seen(stage, guard).state == "open"

    stage.run(delete_flow, stage.org, "orders", ALL_QUEUES)
    stage.run_due()

    assert guards(stage) == []
    assert stage.rows("SELECT 1 FROM breakers") == []


def test_limits_go_with_the_document_that_said_them(stage: JobStage) -> None:
    run = a_run(stage, flow_name=None, circuit_breaker=BREAKER)
    stage.fail(stage.take())
    assert len(stage.rows("SELECT 1 FROM breakers")) == 1
    run.delete()

    assert stage.run(forget_documents, stage.org) == 1

    assert guards(stage) == []
    assert stage.rows("SELECT 1 FROM breakers") == []


def test_another_breaker_begins_closed(stage: JobStage) -> None:
    guard = opened(stage)

    a_run(stage, circuit_breaker=CircuitBreaker(failure_threshold=1, open_timeout_ms=1))

    assert guards(stage) == [guard]
    assert seen(stage, guard).state == "closed"


def test_steps_without_limits_have_none(stage: JobStage) -> None:
    a_run(stage)

    assert guards(stage) == []
    assert stage.take()["guard"] is None


def test_a_claim_in_a_queue_learns_of_limits_in_the_batch_that_brings_them(
    stage: JobStage,
) -> None:
    stage.enqueue()
    assert len(stage.claim(limit=10)) == 1

    a_run(stage, max_concurrency=1)
    a_run(stage, max_concurrency=1)

    assert len(stage.claim(limit=10)) == 1


def test_a_step_says_that_its_own_limits_keep_it_waiting(stage: JobStage) -> None:
    run = [a_run(stage, max_concurrency=1) for _ in range(2)][1]
    stage.take()
    found = stage.read(explain, stage.org, run.ids["a"], ALL_QUEUES, KnownClaims())
    assert ("concurrency_full", ConcurrencyFull(1, 1)) in found.reasons


def test_a_step_says_that_its_breaker_keeps_it_waiting(stage: JobStage) -> None:
    opened(stage)
    run = a_run(stage, circuit_breaker=BREAKER)

    found = stage.read(explain, stage.org, run.ids["a"], ALL_QUEUES, KnownClaims())

    assert any(isinstance(reason, BreakerOpen) for _, reason in found.reasons)
