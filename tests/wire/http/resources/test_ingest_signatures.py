"""Webhooks whose signature is missing, wrong, old or cannot be checked."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.http.ingest_calls import (
    BODIES,
    FAILED,
    GITHUB_SECRET,
    HTTPS,
    PAID,
    PUSH,
    SECRETS,
    STRIPE_SECRET,
    IngestApi,
    github_headers,
    hmac_hex,
    proof,
    stripe_headers,
)
from tests.wire.http.job_calls import refusal


@pytest.fixture
def api() -> Iterator[IngestApi]:
    with IngestApi(admin_key=ADMIN_KEY) as it:
        yield it


# -- signatures ----------------------------------------------------------------------------------


def test_a_signature_of_github_is_needed_whole(api: IngestApi) -> None:
    right = f"sha256={hmac_hex(GITHUB_SECRET, PUSH)}"
    wrong: tuple[Any, ...] = (
        "", "sha256=", right[7:], right[:-1], right + "0", right.upper(), " ", "sha1=" + right[7:],
        right.replace("sha256", "SHA256"), f"{right},{right}", b"sha256=\xff", b"\xff" * 100,
        "sha256=" + "0" * 64, "sha256=" + "0" * 60_000,
        f"sha256={hmac_hex(STRIPE_SECRET, PUSH)}", f"sha256={hmac_hex(GITHUB_SECRET, PUSH + b' ')}",
    )  # fmt: skip

    assert refusal(api.send("github", PUSH)) == FAILED
    for signature in wrong:
        headers = {"X-Hub-Signature-256": signature}
        assert refusal(api.send("github", PUSH, headers)) == FAILED, signature
    # The older header is no proof any more.
    assert refusal(api.send("github", PUSH, {"X-Hub-Signature": right})) == FAILED


def test_a_body_that_was_tampered_with_is_refused(api: IngestApi) -> None:
    for provider in ("github", "stripe"):
        body = BODIES[provider]
        headers = proof(api, provider, body)
        changes = (
            body + b" ", b" " + body, body[:-1], body.replace(b'":"', b'": "', 1),
            body.replace(b"i", b"I", 1), b"", body * 2, body.replace(b"{", b"{\x00", 1),
        )  # fmt: skip
        for changed in changes:
            assert refusal(api.send(provider, changed, headers)) == FAILED, changed


@pytest.mark.parametrize("age_seconds", [301, 3_600, 10**9, -61, -86_400, -(10**9)])
def test_what_stripe_signed_too_long_ago_or_will_sign_is_refused(
    api: IngestApi, age_seconds: int
) -> None:
    assert refusal(api.stripe(age_seconds=age_seconds)) == FAILED


def test_a_delivery_of_stripe_cannot_be_replayed_later(api: IngestApi) -> None:
    headers = stripe_headers(PAID, api.now_seconds)
    assert api.send("stripe", PAID, headers).status_code == 200

    api.clock.advance(seconds=301)

    assert refusal(api.send("stripe", PAID, headers)) == FAILED
    assert len(api.log()) == 1


def test_a_signature_of_stripe_is_needed_whole(api: IngestApi) -> None:
    now = api.now_seconds
    [right] = stripe_headers(PAID, now).values()
    hexes = right.partition("v1=")[2]
    wrong: tuple[Any, ...] = (
        "", right.partition(",")[0], f"v1={hexes}", f"t={now},v0={hexes}",
        f"t={now - 1},v1={hexes}",
        f"t={now},v1={hexes[:-1]}", f"t={now},v1=", f"t=,v1={hexes}", f"t=x,v1={hexes}",
        f"t={now}.0,v1={hexes}", f"t=+{now},v1={hexes}", f"t={now},t={now},v1={hexes}",
        f"t={now};v1={hexes}", f"t={'9' * 5_000},v1={hexes}", b"t=\xff,v1=\xff", "," * 60_000,
        "t=-1,v1=" + hexes, "=" * 1_000, f"t={now},v1={hexes.upper()}",
    )  # fmt: skip

    assert refusal(api.send("stripe", PAID)) == FAILED
    for signature in wrong:
        headers = {"Stripe-Signature": signature}
        assert refusal(api.send("stripe", PAID, headers)) == FAILED, signature


def test_the_signature_of_one_provider_is_none_of_the_other(api: IngestApi) -> None:
    same = {name: "one secret for both of them" for name in SECRETS}
    api.settings(**same)
    secret = same["github_webhook_secret"]

    of_github = github_headers(PAID, secret)
    of_stripe = stripe_headers(PUSH, api.now_seconds, secret)

    assert refusal(api.send("stripe", PAID, of_github)) == FAILED
    assert refusal(api.send("github", PUSH, of_stripe)) == FAILED


# -- secrets that are missing --------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["github", "stripe"])
def test_without_a_secret_nothing_is_taken_unsigned_or_signed(provider: str) -> None:
    with IngestApi(github_webhook_secret=None, stripe_webhook_secret=None) as api:
        for headers in ({}, proof(api, provider, BODIES[provider]), github_headers(PUSH, "")):
            answer = api.send(provider, BODIES[provider], headers)

            assert refusal(answer) == (503, "SERVICE_UNAVAILABLE")
            assert "retry-after" not in answer.headers
            assert "details" not in answer.json()
        # A wrong token comes first.
        wrong = {"X-Webhook-Token": "x"}
        assert refusal(api.send(provider, BODIES[provider], wrong)) == FAILED


@pytest.mark.parametrize("provider", ["github", "stripe"])
def test_in_production_a_short_secret_of_an_organization_is_none(provider: str) -> None:
    name = f"{provider}_webhook_secret"
    with IngestApi(environment="production") as api:
        for secret, status in (("x" * 15, 503), ("x" * 16, 200)):
            api.settings(**{name: secret})
            body = BODIES[provider]
            signed = (
                github_headers(body, secret)
                if provider == "github"
                else stripe_headers(body, api.now_seconds, secret)
            )
            assert api.send(provider, body, {**signed, **HTTPS}).status_code == status
