"""Tokens and secrets: which one counts, and what is compared how."""

import hmac
from typing import Any, cast

import pytest

from spooled_lite.core.ingest.records import Receiver
from spooled_lite.core.ingest.verify import is_signed, is_token_of, secret_for
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.core.orgs.records import NewOrganization
from spooled_lite.errors import NotFound, SecretMissing

TOKEN = "whk_" + "A" * 43
VECTOR_GITHUB = "sha256=db539951c5d3dd236b4782e25aae21137f9783432a6a203ad7d95fb7cf1a80cf"
VECTOR_STRIPE = "t=1767225600,v1=7840e550067002ab7f924f182e3fed4c02ceba507ef61dfb4f754a6c66db5ce1"
STRIPE_BODY = b'{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1"}}}'
SIGNED_AT_MS = 1_767_225_600_000


def a_receiver(**fields: Any) -> Receiver:
    row = {
        "seq": 1,
        "id": "o-1",
        "is_active": 1,
        "plan_tier": "free",
        "custom_limits": None,
        "webhook_token": TOKEN,
        "github_webhook_secret": None,
        "stripe_webhook_secret": None,
        **fields,
    }
    return Receiver.of(cast("OrgRow", row))


@pytest.mark.parametrize(
    "shown",
    [b"", b"w", TOKEN[:-1].encode(), TOKEN.encode() + b"A", TOKEN.lower().encode(), b"\xff" * 47,
     b"x" * 60_000],
)  # fmt: skip
def test_no_other_text_is_the_token(shown: bytes) -> None:
    assert not is_token_of(a_receiver(), shown)


def test_the_token_is_the_token() -> None:
    assert is_token_of(a_receiver(), TOKEN.encode())


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_organization_without_a_token_takes_none(nothing: str | None) -> None:
    receiver = a_receiver(webhook_token=nothing)

    assert not is_token_of(receiver, b"")
    assert not is_token_of(receiver, b"None")


def test_tokens_are_compared_by_digests_of_one_length(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def compare(one: bytes, other: bytes) -> bool:
        seen.append((len(one), len(other)))
        return one == other

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for shown in (b"", b"x" * 1_000, TOKEN.encode()):
        is_token_of(a_receiver(), shown)

    assert seen == [(32, 32)] * 3


def test_the_vectors_of_the_contract() -> None:
    github, stripe = "gh-secret-0123456789", "whsec_0123456789abcdef"

    assert is_signed("github", github, VECTOR_GITHUB, b'{"action":"opened"}', now_ms=0)
    assert is_signed("stripe", stripe, VECTOR_STRIPE, STRIPE_BODY, now_ms=SIGNED_AT_MS)
    # Neither is good for the other, nor for another secret.
    assert not is_signed("github", stripe, VECTOR_GITHUB, b'{"action":"opened"}', now_ms=0)
    assert not is_signed("stripe", github, VECTOR_STRIPE, STRIPE_BODY, now_ms=SIGNED_AT_MS)
    assert not is_signed("github", github, VECTOR_STRIPE, b'{"action":"opened"}', now_ms=0)


def test_the_secret_of_the_organization_wins() -> None:
    own = a_receiver(github_webhook_secret="own", stripe_webhook_secret="")

    assert secret_for(own, "github", "of the server", chars_min=1) == "own"
    assert secret_for(own, "stripe", "of the server", chars_min=1) == "of the server"


def test_without_a_secret_nothing_can_be_checked() -> None:
    for server_secret in (None, ""):
        with pytest.raises(SecretMissing):
            secret_for(a_receiver(), "github", server_secret, chars_min=1)


def test_a_short_secret_is_none_and_the_servers_does_not_stand_in() -> None:
    receiver = a_receiver(github_webhook_secret="x" * 15)

    with pytest.raises(SecretMissing):
        secret_for(receiver, "github", "of the server, long enough", chars_min=16)
    sixteen = a_receiver(github_webhook_secret="x" * 16)
    assert secret_for(sixteen, "github", None, chars_min=16) == "x" * 16


def test_a_closed_organization_is_none() -> None:
    with pytest.raises(NotFound):
        a_receiver(plan_tier="deleted")


def test_secrets_are_not_printed() -> None:
    secret = "whatever-signs-it"
    receiver = a_receiver(github_webhook_secret=secret)
    new = NewOrganization(name="n", slug="s", tier="free", github_webhook_secret=secret)

    for printed in (repr(receiver), repr(new)):
        assert secret not in printed
        assert TOKEN not in printed
