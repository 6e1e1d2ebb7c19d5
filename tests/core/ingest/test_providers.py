"""What a webhook becomes: its queue, its payload, its key, its tags."""

import json
from typing import Any

import pytest

from spooled_lite.core.ingest import custom, github, stripe
from spooled_lite.core.ingest.records import Delivery
from spooled_lite.core.queues.names import is_queue_name
from spooled_lite.errors import BadRequest, RuleBroken


def of_github(event: str | None = "push", delivery_id: str | None = None) -> Delivery:
    return github.delivery(b"{}", event=event, delivery_id=delivery_id)


def of_stripe(event: str, event_id: str = "e") -> Delivery:
    return stripe.delivery(b"1", event=event, event_id=event_id)


def of_custom(**fields: Any) -> Delivery:
    return custom.delivery(b"1", **{"queue_name": "orders", **fields})


@pytest.mark.parametrize(
    ("event", "queue"),
    [
        ("push", "github-push"),
        ("ping", "github-ping"),
        ("pull_request", "github-pull_request"),
        ("Check-Run9", "github-Check-Run9"),
        (None, "github-unknown"),
        ("", "github-unknown"),
        ("  ", "github-unknown"),
        (" push ", "github-push"),
        ("a.b c/d", "github-a-b-c-d"),
        ("../x\n", "github----x"),
        ("é٣", "github---"),
        ("--", "github---"),
        ("x" * 64, "github-" + "x" * 64),
        ("x" * 63 + ".y", "github-" + "x" * 63 + "-"),
        ("x" * 255, "github-" + "x" * 64),
    ],
)
def test_the_event_of_github_names_the_queue(event: str | None, queue: str) -> None:
    job = of_github(event).job

    assert job.queue_name == queue
    assert is_queue_name(queue)


@pytest.mark.parametrize(
    ("name", "queue"),
    [
        ("invoice.paid", "stripe-invoice-paid"),
        ("customer.subscription.deleted", "stripe-customer-subscription-deleted"),
        ("v2.core[a].b", "stripe-v2-core-a--b"),
        ("a_b", "stripe-a_b"),
        ("ü", "stripe--"),
        ("." * 100, "stripe-" + "-" * 64),
    ],
)
def test_the_type_of_stripe_names_the_queue(name: str, queue: str) -> None:
    job = of_stripe(name).job

    assert job.queue_name == queue
    assert is_queue_name(queue)


def test_the_delivery_of_github_is_the_key_and_stands_in_the_tags() -> None:
    with_one, without = of_github("push", " d-1 "), of_github("push", "")

    assert with_one.job.idempotency_key == "github:d-1"
    assert json.loads(with_one.job.tags or b"") == {
        "provider": "github", "event_type": "push", "delivery_id": "d-1",
    }  # fmt: skip
    assert without.job.idempotency_key is None
    assert json.loads(without.job.tags or b"")["delivery_id"] is None


def test_the_event_of_stripe_is_the_key_and_stands_in_the_tags() -> None:
    delivery = of_stripe("invoice.paid", "evt_1")

    assert (delivery.event_type, delivery.job.idempotency_key) == ("invoice.paid", "evt_1")
    assert json.loads(delivery.job.tags or b"") == {
        "provider": "stripe", "event_type": "invoice.paid", "event_id": "evt_1",
    }  # fmt: skip


def test_the_type_of_a_job_is_read_from_its_payload() -> None:
    found = github.delivery(b'{"job_type":"build"}', event="push", delivery_id=None)

    assert found.job.job_type == "build"


def test_ids_of_providers_have_a_bound() -> None:
    assert of_github("push", "d" * 248).job.idempotency_key == "github:" + "d" * 248
    for event, delivery_id in (("push", "d" * 249), ("e" * 256, None)):
        with pytest.raises(BadRequest):
            of_github(event, delivery_id)


def test_a_custom_event_says_everything_itself() -> None:
    delivery = of_custom(event="a.b", idempotency_key="k", priority=-100)

    job = delivery.job
    assert (delivery.provider, delivery.event_type) == ("custom", "a.b")
    assert (job.queue_name, job.payload, job.priority) == ("orders", b"1", -100)
    assert (job.idempotency_key, job.tags, job.max_retries) == ("k", None, None)


@pytest.mark.parametrize("nothing", [{}, {"event": None}, {"event": ""}])
def test_a_custom_event_without_a_type_is_custom(nothing: dict[str, Any]) -> None:
    assert of_custom(**nothing).event_type == "custom"


@pytest.mark.parametrize("name", ["a b", "a\n", "a/b", "a:b"])
def test_a_bad_name_of_a_custom_event_is_refused(name: str) -> None:
    with pytest.raises(RuleBroken) as refused:
        of_custom(event=name)

    [problem] = refused.value.details
    assert (problem.field, problem.code) == ("event_type", "invalid_name_chars")
