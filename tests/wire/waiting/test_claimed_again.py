"""Claims that are made again with the lease id they have chosen: contract amendments, G2."""

from pathlib import Path
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi
from tests.wire.http.raw_http import Answer
from tests.wire.waiting.stage import LONG_MS, NotYetNoticed, Stage, given, play

LEASE: Final = "2f0f1c8e-54a5-4d39-8f3b-0a4c9b7f6c11"


async def dequeued(stage: Stage, **fields: Any) -> Any:
    return await stage.post("jobs/dequeue", {"queue": "emails", "lease_id": LEASE, **fields})


def test_a_claim_whose_answer_was_lost_is_made_again() -> None:
    async def script(stage: Stage) -> None:
        for _ in range(3):
            await stage.enqueue()

        first = await stage.claim(limit=2, lease_id=LEASE.upper())
        again = await stage.claim(limit=2, lease_id=LEASE)

        assert again == first
        assert [(job["lease_id"], job["attempts"]) for job in again] == [(LEASE, 1)] * 2
        assert await stage.claim(limit=2, lease_id=LEASE, worker_id="w-2") == []
        for job in first:
            await stage.post(f"jobs/{job['id']}/complete", {"lease_id": LEASE, "worker_id": "w-1"})
        # Also one that waits is answered at once.
        assert await stage.claim(limit=2, lease_id=LEASE, wait_ms=LONG_MS) == []
        assert len(await stage.claim(limit=2)) == 1

    play(script)


def test_so_are_a_dequeue_and_a_read_of_messages_without_a_worker() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        first = await dequeued(stage)
        assert (first["id"], await dequeued(stage)) == (job_id, first)
        assert first["worker_id"] == f"worker-{LEASE}"
        await stage.post(f"jobs/{job_id}/complete", {})
        assert await dequeued(stage) is None

        await stage.post("queues/emails/messages", {"body": 1})
        body = {"lease_id": LEASE.replace("2f", "3f")}
        read = await stage.post("queues/emails/messages/read", body)
        assert await stage.post("queues/emails/messages/read", body) == read
        assert read["messages"][0]["deliveries"] == 1

    play(script)


@pytest.mark.parametrize("given_id", ["", "x", LEASE + "0", LEASE.replace("-", ""), 5])
def test_what_is_no_uuid_is_refused(given_id: Any) -> None:
    async def script(stage: Stage) -> None:
        for path in ("jobs/claim", "jobs/dequeue", "queues/emails/messages/read"):
            answer: Answer = await stage.call(
                "POST", path, {"queue": "emails", "lease_id": given_id}
            )
            assert answer.status in (400, 422)
            assert answer.json["details"][0]["field"] == "lease_id"

    play(script)


def test_two_that_wait_with_the_same_id_get_the_same_jobs() -> None:
    async def script(stage: Stage) -> None:
        clients = [await stage.waiting(lease_id=LEASE, worker_id="w-1", limit=2) for _ in range(2)]
        other = await stage.waiting()

        job_id = await stage.enqueue()

        assert await given(clients[0]) == [job_id]
        second = await stage.enqueue()
        assert await given(other) == [second]
        assert await given(clients[1]) == [job_id]
        assert (await stage.shown(job_id))["attempts"] == 1

    play(script)


def test_one_whose_first_caller_is_gone_finds_the_job_as_if_it_was_new() -> None:
    async def script(stage: Stage) -> None:
        job_id = await stage.enqueue()
        body = {"queue": "emails", "worker_id": "w-1", "lease_id": LEASE}
        gone = NotYetNoticed(stage, "claim", body)

        await gone.over

        assert gone.said == []
        [job] = await stage.claim(lease_id=LEASE)
        assert (job["id"], job["attempts"]) == (job_id, 1)

    play(script)


def test_a_restart_does_not_matter(tmp_path: Path) -> None:
    path = str(tmp_path / "spooled.db")
    body = {"queue_name": "emails", "worker_id": "w-1", "lease_id": LEASE}
    with WatchedApi(path, Settings()) as api:
        api.post("jobs", json={"queue_name": "emails", "payload": 1})
        first, key = api.shown("POST", "jobs/claim", json=body), api.key

    with WatchedApi(path, Settings()) as api:
        again = api.shown("POST", "jobs/claim", key=key, json=body)

    assert again == first
    assert len(first["jobs"]) == 1
