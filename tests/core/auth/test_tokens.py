"""Tokens: what they say, which are refused, and the secret they are signed with."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

import jwt
import pytest

from spooled_lite.core.auth.forget import FORGET_MAX, forget_revoked_tokens
from spooled_lite.core.auth.records import Claims, Subject
from spooled_lite.core.auth.revoke import is_revoked, revoke_tokens
from spooled_lite.core.auth.secret import SECRET_BYTES, token_secret
from spooled_lite.core.auth.tokens import LEEWAY_SECONDS, Signer
from tests.core.store import NOW_MS, Store

SECRET: Final = b"kX9-vQ2_mZ7.tR4+bW8=nL3!hY6~cJ5?pF1"
NOW: Final = NOW_MS // 1000
DAY: Final = 86_400
SIGNER: Final = Signer(SECRET, access_seconds=DAY)
SUBJECT: Final = Subject(
    org_id="an-org", key_id="a-key", secret_id="a-secret", queues=("mail", "b*")
)
GOOD: Final[Mapping[str, Any]] = {
    "sub": "an-org",
    "org_id": "an-org",
    "api_key_id": "a-key",
    "secret_id": "a-secret",
    "queues": [],
    "token_type": "access",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + DAY,
    "jti": "00000000-0000-4000-8000-000000000001",
}


def a_token(secret: bytes = SECRET, algorithm: str = "HS256", **claims: Any) -> str:
    said = {name: value for name, value in {**GOOD, **claims}.items() if value is not ...}
    return jwt.encode(said, secret, algorithm=algorithm)


def read(token: str, *, now_ms: int = NOW_MS) -> Claims | None:
    return SIGNER.read(token, now_ms=now_ms)


def test_tokens_say_what_the_contract_says() -> None:
    tokens = SIGNER.tokens(SUBJECT, now_ms=NOW_MS + 999, access_id="jti-a", refresh_id="jti-r")

    assert (tokens.access_seconds, tokens.refresh_seconds) == (86_400, 2_073_600)
    for token, kind, seconds, jti in (
        (tokens.access_token, "access", 86_400, "jti-a"),
        (tokens.refresh_token, "refresh", 2_073_600, "jti-r"),
    ):
        header, payload, _ = token.split(".")
        assert token.startswith("eyJ")
        assert json.loads(base64.urlsafe_b64decode(header + "==")) == {"alg": "HS256", "typ": "JWT"}
        assert json.loads(base64.urlsafe_b64decode(payload + "==")) == {
            "sub": "an-org",
            "org_id": "an-org",
            "api_key_id": "a-key",
            "secret_id": "a-secret",
            "queues": ["mail", "b*"],
            "token_type": kind,
            "iat": NOW,
            "nbf": NOW,
            "exp": NOW + seconds,
            "jti": jti,
        }


def test_a_token_that_is_ours_is_read() -> None:
    claims = read(a_token(queues=["mail"]))

    assert claims is not None
    assert (claims.org_id, claims.queues, claims.token_type) == ("an-org", ["mail"], "access")


def test_a_token_holds_by_our_clock_and_a_minute_longer() -> None:
    token, end_ms = a_token(), (NOW + DAY) * 1000
    leeway_ms = LEEWAY_SECONDS * 1000

    assert read(token, now_ms=end_ms + leeway_ms - 1) is not None
    assert read(token, now_ms=end_ms + leeway_ms) is None
    assert read(token, now_ms=NOW_MS - leeway_ms) is not None
    assert read(token, now_ms=NOW_MS - leeway_ms - 1) is None


@pytest.mark.parametrize(
    "claims",
    [
        {"nbf": NOW + 3600},
        {"exp": NOW - 3600},
        {"exp": ...},
        {"nbf": ...},
        {"jti": ...},
        {"token_type": ...},
        {"api_key_id": ...},
        {"token_type": "signup"},
        {"token_type": "Access"},
        {"exp": str(NOW + DAY)},
        {"exp": NOW + 0.5 + DAY},
        {"exp": 2**70},
        {"queues": "mail"},
        {"queues": None},
        {"jti": 7},
        {"sub": 7},
    ],
    ids=str,
)
def test_a_token_of_ours_that_does_not_say_the_right_things_is_refused(
    claims: dict[str, Any],
) -> None:
    assert read(a_token(**claims)) is None


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_is_refused(algorithm: str) -> None:
    assert read(a_token(SECRET * 2, algorithm)) is None
    assert Signer(SECRET * 2, access_seconds=DAY).read(a_token(SECRET * 2), now_ms=NOW_MS)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "RS256", "ES256", "HS256 ", ""])
def test_what_a_header_says_of_its_algorithm_is_not_believed(algorithm: str) -> None:
    header = part({"alg": algorithm, "typ": "JWT"})
    signature = a_token().rpartition(".")[2]

    assert read(f"{header}.{part(GOOD)}.") is None
    assert read(f"{header}.{part(GOOD)}.{signature}") is None


def test_a_token_that_somebody_else_signed_is_refused() -> None:
    assert read(a_token(b"another-secret-of-thirty-two-bytes")) is None


def test_a_token_that_was_changed_is_refused() -> None:
    header, _, signature = a_token().split(".")

    assert read(f"{header}.{part({**GOOD, 'org_id': 'other'})}.{signature}") is None
    assert read(f"{header}.{part(GOOD)}.{signature[:-2]}AA") is None


@pytest.mark.parametrize(
    "token",
    ["", "eyJ", "eyJ.a.b", "a.b.c", "eyJhbGciOiJIUzI1NiJ9..", "eyJ\xe9.a.b", "eyJ" + "x" * 40_000],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert read(token) is None
    assert SIGNER.read_signup(token, now_ms=NOW_MS) is None


def test_no_kind_of_token_stands_for_another() -> None:
    signup = SIGNER.signup_token("ada@example.com", now_ms=NOW_MS, token_id="j")
    claims = SIGNER.read_signup(signup, now_ms=NOW_MS)

    assert claims is not None
    assert (claims.email, claims.exp - claims.iat) == ("ada@example.com", 900)
    assert read(signup) is None
    assert SIGNER.read_signup(a_token(), now_ms=NOW_MS) is None


def test_a_short_secret_signs_as_anybody_else_would_with_it() -> None:
    signer = Signer(b"short", access_seconds=60)

    token = signer.access_token(SUBJECT, now_ms=NOW_MS, token_id="j")

    said, _, signature = token.rpartition(".")
    wanted = jwt.get_algorithm_by_name("HS256").sign(said.encode(), b"short")
    assert base64.urlsafe_b64decode(signature + "=") == wanted


@pytest.mark.parametrize(("letter", "kept"), [("q", 50), ("ж", 13)])
def test_a_token_fits_into_a_header_however_many_queues_its_key_has(letter: str, kept: int) -> None:
    subject = Subject(org_id="o", key_id="k", secret_id="s", queues=[letter * 255] * 50)

    token = SIGNER.access_token(subject, now_ms=NOW_MS, token_id="j")

    assert len(token) < 32_768
    claims = read(token)
    assert claims is not None
    assert claims.queues == [letter * 255] * kept


# -- the secret ----------------------------------------------------------------------------------


def test_a_secret_is_made_once_and_kept(store: Store) -> None:
    made = store.run(token_secret, None)

    assert len(made) == SECRET_BYTES
    assert store.run(token_secret, None) == made


def test_a_configured_secret_wins_and_leaves_the_kept_one_alone(store: Store) -> None:
    made = store.run(token_secret, None)

    assert store.run(token_secret, "a secret of mine") == b"a secret of mine"
    assert store.run(token_secret, None) == made


# -- revoked -------------------------------------------------------------------------------------


def some_claims(**changes: Any) -> Claims:
    return Claims(**{**GOOD, **changes})


def test_a_revoked_token_is_announced_once(store: Store) -> None:
    claims = some_claims()

    store.run(revoke_tokens, store.org, [claims])
    store.run(revoke_tokens, store.org, [claims])

    [event] = store.events
    assert (event.type, event.org, event.row["id"]) == ("token.revoked", store.org, claims.jti)
    assert store.run(is_revoked, claims.jti)
    assert not store.run(is_revoked, "another")


def test_a_revoked_token_is_forgotten_when_its_age_refuses_it(store: Store) -> None:
    claims = some_claims(exp=NOW + 100)
    store.run(revoke_tokens, store.org, [claims])

    store.clock.advance(seconds=100 + LEEWAY_SECONDS - 0.001)
    early = store.run(forget_revoked_tokens)
    store.clock.advance(seconds=0.001)

    assert (early, store.run(forget_revoked_tokens)) == (0, 1)
    assert store.run(forget_revoked_tokens) == 0


def test_forgetting_goes_in_passes(store: Store) -> None:
    many = [some_claims(jti=str(number)) for number in range(FORGET_MAX + 1)]
    store.run(revoke_tokens, store.org, many)
    store.clock.advance(seconds=2 * DAY)

    assert [store.run(forget_revoked_tokens) for _ in range(3)] == [FORGET_MAX, 1, 0]


def part(value: Any) -> str:
    text = json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()
