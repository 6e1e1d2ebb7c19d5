"""Claims by the names of tasks: contract amendments, G9; catbird-capabilities, T7."""

from collections.abc import Sequence
from typing import Any, Final

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import CircuitBreaker, stored
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle import due_work as claiming
from spooled_lite.core.lifecycle.claim_handlers import claim_for_handlers
from spooled_lite.core.lifecycle.handlers import HandlerClaim, HandlerPlace
from spooled_lite.core.lifecycle.named_leases import LeaseIdSpent
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.core.queues.pause import pause
from spooled_lite.core.tasks.define import define_task
from spooled_lite.core.tasks.records import TaskDefinition
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.factories import a_claim

LEASE: Final = "2f0f1c8e-54a5-4d39-8f3b-0a4c9b7f6c11"


def a_run(stage: JobStage, task: str, queue_name: str = "emails", **fields: Any) -> str:
    job = stage.enqueue(queue_name, **fields)
    changed = "UPDATE jobs SET kind = 'task_run', task_name = ? WHERE id = ?"
    stage._connection.execute(changed, (task, job["id"]))
    return job["id"]


def claimed(
    stage: JobStage,
    *tasks: str,
    limit: int = 10,
    scope: Scope = ALL_QUEUES,
    queue_name: str | None = None,
    places: Sequence[HandlerPlace] = (),
    **more: Any,
) -> list[JobRow]:
    wanted = HandlerClaim(
        queue_name=queue_name,
        task_names=tasks,
        places=places,
        **{"worker_id": "w-1", "limit": limit, "lease_ms": 30_000, **more},
    )
    return stage.run(claim_for_handlers, stage.org, wanted, scope)


def ids(rows: Sequence[JobRow]) -> list[str]:
    return [row["id"] for row in rows]


def test_the_runs_of_all_tasks_and_queues_come_in_one_order_under_one_lease(
    stage: JobStage,
) -> None:
    old = a_run(stage, "a")
    stage.enqueue(priority=9)
    stage.clock.advance(seconds=1)
    urgent = a_run(stage, "b", "others", priority=5)
    a_run(stage, "c", priority=7)
    new = a_run(stage, "a", "others")
    last = a_run(stage, "b")
    stage.happened()

    rows = claimed(stage, "a", "b", limit=3)

    assert ids(rows) == [urgent, old, new]
    assert len({row["lease_id"] for row in rows}) == 1
    assert [row["claims"] for row in rows] == [1, 1, 1]
    assert stage.happened() == ["job.claimed"] * 3
    assert ids(claimed(stage, "a", "b")) == [last]
    assert claimed(stage, "a", "b") == []


def test_many_runs_of_few_tasks_come_in_order_across_pages(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "READ_AT_ONCE", 2)
    made = [a_run(stage, "ab"[number % 3 == 0], priority=number % 5) for number in range(40)]
    ordered = sorted(made, key=lambda job_id: (-stage.job(job_id)["priority"], made.index(job_id)))

    assert ids(claimed(stage, "a", "b", limit=25)) == ordered[:25]
    assert ids(claimed(stage, "a", "b", limit=25)) == ordered[25:]


def test_within_a_queue_only_its_runs_are_claimed(stage: JobStage) -> None:
    here = a_run(stage, "a")
    a_run(stage, "a", "others")

    assert ids(claimed(stage, "a", queue_name="emails")) == [here]
    assert claimed(stage, "a", queue_name="unknown") == []


def test_jobs_and_messages_of_the_queue_are_left_alone(stage: JobStage) -> None:
    job = stage.enqueue()
    run = a_run(stage, "a")

    assert ids(claimed(stage, "a", "b")) == [run]
    assert stage.status(job["id"]) == "pending"


def test_queues_that_are_paused_deleted_or_outside_the_scope_are_left_out(
    stage: JobStage,
) -> None:
    for queue_name in ("paused", "deleted", "foreign", "good"):
        a_run(stage, "a", queue_name, priority=1)
    stage.run(pause, stage.org, "paused", None, OPEN)
    stage.run(delete_queue, stage.org, "deleted", delete_jobs=True)

    rows = claimed(stage, "a", scope=Scope(["paused", "deleted", "go*"]))

    assert [row["queue_name"] for row in rows] == ["good"]


def test_runs_of_another_organization_are_none(stage: JobStage) -> None:
    a_run(stage, "a")
    stage.org = stage.other_org()

    assert claimed(stage, "a") == []


