"""Claim, complete, fail and renew through the official client."""

from datetime import UTC, datetime, timedelta

import pytest
from spooled.client import SpooledClient
from spooled.errors import ConflictError, is_lease_expired
from spooled.types.jobs import ClaimedJob

from tests.sdk.test_jobs import create

pytestmark = pytest.mark.slow


def claim_one(client: SpooledClient, queue: str, worker_id: str = "w") -> ClaimedJob:
    [job] = client.jobs.claim({"queue_name": queue, "worker_id": worker_id}).jobs
    return job


def test_a_claim_hands_out_in_order_under_a_lease(client: SpooledClient, queue: str) -> None:
    ids = [create(client, queue, payload={"n": n}, priority=-n) for n in range(4)]
    began = datetime.now(UTC)

    jobs = client.jobs.claim(
        {"queue_name": queue, "worker_id": "w", "limit": 3, "lease_duration_secs": 120}
    ).jobs

    assert [job.id for job in jobs] == ids[:3]
    assert [job.payload for job in jobs] == [{"n": 0}, {"n": 1}, {"n": 2}]
    assert {(job.queue_name, job.retry_count, job.max_retries) for job in jobs} == {(queue, 0, 3)}
    for job in jobs:
        stored = client.jobs.get(job.id)
        assert (stored.status, stored.assigned_worker_id) == ("processing", "w")
        assert (stored.lease_id, stored.lease_expires_at) == (job.lease_id, job.lease_expires_at)
        assert job.lease_expires_at is not None
        assert abs(job.lease_expires_at - began - timedelta(seconds=120)) < timedelta(seconds=20)


def test_a_claim_of_nothing_is_an_empty_list(client: SpooledClient, queue: str) -> None:
    assert client.jobs.claim({"queue_name": queue, "worker_id": "w"}).jobs == []


def test_a_completion_keeps_the_result(client: SpooledClient, queue: str) -> None:
    create(client, queue)
    job = claim_one(client, queue)
    holder = {"worker_id": "w", "lease_id": job.lease_id}

    answer = client.jobs.complete(job.id, {**holder, "result": {"sent": [1, "zwei"]}})

    stored = client.jobs.get(job.id)
    assert answer.success
    assert (stored.status, stored.result) == ("completed", {"sent": [1, "zwei"]})
    assert stored.completed_at is not None
    with pytest.raises(ConflictError, match="already completed") as refused:
        client.jobs.complete(job.id, holder)
    assert not is_lease_expired(refused.value)


def test_a_failure_comes_back_after_its_backoff(client: SpooledClient, queue: str) -> None:
    create(client, queue, max_retries=1)
    job = claim_one(client, queue)

    answer = client.jobs.fail(
        job.id, {"worker_id": "w", "lease_id": job.lease_id, "error": "x" * 2048}
    )

    stored = client.jobs.get(job.id)
    assert answer.success
    assert (stored.status, stored.retry_count, stored.last_error) == ("pending", 1, "x" * 2048)
    assert stored.scheduled_at is not None
    assert (stored.lease_id, stored.assigned_worker_id) == (None, None)


def test_a_renewed_lease_ends_later(client: SpooledClient, queue: str) -> None:
    create(client, queue)
    job = claim_one(client, queue)

    client.jobs.heartbeat(
        job.id, {"worker_id": "w", "lease_id": job.lease_id, "lease_duration_secs": 600}
    )

    renewed = client.jobs.get(job.id).lease_expires_at
    assert renewed is not None
    assert job.lease_expires_at is not None
    assert renewed - job.lease_expires_at > timedelta(minutes=8)


@pytest.mark.parametrize("act", ["complete", "fail", "heartbeat"])
def test_another_lease_is_refused_as_lost(client: SpooledClient, queue: str, act: str) -> None:
    create(client, queue)
    job = claim_one(client, queue)
    params = {"worker_id": "w", "lease_id": "of somebody else"}
    if act == "fail":
        params["error"] = "boom"

    with pytest.raises(ConflictError, match="does not match the job's current lease") as refused:
        getattr(client.jobs, act)(job.id, params)

    assert is_lease_expired(refused.value)
    assert client.jobs.get(job.id).lease_id == job.lease_id


def test_a_worker_that_does_not_hold_the_job_is_refused(client: SpooledClient, queue: str) -> None:
    create(client, queue)
    job = claim_one(client, queue, worker_id="holder")

    with pytest.raises(ConflictError) as refused:
        client.jobs.complete(job.id, {"worker_id": "other", "lease_id": job.lease_id})

    assert not is_lease_expired(refused.value)
    assert client.jobs.get(job.id).status == "processing"
