"""What a webhook becomes: its queue, its payload, its key, its tags."""

import json
from typing import Any

import msgspec
import pytest

from spooled_lite.core.ingest import custom, github, stripe
from spooled_lite.core.ingest.records import Delivery
from spooled_lite.core.queues.names import is_queue_name
from spooled_lite.errors import BadRequest, RuleBroken, SpooledError, WrongShape


def of_github(event: str | None = "push", delivery_id: str | None = None) -> Delivery:
    return github.delivery(b"{}", event=event, delivery_id=delivery_id)


def of_stripe(body: bytes) -> Delivery:
    return stripe.delivery(msgspec.json.decode(body, type=stripe.StripeEvent))


def of_type(name: str) -> Delivery:
    return of_stripe(json.dumps({"id": "e", "type": name, "data": {"object": 1}}).encode())


def of_custom(**fields: Any) -> Delivery:
    body = {"queue_name": "orders", "payload": 1, **fields}
    return custom.delivery(msgspec.json.decode(json.dumps(body), type=custom.CustomEvent))


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
    job = of_type(name).job

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
    delivery = of_stripe(b'{"id":"evt_1","type":"invoice.paid","data":{"object":{}}}')

    assert (delivery.event_type, delivery.job.idempotency_key) == ("invoice.paid", "evt_1")
    assert json.loads(delivery.job.tags or b"") == {
        "provider": "stripe", "event_type": "invoice.paid", "event_id": "evt_1",
    }  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        b'{"a" : 1.0,\n "b":[ 1 ]}', b"null", b"0", b"-0.0", b"1e999", b'"\\u00e9\\/"', b"[]",
        b"12345678901234567890123456789", b'{"a":1,"a":2}', b'""', "\"\u20ac\"".encode(),
    ],
)  # fmt: skip
def test_the_object_of_stripe_is_the_payload_byte_for_byte(value: bytes) -> None:
    body = b'{"data": {"x":1, "object":  ' + value + b' }, "id":"e","type":"t","more":[]}'

    assert of_stripe(body).job.payload == value


def test_the_type_of_a_job_is_read_from_its_payload() -> None:
    found = github.delivery(b'{"job_type":"build"}', event="push", delivery_id=None)

    assert found.job.job_type == "build"


def test_ids_of_providers_have_a_bound() -> None:
    assert of_github("push", "d" * 248).job.idempotency_key == "github:" + "d" * 248
    for event, delivery_id in (("push", "d" * 249), ("e" * 256, None)):
        with pytest.raises(BadRequest):
            of_github(event, delivery_id)
    for body in (
        b'{"id":"","type":"t","data":{"object":1}}',
        b'{"id":"e","type":"","data":{"object":1}}',
        b'{"id":"' + b"e" * 256 + b'","type":"t","data":{"object":1}}',
        b'{"id":"e","type":"' + b"t" * 256 + b'","data":{"object":1}}',
        b'{"id":"e","type":"t","data":{}}',
        b'{"id":"e","type":"t","data":null}',
        b'{"id":"e","type":"t"}',
        b'{"id":1,"type":"t","data":{"object":1}}',
    ):
        with pytest.raises(msgspec.ValidationError):
            of_stripe(body)


def test_a_custom_event_says_everything_itself() -> None:
    delivery = of_custom(event_type="a.b", idempotency_key="k", priority=-100)

    job = delivery.job
    assert (delivery.provider, delivery.event_type) == ("custom", "a.b")
    assert (job.queue_name, job.payload, job.priority) == ("orders", b"1", -100)
    assert (job.idempotency_key, job.tags, job.max_retries) == ("k", None, None)


@pytest.mark.parametrize("nothing", [{}, {"event_type": None}, {"event_type": ""}])
def test_a_custom_event_without_a_type_is_custom(nothing: dict[str, Any]) -> None:
    assert of_custom(**nothing).event_type == "custom"


@pytest.mark.parametrize(
    ("fields", "kind", "code"),
    [
        ({"queue_name": None}, WrongShape, "missing_field"),
        ({"queue_name": ""}, RuleBroken, "length"),
        ({"queue_name": "q" * 101}, RuleBroken, "length"),
        ({"queue_name": ".q"}, RuleBroken, "invalid_queue_name_start"),
        ({"queue_name": "-q"}, RuleBroken, "invalid_queue_name_start"),
        ({"queue_name": "a b"}, RuleBroken, "invalid_queue_name"),
        ({"queue_name": "a..b"}, RuleBroken, "invalid_queue_name"),
        ({"queue_name": None, "queue": "a..b"}, RuleBroken, "invalid_queue_name"),
        ({"event_type": "a b"}, RuleBroken, "invalid_name_chars"),
        ({"event_type": "a\n"}, RuleBroken, "invalid_name_chars"),
    ],
)
def test_bad_names_of_a_custom_event_are_told(
    fields: dict[str, Any], kind: type[SpooledError], code: str
) -> None:
    with pytest.raises(kind) as refused:
        of_custom(**fields)

    [problem] = refused.value.details
    assert problem.code == code


def test_the_queue_has_two_spellings_and_no_reserved_names() -> None:
    assert of_custom(queue_name=None, queue="other").job.queue_name == "other"
    for name in ("admin", "system", "internal", "root", "default", "a.b-c_9"):
        assert of_custom(queue_name=name).job.queue_name == name
