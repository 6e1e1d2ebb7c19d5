"""Webhooks that are refused: each check in its turn, by its status, its code and its words."""

import json
import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.http.ingest_calls import (
    BAD,
    BODIES,
    FAILED,
    GITHUB_SECRET,
    HTTPS,
    ORDER,
    ORDER_BODY,
    PAID,
    PROVIDERS,
    PUSH,
    SECRETS,
    STRIPE_SECRET,
    TOO_LARGE,
    IngestApi,
    github_headers,
    proof,
    sent,
    suspend,
)
from tests.wire.http.job_calls import UNKNOWN_ID, problem, refusal
from tests.wire.http.served import Api

LOGGER: Final = "spooled_lite.wire.http.admit_ingest"


@pytest.fixture
def api() -> Iterator[IngestApi]:
    with IngestApi(admin_key=ADMIN_KEY) as it:
        yield it


# -- the order of the checks ---------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_each_check_is_made_in_its_turn(provider: str) -> None:
    settings = {"environment": "production", "registration": "open"}
    limits = {"max_payload_size_bytes": 100, "max_active_jobs": 0}
    with IngestApi(**settings, admin_key="8f2b1c7d-admin-0c5e") as api:
        admin = {"X-Admin-Key": "8f2b1c7d-admin-0c5e"}
        path = f"admin/organizations/{api.org_id}/limits"
        api.shown("PUT", path, json=limits, key=None, headers=admin)
        bad = {"X-Webhook-Token": "wrong"}
        huge = b" " * (5 * 1024 * 1024 + 1)
        large = bytes(BODIES[provider]).replace(b'"', b'"' + b"x" * 101, 1)
        if provider == "custom":
            large = json.dumps({**ORDER, "payload": "x" * 101}).encode()
        if provider == "stripe":
            large = PAID.replace(b"in_1", b"x" * 101)

        # Everything is wrong with the first one; each of the others has one thing less.
        over_http = api.send(provider, huge, bad, org_id=UNKNOWN_ID)
        too_large = api.send(provider, huge, {**bad, **HTTPS}, org_id=UNKNOWN_ID)
        unknown = api.send(provider, b"{", {**bad, **HTTPS}, org_id=UNKNOWN_ID)
        wrong_token = api.send(provider, b"{", {**bad, **HTTPS})
        unsigned = api.send(provider, b"{", HTTPS)
        broken = sent(api, provider, b"{", headers=HTTPS)
        payload = sent(api, provider, large, headers=HTTPS)
        quota = sent(api, provider, BODIES[provider], headers=HTTPS)

        assert refusal(over_http) == BAD
        assert over_http.json()["message"] == "HTTPS is required for webhooks in production"
        assert refusal(too_large) == TOO_LARGE
        assert refusal(unknown) == (404, "NOT_FOUND")
        assert refusal(wrong_token) == refusal(unsigned) == FAILED
        assert refusal(broken) == ((400, "INVALID_JSON") if provider == "custom" else BAD)
        assert refusal(payload) == TOO_LARGE
        assert payload.json()["limit"] == 100
        assert refusal(quota) == (429, "QUOTA_EXCEEDED")
        assert quota.json()["resource"] == "active_jobs"
        assert "retry-after" not in quota.headers
        assert api.log() == []


