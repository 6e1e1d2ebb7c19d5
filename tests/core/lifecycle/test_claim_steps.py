"""Claims by the names of steps of flows: contract amendments, G9."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import CircuitBreaker
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle import due_work as claiming
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.claim_handlers import claim_for_handlers
from spooled_lite.core.lifecycle.handlers import HandlerClaim, StepName
from spooled_lite.core.lifecycle.named_leases import LeaseIdSpent
from spooled_lite.core.queues.pause import pause
from spooled_lite.core.steps.given import given_to
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.core.workflows.runs import Run, a_node, started
from tests.factories import a_claim

LEASE: Final = "2f0f1c8e-54a5-4d39-8f3b-0a4c9b7f6c11"


def claimed(
    stage: JobStage,
    *steps: str,
    tasks: Sequence[str] = (),
    limit: int = 10,
    scope: Scope = ALL_QUEUES,
    queue_name: str | None = None,
    **more: Any,
) -> list[JobRow]:
    wanted = HandlerClaim(
        queue_name=queue_name,
        task_names=tasks,
        steps=[StepName(*each.split(".")) for each in steps],
        places=(),
        **{"worker_id": "w-1", "limit": limit, "lease_ms": 30_000, **more},
    )
    return stage.run(claim_for_handlers, stage.org, wanted, scope)


def of(rows: Sequence[JobRow]) -> list[str]:
    return [f"{row['flow_name']}.{row['step_key']}" for row in rows]


def a_run(stage: JobStage, *keys: str, flow_name: str = "orders", **more: Any) -> Run:
    return started(stage, *map(a_node, keys), flow_name=flow_name, **more)


def an_item(stage: JobStage, run: Run, key: str, index: int = 0) -> str:
    """An item of a step, as if its items had been released."""
    job = stage.enqueue(f"{key}_items", payload=b"%d" % index)
    stage.rows(
        "UPDATE jobs SET kind = 'item', flow_name = 'orders', step_key = :key, phase = 'item',"
        " step_job = (SELECT seq FROM jobs WHERE id = :step), item_index = :place WHERE id = :id",
        key=key,
        step=run.ids[key],
        place=index,
        id=job["id"],
    )
    return job["id"]


def test_named_steps_and_tasks_come_in_one_order_under_one_lease(stage: JobStage) -> None:
    a_run(stage, "a", "b", "c")
    stage.clock.advance(seconds=1)
    a_run(stage, "a", flow_name="others", priority=5)
    a_run(stage, "a", priority=7)
    run = stage.enqueue(priority=6)
    stage.rows("UPDATE jobs SET kind = 'task_run', task_name = 'mail' WHERE id = :id", id=run["id"])
    stage.happened()

    rows = claimed(stage, "orders.a", "others.a", "orders.c", "orders.none", tasks=["mail"])

    assert of(rows) == ["orders.a", "None.None", "others.a", "orders.a", "orders.c"]
    assert len({row["lease_id"] for row in rows}) == 1
    assert stage.happened().count("job.claimed") == 5
    assert of(claimed(stage, "orders.a", "orders.b", "orders.c")) == ["orders.b"]


def test_a_limit_holds_for_all_steps_together(stage: JobStage) -> None:
    for _ in range(4):
        a_run(stage, "a", "b")

    assert len(claimed(stage, "orders.a", "orders.b", limit=3)) == 3


def test_the_phase_tells_items_from_their_step(stage: JobStage) -> None:
    run = started(stage, a_node("g", type="generator"), a_node("n"), flow_name="orders")
    for index in range(2):
        an_item(stage, run, "g", index)
    named = ("orders.g", "orders.n")

    assert [row["phase"] for row in claimed(stage, *named, phase="item")] == ["item", "item"]
    assert of(claimed(stage, *named, phase="generate")) == ["orders.g"]
    assert claimed(stage, *named, phase="generate") == []
    assert of(claimed(stage, *named, phase="run")) == ["orders.n"]


def test_without_a_phase_a_claim_gets_a_step_and_its_items(stage: JobStage) -> None:
    run = started(stage, a_node("g", type="generator"), flow_name="orders")
    an_item(stage, run, "g")

    assert [row["phase"] for row in claimed(stage, "orders.g")] == ["generate", "item"]


def test_with_a_queue_those_of_that_queue_alone(stage: JobStage) -> None:
    run = started(stage, a_node("g", type="generator"), flow_name="orders")
    item = an_item(stage, run, "g")

    assert claimed(stage, "orders.g", queue_name="none") == []
    rows = claimed(stage, "orders.g", queue_name="g_items")
    assert [row["id"] for row in rows] == [item]
    assert of(claimed(stage, "orders.g", queue_name="g")) == ["orders.g"]


def test_queues_that_are_paused_or_outside_of_the_scope_are_left_out(stage: JobStage) -> None:
    a_run(stage, "a", "b", "c")
    stage.run(pause, stage.org, "a", None, OPEN)

    assert of(claimed(stage, "orders.a", "orders.b", "orders.c", scope=Scope(["a", "b"]))) == [
        "orders.b"
    ]


def test_what_waits_for_others_or_has_a_delay_is_not_handed_out(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"), flow_name="orders")
    a_run(stage, "a", delay_ms=60_000)

    rows = claimed(stage, "orders.a", "orders.b")
    assert of(rows) == ["orders.a"]
    run.settle(rows[0])
    stage.wait(seconds=60)
    assert of(claimed(stage, "orders.a", "orders.b")) == ["orders.b", "orders.a"]


def test_a_claim_made_again_gets_what_it_holds(stage: JobStage) -> None:
    a_run(stage, "a", "b")
    first = claimed(stage, "orders.a", "orders.b", lease_id=LEASE)
    a_run(stage, "a")

    again = claimed(stage, "orders.a", "orders.b", lease_id=LEASE)

    assert [row["id"] for row in again] == [row["id"] for row in first]
    assert of(claimed(stage, "orders.a", lease_id=LEASE)) == ["orders.a"]
    with pytest.raises(LeaseIdSpent):
        claimed(stage, "orders.c", lease_id=LEASE)
    with pytest.raises(LeaseIdSpent):
        claimed(stage, "orders.a", "orders.b", phase="item", lease_id=LEASE)


def test_the_limits_of_a_step_hold_and_end(stage: JobStage) -> None:
    for _ in range(40):
        started(stage, a_node("a", max_concurrency=3), a_node("b"), flow_name="orders")

    rows = claimed(stage, "orders.a", "orders.b", limit=10)

    assert of(rows).count("orders.a") == 3
    assert len(rows) == 10
    assert of(claimed(stage, "orders.a")) == []
    stage.complete(next(row for row in rows if row["step_key"] == "a"))
    assert of(claimed(stage, "orders.a")) == ["orders.a"]


def test_the_breaker_of_a_step_lets_one_through_when_it_is_half_open(stage: JobStage) -> None:
    breaker = CircuitBreaker(failure_threshold=1, open_timeout_ms=1_000)
    for _ in range(3):
        started(stage, a_node("a", max_retries=0, circuit_breaker=breaker), flow_name="orders")
    [first] = claimed(stage, "orders.a", limit=1)
    stage.fail(first)
    assert claimed(stage, "orders.a") == []

    stage.wait(seconds=1)

    assert len(claimed(stage, "orders.a")) == 1


def test_inputs_count_for_what_one_claim_takes(stage: JobStage) -> None:
    body = "x" * (1024 * 1024 - 100)
    for _ in range(3):
        a_run(stage, "a", input=body)

    by_name = claimed(stage, "orders.a")
    assert len(by_name) == 2
    assert len(stage.read(given_to, by_name, copies=2)) == 2
    for _ in range(2):
        a_run(stage, "a", input=body)
    assert len(stage.run(claim, stage.org, a_claim(queue_name="a", limit=10))) == 2


def test_an_input_that_items_are_not_given_does_not_count(stage: JobStage) -> None:
    each = a_node("a", type="mapper", source="input")
    started(stage, each, flow_name="orders", input=["x" * 68] * 10_000)

    assert len(claimed(stage, "orders.a", limit=100)) == 100


def test_places_beyond_the_bound_are_not_looked_at(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "PLACES_MAX", 2)
    a_run(stage, "a", "b", "c")

    assert of(claimed(stage, "orders.a", "orders.b", "orders.c")) == ["orders.a", "orders.b"]
