"""The official client's gRPC side: every call, and every error as the client's own."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from spooled.errors import (
    AuthenticationError,
    AuthorizationError,
    ConflictError,
    NetworkError,
    NotFoundError,
    QuotaExceededError,
    RateLimitError,
    ValidationError,
)
from spooled.grpc import SpooledGrpcClient

from tests.sdk.conftest import ADMIN_KEY
from tests.server_process import API_KEY, ServerProcess

pytestmark = pytest.mark.slow


def a_client(server: ServerProcess, key: str = API_KEY, **more: Any) -> SpooledGrpcClient:
    return SpooledGrpcClient(server.ready["grpc_address"], key, **more)


@pytest.fixture
def client(grpc_server: ServerProcess) -> Iterator[SpooledGrpcClient]:
    it = a_client(grpc_server)
    yield it
    it.close()


def post(server: ServerProcess, path: str, body: Any, *, admin: bool = False) -> Any:
    headers = {"X-Admin-Key": ADMIN_KEY} if admin else {"Authorization": f"Bearer {API_KEY}"}
    answer = httpx.post(f"{server.url}/api/v1/{path}", json=body, headers=headers, timeout=20)
    assert answer.is_success, answer.text
    return answer.json()


def test_the_client_finds_the_server_ready_and_speaks_plain_on_loopback(
    client: SpooledGrpcClient,
) -> None:
    assert client.wait_for_ready(timeout=10)


def test_a_job_goes_all_the_way(client: SpooledGrpcClient, queue: str) -> None:
    payload = {"to": "a@example.com", "n": 3, "deep": {"list": [1, None, True, "é"]}}
    stored = client.queue.enqueue(
        queue, payload, priority=5, max_retries=2, timeout_seconds=60, tags={"team": "blue"}
    )
    [job] = client.queue.dequeue(queue, "w-1").jobs

    assert stored.created
    assert (job.id, job.status, job.payload) == (stored.job_id, "processing", payload)
    assert (job.priority, job.max_retries, job.timeout_seconds) == (5, 2, 60)
    assert job.assigned_worker_id == "w-1"
    assert job.lease_id is not None
    renewed = client.queue.renew_lease(job.id, "w-1", 120, lease_id=job.lease_id)
    assert renewed.success
    assert renewed.new_expires_at is not None
    assert job.lease_expires_at is not None
    assert renewed.new_expires_at > job.lease_expires_at
    assert client.queue.complete(job.id, "w-1", {"ok": True}, lease_id=job.lease_id).success
    shown = client.queue.get_job(job.id).job
    assert shown is not None
    assert (shown.status, shown.result, shown.lease_id) == ("completed", {"ok": True}, None)
    stats = client.queue.get_queue_stats(queue)
    assert (stats.completed, stats.total, stats.max_age_ms) == (1, 1, 0)


def test_a_job_of_one_door_is_the_same_through_the_other(
    grpc_server: ServerProcess, client: SpooledGrpcClient, queue: str
) -> None:
    over_rest = post(grpc_server, "jobs", {"queue": queue, "payload": {"n": 1, "f": 0.5}})
    over_grpc = client.queue.enqueue(queue, {"n": 1, "f": 0.5})

    jobs = client.queue.dequeue(queue, "w", batch_size=2).jobs

    assert [job.id for job in jobs] == [over_rest["id"], over_grpc.job_id]
    assert jobs[0].payload == jobs[1].payload
    url = f"{grpc_server.url}/api/v1/jobs/{over_grpc.job_id}"
    shown = httpx.get(url, headers={"Authorization": f"Bearer {API_KEY}"}).json()
    assert shown["payload"] == {"n": 1, "f": 0.5}
    assert isinstance(shown["payload"]["n"], int)
    post(grpc_server, f"jobs/{over_grpc.job_id}/complete", {"lease_id": jobs[1].lease_id})
    assert jobs[0].lease_id is not None
    assert client.queue.complete(jobs[0].id, "w", lease_id=jobs[0].lease_id).success


def test_an_idempotency_key_is_one_for_both_doors(
    grpc_server: ServerProcess, client: SpooledGrpcClient, queue: str
) -> None:
    key = str(uuid.uuid4())
    first = post(grpc_server, "jobs", {"queue": queue, "payload": {}, "idempotency_key": key})

    again = client.queue.enqueue(queue, {}, idempotency_key=key)

    assert (again.job_id, again.created) == (first["id"], False)


@pytest.mark.parametrize(("retry", "will_retry"), [(True, True), (None, True), (False, False)])
def test_a_failure_says_whether_it_is_retried(
    client: SpooledGrpcClient, queue: str, retry: bool | None, will_retry: bool
) -> None:
    client.queue.enqueue(queue, {})
    [job] = client.queue.dequeue(queue, "w").jobs
    assert job.lease_id is not None

    failed = client.queue.fail(job.id, "w", "boom", retry=retry, lease_id=job.lease_id)

    assert (failed.success, failed.will_retry) == (True, will_retry)
    assert failed.next_retry_delay_secs == (1 if will_retry else 0)
    shown = client.queue.get_job(job.id).job
    assert shown is not None
    assert shown.status == ("pending" if will_retry else "deadletter")
    assert shown.last_error == "boom"


def test_a_worker_registers_beats_and_leaves(client: SpooledGrpcClient, queue: str) -> None:
    worker_id = f"w-{uuid.uuid4()}"

    registered = client.workers.register(queue, "host", worker_id=worker_id, metadata={"a": "b"})

    assert registered.worker_id == worker_id
    assert (registered.lease_duration_secs, registered.heartbeat_interval_secs) == (30, 10)
    beat = client.workers.heartbeat(worker_id, current_jobs=1)
    assert (beat.acknowledged, beat.should_drain) == (True, False)
    assert client.workers.heartbeat(worker_id, status="draining").should_drain
    assert client.workers.deregister(worker_id).success
    assert not client.workers.deregister("unknown").success
    assert not client.workers.heartbeat("unknown").acknowledged


def test_nothing_to_do_and_unknown_jobs_are_no_errors(
    client: SpooledGrpcClient, queue: str
) -> None:
    assert client.queue.dequeue(queue, "w").jobs == []
    assert client.queue.get_job("unknown").job is None
    assert client.queue.get_queue_stats(queue).total == 0


# -- errors ----------------------------------------------------------------------------------------


def test_a_lost_lease_is_known_as_one(client: SpooledGrpcClient, queue: str) -> None:
    client.queue.enqueue(queue, {})
    [job] = client.queue.dequeue(queue, "w").jobs
    assert job.lease_id is not None

    for call in (client.queue.complete, client.queue.renew_lease):
        with pytest.raises(ConflictError) as lost:
            call(job.id, "w", lease_id="another")
        assert lost.value.code == "LEASE_EXPIRED"
    client.queue.complete(job.id, "w", lease_id=job.lease_id)
    with pytest.raises(ConflictError, match="already completed") as settled:
        client.queue.complete(job.id, "w", lease_id=job.lease_id)
    assert settled.value.code != "LEASE_EXPIRED"


def test_a_lease_that_is_over_is_known_as_lost(client: SpooledGrpcClient, queue: str) -> None:
    client.queue.enqueue(queue, {})
    [job] = client.queue.dequeue(queue, "w", lease_duration_secs=5).jobs
    assert job.lease_id is not None
    again = client.queue.stream_jobs(queue, "w-2")
    next(again)  # comes when the lease of the first is over
    again.cancel()

    with pytest.raises(ConflictError) as lost:
        client.queue.complete(job.id, "w", lease_id=job.lease_id)

    assert lost.value.code == "LEASE_EXPIRED"


def test_an_unknown_job_cannot_be_settled(client: SpooledGrpcClient) -> None:
    with pytest.raises(NotFoundError, match="not found"):
        client.queue.complete("unknown", "w", lease_id="l")


@pytest.mark.parametrize(
    ("queue_name", "worker_id", "said"),
    [("", "w", "Queue name"), ("a b", "w", "alphanumeric"), ("q", "", "Worker ID")],
)
def test_a_broken_rule_is_a_validation_error(
    client: SpooledGrpcClient, queue_name: str, worker_id: str, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        client.queue.dequeue(queue_name, worker_id)


def test_a_bad_key_is_an_authentication_error(grpc_server: ServerProcess) -> None:
    stranger = a_client(grpc_server, "sk_test_nobody")

    with pytest.raises(AuthenticationError, match="Invalid"):
        stranger.queue.enqueue("q", {})
    with pytest.raises(AuthenticationError, match="Invalid"):
        next(stranger.queue.stream_jobs("q", "w"))

    stranger.close()


def test_a_queue_outside_the_key_is_an_authorization_error(grpc_server: ServerProcess) -> None:
    made = post(grpc_server, "api-keys", {"name": "narrow", "queues": ["only-this"]})
    narrow = a_client(grpc_server, made["key"])

    with pytest.raises(AuthorizationError):
        narrow.queue.enqueue("another", {})

    narrow.close()


def test_a_token_opens_what_its_key_opens(grpc_server: ServerProcess, queue: str) -> None:
    tokens = post(grpc_server, "auth/login", {"api_key": API_KEY})
    with_token = a_client(grpc_server, tokens["access_token"])

    assert with_token.queue.enqueue(queue, {}).created

    with_token.close()


def test_a_rate_limit_says_when_to_come_back_and_a_quota_does_not(
    grpc_server: ServerProcess,
) -> None:
    made = post(grpc_server, "api-keys", {"name": "slow", "rate_limit": 1})
    slow = a_client(grpc_server, made["key"])
    slow.queue.get_job("unknown")
    with pytest.raises(RateLimitError) as limited:
        slow.queue.get_job("unknown")
    slow.close()
    assert limited.value.retry_after
    assert not isinstance(limited.value, QuotaExceededError)

    slug = f"org-{uuid.uuid4().hex[:8]}"
    body = {"name": "capped", "slug": slug, "custom_limits": {"max_queues": 1}}
    org = post(grpc_server, "admin/organizations", body, admin=True)
    org_id = org.get("id") or org["organization"]["id"]
    key = org.get("api_key") or post(
        grpc_server, f"admin/organizations/{org_id}/api-keys", {"name": "k"}, admin=True
    )
    capped = a_client(grpc_server, key["key"] if isinstance(key, dict) else key)
    capped.queue.enqueue("one", {})
    with pytest.raises(QuotaExceededError, match=r"queues limit reached \(1/1\)"):
        capped.queue.enqueue("two", {})
    capped.close()


def test_a_server_that_is_gone_is_a_network_error(tmp_path_factory: Any, queue: str) -> None:
    with ServerProcess(tmp_path_factory.mktemp("gone"), grpc_port="auto") as process:
        process.start()
        client = a_client(process, timeout=5)
        client.queue.enqueue(queue, {})
        stream = client.queue.stream_jobs(queue, "w")
        next(stream)  # from here on it is open: the client opens it when it likes

        assert process.stop() == 0

        with pytest.raises(NetworkError):
            next(stream)
        with pytest.raises(NetworkError):
            client.queue.enqueue(queue, {})
        client.close()
