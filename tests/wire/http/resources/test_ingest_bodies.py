"""Webhooks that are verified and whose content is refused: its shape, its size, the caps."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.http.ingest_calls import (
    BAD,
    BODIES,
    FAILED,
    PROVIDERS,
    TOO_LARGE,
    IngestApi,
    sent,
    suspend,
)
from tests.wire.http.job_calls import problem, refusal


@pytest.fixture
def api() -> Iterator[IngestApi]:
    with IngestApi(admin_key=ADMIN_KEY) as it:
        yield it


# -- what is in it -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b" ", b"{", b"nul", b"payload=%7B%7D", b"\xff", b'"\xff"', b"NaN", b"'a'",
     b"\xef\xbb\xbf{}", b"[" * 101 + b"]" * 101, b'{"a":\x00}', b"<xml/>", b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_json_is_refused(api: IngestApi, body: bytes) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}

    assert refusal(sent(api, "github", body)) == BAD
    assert refusal(sent(api, "github", body, headers=form)) == BAD
    assert refusal(sent(api, "stripe", body)) == BAD
    assert refusal(sent(api, "custom", body)) == (400, "INVALID_JSON")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"type": "t", "data": {"object": 1}},
        {"id": "e", "data": {"object": 1}},
        {"id": "e", "type": "t"},
        {"id": "e", "type": "t", "data": {}},
        {"id": "e", "type": "t", "data": None},
        {"id": "e", "type": "t", "data": [1]},
        {"id": None, "type": "t", "data": {"object": 1}},
        {"id": 7, "type": "t", "data": {"object": 1}},
        {"id": "", "type": "t", "data": {"object": 1}},
        {"id": "e", "type": "", "data": {"object": 1}},
        {"id": "e" * 256, "type": "t", "data": {"object": 1}},
        [],
        None,
        "event",
    ],
)
def test_an_event_of_stripe_needs_its_parts(api: IngestApi, body: Any) -> None:
    answer = sent(api, "stripe", json.dumps(body).encode())

    assert refusal(answer) == BAD
    assert "details" not in answer.json()


def test_headers_of_github_have_a_bound(api: IngestApi) -> None:
    assert refusal(api.github(event="e" * 256)) == BAD
    assert refusal(api.github(delivery="d" * 249)) == BAD


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"queue_name": None}, (422, "queue_name", "missing_field")),
        ({"queue_name": 5}, (422, "queue_name", "invalid_type")),
        ({"queue_name": ""}, (400, "queue_name", "length")),
        ({"queue_name": "q" * 101}, (400, "queue_name", "length")),
        ({"queue_name": "-q"}, (400, "queue_name", "invalid_queue_name_start")),
        ({"queue_name": "a..b"}, (400, "queue_name", "invalid_queue_name")),
        ({"queue_name": "a b"}, (400, "queue_name", "invalid_queue_name")),
        ({"event_type": "e" * 101}, (400, "event_type", "length")),
        ({"event_type": "a b"}, (400, "event_type", "invalid_name_chars")),
        ({"event_type": 1}, (422, "event_type", "invalid_type")),
        ({"idempotency_key": "k" * 256}, (400, "idempotency_key", "length")),
        ({"priority": 101}, (400, "priority", "range")),
        ({"priority": -101}, (400, "priority", "range")),
        ({"priority": "high"}, (422, "priority", "invalid_type")),
    ],
)
def test_a_custom_event_that_breaks_a_rule_is_told_which(
    api: IngestApi, fields: dict[str, Any], told: tuple[int, str, str]
) -> None:
    assert problem(api.custom(**fields)) == told


def test_a_custom_event_needs_a_payload(api: IngestApi) -> None:
    answer = sent(api, "custom", b'{"queue_name":"orders"}')

    assert problem(answer) == (422, "payload", "missing_field")


# -- limits --------------------------------------------------------------------------------------


def of_size(provider: str, size: int) -> bytes:
    """A body whose payload has so many bytes without its white space, and more with it."""
    text = b'"' + b"x" * (size - 2) + b'"'
    if provider == "github":
        return b" " * 9 + text
    if provider == "stripe":
        return b'{"id":"e","type":"t","data":{"object": ' + text + b"}}"
    return b'{"queue_name":"orders","payload": ' + text + b"}"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_the_payload_has_the_limit_of_any_job(provider: str) -> None:
    with IngestApi(queue_max_payload_size_bytes=1_000) as api:
        assert sent(api, provider, of_size(provider, 1_000)).status_code == 200
        answer = sent(api, provider, of_size(provider, 1_001))

        assert refusal(answer) == TOO_LARGE
        assert "1000 bytes" in answer.json()["message"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_with_plans_enforced_the_payload_has_that_of_the_plan(provider: str) -> None:
    settings = {"plan_enforcement": "on", "admin_key": ADMIN_KEY}
    with IngestApi(**settings) as api:
        suspend(api, plan_tier="free")
        assert sent(api, provider, of_size(provider, 65_536)).status_code == 200
        answer = sent(api, provider, of_size(provider, 65_537))

        assert refusal(answer) == TOO_LARGE
        assert (answer.json()["plan"], answer.json()["limit"]) == ("free", 65_536)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("resource", ["jobs_per_day", "active_jobs", "queues"])
def test_the_caps_are_those_of_any_job(api: IngestApi, provider: str, resource: str) -> None:
    suspend(api, custom_limits={f"max_{resource}": 0})

    answer = sent(api, provider, BODIES[provider])

    assert refusal(answer) == (429, "QUOTA_EXCEEDED")
    assert answer.json()["resource"] == resource
    assert "limit reached" in answer.json()["message"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_address_may_not_send_without_end(provider: str) -> None:
    with IngestApi(rate_limit_requests_per_second=1, rate_limit_burst_size=5) as api:
        api.clock.advance(seconds=5)
        answers = [api.send(provider, b"{}") for _ in range(6)]

        assert refusal(answers[0]) == FAILED
        assert answers[0].headers["x-ratelimit-scope"] == "ip"
        assert refusal(answers[-1]) == (429, "RATE_LIMIT_EXCEEDED")
        assert "retry-after" in answers[-1].headers
