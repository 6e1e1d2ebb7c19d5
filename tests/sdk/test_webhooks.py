"""The webhooks calls of the official client, with a receiver on this machine."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from spooled.client import SpooledClient
from spooled.errors import NotFoundError, ValidationError

from spooled_lite.outbound.signatures import sign
from tests.outbound.receiver import Receiver, Request
from tests.sdk.test_attempts import claim_one
from tests.sdk.test_jobs import create

pytestmark = pytest.mark.slow

SECRET = "whsec_of_the_sdk_tests"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as it:
        yield it


@pytest.fixture
def target(receiver: Receiver, queue: str) -> str:
    """As test suites of clients write it."""
    return f"http://localhost:{receiver.port}/webhook/{queue}"


def path_of(target: str) -> str:
    return "/webhook/" + target.rpartition("/")[2]


def answered(receiver: Receiver, target: str, *modes: str) -> str:
    receiver.answer(path_of(target), *modes)
    return target


def subscribe(client: SpooledClient, target: str, *events: str, **fields: Any) -> Any:
    return client.webhooks.create(
        {"name": "sdk", "url": target, "events": list(events), "secret": SECRET, **fields}
    )


def is_signed(request: Request) -> bool:
    timestamp = int(request.header("x-spooled-timestamp") or 0)
    expected = sign(SECRET, timestamp, request.body.encode("latin-1"))
    return request.header("x-spooled-signature") == expected


def test_a_webhook_is_made_read_changed_and_deleted(client: SpooledClient, target: str) -> None:
    made = subscribe(client, target, "job.created", "job.completed")

    assert (made.name, made.url, made.enabled, made.format) == ("sdk", target, True, "json")
    assert (made.failure_count, made.last_status, made.last_triggered_at) == (0, None, None)
    assert client.webhooks.get(made.id) == made
    assert made.id in [one.id for one in client.webhooks.list()]
    changed = client.webhooks.update(made.id, {"events": ["job.failed"]})
    assert changed.events == ["job.failed"]
    assert client.webhooks.get(made.id).events == ["job.failed"]
    assert client.webhooks.update(made.id, {"enabled": False}).enabled is False

    client.webhooks.delete(made.id)

    for call in (client.webhooks.get, client.webhooks.test, client.webhooks.get_deliveries):
        with pytest.raises(NotFoundError):
            call(made.id)


def test_addresses_that_are_not_taken(client: SpooledClient) -> None:
    for url in ("http://example.com/webhook", "https://10.0.0.1/webhook"):
        with pytest.raises(ValidationError) as refused:
            subscribe(client, url, "job.created")
        assert "Invalid webhook URL" in str(refused.value)
    with pytest.raises(ValidationError) as refused:
        subscribe(client, "http://example.com/webhook", "job.created")
    assert "HTTP not allowed" in str(refused.value)


def test_a_test_call_arrives(client: SpooledClient, receiver: Receiver, target: str) -> None:
    webhook = subscribe(client, answered(receiver, target, "ok"), "job.created")

    result = client.webhooks.test(webhook.id)

    assert (result.success, result.status_code, result.error) == (True, 200, None)
    assert result.response_time_ms >= 0
    [request] = receiver.requests(path_of(target))
    body = json.loads(request.body)
    assert (body["event"], body["data"]["test"]) == ("webhook.test", True)
    assert body["timestamp"]
    assert is_signed(request)
    client.webhooks.delete(webhook.id)


def test_a_test_call_that_fails(client: SpooledClient, receiver: Receiver, target: str) -> None:
    webhook = subscribe(client, answered(receiver, target, "500"), "job.created")

    result = client.webhooks.test(webhook.id)

    assert (result.success, result.status_code) == (False, 500)
    assert result.error == "HTTP 500 Internal Server Error"
    client.webhooks.delete(webhook.id)


def test_the_life_of_a_job_is_told(
    client: SpooledClient, receiver: Receiver, target: str, queue: str
) -> None:
    names = ["job.created", "job.started", "job.completed", "job.failed", "job.deadlettered"]
    webhook = subscribe(client, answered(receiver, target, "ok"), *names)

    create(client, queue)
    done = claim_one(client, queue)
    client.jobs.complete(
        done.id, {"worker_id": "w", "lease_id": done.lease_id, "result": {"ok": True}}
    )
    create(client, queue, max_retries=0)
    failed = claim_one(client, queue)
    client.jobs.fail(failed.id, {"worker_id": "w", "lease_id": failed.lease_id, "error": "no"})

    receiver.requests(path_of(target), count=7, over=True)
    told = {}
    for request in receiver.requests(path_of(target)):
        assert is_signed(request)
        body = json.loads(request.body)
        if body["data"]["queue_name"] == queue:
            told[body["event"], body["data"]["job_id"]] = body
    assert sorted(told) == sorted(
        [
            *((name, done.id) for name in ("job.created", "job.started", "job.completed")),
            *((name, failed.id) for name in names if name != "job.completed"),
        ]
    )
    assert told["job.completed", done.id]["data"]["result"] == {"ok": True}
    assert told["job.failed", failed.id]["data"]["will_retry"] is False
    client.webhooks.delete(webhook.id)


def test_deliveries_are_listed_and_sent_again(
    client: SpooledClient, receiver: Receiver, target: str, queue: str
) -> None:
    webhook = subscribe(client, answered(receiver, target, "500", "ok"), "queue.paused")
    client.queues.pause(queue, reason="lunch")
    # The second attempt comes a second after the first.
    receiver.requests(path_of(target), count=2, over=True)
    row = _decided(client, webhook.id)

    assert (row.event, row.status, row.status_code, row.attempts) == (
        "queue.paused", "success", 200, 2,
    )  # fmt: skip
    assert row.payload["data"] == {"queue_name": queue, "reason": "lunch"}
    assert row.delivered_at is not None
    again = client.webhooks.retry_delivery(webhook.id, row.id)
    assert again.success is True
    assert again.message
    assert len(receiver.requests(path_of(target))) == 3
    assert client.webhooks.get_deliveries(webhook.id, {"status": "failed"}) == []
    assert len(client.webhooks.get_deliveries(webhook.id, {"limit": 1, "offset": 0})) == 1
    client.webhooks.delete(webhook.id)


def test_a_secret_is_cleared_by_none_and_kept_when_left_out(
    client: SpooledClient, receiver: Receiver, target: str
) -> None:
    webhook = subscribe(client, answered(receiver, target, "ok"), "job.created")
    signed = []
    for change in ({"name": "kept"}, {"secret": None}, {"secret": SECRET}):
        client.webhooks.update(webhook.id, change)
        client.webhooks.test(webhook.id)
        signed.append(receiver.requests(path_of(target))[-1].header("x-spooled-signature"))

    assert [each is not None for each in signed] == [True, False, True]
    client.webhooks.delete(webhook.id)


@pytest.mark.parametrize("format", ["slack", "discord", "teams"])
def test_messages_for_chat_services(
    client: SpooledClient, receiver: Receiver, target: str, format: str
) -> None:
    webhook = subscribe(client, answered(receiver, target, "ok"), "job.created", format=format)

    assert client.webhooks.test(webhook.id).success

    assert client.webhooks.get(webhook.id).format == format
    assert "webhook.test" in receiver.requests(path_of(target))[-1].body
    client.webhooks.delete(webhook.id)


def _decided(client: SpooledClient, webhook_id: str) -> Any:
    """The one delivery, once what came of it is written down."""
    for _ in range(500):
        [row] = client.webhooks.get_deliveries(webhook_id)
        if row.status != "pending":
            return row
    raise AssertionError(f"still {row}")
