"""Events of Stripe and of custom senders, as they are decoded and become a job."""

import json
from typing import Any

import msgspec
import pytest

from spooled_lite.core.ingest.records import Delivery
from spooled_lite.errors import RuleBroken, SpooledError, WrongShape
from spooled_lite.wire.shapes.ingest import CustomEvent, StripeEvent


def stripe(body: bytes) -> Delivery:
    return msgspec.json.decode(body, type=StripeEvent).delivery()


def custom(**fields: Any) -> Delivery:
    body = {"queue_name": "orders", "payload": 1, **fields}
    return msgspec.json.decode(json.dumps(body), type=CustomEvent).delivery()


@pytest.mark.parametrize(
    "value",
    [
        b'{"a" : 1.0,\n "b":[ 1 ]}', b"null", b"0", b"-0.0", b"1e999", b'"\\u00e9\\/"', b"[]",
        b"12345678901234567890123456789", b'{"a":1,"a":2}', b'""', "\"\u20ac\"".encode(),
    ],
)  # fmt: skip
def test_the_object_of_stripe_is_the_payload_byte_for_byte(value: bytes) -> None:
    body = b'{"data": {"x":1, "object":  ' + value + b' }, "id":"e","type":"t","more":[]}'

    assert stripe(body).job.payload == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"id":"","type":"t","data":{"object":1}}',
        b'{"id":"e","type":"","data":{"object":1}}',
        b'{"id":"' + b"e" * 256 + b'","type":"t","data":{"object":1}}',
        b'{"id":"e","type":"' + b"t" * 256 + b'","data":{"object":1}}',
        b'{"id":"e","type":"t","data":{}}',
        b'{"id":"e","type":"t","data":null}',
        b'{"id":"e","type":"t"}',
        b'{"id":1,"type":"t","data":{"object":1}}',
    ],
)
def test_an_event_of_stripe_without_what_is_read_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.ValidationError):
        stripe(body)


def test_a_custom_event_says_everything_itself() -> None:
    delivery = custom(event_type="a.b", idempotency_key="k", priority=-100)

    job = delivery.job
    assert (delivery.provider, delivery.event_type) == ("custom", "a.b")
    assert (job.queue_name, job.payload, job.priority) == ("orders", b"1", -100)
    assert (job.idempotency_key, job.tags, job.max_retries) == ("k", None, None)


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
        custom(**fields)

    [problem] = refused.value.details
    assert problem.code == code


def test_the_queue_has_two_spellings_and_no_reserved_names() -> None:
    assert custom(queue_name=None, queue="other").job.queue_name == "other"
    for name in ("admin", "system", "internal", "root", "default", "a.b-c_9"):
        assert custom(queue_name=name).job.queue_name == name
