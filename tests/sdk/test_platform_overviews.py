"""The billing, dashboard, health and metrics calls of the official client."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families
from spooled.client import SpooledClient
from spooled.errors import AuthenticationError, ValidationError

from tests.sdk.driven import a_client
from tests.sdk.platform_stage import register
from tests.sdk.test_attempts import claim_one
from tests.sdk.test_jobs import create
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow

METRICS_TOKEN = "metrics-token-0123456789"


@pytest.fixture
def fresh(server: ServerProcess, client: SpooledClient, kind: str) -> Iterator[SpooledClient]:
    """Calls of an organization that has done nothing yet."""
    with a_client(kind, server.url, register(client).api_key.key) as it:
        yield it


def test_nobody_is_billed(fresh: SpooledClient) -> None:
    status = fresh.billing.get_status()

    assert (status.plan_tier, status.has_stripe_customer) == ("free", False)
    assert (status.stripe_subscription_id, status.stripe_subscription_status) == (None, None)
    with pytest.raises(ValidationError) as refused:
        fresh.billing.create_portal({"return_url": "https://firm.example/back"})
    assert (refused.value.status_code, refused.value.code) == (400, "BAD_REQUEST")


def test_the_dashboard_of_an_organization(fresh: SpooledClient, queue: str) -> None:
    create(fresh, queue)
    create(fresh, queue)
    done = claim_one(fresh, queue)
    fresh.jobs.complete(done.id, {"worker_id": "w", "lease_id": done.lease_id})
    create(fresh, queue, max_retries=0)
    fresh.workers.register({"queue_name": queue, "hostname": "host-1"})
    fresh.queues.pause(queue)

    seen = fresh.dashboard.get()

    assert (seen.jobs.total, seen.jobs.pending, seen.jobs.completed_24h) == (3, 2, 1)
    assert (seen.jobs.processing, seen.jobs.deadletter, seen.jobs.failed_24h) == (0, 0, 0)
    assert seen.jobs.avg_processing_time_ms is not None
    [listed] = seen.queues
    assert (listed.name, listed.pending, listed.paused) == (queue, 2, True)
    assert (seen.workers.total, seen.workers.healthy, seen.workers.unhealthy) == (1, 1, 0)
    activity = seen.recent_activity
    assert (activity.jobs_created_1h, activity.jobs_completed_1h) == (3, 1)
    system = seen.system
    assert (system.database_status, system.cache_status) == ("healthy", "healthy")
    assert system.environment == "development"
    assert timedelta() <= datetime.now(UTC) - system.started_at < timedelta(hours=1)


def test_an_empty_dashboard_has_every_figure(fresh: SpooledClient) -> None:
    seen = fresh.dashboard.get()

    assert (seen.jobs.total, seen.jobs.avg_wait_time_ms, seen.queues) == (0, None, [])


def test_the_server_is_well(client: SpooledClient) -> None:
    health = client.health.get()

    assert (health.status, health.database, health.cache) == ("healthy", True, True)
    assert health.version
    assert health.uptime_seconds is not None
    assert client.health.liveness() is True
    assert client.health.readiness() is True


def test_metrics_are_open_without_a_token_of_their_own(client: SpooledClient, queue: str) -> None:
    create(client, queue)

    text = client.metrics.get()

    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert families["spooled_jobs_enqueued"].samples[0].value >= 1
    assert families["spooled_job_duration_seconds"].type == "histogram"
    assert "spooled_jobs_pending" in families


def test_metrics_with_a_token_of_their_own_are_closed_to_keys(
    tmp_path_factory: pytest.TempPathFactory, kind: str
) -> None:
    folder = tmp_path_factory.mktemp("metrics")
    with ServerProcess(folder, metrics_token=METRICS_TOKEN) as server:
        server.start()
        with a_client(kind, server.url) as it:
            assert "spooled_jobs_pending" in it.metrics.get(METRICS_TOKEN)
            with pytest.raises(AuthenticationError) as refused:
                it.metrics.get()

    assert refused.value.code == "UNAUTHORIZED"
