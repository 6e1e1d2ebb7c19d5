"""Who is told of what: every transition, in the words of the contract, and nobody else."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.queues.pause import pause, resume
from spooled_lite.core.webhooks.records import WEBHOOK_EVENTS, NewWebhook
from spooled_lite.core.webhooks.subscribe import create_webhook, delete_webhook
from spooled_lite.core.workers.records import NewWorker
from spooled_lite.core.workers.register import deregister, register
from spooled_lite.errors import NotFound
from spooled_lite.events import Deadline, Event
from spooled_lite.storage.transaction import Tx
from tests.core.event_rows import a_row
from tests.core.stage import OPEN
from tests.core.store import NOW_MS
from tests.core.webhooks.hook_stage import HookStage
from tests.factories import a_job

AT = "2027-01-15T08:00:00.000Z"
JOB_KEYS = [
    "job_id", "queue_name", "status", "priority", "retry_count", "max_retries", "workflow_id",
    "parent_job_id", "created_at", "scheduled_at", "started_at", "completed_at", "tags",
]  # fmt: skip


def a_worker(stage: HookStage) -> None:
    worker = NewWorker(
        worker_id="w-9",
        queue_names=("emails",),
        hostname="host-1",
        version="1.2",
        max_concurrency=1,
    )
    stage.run(register, stage.org, worker, OPEN)


# -- the envelope ----------------------------------------------------------------------------


def test_a_delivery_is_owed_with_its_cause(stage: HookStage) -> None:
    webhook = stage.subscribe("job.created", secret="s3cret")

    job = stage.enqueue(tags=b'{"a": 1.50}', priority=7)

    [row] = stage.owed()
    assert (row["webhook"], row["org"], row["job_id"]) == (webhook["seq"], stage.org, job["id"])
    assert (row["status"], row["attempts"], row["next_attempt_at_ms"]) == ("pending", 0, NOW_MS)
    assert (row["url"], row["secret"]) == (None, None)
    assert stage.due_at_ms[Deadline.DELIVERY] == NOW_MS
    body = json.loads(row["body"])
    org_id = stage.value("SELECT id FROM organizations WHERE seq = :seq", seq=stage.org)
    data = body.pop("data")
    assert body == {
        "id": row["id"],
        "event": "job.created",
        "type": "job.created",
        "created_at": AT,
        "timestamp": AT,
        "organization_id": org_id,
        "webhook_id": webhook["id"],
    }
    assert data == {
        "job_id": job["id"],
        "queue_name": "emails",
        "status": "pending",
        "priority": 7,
        "retry_count": 0,
        "max_retries": 3,
        "workflow_id": None,
        "parent_job_id": None,
        "created_at": AT,
        "scheduled_at": None,
        "started_at": None,
        "completed_at": None,
        "tags": {"a": 1.5},
    }
    assert b'"tags":{"a": 1.50}' in row["body"], "byte for byte"


def test_a_cause_that_is_undone_owes_nothing(stage: HookStage) -> None:
    stage.subscribe("job.created")

    def undone(tx: Tx) -> None:
        enqueue(tx, stage.org, a_job(), OPEN, ALL_QUEUES)
        raise NotFound("undone")

    with pytest.raises(NotFound):
        stage.run(undone)

    assert stage.owed() == []


def test_the_payload_does_not_leave_and_the_result_does_byte_for_byte(stage: HookStage) -> None:
    stage.subscribe("job.completed")
    job = stage.enqueue(payload=b'{"card": "4111"}')
    stage.take()
    stage.clock.advance(seconds=1.5)
    result = b'{"pi": 3.140, "big": 12345678901234567890123}'

    stage.run(complete, stage.org, job["id"], Claimant(), result, ALL_QUEUES)

    [row] = stage.owed()
    assert b'"result":' + result in row["body"]
    assert b"4111" not in row["body"]
    data = json.loads(row["body"])["data"]
    assert list(data) == [*JOB_KEYS, "worker_id", "result", "duration_ms"]
    assert (data["worker_id"], data["duration_ms"], data["status"]) == ("w-1", 1500, "completed")


# -- each transition -------------------------------------------------------------------------


def create(stage: HookStage) -> None:
    stage.enqueue()


def start(stage: HookStage) -> None:
    stage.enqueue()
    stage.take()


def finish(stage: HookStage) -> None:
    stage.completed()


def fail_once(stage: HookStage) -> None:
    stage.enqueue()
    stage.fail(stage.take())


def lose_the_lease(stage: HookStage) -> None:
    stage.enqueue()
    stage.take()
    stage.wait(seconds=30)


def fail_for_good(stage: HookStage) -> None:
    stage.dead_letter()


def lose_the_last_lease(stage: HookStage) -> None:
    stage.enqueue(max_retries=0)
    stage.take()
    stage.wait(seconds=30)


def cancel(stage: HookStage) -> None:
    stage.cancel(stage.enqueue())


def expire(stage: HookStage) -> None:
    stage.enqueue(expires_at_ms=NOW_MS + 1000)
    stage.wait(seconds=1)


def retry(stage: HookStage) -> None:
    stage.retry(stage.dead_letter())


def pause_and_resume(stage: HookStage) -> None:
    stage.run(pause, stage.org, "emails", "lunch", OPEN)
    stage.run(resume, stage.org, "emails")


def come_and_go(stage: HookStage) -> None:
    a_worker(stage)
    stage.run(deregister, stage.org, "w-9", ALL_QUEUES)


def fall_silent(stage: HookStage) -> None:
    a_worker(stage)
    stage.wait(seconds=130)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (create, ["job.created"]),
        (start, ["job.created", "job.started"]),
        (finish, ["job.created", "job.started", "job.completed"]),
        (fail_once, ["job.created", "job.started", "job.failed"]),
        (lose_the_lease, ["job.created", "job.started", "job.failed"]),
        (fail_for_good, ["job.created", "job.started", "job.failed", "job.deadlettered"]),
        (lose_the_last_lease, ["job.created", "job.started", "job.failed", "job.deadlettered"]),
        (cancel, ["job.created", "job.cancelled"]),
        (expire, ["job.created", "job.cancelled"]),
        (
            retry,
            ["job.created", "job.started", "job.failed", "job.deadlettered", "job.retried"],
        ),
        (pause_and_resume, ["queue.paused", "queue.resumed"]),
        (come_and_go, ["worker.registered", "worker.deregistered"]),
        (fall_silent, ["worker.registered", "worker.offline"]),
    ],
)
def test_every_transition_is_told_in_the_words_of_the_contract(
    stage: HookStage, act: Callable[[HookStage], None], told: list[str]
) -> None:
    stage.subscribe(*WEBHOOK_EVENTS)

    act(stage)

    assert stage.told() == told


@pytest.mark.parametrize(
    ("act", "event", "expected"),
    [
        (start, "job.started", {"status": "processing", "worker_id": "w-1"}),
        (
            fail_once,
            "job.failed",
            {"worker_id": "w-1", "error": "boom", "will_retry": True, "retry_count": 1},
        ),
        (
            fail_for_good,
            "job.failed",
            {"worker_id": "w-1", "error": "boom", "will_retry": False, "status": "deadletter"},
        ),
        (
            fail_for_good,
            "job.deadlettered",
            {"error": "boom", "will_retry": False, "completed_at": AT},
        ),
        (
            lose_the_lease,
            "job.failed",
            {"worker_id": "w-1", "error": "Lease expired (worker timeout)", "will_retry": True},
        ),
        (cancel, "job.cancelled", {"status": "cancelled", "completed_at": AT}),
        (retry, "job.retried", {"status": "pending", "completed_at": None}),
        (
            come_and_go,
            "worker.registered",
            {
                "worker_id": "w-9",
                "queue_name": "emails",
                "hostname": "host-1",
                "version": "1.2",
            },
        ),
        (fall_silent, "worker.offline", {"worker_id": "w-9"}),
        (pause_and_resume, "queue.paused", {"queue_name": "emails", "reason": "lunch"}),
        (pause_and_resume, "queue.resumed", {"queue_name": "emails", "paused_duration_secs": 0}),
    ],
)
def test_what_is_told_of_it(
    stage: HookStage, act: Callable[[HookStage], None], event: str, expected: dict[str, Any]
) -> None:
    stage.subscribe(event)

    act(stage)

    data = stage.told_data()
    assert {key: data[key] for key in expected} == expected
    if event.startswith("job."):
        assert list(data)[: len(JOB_KEYS)] == JOB_KEYS


def test_a_resumed_queue_tells_how_long_it_was_paused(stage: HookStage) -> None:
    stage.subscribe("queue.resumed")
    stage.run(pause, stage.org, "emails", None, OPEN)
    stage.clock.advance(seconds=61.9)

    stage.run(resume, stage.org, "emails")

    assert stage.told_data() == {"queue_name": "emails", "paused_duration_secs": 61}


def emitted(stage: HookStage, kind: Any, row: dict[str, Any], **more: Any) -> None:
    whole = a_row(kind, **row)
    stage.run(lambda tx: tx.emit(kind, stage.org, row=whole, **more))


def test_a_schedule_tells_what_it_made_and_who_had_it_made(stage: HookStage) -> None:
    stage.subscribe("schedule.triggered")
    row = {"id": "s-1", "name": "nightly", "queue_name": "emails"}

    emitted(stage, "schedule.triggered", row, facts={"job_id": "j-1", "trigger": "cron"})

    assert stage.told_data() == {
        "schedule_id": "s-1",
        "schedule_name": "nightly",
        "job_id": "j-1",
        "queue_name": "emails",
        "trigger": "cron",
    }


@pytest.mark.parametrize("end", ["completed", "failed"])
def test_a_workflow_tells_how_it_ended(stage: HookStage, end: str) -> None:
    stage.subscribe(f"workflow.{end}")
    row = {
        "id": "f-1", "name": "etl", "status": end, "total_jobs": 3, "completed_jobs": 2,
        "failed_jobs": 1, "completed_at_ms": NOW_MS,
    }  # fmt: skip

    emitted(stage, f"workflow.{end}", row)

    assert stage.told_data() == {
        "workflow_id": "f-1", "name": "etl", "status": end, "total_jobs": 3, "completed_jobs": 2,
        "failed_jobs": 1, "completed_at": AT,
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["item", "message"])
def test_items_and_messages_are_nobodys_business(stage: HookStage, kind: str) -> None:
    stage.subscribe(*WEBHOOK_EVENTS)
    job: Mapping[str, Any] = dict(stage.job(stage.enqueue()["id"]))
    before = len(stage.owed())

    event = Event("job.created", stage.org, NOW_MS, {**job, "kind": kind})
    stage.run(lambda tx: tx.emit(event.type, event.org, row=event.row))

    assert len(stage.owed()) == before


# -- whom ------------------------------------------------------------------------------------


def test_only_who_asked_for_it_is_told(stage: HookStage) -> None:
    both = stage.subscribe("job.created", "job.cancelled")
    stage.subscribe("job.completed")
    stage.subscribe("job.created", enabled=False)
    stage.subscribe("job.created", org=stage.other_org())
    one = stage.subscribe("job.created")

    stage.enqueue()

    assert [row["webhook"] for row in stage.owed()] == [both["seq"], one["seq"]]


def test_changes_count_from_the_next_event_on_also_in_the_same_batch(stage: HookStage) -> None:
    def both(tx: Tx) -> None:
        new = NewWebhook(name="n", url="https://x.example.com", events=("job.created",))
        enqueue(tx, stage.org, a_job(), OPEN, ALL_QUEUES)
        webhook = create_webhook(tx, stage.org, new, None)
        enqueue(tx, stage.org, a_job(), OPEN, ALL_QUEUES)
        delete_webhook(tx, stage.org, webhook["id"])
        enqueue(tx, stage.org, a_job(), OPEN, ALL_QUEUES)

    stage.run(both)

    assert len(stage.owed()) == 1
