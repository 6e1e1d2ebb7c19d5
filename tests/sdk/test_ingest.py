"""The ingest calls of the official client, and its view of what came in."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest
from spooled.client import SpooledClient
from spooled.errors import AuthenticationError, NotFoundError, ValidationError

from tests.sdk.driven import a_client
from tests.server_process import ServerProcess
from tests.wire.http.ingest_calls import PUSH, github_headers

pytestmark = pytest.mark.slow


@pytest.fixture
def org_id(client: SpooledClient) -> str:
    return client.organizations.list()[0].id


@pytest.fixture
def token(client: SpooledClient) -> str:
    token = client.organizations.get_webhook_token().webhook_token
    assert token is not None
    return token


def test_a_custom_webhook_becomes_a_job(
    client: SpooledClient, org_id: str, token: str, queue: str
) -> None:
    event = {
        "queue_name": queue,
        "event_type": "order.created",
        "payload": {"order": 7, "lines": [1.5, None]},
        "idempotency_key": f"order-of-{queue}",
        "priority": 5,
    }

    received = client.ingest.custom(org_id, event, token)
    again = client.ingest.custom(org_id, event, token)

    assert received.job_id is not None
    assert (received.queue_name, received.status) == (queue, "pending")
    assert again == received
    job = client.jobs.get(received.job_id)
    assert (job.payload, job.priority) == (event["payload"], 5)


def test_the_key_of_the_client_takes_the_place_of_the_token(
    client: SpooledClient, org_id: str, queue: str
) -> None:
    received = client.ingest.custom(org_id, {"queue_name": queue, "payload": []})

    assert received.status == "pending"


def test_the_log_shows_what_came_in(
    client: SpooledClient, org_id: str, token: str, queue: str
) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    event = {"queue_name": queue, "payload": 1, "idempotency_key": f"of-{queue}"}
    received = [client.ingest.custom(org_id, event, token) for _ in range(2)]

    entries = client.webhooks.list_inbound_deliveries({"queue_name": queue, "since": before})
    duplicates = client.webhooks.list_inbound_deliveries(
        {"queue_name": queue, "status": "duplicate", "limit": 1}
    )
    later = client.webhooks.list_inbound_deliveries(
        {"queue_name": queue, "since": datetime.now(UTC) + timedelta(hours=1)}
    )

    assert [(each.status, each.job_id) for each in entries] == [
        ("duplicate", received[0].job_id),
        ("created", received[0].job_id),
    ]
    assert {(each.provider, each.event_type) for each in entries} == {("custom", "custom")}
    assert all(each.created_at >= before for each in entries)
    assert duplicates == entries[:1]
    assert later == []


def test_what_is_wrong_is_the_clients_own_error(
    client: SpooledClient, server: ServerProcess, kind: str, org_id: str, token: str, queue: str
) -> None:
    event = {"queue_name": queue, "payload": 1}

    with pytest.raises(AuthenticationError) as refused:
        client.ingest.custom(org_id, event, token + "x")
    assert refused.value.code == "AUTHENTICATION_FAILED"
    with a_client(kind, server.url, "sk_test_of_nobody") as nobody:
        with pytest.raises(AuthenticationError):
            nobody.ingest.custom(org_id, event)
        assert nobody.ingest.custom(org_id, event, token).status == "pending"
    with pytest.raises(NotFoundError):
        client.ingest.custom("00000000-0000-4000-8000-000000000000", event, token)
    with pytest.raises(ValidationError):
        client.ingest.custom(org_id, {**event, "queue_name": "a b"}, token)


def test_a_worker_gets_what_github_sent(client: SpooledClient, org_id: str, queue: str) -> None:
    client.organizations.update(
        org_id, {"settings": {"github_webhook_secret": "gh-secret-0123456789"}}
    )
    headers = github_headers(PUSH, event=queue, delivery=f"d-{queue}")
    url = f"{client._config.base_url}/api/v1/webhooks/{org_id}/github"

    answer = httpx.post(url, content=PUSH, headers=headers)

    assert answer.status_code == 200, answer.text
    assert "github_webhook_secret" not in client.organizations.get(org_id).settings
    claimed = client.jobs.claim({"queue_name": answer.json()["queue_name"], "worker_id": "w-1"})
    assert [job.payload for job in claimed.jobs] == [{"action": "opened"}]
