"""Whatever comes in, with whatever headers: an answer of the contract, and never a 5xx."""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire.http.ingest_calls import (
    GITHUB_SECRET,
    IngestApi,
    github_headers,
    hmac_hex,
    stripe_headers,
)
from tests.wire.http.job_calls import assert_envelope

often: Final = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

# What a header of HTTP can hold, and whatever is like a body.
VALUES: Final = st.binary(max_size=80).map(
    lambda raw: bytes(each for each in raw if each >= 32 and each != 127).strip()
)
FINITE: Final = st.floats(allow_nan=False, allow_infinity=False)
JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=8,
)
FIELDS: Final = st.sampled_from(
    ("id", "type", "data", "object", "queue_name", "queue", "payload", "priority", "event_type",
     "idempotency_key", "job_type")
)  # fmt: skip
BODIES: Final = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(FIELDS, JSON, max_size=8).map(lambda value: json.dumps(value).encode())
)
HEADERS: Final = st.dictionaries(
    st.sampled_from(
        ("X-Webhook-Token", "Authorization", "X-API-Key", "X-Hub-Signature-256", "Stripe-Signature",
         "X-GitHub-Event", "X-GitHub-Delivery", "X-Forwarded-Proto", "Content-Type")
    ),
    VALUES,
    max_size=5,
)  # fmt: skip
PROVIDERS: Final = st.sampled_from(("github", "stripe", "custom"))


class UnwatchedApi(IngestApi):
    """A look at the whole file after each of hundreds of calls would take most of the time."""

    def state(self) -> list[Any]:
        return []


@pytest.fixture(scope="module")
def api() -> Iterator[IngestApi]:
    with UnwatchedApi(rate_limit_burst_size=1_000_000) as it:
        yield it


# In an id or a name it is refused.
WITHOUT_NUL = st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=100
)


@often
@given(PROVIDERS, BODIES, HEADERS)
def test_what_shows_no_proof_stores_nothing(
    api: IngestApi, provider: str, body: bytes, headers: dict[str, bytes]
) -> None:
    before = api.jobs()

    answer = api.send(provider, body, headers)

    assert answer.status_code == 401, answer.text
    assert_envelope(answer)
    assert api.jobs() == before


@often
@given(BODIES, VALUES, VALUES)
def test_whatever_github_signs_is_taken_or_refused(
    api: IngestApi, body: bytes, event: bytes, delivery: bytes
) -> None:
    before = api.jobs()
    signed = github_headers(body)

    answer = api.send(
        "github", body, {**signed, "X-GitHub-Event": event, "X-GitHub-Delivery": delivery}
    )

    if answer.status_code == 200:
        received = answer.json()
        assert api.jobs() == before + received["created"]
        if received["created"]:
            assert api.payload(received["job_id"]) == body.strip(b" \t\r\n")
    else:
        assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
        assert api.jobs() == before


@often
@given(BODIES)
def test_whatever_stripe_signs_is_taken_or_refused(api: IngestApi, body: bytes) -> None:
    answer = api.send("stripe", body, stripe_headers(body, api.now_seconds))

    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert answer.json()["code"] == "BAD_REQUEST"


@often
@given(BODIES)
def test_whatever_comes_with_the_token_is_taken_or_refused(api: IngestApi, body: bytes) -> None:
    answer = api.send("custom", body, {"X-Webhook-Token": api.token})

    assert answer.status_code in (200, 400, 422)


@often
@given(
    JSON,
    WITHOUT_NUL.filter(lambda text: len(text) <= 40),
    WITHOUT_NUL,
)
def test_whole_events_of_stripe_are_always_taken(
    api: IngestApi, value: Any, event_id: str, event_type: str
) -> None:
    event = {"id": event_id, "type": event_type, "data": {"object": value}}
    body = json.dumps(event, ensure_ascii=True).encode()

    answer = api.send("stripe", body, stripe_headers(body, api.now_seconds))

    assert answer.status_code == 200, answer.text
    if answer.json()["created"]:
        stored = api.payload(answer.json()["job_id"])
        assert stored == json.dumps(value).encode()


@often
@given(st.binary(max_size=100), st.binary(min_size=1, max_size=4), st.data())
def test_no_changed_byte_of_a_body_or_a_signature_goes_through(
    api: IngestApi, body: bytes, noise: bytes, data: st.DataObject
) -> None:
    signature = f"sha256={hmac_hex(GITHUB_SECRET, body)}".encode()
    message = body + signature
    place = data.draw(st.integers(0, len(message) - 1))
    changed = bytearray(message)
    changed[place : place + len(noise)] = noise
    new_body, new_signature = bytes(changed[: -len(signature)]), bytes(changed[-len(signature) :])
    if (new_body, new_signature) == (body, signature):
        return
    if any(byte < 32 or byte == 127 for byte in new_signature):
        return  # no header

    answer = api.send("github", new_body, {"X-Hub-Signature-256": new_signature})

    assert answer.status_code == 401
