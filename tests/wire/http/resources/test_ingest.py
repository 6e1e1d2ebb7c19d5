"""Webhooks that are taken: what they become, what is answered, and the log of them."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spooled_lite.core.maintenance.prune import SWEEP_MS
from tests.patience import looks
from tests.wire.http.ingest_calls import (
    GITHUB_SECRET,
    HTTPS,
    ORDER,
    PAID,
    PUSH,
    IngestApi,
    github_headers,
    hmac_hex,
    stripe_headers,
)
from tests.wire.http.job_calls import NOW, refusal

VECTOR_GITHUB = "sha256=db539951c5d3dd236b4782e25aae21137f9783432a6a203ad7d95fb7cf1a80cf"


@pytest.fixture
def api() -> Iterator[IngestApi]:
    with IngestApi() as it:
        yield it


def taken(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


# -- GitHub --------------------------------------------------------------------------------------


def test_github_makes_a_job_of_the_whole_body(api: IngestApi) -> None:
    body = b' {"action": "opened",\n "repository": {"id": 1e3}, "sender" : null}\n'

    received = taken(api.github(body, event="issues", delivery="72d3162e"))

    job = api.job(received["job_id"])
    assert received == {
        "job_id": job["id"],
        "queue_name": "github-issues",
        "status": "pending",
        "created": True,
        "delivery_status": "created",
    }
    assert api.payload(job["id"]) == body.strip()
    assert job["tags"] == {
        "provider": "github", "event_type": "issues", "delivery_id": "72d3162e",
    }  # fmt: skip
    assert (job["priority"], job["max_retries"], job["timeout_seconds"]) == (0, 3, 300)


def test_the_vector_of_github_is_taken(api: IngestApi) -> None:
    received = taken(api.send("github", PUSH, {"X-Hub-Signature-256": VECTOR_GITHUB}))

    assert received["queue_name"] == "github-unknown"
    assert api.job(received["job_id"])["tags"]["delivery_id"] is None


def test_a_ping_is_an_event_like_any_other(api: IngestApi) -> None:
    assert taken(api.github(event="ping"))["queue_name"] == "github-ping"


@pytest.mark.parametrize(
    "body",
    [b"null", b"[]", b'""', b"-0.0", b"1e308", b'{"a":1,"a":2}', b'{"":{"":[]}}',
     b"[" * 100 + b"]" * 100, '{"\u20ac":"\U0001f600"}'.encode(), b'"\\u0000"',
     b"123456789012345678901234567890.000"],
)  # fmt: skip
def test_any_json_is_stored_byte_for_byte(api: IngestApi, body: bytes) -> None:
    received = taken(api.github(body))

    assert api.payload(received["job_id"]) == body
    assert body in api.get(f"jobs/{received['job_id']}").content


def test_a_worker_gets_what_github_sent(api: IngestApi) -> None:
    api.github(event="push")

    [job] = api.claim("github-push")

    assert job["payload"] == {"action": "opened"}


def test_a_redelivery_shows_the_first_job_as_it_is_now(api: IngestApi) -> None:
    first = taken(api.github(event="push", delivery="d-1"))
    [claimed] = api.claim("github-push")
    again = taken(api.github(b'{"other":1}', event="push", delivery="d-1"))
    api.shown("POST", f"jobs/{claimed['id']}/complete", json={})
    later = taken(api.github(event="push", delivery="d-1"))
    other = taken(api.github(event="push", delivery="d-2"))

    assert again == {
        "job_id": first["job_id"],
        "queue_name": "github-push",
        "status": "processing",
        "created": False,
        "delivery_status": "duplicate",
    }
    assert (later["status"], later["created"]) == ("completed", False)
    assert other["job_id"] != first["job_id"]
    assert api.jobs() == 2


# -- Stripe --------------------------------------------------------------------------------------


def test_stripe_makes_a_job_of_the_object(api: IngestApi) -> None:
    body = (
        b'{"id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1,'
        b' "data": {"previous_attributes": {}, "object":  {"id" : "in_1", "amount": 10.00} }}'
    )

    received = taken(api.stripe(body))

    job = api.job(received["job_id"])
    assert received["queue_name"] == "stripe-invoice-paid"
    assert api.payload(job["id"]) == b'{"id" : "in_1", "amount": 10.00}'
    assert job["tags"] == {
        "provider": "stripe", "event_type": "invoice.paid", "event_id": "evt_1",
    }  # fmt: skip


def test_an_event_of_stripe_makes_one_job_however_often_it_is_signed(api: IngestApi) -> None:
    first = taken(api.stripe())
    again = taken(api.stripe(age_seconds=10))
    replayed = taken(api.send("stripe", PAID, stripe_headers(PAID, api.now_seconds)))

    assert {again["job_id"], replayed["job_id"]} == {first["job_id"]}
    assert (again["delivery_status"], replayed["created"]) == ("duplicate", False)


@pytest.mark.parametrize("age_seconds", [300, 299, 0, -60])
def test_a_signature_is_good_for_five_minutes(api: IngestApi, age_seconds: int) -> None:
    taken(api.stripe(age_seconds=age_seconds))


def test_any_of_several_signatures_will_do(api: IngestApi) -> None:
    at = api.now_seconds
    [right] = stripe_headers(PAID, at).values()
    signature = right.replace(f"t={at},", f"v0=old,t={at},v1={'0' * 64},")

    taken(api.send("stripe", PAID, {"Stripe-Signature": signature}))


# -- custom --------------------------------------------------------------------------------------


def test_a_custom_webhook_makes_the_job_it_names(api: IngestApi) -> None:
    body = (
        b'{"queue_name":"orders","event_type":"order.created","payload":{"order" : 7},'
        b'"idempotency_key":"order-7","priority":5,"unknown":[1]}'
    )

    received = taken(api.send("custom", body, {"X-Webhook-Token": api.token}))

    assert received == {
        "job_id": received["job_id"],
        "queue_name": "orders",
        "status": "pending",
        "created": True,
        "delivery_status": "created",
    }
    job = api.job(received["job_id"])
    assert api.payload(job["id"]) == b'{"order" : 7}'
    assert (job["priority"], job["tags"]) == (5, None)
    [entry] = api.log()
    assert entry["event_type"] == "order.created"


def test_null_is_a_payload_and_no_other_field(api: IngestApi) -> None:
    received = taken(api.custom(payload=None, event_type=None, idempotency_key=None, priority=None))

    assert api.payload(received["job_id"]) == b"null"
    assert api.log()[0]["event_type"] == "custom"


def test_without_an_idempotency_key_a_repeat_makes_another_job(api: IngestApi) -> None:
    for _ in range(2):
        taken(api.custom(idempotency_key=""))

    assert api.jobs() == 2


def test_an_idempotency_key_is_shared_with_ordinary_jobs(api: IngestApi) -> None:
    job = api.enqueue("emails", idempotency_key="k")

    received = taken(api.custom(idempotency_key="k"))

    assert (received["job_id"], received["queue_name"]) == (job["id"], "emails")
    assert (received["created"], received["delivery_status"]) == (False, "duplicate")


def test_a_key_or_a_token_of_it_takes_the_place_of_the_webhook_token(api: IngestApi) -> None:
    access = api.shown("POST", "auth/login", json={"api_key": api.key}, key=None)["access_token"]
    writer = api.issue(permissions=("jobs:write",))
    scoped = api.issue(queues=("orders",))

    for key in (api.key, access, writer, scoped):
        headers = {"Authorization": f"Bearer {key}"}
        taken(api.send("custom", json.dumps(ORDER).encode(), headers))


def test_whatever_credential_is_shown_beside_the_token_is_ignored(api: IngestApi) -> None:
    headers = {"X-Webhook-Token": api.token, "Authorization": "Bearer sk_test_of_nobody"}

    taken(api.send("custom", json.dumps(ORDER).encode(), headers))
    for key in (api.issue(queues=("elsewhere",)), api.issue(permissions=("jobs:read",))):
        headers["Authorization"] = f"Bearer {key}"
        taken(api.send("custom", json.dumps(ORDER).encode(), headers))


def test_providers_may_show_the_token_too(api: IngestApi) -> None:
    taken(api.github(token=api.token))
    signed = stripe_headers(PAID, api.now_seconds)
    taken(api.send("stripe", PAID, {**signed, "X-Webhook-Token": api.token}))


def test_a_new_token_is_good_at_once(api: IngestApi) -> None:
    api.token = api.shown("POST", "organizations/webhook-token/regenerate")["token"]

    taken(api.custom())


# -- secrets of an organization ------------------------------------------------------------------


def test_the_secret_of_the_organization_wins_over_the_servers(api: IngestApi) -> None:
    api.settings(github_webhook_secret="a secret of its own")

    taken(api.send("github", PUSH, github_headers(PUSH, "a secret of its own")))
    assert refusal(api.github()) == (401, "AUTHENTICATION_FAILED")
    taken(api.stripe())  # the other provider's is still the server's


def test_a_secret_stays_until_it_is_changed_or_taken_away(api: IngestApi) -> None:
    own = github_headers(PUSH, "a secret of its own")
    api.settings(github_webhook_secret="a secret of its own")

    assert api.settings(theme="dark") == {"theme": "dark"}
    taken(api.send("github", PUSH, own))
    api.settings(github_webhook_secret=None)
    assert refusal(api.send("github", PUSH, own)) == (401, "AUTHENTICATION_FAILED")
    taken(api.github())


def test_a_secret_need_not_be_ascii(api: IngestApi) -> None:
    secret = "gehe\u00edmnis \U0001f511"
    api.settings(github_webhook_secret=secret)

    taken(api.send("github", PUSH, {"X-Hub-Signature-256": f"sha256={hmac_hex(secret, PUSH)}"}))


def test_organizations_have_secrets_of_their_own(api: IngestApi) -> None:
    made = api.shown(
        "POST", "organizations", 201, json={"name": "Other", "slug": "other"}, key=None
    )
    other, key = made["id"], made["api_key"]["key"]
    body = {"settings": {"github_webhook_secret": "of the other one"}}
    api.shown("PUT", f"organizations/{other}", json=body, key=key)

    theirs = github_headers(PUSH, "of the other one", delivery="d")
    ours = github_headers(PUSH, GITHUB_SECRET, delivery="d")

    taken(api.send("github", PUSH, theirs, org_id=other))
    taken(api.send("github", PUSH, ours))
    assert refusal(api.send("github", PUSH, theirs)) == (401, "AUTHENTICATION_FAILED")
    assert refusal(api.send("github", PUSH, ours, org_id=other)) == (401, "AUTHENTICATION_FAILED")
    assert len(api.log(key=key)) == len(api.log()) == 1


# -- the log -------------------------------------------------------------------------------------


def test_the_log_has_a_line_for_each_that_was_taken(api: IngestApi) -> None:
    pushed = taken(api.github(event="push", delivery="d"))
    api.clock.advance(seconds=1)
    taken(api.github(event="push", delivery="d"))
    api.github(PUSH, token="wrong")
    api.clock.advance(seconds=1)
    taken(api.stripe())
    taken(api.custom())

    entries = api.log()

    assert [(each["provider"], each["status"]) for each in entries] == [
        ("custom", "created"), ("stripe", "created"), ("github", "duplicate"),
        ("github", "created"),
    ]  # fmt: skip
    [first] = entries[3:]
    assert len(first.pop("id")) == 36
    assert first == {
        "provider": "github",
        "event_type": "push",
        "matched_queue": "github-push",
        "job_id": pushed["job_id"],
        "status": "created",
        "created_at": NOW,
    }


def test_the_log_is_filtered_and_paged(api: IngestApi) -> None:
    for number in range(5):
        taken(api.custom(queue_name=f"q-{number % 2}", idempotency_key=f"k-{number % 4}"))
        api.clock.advance(seconds=1)
    lines = [each["id"] for each in api.log()]

    def found(query: str) -> list[int]:
        return [lines.index(each["id"]) for each in api.log(query)]

    assert found("?status=duplicate") == [0]
    assert found("?status=created") == [1, 2, 3, 4]
    assert found("?status=whatever") == found("") == [0, 1, 2, 3, 4]
    assert found("?queue_name=q-0") == [0, 2, 4]
    assert found("?queue_name=q-0&status=created") == [2, 4]
    assert found("?queue_name=none") == []
    assert found("?since=2027-01-15T08:00:03Z") == [0, 1]
    assert found("?since=2027-01-15T09:00:03%2B01:00") == [0, 1]
    assert found("?limit=2") == [0, 1]
    assert found("?limit=2&offset=4") == [4]
    assert found("?limit=0&offset=-3") == [0]  # the nearest that are allowed


def test_a_page_of_the_log_says_whether_there_is_more(api: IngestApi) -> None:
    for _ in range(2):
        taken(api.custom())

    pages = [api.get(f"webhooks/deliveries?limit={limit}") for limit in (1, 2, 1_000)]

    assert [each.headers["x-has-more"] for each in pages] == ["true", "false", "false"]


@pytest.mark.parametrize("query", ["since=yesterday", "since=1", "limit=many", "offset=x"])
def test_a_bad_query_of_the_log_is_told(api: IngestApi, query: str) -> None:
    assert refusal(api.get(f"webhooks/deliveries?{query}")) == (400, "BAD_REQUEST")


def test_the_log_is_for_keys_without_a_queue_list(api: IngestApi) -> None:
    for key in (api.issue(queues=("orders",)), api.issue(permissions=("jobs:write",))):
        answer = api.get("webhooks/deliveries", key=key)
        assert refusal(answer) == (403, "ACCESS_DENIED")
    for words in (("webhooks:read",), ("webhooks:write",)):
        assert api.log(key=api.issue(permissions=words)) == []


def test_another_organization_does_not_see_the_log(api: IngestApi) -> None:
    taken(api.custom())

    assert api.log(key=api.other_org()) == []


def test_the_log_is_forgotten_with_the_history(api: IngestApi) -> None:
    taken(api.custom())

    def look_after_a_while() -> list[dict[str, Any]]:
        api.clock.advance(seconds=SWEEP_MS / 1_000)
        return api.log()

    api.clock.advance(seconds=7 * 86_400)
    # The sweep that runs when the time moves may have been past the log.
    assert any(look_after_a_while() == [] for _ in looks())


def test_over_https_production_takes_them_all() -> None:
    with IngestApi(environment="production", registration="open") as api:
        for forwarded in ("https", "HTTPS", "https, http", " https ,http"):
            proto = {"X-Forwarded-Proto": forwarded}
            taken(api.send("github", PUSH, {**github_headers(PUSH), **proto}))
        taken(api.send("stripe", PAID, {**stripe_headers(PAID, api.now_seconds), **HTTPS}))
        token = {"X-Webhook-Token": api.token}
        taken(api.send("custom", json.dumps(ORDER).encode(), {**token, **HTTPS}))
