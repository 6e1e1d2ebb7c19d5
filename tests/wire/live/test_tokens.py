"""Tokens for topics: what they grant, and that nobody else can make, change or read one."""

import base64
from typing import Final

import pytest
from msgspec import structs

from spooled_lite.core.topics.pattern import PATTERNS_CHARS_MAX, PATTERNS_MAX
from spooled_lite.wire.live.tokens import (
    NONCE_BYTES,
    TOKEN_CHARS_MAX,
    TopicGrant,
    TopicTokens,
)

SECRET: Final = b"kX9-vQ2_mZ7.tR4+bW8=nL3!hY6~cJ5?pF1"
NOW_MS: Final = 1_800_000_000_000
TOKENS: Final = TopicTokens(SECRET)
NONCE: Final = bytes(range(NONCE_BYTES))
GRANT: Final = TopicGrant(
    key_id="0f8b7c6e-0000-4000-8000-000000000001",
    secret_id="0f8b7c6e-0000-4000-8000-000000000002",
    topics=("order.*", "user.123.#"),
    identity="user-123",
    expires_at_ms=NOW_MS + 60_000,
)
TOKEN: Final = TOKENS.make(GRANT, NONCE)


@pytest.mark.parametrize(
    "grant",
    [
        GRANT,
        structs.replace(GRANT, identity=None, expires_at_ms=None, topics=("#",)),
        structs.replace(GRANT, identity="ü\U0001f600" * 100),
    ],
)
def test_a_token_grants_what_it_was_made_for(grant: TopicGrant) -> None:
    assert TOKENS.read(TOKENS.make(grant, NONCE), now_ms=NOW_MS) == grant


def test_a_token_is_refused_from_the_moment_it_expires() -> None:
    assert GRANT.expires_at_ms is not None
    assert TOKENS.read(TOKEN, now_ms=GRANT.expires_at_ms - 1) == GRANT
    assert TOKENS.read(TOKEN, now_ms=GRANT.expires_at_ms) is None


def test_a_token_of_another_server_is_refused() -> None:
    assert TopicTokens(SECRET + b"!").read(TOKEN, now_ms=NOW_MS) is None


def test_no_bit_of_a_token_can_be_changed() -> None:
    sealed = base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))
    for at in range(len(sealed)):
        changed = bytearray(sealed)
        changed[at] ^= 1
        token = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        assert TOKENS.read(token, now_ms=NOW_MS) is None, at


@pytest.mark.parametrize(
    "token",
    [
        "",
        "a",
        "=",
        TOKEN[:-1],
        TOKEN + "A",
        TOKEN + "=",
        f" {TOKEN}",
        f"{TOKEN}\n",
        TOKEN[:16],  # a nonce and nothing else
        TOKEN[:15] + "ü" + TOKEN[16:],
        TOKEN.replace("-", "+").replace("_", "/") + "==",
        "A" * TOKEN_CHARS_MAX,
        "A" * (TOKEN_CHARS_MAX + 1),
        "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert TOKENS.read(token, now_ms=NOW_MS) is None


def test_only_one_spelling_of_a_token_counts() -> None:
    """The last character has bits that say nothing: another one there is another token."""
    grant = next(
        each
        for each in (structs.replace(GRANT, identity="u" * count) for count in range(1, 4))
        if len(TOKENS.make(each, NONCE)) % 4 == 2
    )
    token = TOKENS.make(grant, NONCE)
    after = chr(ord(token[-1]) + 1)

    assert base64.urlsafe_b64decode(token + "==") == base64.urlsafe_b64decode(
        token[:-1] + after + "=="
    )
    assert TOKENS.read(token[:-1] + after, now_ms=NOW_MS) is None


def test_a_token_says_nothing_to_who_holds_it() -> None:
    sealed = base64.urlsafe_b64decode(TOKEN + "=" * (-len(TOKEN) % 4))

    for text in (*GRANT.topics, GRANT.identity, GRANT.key_id):
        assert text is not None
        assert text.encode() not in sealed


def test_two_tokens_for_the_same_are_not_alike() -> None:
    assert TOKENS.make(GRANT, b"another one."[:NONCE_BYTES]) != TOKEN


def test_the_largest_grant_makes_a_token_that_is_taken() -> None:
    each = "a" * (PATTERNS_CHARS_MAX // PATTERNS_MAX)
    grant = structs.replace(GRANT, topics=(each,) * PATTERNS_MAX, identity="\U0001f600" * 255)
    token = TOKENS.make(grant, NONCE)

    assert len(token) <= TOKEN_CHARS_MAX
    assert TOKENS.read(token, now_ms=NOW_MS) == grant


def test_what_is_authentic_and_no_grant_is_refused() -> None:
    """As another version of the server may have made it, with the same secret."""
    for opened in (b"", b"\x90", b"\xc1", b"\x91\xa1a"):
        sealed = NONCE + TOKENS._cipher.encrypt(NONCE, opened, None)
        token = base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()
        assert TOKENS.read(token, now_ms=NOW_MS) is None


def test_a_grant_in_a_log_line_shows_nothing_of_its_holder() -> None:
    assert "user-123" not in repr(GRANT)
    assert "order" not in repr(GRANT)
