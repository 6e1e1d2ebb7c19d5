"""Sign-in with a key: login, refresh, logout, me, validate, and what a token opens."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import jwt
import pytest

from spooled_lite.config import Settings
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.revoke import revoke
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Tx
from tests.wire.http.job_calls import WatchedApi, refusal
from tests.wire.http.served import NOW_MS, Api

NOW: Final = NOW_MS // 1000
DAY: Final = 86_400
UNKNOWN: Final = "sk_test_0123456789012345678901234567890123456789012"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[WatchedApi]:
    with WatchedApi(str(tmp_path / "spooled.db"), Settings()) as it:
        yield it


def login(api: Api, key: str | None = None) -> dict[str, Any]:
    answer = api.post("auth/login", key=None, json={"api_key": key or api.key})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def refresh(api: Api, token: str) -> httpx.Response:
    return api.post("auth/refresh", key=None, json={"refresh_token": token})


def logout(api: Api, token: str, **body: Any) -> httpx.Response:
    return api.post("auth/logout", key=token, json=body or None)


def status_with(api: Api, token: str) -> int:
    return api.get("queues", key=token).status_code


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


def key_of(api: Api, token: str) -> str:
    key_id: str = claims_of(token)["api_key_id"]
    return key_id


# -- login ---------------------------------------------------------------------------------------


def test_a_key_signs_in(api: WatchedApi) -> None:
    tokens = login(api, api.issue(queues=("mail",)))

    assert set(tokens) == {
        "access_token", "refresh_token", "token_type", "expires_in", "refresh_expires_in",
    }  # fmt: skip
    assert (tokens["token_type"], tokens["expires_in"]) == ("Bearer", 86_400)
    assert tokens["refresh_expires_in"] == 2_073_600
    claims = claims_of(tokens["access_token"])
    assert (claims["sub"], claims["queues"]) == (api.served.org_id, ["mail"])
    assert claims["exp"] - claims["iat"] == 86_400
    assert len({claims["jti"], claims_of(tokens["refresh_token"])["jti"]}) == 2


def test_the_life_of_tokens_is_a_setting(tmp_path: Path) -> None:
    with Api(":memory:", Settings(jwt_expiration_hours=2)) as api:
        tokens = login(api)

    assert (tokens["expires_in"], tokens["refresh_expires_in"]) == (7200, 24 * 7200)


def test_signing_in_counts_as_use_of_the_key(api: WatchedApi) -> None:
    key = api.issue()

    token = login(api, key)["access_token"]

    api.write(lambda tx: None)  # it is written without anybody waiting for it, and before this
    row = api.row("SELECT last_used_ms FROM api_keys WHERE id = :id", id=key_of(api, token))
    assert row["last_used_ms"] == NOW_MS


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"api_key": "sk_test_x"}, 400, "VALIDATION_ERROR"),
        ({"api_key": "x" * 40_000}, 400, "VALIDATION_ERROR"),
        ({"api_key": UNKNOWN}, 401, "AUTHENTICATION_FAILED"),
        ({"api_key": "eyJhbGciOiJIUzI1NiJ9.e30.x"}, 401, "AUTHENTICATION_FAILED"),
        ({"api_key": "ключ-ключ-ключ"}, 401, "AUTHENTICATION_FAILED"),
        ({"api_key": 7}, 422, "VALIDATION_ERROR"),
        ({"api_key": None}, 422, "VALIDATION_ERROR"),
        ({}, 422, "VALIDATION_ERROR"),
        (None, 400, "INVALID_JSON"),
    ],
)
def test_a_login_that_is_wrong_is_refused(
    api: WatchedApi, body: Any, status: int, code: str
) -> None:
    answer = api.post("auth/login", key=None, json=body)

    assert refusal(answer) == (status, code)
    assert (status == 401) is (answer.headers.get("www-authenticate") == "Bearer")


def test_keys_that_do_not_work_any_more_fail_exactly_as_unknown_ones(api: WatchedApi) -> None:
    revoked, expiring = api.issue(), api.issue(expires_at_ms=NOW_MS + 1000)
    api.write(revoke, api.org, key_of(api, login(api, revoked)["access_token"]))
    api.skip(seconds=1)

    answers = [
        api.post("auth/login", key=None, json={"api_key": key})
        for key in (UNKNOWN, revoked, expiring)
    ]

    assert {refusal(answer) for answer in answers} == {(401, "AUTHENTICATION_FAILED")}
    assert len({answer.content for answer in answers}) == 1


def test_a_token_is_no_key_to_sign_in_with(api: WatchedApi) -> None:
    token = login(api)["access_token"]

    answer = api.post("auth/login", key=None, json={"api_key": token})

    assert refusal(answer) == (401, "AUTHENTICATION_FAILED")


def test_a_suspended_organization_is_denied(api: WatchedApi) -> None:
    tokens = login(api)

    api.write(change_org, api.org, "is_active = 0")

    answers = [
        api.post("auth/login", key=None, json={"api_key": api.key}),
        refresh(api, tokens["refresh_token"]),
        api.get("queues", key=tokens["access_token"]),
    ]
    assert {refusal(answer) for answer in answers} == {(403, "ACCESS_DENIED")}


def test_ten_failures_a_minute_are_enough(api: WatchedApi) -> None:
    wrong = {"api_key": UNKNOWN}
    failed = [api.post("auth/login", key=None, json=wrong) for _ in range(10)]

    right = api.post("auth/login", key=None, json={"api_key": api.key})

    assert {answer.status_code for answer in failed} == {401}
    assert refusal(right) == (429, "RATE_LIMIT_EXCEEDED")
    assert right.headers["retry-after"] == "60"
    assert right.headers["x-ratelimit-scope"] == "login"
    assert api.get("queues").status_code == 200
    api.skip(seconds=60)
    login(api)


def test_signing_in_often_is_no_failure(api: WatchedApi) -> None:
    for _ in range(20):
        login(api)


def test_a_proxy_that_is_trusted_names_the_client() -> None:
    def statuses(api: Api, *clients: str) -> list[int]:
        return [
            api.post(
                "auth/login",
                key=None,
                json={"api_key": UNKNOWN},
                headers={"X-Forwarded-For": client},
            ).status_code
            for client in clients
        ]

    clients = ["203.0.113.1"] * 11 + ["203.0.113.2"]
    with Api(":memory:", Settings(trust_proxy=True)) as api:
        assert statuses(api, *clients)[10:] == [429, 401]
    with Api(":memory:", Settings()) as api:
        assert statuses(api, *clients)[10:] == [429, 429]


# -- what a token opens --------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_an_access_token_is_as_good_as_its_key(api: WatchedApi, header: str) -> None:
    token = login(api)["access_token"]
    value = f"bearer {token}" if header == "Authorization" else token

    answer = api.post("jobs", key=None, headers={header: value}, json={"queue": "q", "payload": 1})

    assert answer.status_code == 201


def test_a_token_is_limited_as_its_key_is(api: WatchedApi) -> None:
    key = api.issue(queues=("mail",), permissions=("jobs:read",), rate_limit=3)
    token = login(api, key)["access_token"]

    listed = api.get("jobs", key=token)
    denied = api.post("jobs", key=token, json={"queue": "mail", "payload": 1})
    api.get("jobs", key=key)

    assert (listed.status_code, listed.headers["x-ratelimit-limit"]) == (200, "3")
    assert refusal(denied) == (403, "ACCESS_DENIED")
    assert api.get("jobs", key=token).status_code == 429


def test_a_token_of_a_key_with_many_long_queues_is_taken(api: WatchedApi) -> None:
    queues = tuple(f"{number:0>255}" for number in range(50))
    token = login(api, api.issue(queues=queues))["access_token"]

    assert api.get("auth/me", key=token).json()["queues"] == list(queues)
    assert len(claims_of(token)["queues"]) == 50


def test_the_scope_is_that_of_the_key_as_it_is_now(api: WatchedApi) -> None:
    token = login(api, api.issue(queues=("mail",)))["access_token"]
    body = {"queue": "other", "payload": 1}
    before = api.post("jobs", key=token, json=body)

    api.write(change_key, key_of(api, token), "queues = '[\"other\"]'")

    assert before.status_code == 403
    assert api.post("jobs", key=token, json=body).status_code == 201


@pytest.mark.parametrize("change", ["is_active = 0", "expires_at_ms = 1"])
def test_a_token_ends_with_its_key_at_once(api: WatchedApi, change: str) -> None:
    tokens = login(api, api.issue())
    token = tokens["access_token"]
    before = status_with(api, token)

    api.write(change_key, key_of(api, token), change)

    assert (before, status_with(api, token)) == (200, 401)
    assert refresh(api, tokens["refresh_token"]).status_code == 401


def test_a_token_ends_with_its_organization(api: WatchedApi) -> None:
    token = login(api)["access_token"]
    assert status_with(api, token) == 200

    api.write(change_org, api.org, "deleted_at_ms = 1")

    assert status_with(api, token) == 401


def test_a_token_ends_by_our_clock_though_it_is_remembered(api: WatchedApi) -> None:
    token = login(api)["access_token"]

    statuses = [status_with(api, token)]
    for seconds in (DAY + 59, 1):
        api.skip(seconds=seconds)
        statuses.append(status_with(api, token))

    assert statuses == [200, 200, 401]


def test_a_token_from_the_future_is_refused_though_it_is_remembered(api: WatchedApi) -> None:
    token = login(api)["access_token"]
    assert status_with(api, token) == 200

    api.skip(seconds=-61)

    assert status_with(api, token) == 401


def test_a_refresh_token_opens_nothing(api: WatchedApi) -> None:
    tokens = login(api)

    answer = api.get("queues", key=tokens["refresh_token"])

    assert refusal(answer) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    "changes", [{"org_id": "other"}, {"api_key_id": "other"}, {"nbf": NOW + 3600}]
)
def test_a_good_signature_under_wrong_claims_opens_nothing(changes: dict[str, Any]) -> None:
    secret = "kX9-vQ2_mZ7.tR4+bW8=nL3!hY6~cJ5?pF1"
    with Api(":memory:", Settings(jwt_secret=secret)) as api:
        claims = claims_of(login(api)["access_token"])
        same = jwt.encode({**claims, "jti": "a"}, secret, algorithm="HS256")
        other = jwt.encode({**claims, **changes}, secret, algorithm="HS256")
        no_algorithm = jwt.encode(claims, "", algorithm="none")

        assert [status_with(api, token) for token in (same, other, no_algorithm)] == [200, 401, 401]


def test_a_token_in_the_query_opens_nothing(api: WatchedApi) -> None:
    token = login(api)["access_token"]

    assert api.get(f"queues?token={token}", key=None).status_code == 401


def test_tokens_outlive_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "spooled.db")
    with Api(path, Settings()) as api:
        tokens = login(api)
    with Api(path, Settings()) as api:
        assert status_with(api, tokens["access_token"]) == 200
        assert refresh(api, tokens["refresh_token"]).status_code == 200
    with Api(path, Settings(jwt_secret="another one")) as api:
        assert status_with(api, tokens["access_token"]) == 401


# -- refresh -------------------------------------------------------------------------------------


def test_a_refresh_token_brings_new_access_tokens_again_and_again(api: WatchedApi) -> None:
    tokens = login(api)

    answers = [refresh(api, tokens["refresh_token"]) for _ in range(2)]

    access = {answer.json()["access_token"] for answer in answers} | {tokens["access_token"]}
    assert len(access) == 3
    assert all(status_with(api, token) == 200 for token in access)
    assert answers[0].json().keys() == {"access_token", "token_type", "expires_in"}


def test_a_refresh_token_holds_24_times_as_long(api: WatchedApi) -> None:
    tokens = login(api)
    api.skip(seconds=24 * DAY)

    early = refresh(api, tokens["refresh_token"])
    api.skip(seconds=60)

    assert early.status_code == 200
    assert refresh(api, tokens["refresh_token"]).status_code == 401


@pytest.mark.parametrize("token", ["x" * 10, "eyJhbGciOiJIUzI1NiJ9.e30.x", UNKNOWN])
def test_what_is_no_refresh_token_is_refused(api: WatchedApi, token: str) -> None:
    access = login(api)["access_token"]

    answers = [refresh(api, each) for each in (token, access)]

    assert {refusal(answer) for answer in answers} == {(401, "AUTHENTICATION_FAILED")}
    assert api.post("auth/refresh", key=None, json={}).status_code == 422
    assert refresh(api, "short").status_code == 400


# -- logout --------------------------------------------------------------------------------------


def test_logging_out_ends_the_access_token_alone(api: WatchedApi) -> None:
    tokens = login(api)

    answer = logout(api, tokens["access_token"])

    assert (answer.status_code, answer.content) == (204, b"")
    assert status_with(api, tokens["access_token"]) == 401
    assert status_with(api, api.key) == 200
    assert refresh(api, tokens["refresh_token"]).status_code == 200


def test_logging_out_ends_the_refresh_token_that_is_sent_along(api: WatchedApi) -> None:
    tokens, other = login(api), login(api)

    answer = logout(api, tokens["access_token"], refresh_token=tokens["refresh_token"])

    assert answer.status_code == 204
    assert refusal(refresh(api, tokens["refresh_token"])) == (401, "AUTHENTICATION_FAILED")
    assert status_with(api, other["access_token"]) == 200


@pytest.mark.parametrize("value", ["", "nonsense", "eyJ.a.b", None])
def test_a_value_that_is_no_refresh_token_is_ignored(api: WatchedApi, value: Any) -> None:
    tokens = login(api)

    assert logout(api, tokens["access_token"], refresh_token=value).status_code == 204
    assert status_with(api, tokens["access_token"]) == 401


def test_tokens_of_another_organization_or_kind_are_left_alone(api: WatchedApi) -> None:
    foreign, other, mine = login(api, api.other_org()), login(api), login(api)

    for token in (foreign["refresh_token"], other["access_token"]):
        assert logout(api, api.key, refresh_token=token).status_code == 204
    logout(api, mine["access_token"], refresh_token=foreign["refresh_token"])

    assert refresh(api, foreign["refresh_token"]).status_code == 200
    assert status_with(api, other["access_token"]) == 200


def test_a_key_can_take_a_refresh_token_back_and_nothing_else(api: WatchedApi) -> None:
    tokens = login(api)

    without = logout(api, api.key)
    answer = logout(api, api.key, refresh_token=tokens["refresh_token"])

    assert refusal(without) == (401, "UNAUTHORIZED")
    assert answer.status_code == 204
    assert refresh(api, tokens["refresh_token"]).status_code == 401
    assert status_with(api, tokens["access_token"]) == 200


def test_a_token_that_was_logged_out_cannot_log_out_again(api: WatchedApi) -> None:
    token = login(api)["access_token"]
    logout(api, token)

    assert refusal(logout(api, token)) == (401, "UNAUTHORIZED")


def test_a_logout_outlives_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "spooled.db")
    with Api(path, Settings()) as api:
        tokens = login(api)
        logout(api, tokens["access_token"], refresh_token=tokens["refresh_token"])
    with Api(path, Settings()) as api:
        assert status_with(api, tokens["access_token"]) == 401
        assert refresh(api, tokens["refresh_token"]).status_code == 401


# -- me ------------------------------------------------------------------------------------------


def test_me_says_whose_the_token_is(api: WatchedApi) -> None:
    api.write(change_org, api.org, "billing_email = 'ada@example.com'")
    key = api.issue(name="robot", queues=("mail",), permissions=("jobs:read",))
    token = login(api, key)["access_token"]

    answer = api.get("auth/me", key=token).json()

    organization = answer.pop("organization")
    assert organization == {
        "id": api.served.org_id,
        "name": "default",
        "slug": "default",
        "plan_tier": "enterprise",
        "billing_email": "ada@example.com",
    }
    assert answer == {
        "organization_id": api.served.org_id,
        "api_key_id": key_of(api, token),
        "queues": ["mail"],
        "issued_at": "2027-01-15T08:00:00.000Z",
        "expires_at": "2027-01-16T08:00:00.000Z",
        "permissions": ["jobs:read"],
        "id": key_of(api, token),
        "email": "ada@example.com",
        "name": "robot",
        "role": "member",
        "created_at": "2027-01-15T08:00:00.000Z",
        "updated_at": "2027-01-15T08:00:00.000Z",
    }


def test_me_takes_a_key_as_well(api: WatchedApi) -> None:
    endless = api.get("auth/me").json()
    ending = api.get("auth/me", key=api.issue(expires_at_ms=NOW_MS + 1000)).json()

    assert (endless["expires_at"], endless["role"]) == ("9999-12-31T23:59:59Z", "owner")
    assert (endless["permissions"], endless["email"]) == (["*"], "")
    assert endless["organization"]["billing_email"] is None
    assert ending["expires_at"] == "2027-01-15T08:00:01.000Z"


def test_me_needs_a_credential(api: WatchedApi) -> None:
    assert refusal(api.get("auth/me", key=None)) == (401, "UNAUTHORIZED")


# -- validate ------------------------------------------------------------------------------------


def validate(api: Api, token: str) -> dict[str, Any]:
    answer = api.post("auth/validate", key=None, json={"token": token})
    assert answer.status_code == 200
    said: dict[str, Any] = answer.json()
    return said


@pytest.mark.parametrize("kind", ["access", "refresh"])
def test_a_good_token_of_either_kind_is_valid(api: WatchedApi, kind: str) -> None:
    token = login(api)[f"{kind}_token"]
    claims = claims_of(token)

    said = validate(api, token)

    assert said == {
        "valid": True,
        "claims": {**claims, "organization_id": api.served.org_id},
        "organization_id": api.served.org_id,
        "api_key_id": claims["api_key_id"],
        "queues": claims["queues"],
        "expires_at": said["expires_at"],
    }
    assert said["expires_at"].endswith("T08:00:00.000Z")


def test_every_other_token_is_invalid_in_the_same_words(api: WatchedApi) -> None:
    tokens, dead = login(api), login(api, api.issue())
    logout(api, tokens["access_token"])
    api.write(change_key, key_of(api, dead["access_token"]), "is_active = 0")
    bad = ["", "x", "eyJ.a.b", api.key, tokens["access_token"], dead["access_token"]]

    answers = [validate(api, token) for token in bad]

    assert all(answer == answers[0] for answer in answers)
    assert answers[0].keys() == {"valid", "error", "message"}
    assert answers[0]["valid"] is False
    assert answers[0]["error"] == answers[0]["message"]


def test_validate_needs_a_token(api: WatchedApi) -> None:
    assert api.post("auth/validate", key=None, json={}).status_code == 422
    assert api.post("auth/validate", key=None, json={"token": 1}).status_code == 422


# -- changes made behind the API -----------------------------------------------------------------


def change_key(tx: Tx, key_id: str, change: str) -> None:
    statement = f"UPDATE api_keys SET {change} WHERE id = :id RETURNING *"  # noqa: S608
    row = tx.row(Statement(KeyRow, statement), {"id": key_id})
    assert row is not None
    tx.emit("key.changed", row["org"], row=row)


def change_org(tx: Tx, org: int, change: str) -> None:
    statement = f"UPDATE organizations SET {change} WHERE seq = :org RETURNING *"  # noqa: S608
    row = tx.row(Statement(OrgRow, statement), {"org": org})
    assert row is not None
    tx.emit("org.changed", org, row=row)
