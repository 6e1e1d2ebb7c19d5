"""Plans as the official client meets them: `plan_enforcement` on, a fresh free organization."""

from collections.abc import Iterator

import pytest
from spooled.client import SpooledClient
from spooled.errors import (
    PayloadTooLargeError,
    QuotaExceededError,
    RateLimitError,
)

from tests.sdk.conftest import ADMIN_KEY
from tests.sdk.driven import a_client
from tests.sdk.platform_stage import register
from tests.sdk.test_jobs import create
from tests.server_process import ServerProcess

pytestmark = pytest.mark.slow

ROOMY = 1_000_000  # requests per second: what is counted here is not how fast the client is


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server that holds everybody to their plan."""
    settings = {"plan_enforcement": "on", "admin_key": ADMIN_KEY}
    with ServerProcess(tmp_path_factory.mktemp("plans"), **settings) as process:
        process.start()
        yield process


@pytest.fixture
def org_id_and_key(strict: ServerProcess, kind: str) -> tuple[str, str]:
    with a_client(kind, strict.url) as client:
        made = register(client)
    return made.organization.id, made.api_key.key


@pytest.fixture
def free(
    strict: ServerProcess, kind: str, org_id_and_key: tuple[str, str]
) -> Iterator[SpooledClient]:
    """Calls with the first key of a free organization, as often as it likes."""
    org_id, key = org_id_and_key
    with a_client(kind, strict.url, None, admin_key=ADMIN_KEY) as admin:
        roomy = {"rate_limit_requests_per_second": ROOMY, "rate_limit_burst": ROOMY}
        admin.admin.update_organization(org_id, {"custom_limits": roomy})
    with a_client(kind, strict.url, key) as it:
        yield it


def ask_often(client: SpooledClient) -> None:
    """10 at once and 5 a second: no client is slow enough not to be held up."""
    for _ in range(200):
        client.jobs.list()


def refused(error: QuotaExceededError) -> tuple[str | None, int | None, int | None]:
    assert error.code == "QUOTA_EXCEEDED"
    assert "limit reached" in error.message
    assert (error.plan, error.upgrade_to, error.retry_after) == ("free", "starter", 0)
    return error.resource, error.current, error.limit


def test_ten_jobs_may_wait_or_run(free: SpooledClient) -> None:
    jobs = [create(free, "mail") for _ in range(10)]

    with pytest.raises(QuotaExceededError) as caught:
        create(free, "mail")

    assert refused(caught.value) == ("active_jobs", 10, 10)
    free.jobs.cancel(jobs[0])
    create(free, "mail")


def test_a_bulk_is_stored_whole_or_not_at_all(free: SpooledClient) -> None:
    create(free, "mail")
    jobs = [{"payload": {"n": n}} for n in range(10)]

    with pytest.raises(QuotaExceededError) as caught:
        free.jobs.bulk_enqueue({"queue_name": "mail", "jobs": jobs})

    assert refused(caught.value) == ("active_jobs", 1, 10)
    assert len(free.jobs.list()) == 1


def test_two_queues_are_there_to_use(free: SpooledClient) -> None:
    create(free, "mail")
    create(free, "sms")

    with pytest.raises(QuotaExceededError) as caught:
        create(free, "push")
    assert refused(caught.value) == ("queues", 2, 2)
    with pytest.raises(QuotaExceededError) as caught:
        free.queues.update_config("push", {"max_retries": 1})
    assert refused(caught.value) == ("queues", 2, 2)
    assert sorted(each.queue_name for each in free.queues.list()) == ["mail", "sms"]


def test_one_worker_is_there_at_a_time(free: SpooledClient) -> None:
    first = free.workers.register({"queue_name": "mail", "hostname": "host-1"})

    with pytest.raises(QuotaExceededError) as caught:
        free.workers.register({"queue_name": "mail", "hostname": "host-2"})

    assert refused(caught.value) == ("workers", 1, 1)
    free.workers.deregister(first.id)
    free.workers.register({"queue_name": "mail", "hostname": "host-2"})


def test_two_keys_are_active(free: SpooledClient) -> None:
    second = free.api_keys.create({"name": "second"})

    with pytest.raises(QuotaExceededError) as caught:
        free.api_keys.create({"name": "third"})

    assert refused(caught.value) == ("api_keys", 2, 2)
    free.api_keys.delete(second.id)
    free.api_keys.create({"name": "third"})
    with pytest.raises(QuotaExceededError) as caught:
        free.api_keys.update(second.id, {"is_active": True})
    assert refused(caught.value) == ("api_keys", 2, 2)


def test_a_payload_has_the_size_of_the_plan(free: SpooledClient) -> None:
    create(free, "mail", payload="x" * (65_536 - 2))

    with pytest.raises(PayloadTooLargeError):
        create(free, "mail", payload="x" * (65_536 - 1))


def test_a_higher_tier_counts_at_once(
    strict: ServerProcess, kind: str, free: SpooledClient, org_id_and_key: tuple[str, str]
) -> None:
    free.workers.register({"queue_name": "mail", "hostname": "host-1"})
    with a_client(kind, strict.url, None, admin_key=ADMIN_KEY) as admin:
        admin.admin.update_organization(org_id_and_key[0], {"plan_tier": "starter"})

    for n in range(2, 6):
        free.workers.register({"queue_name": "mail", "hostname": f"host-{n}"})
    with pytest.raises(QuotaExceededError) as caught:
        free.workers.register({"queue_name": "mail", "hostname": "host-6"})

    error = caught.value
    assert (error.resource, error.limit, error.plan, error.upgrade_to) == (
        "workers", 5, "starter", "pro",
    )  # fmt: skip


def test_a_free_organization_that_asks_too_often_is_told_when_to_come_back(
    strict: ServerProcess, kind: str, org_id_and_key: tuple[str, str]
) -> None:
    with a_client(kind, strict.url, org_id_and_key[1]) as it:
        with pytest.raises(RateLimitError) as caught:
            ask_often(it)
        state = it.rate_limit

    error = caught.value
    assert not isinstance(error, QuotaExceededError)
    assert (error.code, error.limit, error.remaining) == ("RATE_LIMIT_EXCEEDED", 10, 0)
    assert (error.scope, error.retry_after) == ("organization", 1)
    assert state is not None
    assert state.remaining == 0
