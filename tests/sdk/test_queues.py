"""The queues calls of the official client."""

import pytest
from spooled.client import SpooledClient
from spooled.errors import ConflictError, NotFoundError

from tests.sdk.test_attempts import claim_one
from tests.sdk.test_jobs import create

pytestmark = pytest.mark.slow


def test_a_job_makes_its_queue(client: SpooledClient, queue: str) -> None:
    queue = f"0-{queue}"  # a list shows the first hundred by name, and others use this server, too
    create(client, queue)

    config = client.queues.get(queue)

    assert (config.queue_name, config.max_retries, config.default_timeout) == (queue, 3, 300)
    assert (config.rate_limit, config.enabled, config.settings) == (None, True, {})
    [listed] = [one for one in client.queues.list() if one.queue_name == queue]
    assert (listed.max_retries, listed.default_timeout, listed.enabled) == (3, 300, True)


def test_a_configuration_keeps_what_it_does_not_name(client: SpooledClient, queue: str) -> None:
    first = client.queues.update_config(
        queue,
        {
            "max_retries": 7,
            "default_timeout": 42,
            "rate_limit": 1000,
            "enabled": True,
            "settings": {"description": "mail", "deep": {"a": [1]}},
        },
    )
    second = client.queues.update_config(queue, {"default_timeout": 43})

    assert (first.max_retries, first.default_timeout, first.rate_limit) == (7, 42, 1000)
    assert first.settings == {"description": "mail", "deep": {"a": [1]}}
    assert (second.max_retries, second.default_timeout, second.rate_limit) == (7, 43, 1000)
    assert second.settings == first.settings
    # The client sends its own default of three retries only when it is told to.
    job = client.jobs.get(create(client, queue))
    assert (job.max_retries, job.timeout_seconds) == (7, 43)


def test_a_paused_queue_hands_out_nothing(client: SpooledClient, queue: str) -> None:
    create(client, queue)

    paused = client.queues.pause(queue, reason="maintenance")

    assert (paused.queue_name, paused.paused, paused.reason) == (queue, True, "maintenance")
    assert client.jobs.claim({"queue_name": queue, "worker_id": "w"}).jobs == []
    assert client.queues.get(queue).enabled is False
    resumed = client.queues.resume(queue)
    assert (resumed.queue_name, resumed.resumed) == (queue, True)
    assert resumed.paused_duration_secs >= 0
    assert claim_one(client, queue).queue_name == queue


def test_a_pause_needs_no_reason_and_no_queue(client: SpooledClient, queue: str) -> None:
    assert client.queues.pause(queue).reason is None

    assert client.queues.get(queue).enabled is False


def test_statistics_of_a_queue(client: SpooledClient, queue: str) -> None:
    for n in range(4):
        create(client, queue, max_retries=0, priority=-n)
    client.workers.register({"queue_name": queue, "hostname": "host-1"})
    done, failed, _ = (claim_one(client, queue) for _ in range(3))
    client.jobs.complete(done.id, {"worker_id": "w", "lease_id": done.lease_id})
    client.jobs.fail(failed.id, {"worker_id": "w", "lease_id": failed.lease_id, "error": "no"})

    stats = client.queues.get_stats(queue)

    assert (stats.queue_name, stats.pending_jobs, stats.processing_jobs) == (queue, 1, 1)
    assert (stats.completed_jobs_24h, stats.failed_jobs_24h, stats.active_workers) == (1, 1, 1)
    assert stats.avg_processing_time_ms is not None
    assert stats.max_job_age_seconds is not None


def test_a_queue_with_work_is_deleted_only_with_its_jobs(client: SpooledClient, queue: str) -> None:
    job_id = create(client, queue)

    with pytest.raises(ConflictError):
        client.queues.delete(queue)
    client.queues.delete(queue, delete_jobs=True)

    with pytest.raises(NotFoundError):
        client.queues.get(queue)
    with pytest.raises(NotFoundError):
        client.jobs.get(job_id)


def test_an_empty_queue_is_deleted(client: SpooledClient, queue: str) -> None:
    client.queues.update_config(queue, {"max_retries": 1})

    client.queues.delete(queue)

    for call in (client.queues.get, client.queues.delete, client.queues.resume):
        with pytest.raises(NotFoundError):
            call(queue)
    assert client.queues.get_stats(queue).pending_jobs == 0