def test_the_limits_of_each_queue_are_kept(stage: JobStage) -> None:
    stage.configure("busy", max_concurrency=2)
    stage.configure("slow", rate_limit=1)
    for number in range(4):
        for queue_name in ("busy", "slow", "free"):
            a_run(stage, "ab"[number % 2], queue_name)

    rows = claimed(stage, "a", "b", limit=20)

    counts = {name: [row["queue_name"] for row in rows].count(name) for name in ("busy", "slow")}
    assert counts == {"busy": 2, "slow": 1}
    assert len(rows) == 7
    assert claimed(stage, "a", "b") == []
    stage.complete(next(row for row in rows if row["queue_name"] == "busy"))
    stage.clock.advance(seconds=1)
    assert sorted(row["queue_name"] for row in claimed(stage, "a", "b")) == ["busy", "slow"]


def test_a_breaker_of_a_queue_lets_one_run_through_when_it_is_half_open(stage: JobStage) -> None:
    breaker = CircuitBreaker(failure_threshold=1, open_timeout_ms=30_000)
    stage.configure("emails", circuit_breaker=stored(breaker))
    for _ in range(3):
        a_run(stage, "a", max_retries=0)
    [first] = claimed(stage, "a", limit=1)
    stage.fail(first)
    assert claimed(stage, "a") == []

    stage.wait(seconds=30)

    [trial] = claimed(stage, "a")
    assert claimed(stage, "a") == []
    stage.complete(trial)
    assert len(claimed(stage, "a")) == 1


def test_what_a_task_allows_at_once_is_kept_and_its_breaker_too(stage: JobStage) -> None:
    breaker = stored(CircuitBreaker(failure_threshold=1, open_timeout_ms=30_000))
    narrow = TaskDefinition(queue_name="emails", max_concurrency=2)
    guarded = TaskDefinition(queue_name="emails", circuit_breaker=breaker)
    stage.run(define_task, stage.org, "narrow", narrow, ALL_QUEUES, None)
    stage.run(define_task, stage.org, "guarded", guarded, ALL_QUEUES, None)
    for _ in range(4):
        a_run(stage, "narrow", priority=5)
        a_run(stage, "guarded", max_retries=0)
        a_run(stage, "free")

    rows = claimed(stage, "narrow", "guarded", "free", limit=4)
    assert [row["task_name"] for row in rows] == ["narrow", "narrow", "guarded", "free"]
    stage.fail(rows[2])

    rows = claimed(stage, "narrow", "guarded", "free", limit=2)
    assert [row["task_name"] for row in rows] == ["free", "free"]
    stage.wait(seconds=30)
    stage.run_due()

    again = [row["task_name"] for row in claimed(stage, "narrow", "guarded")]
    assert again == ["narrow", "narrow", "guarded"]


def test_a_delayed_run_is_due_by_the_clock_alone(stage: JobStage) -> None:
    run = a_run(stage, "a", delay_ms=5_000)
    places = [HandlerPlace("emails", "a")]
    assert claimed(stage, "a", places=places) == []

    stage.clock.advance(seconds=5)

    assert ids(claimed(stage, "a", places=places)) == [run]


def test_one_that_has_expired_is_not_claimed(stage: JobStage) -> None:
    a_run(stage, "a", expires_at_ms=stage.clock.now_ms() + 1_000)
    stage.clock.advance(seconds=1)

    assert claimed(stage, "a") == []


def test_large_runs_are_handed_out_in_part(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "CLAIM_BYTES_MAX", 2_500)
    for _ in range(3):
        a_run(stage, "a", payload=b'"%b"' % (b"x" * 1_000))

    assert [len(claimed(stage, "a")) for _ in range(3)] == [2, 1, 0]


def test_it_can_be_made_again(stage: JobStage) -> None:
    run = a_run(stage, "a")
    first = claimed(stage, "a", lease_id=LEASE)

    assert claimed(stage, "a", "b", lease_id=LEASE) == first
    assert ids(first) == [run]
    others: list[tuple[str, dict[str, Any]]] = [
        ("b", {}),
        ("a", {"queue_name": "others"}),
        ("a", {"scope": Scope(["others"])}),
    ]
    for task, more in others:
        with pytest.raises(LeaseIdSpent):
            claimed(stage, task, lease_id=LEASE, **more)


def test_a_claim_of_the_queue_takes_runs_too(stage: JobStage) -> None:
    run = a_run(stage, "a")

    assert stage.take()["id"] == run
    assert a_claim().kind is None
