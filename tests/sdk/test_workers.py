"""The workers calls of the official client."""

import pytest
from spooled.client import SpooledClient
from spooled.errors import NotFoundError

from tests.sdk.test_attempts import claim_one
from tests.sdk.test_jobs import create

pytestmark = pytest.mark.slow


def test_a_registered_worker_can_be_read_with_all_it_said(
    client: SpooledClient, queue: str
) -> None:
    registered = client.workers.register(
        {
            "queue_name": queue,
            "hostname": "host-1.example",
            "worker_id": f"w.{queue}",
            "worker_type": "python",
            "max_concurrency": 9,
            "metadata": {"zone": "b", "deep": {"a": [1]}},
            "version": "1.6.0",
        }
    )

    worker = client.workers.get(registered.id)

    assert (registered.id, registered.queue_name) == (f"w.{queue}", queue)
    assert (registered.lease_duration_secs, registered.heartbeat_interval_secs) == (30, 10)
    assert (worker.queue_name, worker.queue_names, worker.hostname) == (
        queue,
        [queue],
        "host-1.example",
    )
    assert (worker.worker_type, worker.version, worker.max_concurrency) == ("python", "1.6.0", 9)
    assert worker.metadata == {"zone": "b", "deep": {"a": [1]}}
    assert (worker.status, worker.current_jobs) == ("healthy", 0)
    assert (worker.jobs_processed, worker.jobs_failed) == (0, 0)
    assert worker.organization_id
    assert worker.registered_at is not None
    assert worker.updated_at is not None


def test_a_worker_without_a_name_gets_one(client: SpooledClient, queue: str) -> None:
    registered = client.workers.register({"queue_name": queue, "hostname": "host-1"})

    listed = {worker.id: worker for worker in client.workers.list()}

    assert listed[registered.id].queue_name == queue
    assert (listed[registered.id].current_jobs, listed[registered.id].max_concurrency) == (0, 5)


def test_a_heartbeat_tells_what_a_worker_does(client: SpooledClient, queue: str) -> None:
    worker_id = client.workers.register({"queue_name": queue, "hostname": "host-1"}).id
    before = client.workers.get(worker_id).last_heartbeat

    client.workers.heartbeat(
        worker_id, {"current_jobs": 3, "status": "degraded", "metadata": {"load": 0.5}}
    )

    worker = client.workers.get(worker_id)
    assert (worker.current_jobs, worker.status, worker.metadata) == (3, "degraded", {"load": 0.5})
    assert worker.last_heartbeat >= before


def test_a_worker_that_leaves_stays_readable_and_may_come_back(
    client: SpooledClient, queue: str
) -> None:
    params = {"queue_name": queue, "hostname": "host-1", "worker_id": f"w.{queue}"}
    client.workers.register(params)

    client.workers.deregister(f"w.{queue}")
    client.workers.deregister(f"w.{queue}")

    assert client.workers.get(f"w.{queue}").status == "offline"
    assert client.workers.register(params).id == f"w.{queue}"
    assert client.workers.get(f"w.{queue}").status == "healthy"


def test_what_a_worker_settles_is_counted(client: SpooledClient, queue: str) -> None:
    worker_id = client.workers.register({"queue_name": queue, "hostname": "host-1"}).id
    for _ in range(3):
        create(client, queue)
    holder = {"worker_id": worker_id}
    first, second, third = (claim_one(client, queue, worker_id) for _ in range(3))
    for job in (first, second):
        client.jobs.complete(job.id, {**holder, "lease_id": job.lease_id})

    client.jobs.fail(third.id, {**holder, "lease_id": third.lease_id, "error": "boom"})

    worker = client.workers.get(worker_id)
    assert (worker.jobs_processed, worker.jobs_failed) == (2, 1)


def test_an_unknown_worker_is_not_found(client: SpooledClient) -> None:
    with pytest.raises(NotFoundError):
        client.workers.get("no-such-worker")
    with pytest.raises(NotFoundError):
        client.workers.heartbeat("no-such-worker", {"current_jobs": 0})
    with pytest.raises(NotFoundError):
        client.workers.deregister("no-such-worker")
