import json
from typing import Any

import pytest

from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS

HOOK = {"completion_webhook": "https://example.com/done", "completion_webhook_secret": "s3cret"}


def owed(stage: JobStage) -> list[dict[str, Any]]:
    return [dict(row) for row in stage.rows("SELECT * FROM deliveries ORDER BY seq")]


def test_a_completed_job_owes_its_completion_webhook(stage: JobStage) -> None:
    job = stage.enqueue(**HOOK)
    held = stage.take()
    stage.clock.advance(seconds=2)
    stage.run(
        lambda tx: tx.execute("UPDATE jobs SET retry_count = 1, last_error = 'once'"),
    )

    stage.complete(held)

    [row] = owed(stage)
    assert (row["url"], row["secret"], row["event"]) == (
        "https://example.com/done",
        "s3cret",
        "job.completed",
    )
    assert (row["job_id"], row["webhook"], row["org"]) == (job["id"], None, stage.org)
    assert (row["status"], row["attempts"], row["next_attempt_at_ms"]) == (
        "pending",
        0,
        NOW_MS + 2_000,
    )
    facts = {
        "event": "job.completed",
        "job_id": job["id"],
        "queue_name": "emails",
        "status": "completed",
        "result": None,
        "error": "once",
        "retry_count": 1,
        "created_at": "2027-01-15T08:00:00.000Z",
        "completed_at": "2027-01-15T08:00:02.000Z",
    }
    assert json.loads(row["body"]) == {"id": row["id"], **facts, "data": facts}
    assert stage.due_at_ms[Deadline.DELIVERY] == NOW_MS + 2_000


def test_the_result_goes_along_byte_for_byte(stage: JobStage) -> None:
    job = stage.enqueue(**HOOK)
    stage.take()
    result = b'{"pi": 3.140, "big": 12345678901234567890123}'

    stage.run(complete, stage.org, job["id"], Claimant(), result, ALL_QUEUES)

    assert b'"result":' + result in owed(stage)[0]["body"]


@pytest.mark.parametrize("way", ["failure", "lease end"])
def test_a_dead_letter_owes_it_too(stage: JobStage, way: str) -> None:
    stage.enqueue(max_retries=0, **HOOK)
    held = stage.take()

    if way == "failure":
        stage.fail(held)
    else:
        stage.wait(seconds=30)

    [row] = owed(stage)
    body = json.loads(row["body"])
    assert row["event"] == body["event"] == "job.deadlettered"
    assert body["status"] == "deadletter"
    assert body["error"] in ("boom", "Max retries exceeded after lease expiration")
    assert body["completed_at"] is not None


def test_a_retry_a_cancellation_and_a_job_without_an_address_owe_nothing(stage: JobStage) -> None:
    stage.enqueue(**HOOK)
    stage.fail(stage.take())
    stage.cancel(stage.enqueue(**HOOK))
    stage.completed()

    assert owed(stage) == []


def test_each_end_owes_one_call(stage: JobStage) -> None:
    dead = stage.dead_letter(**HOOK)
    stage.retry(dead)
    stage.complete(stage.take())

    assert [row["event"] for row in owed(stage)] == ["job.deadlettered", "job.completed"]
    assert len({row["id"] for row in owed(stage)}) == 2