@pytest.mark.parametrize("forwarded", [None, "", "http", "http, https", "httpss", "https:", "ws"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_plain_http_is_refused_in_production(provider: str, forwarded: str | None) -> None:
    headers = {} if forwarded is None else {"X-Forwarded-Proto": forwarded}
    with IngestApi(environment="production") as api:
        answer = sent(api, provider, BODIES[provider], headers=headers)

        assert refusal(answer) == BAD


@pytest.mark.parametrize("environment", ["development", "staging"])
def test_elsewhere_plain_http_will_do(environment: str) -> None:
    with IngestApi(environment=environment) as api:
        for provider in PROVIDERS:
            assert sent(api, provider, BODIES[provider]).status_code == 200


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_body_has_at_most_five_mebibytes(api: IngestApi, provider: str) -> None:
    answer = sent(api, provider, b"[" + b" " * (5 * 1024 * 1024) + b"]")

    assert refusal(answer) == TOO_LARGE


# -- whom it is for ------------------------------------------------------------------------------


@pytest.mark.parametrize("org_id", [UNKNOWN_ID, "x", "acme", "%00", "a b", "..%2f", "\u00e9"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_unknown_organization_is_not_found(api: IngestApi, provider: str, org_id: str) -> None:
    answer = sent(api, provider, BODIES[provider], org_id=org_id)

    assert refusal(answer) == (404, "NOT_FOUND")
    assert org_id not in answer.json()["message"]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_suspended_organization_gets_nothing_and_only_its_own_are_told(
    api: IngestApi, provider: str
) -> None:
    suspend(api)

    assert refusal(sent(api, provider, BODIES[provider])) == (403, "ACCESS_DENIED")
    assert refusal(api.send(provider, BODIES[provider])) == FAILED
    with_key = {"Authorization": f"Bearer {api.key}"}
    if provider == "custom":
        assert refusal(api.send(provider, ORDER_BODY, with_key)) == (403, "ACCESS_DENIED")
    assert api.jobs() == 0


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_closed_or_deleted_organization_is_not_found(api: IngestApi, provider: str) -> None:
    admin = {"X-Admin-Key": ADMIN_KEY}
    path = f"admin/organizations/{api.org_id}"
    assert api.delete(path, key=None, headers=admin).status_code == 204
    assert refusal(sent(api, provider, BODIES[provider])) == (404, "NOT_FOUND")

    assert api.delete(f"{path}?hard_delete=true", key=None, headers=admin).status_code == 204
    # Not under watch: its rows are being removed.
    body, to = BODIES[provider], f"webhooks/{api.org_id}/{provider}"
    headers = proof(api, provider, body)
    answer = Api.request(api, "POST", to, key=None, content=body, headers=headers)
    assert refusal(answer) == (404, "NOT_FOUND")


# -- the token -----------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_wrong_token_is_refused_wherever_it_is_shown(api: IngestApi, provider: str) -> None:
    wrong = (
        "x", api.token[:-1], api.token + "x", api.token.upper(), f"Bearer {api.token}",
        b"\xff\xfe", "x" * 10_000, api.key, f"{api.token}, {api.token}",
    )  # fmt: skip
    for token in wrong:
        headers = {**proof(api, provider, BODIES[provider]), "X-Webhook-Token": token}
        # Not even a key helps, which would be enough without it.
        headers["Authorization"] = f"Bearer {api.key}"

        answer = api.send(provider, BODIES[provider], headers)

        assert refusal(answer) == FAILED
        assert answer.json()["message"] == "The webhook could not be verified"
    assert api.log() == []


def test_custom_webhooks_need_a_token_or_a_key_of_the_same_organization(api: IngestApi) -> None:
    stranger = api.other_org()
    tokens = api.shown("POST", "auth/login", json={"api_key": api.key}, key=None)
    wrong: tuple[dict[str, Any], ...] = (
        {},
        {"X-Webhook-Token": ""},
        {"X-Webhook-Token": "  "},
        {"Authorization": "Bearer sk_test_of_nobody"},
        {"Authorization": f"Basic {api.key}"},
        {"Authorization": f"Bearer {api.token}"},
        {"Authorization": f"Bearer {stranger}"},
        {"Authorization": f"Bearer {tokens['refresh_token']}"},
        {"Authorization": f"Bearer {tokens['access_token']}x"},
        {"Authorization": b"Bearer \xff"},
        {"Authorization": "Bearer eyJ.eyJ.eyJ"},
    )

    for headers in wrong:
        assert refusal(api.send("custom", ORDER_BODY, headers)) == FAILED, headers


def test_a_key_of_a_suspended_organization_is_none_elsewhere(api: IngestApi) -> None:
    made = api.shown(
        "POST", "organizations", 201, json={"name": "Other", "slug": "other"}, key=None
    )
    suspend(api)
    headers = {"Authorization": f"Bearer {api.key}"}

    assert refusal(api.send("custom", ORDER_BODY, headers, org_id=made["id"])) == FAILED


def test_a_limited_key_stays_limited(api: IngestApi) -> None:
    for fields in ({"queues": ("emails",)}, {"permissions": ("jobs:read", "webhooks:write")}):
        headers = {"Authorization": f"Bearer {api.issue(**fields)}"}

        assert refusal(api.send("custom", ORDER_BODY, headers)) == (403, "ACCESS_DENIED")
    body = json.dumps({**ORDER, "queue_name": "emails"}).encode()
    headers = {"Authorization": f"Bearer {api.issue(queues=('emails',))}"}
    assert api.send("custom", body, headers).status_code == 200


def test_a_token_that_was_replaced_is_dead_at_once(api: IngestApi) -> None:
    api.shown("POST", "organizations/webhook-token/regenerate")

    assert refusal(api.custom()) == FAILED
    assert refusal(api.github(token=api.token)) == FAILED


# -- what is told of it --------------------------------------------------------------------------


def test_what_cannot_be_verified_is_logged_once_a_cause_and_counted_without_what_was_sent(
    api: IngestApi, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    body = b'{"card": "4242-4242"}\nWARNING forged line'
    signature = "sha256=" + "ab" * 32

    api.send("github", body, {"X-Hub-Signature-256": signature, "X-GitHub-Event": "4242-event"})
    api.send("github", body)
    api.send("stripe", body, {"Stripe-Signature": f"t=1,v1={'ab' * 32}"})
    api.send("custom", body, {"X-Webhook-Token": "whk_shown-and-wrong"})
    api.send("custom", body)
    api.send("custom", body, {"Authorization": "Bearer sk_test_of_nobody_at_all"})

    lines = [each.getMessage() for each in caplog.records if each.name == LOGGER]
    assert lines == [
        f"github webhook for {api.org_id} refused: wrong or outdated signature",
        f"github webhook for {api.org_id} refused: no signature",
        f"stripe webhook for {api.org_id} refused: wrong or outdated signature",
        f"custom webhook for {api.org_id} refused: wrong token",
        f"custom webhook for {api.org_id} refused: no token and no key",
    ]
    assert {each.levelno for each in caplog.records if each.name == LOGGER} == {logging.WARNING}
    for secret in ("4242", "abab", "whk_", "sk_test_of", "forged", GITHUB_SECRET, STRIPE_SECRET):
        assert secret not in caplog.text
    assert "spooled_inbound_refused_total 6.0" in api.get("/metrics").text


def test_no_secret_is_shown_to_anybody(api: IngestApi, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    own = {
        "github_webhook_secret": "own-secret-of-github",
        "stripe_webhook_secret": "own-of-stripe",
    }
    path, admin = f"organizations/{api.org_id}", {"X-Admin-Key": ADMIN_KEY}
    made = {"name": "Made", "slug": "made-one", "settings": {"theme": "dark", **own}}

    answers = [
        api.put(path, json={"settings": {"theme": "dark", **own}}),
        api.get(path),
        api.get("organizations"),
        api.request("PATCH", f"admin/{path}", json={"settings": own}, key=None, headers=admin),
        api.post("admin/organizations", json=made, key=None, headers=admin),
        *(api.get(f"admin/{each}", key=None, headers=admin) for each in (path, "organizations")),
        api.get("dashboard"),
        api.get("organizations/webhook-token"),
        api.github(),
        api.stripe(),
        api.put(path, json={"settings": {"github_webhook_secret": ["own-of-stripe"]}}),
        api.put(path, json={"settings": {"stripe_webhook_secret": "own-of-stripe" * 50}}),
    ]

    assert [each.status_code for each in answers] == [200] * 4 + [201] + [200] * 4 + [401] * 2 + [
        400
    ] * 2
    for answer in answers:
        assert "webhook_secret" not in answer.text or answer.status_code == 400
        for secret in own.values():
            assert secret not in answer.text
    for secret in (*own.values(), *SECRETS.values()):
        assert secret not in caplog.text
    # They were set all the same, also of the new organization.
    headers = github_headers(PUSH, own["github_webhook_secret"])
    for org_id in (
        api.org_id,
        answers[4].json()["organization"]["id"],
    ):
        assert api.send("github", PUSH, headers, org_id=org_id).status_code == 200


@pytest.mark.parametrize("value", [1, True, [], {}, "x" * 256])
@pytest.mark.parametrize("name", list(SECRETS))
def test_a_secret_is_a_short_text(api: IngestApi, name: str, value: Any) -> None:
    answer = api.put(f"organizations/{api.org_id}", json={"settings": {name: value}})

    assert problem(answer) == (400, f"settings.{name}", "invalid_value")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_webhooks_are_posted(api: IngestApi, method: str) -> None:
    for provider in PROVIDERS:
        answer = api.request(method, f"webhooks/{api.org_id}/{provider}")
        assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")


def test_without_an_organization_nothing_is_served(api: IngestApi) -> None:
    for provider in PROVIDERS:
        answer = api.post(f"webhooks/{provider}", content=b"{}")
        assert answer.status_code in (404, 405)
