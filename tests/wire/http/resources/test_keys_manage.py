"""API keys over HTTP: platform, section 9."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.storage.transaction import Tx
from tests.wire.http.admin_calls import ADMIN_KEY
from tests.wire.http.job_calls import UNKNOWN_ID, WatchedApi, problem, refusal

NOW = "2027-01-15T08:00:00.000Z"
BY_ID = [("GET", "{id}"), ("PUT", "{id}"), ("DELETE", "{id}"), ("POST", "{id}/regenerate")]


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def made(api: WatchedApi, **fields: Any) -> dict[str, Any]:
    return api.shown("POST", "api-keys", 201, json={"name": "k", **fields})


def test_a_key_is_shown_once_in_full(api: WatchedApi) -> None:
    body = {
        "name": "Worker (1)",
        "queues": ["mail", "mail-*"],
        "rate_limit": 100,
        "expires_at": "2027-02-01T00:00:00Z",
        "permissions": ["jobs:read"],
    }

    shown = api.shown("POST", "api-keys", 201, json=body)

    secret = shown.pop("key")
    assert secret.startswith("sk_test_")
    assert shown == {
        "id": shown["id"],
        "organization_id": api.served.org_id,
        "name": "Worker (1)",
        "key_prefix": secret[:12],
        "prefix": secret[:12],
        "queues": ["mail", "mail-*"],
        "permissions": ["jobs:read"],
        "rate_limit": 100,
        "is_active": True,
        "active": True,
        "created_at": NOW,
        "updated_at": NOW,
        "last_used": None,
        "last_used_at": None,
        "expires_at": "2027-02-01T00:00:00.000Z",
    }
    assert api.get(f"api-keys/{shown['id']}").json() == shown
    assert api.get("api-keys").json()[0] == shown
    assert secret not in api.get("api-keys").text


def test_only_a_name_is_needed(api: WatchedApi) -> None:
    shown = made(api, queues=None, rate_limit=None, expires_at=None, permissions=None)

    assert (shown["queues"], shown["permissions"], shown["rate_limit"]) == ([], ["*"], None)
    assert shown["expires_at"] is None
    assert api.get("jobs", key=shown["key"]).status_code == 200


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": None}, (422, "name", "invalid_type")),
        ({"name": ""}, (400, "name", "length")),
        ({"name": "x" * 101}, (400, "name", "length")),
        ({"name": "a/b"}, (400, "name", "invalid_name_chars")),
        ({"queues": "mail"}, (422, "queues", "invalid_type")),
        ({"queues": [1]}, (422, "queues[0]", "invalid_type")),
        ({"queues": ["a"] * 51}, (400, "queues", "too_many_queues")),
        ({"queues": ["a", ""]}, (400, "queues[1]", "length")),
        ({"queues": ["x" * 256]}, (400, "queues[0]", "length")),
        ({"queues": ["a b"]}, (400, "queues[0]", "invalid_queue_chars")),
        ({"rate_limit": 0}, (400, "rate_limit", "range")),
        ({"rate_limit": 10_001}, (400, "rate_limit", "range")),
        ({"rate_limit": 10**30}, (400, "rate_limit", "range")),
        ({"rate_limit": "5"}, (422, "rate_limit", "invalid_type")),
        ({"expires_at": "2027-01-15T08:00:00Z"}, (400, "expires_at", "expires_in_past")),
        ({"expires_at": "soon"}, (422, "expires_at", "invalid_type")),
        ({"expires_at": 5}, (422, "expires_at", "invalid_type")),
        ({"permissions": []}, (400, "permissions", "length")),
        ({"permissions": ["*"] * 51}, (400, "permissions", "length")),
        ({"permissions": ["jobs:read", "Jobs"]}, (400, "permissions[1]", "unknown_permission")),
        ({"permissions": ["jobs"]}, (400, "permissions[0]", "unknown_permission")),
        ({"queue": ["emails"]}, (400, "queue", "unknown_field")),
        ({"": None}, (400, "", "unknown_field")),
        ({"permissions": "jobs:read"}, (422, "permissions", "invalid_type")),
    ],
)
def test_a_bad_field_is_named(
    api: WatchedApi, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.post("api-keys", json={"name": "k", **fields})) == expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "api-keys"),
        ("POST", "organizations/{org}/api-keys"),
        ("POST", "admin/organizations/{org}/api-keys"),
        ("PUT", "api-keys/{id}"),
    ],
)
@pytest.mark.parametrize(
    ("fields", "nearest"),
    [
        ({"queue": ["emails"]}, "`queues`"),
        ({"permission": ["jobs:read"]}, "`permissions`"),
        ({"x" * 1_000_000: 1}, "the nearest is"),
        ({"permissions": ["jobs:wriet"]}, "`jobs:write`"),
        ({"permissions": ["x" * 1_000_000]}, "the nearest is"),
    ],
)
def test_a_misspelled_limit_is_refused_with_the_nearest_name(
    method: str, path: str, fields: dict[str, Any], nearest: str
) -> None:
    with WatchedApi(":memory:", Settings(admin_key=ADMIN_KEY)) as api:
        path = path.format(org=api.served.org_id, id=made(api)["id"])
        is_for_admin = path.startswith("admin")
        count = len(api.get("api-keys").json())

        answer = api.request(
            method,
            path,
            key=None if is_for_admin else api.key,
            headers={"X-Admin-Key": ADMIN_KEY} if is_for_admin else {},
            json={"name": "x", **fields},
        )

        assert refusal(answer) == (400, "VALIDATION_ERROR")
        assert nearest in answer.json()["message"]
        assert len(answer.content) < 1000
        assert len(api.get("api-keys").json()) == count


def test_a_key_with_words_of_an_earlier_version_may_still_be_changed(api: WatchedApi) -> None:
    key = made(api, permissions=["jobs:read"])
    api.write(store_words, key["id"], '["jobs:wriet"]')

    renamed = api.put(f"api-keys/{key['id']}", json={"name": "renamed"})
    widened = api.put(f"api-keys/{key['id']}", json={"permissions": ["jobs:wriet"]})

    assert renamed.json()["permissions"] == ["jobs:wriet"]
    assert problem(widened) == (400, "permissions[0]", "unknown_permission")


def store_words(tx: Tx, key_id: str, words: str) -> None:
    tx.execute(
        "UPDATE api_keys SET permissions = :words WHERE id = :id", {"id": key_id, "words": words}
    )


def test_a_name_is_required(api: WatchedApi) -> None:
    assert problem(api.post("api-keys", json={})) == (422, "name", "missing_field")
    assert problem(api.post("api-keys")) == (400, "body", "empty_body")


def test_the_newest_comes_first_and_a_hundred_are_shown(api: WatchedApi) -> None:
    for number in range(101):
        api.issue(name=f"key {number}")

    names = [row["name"] for row in api.get("api-keys").json()]

    assert len(names) == 100
    assert names[:2] == ["key 100", "key 99"]


@pytest.mark.parametrize(("method", "path"), BY_ID)
def test_an_unknown_or_foreign_key_is_not_found(api: WatchedApi, method: str, path: str) -> None:
    foreign = made(api)["id"]
    other = api.other_org()

    for key_id, key in ((UNKNOWN_ID, api.key), ("no id", api.key), (foreign, other)):
        answer = api.request(method, f"api-keys/{path.replace('{id}', key_id)}", key=key, json={})
        assert refusal(answer) == (404, "NOT_FOUND")


# -- changing ------------------------------------------------------------------------------------


def test_a_change_works_at_once(api: WatchedApi) -> None:
    key = made(api)
    assert api.get("jobs", key=key["key"]).status_code == 200
    api.skip(seconds=1)

    body = {"name": "new", "queues": ["a"], "rate_limit": 5, "permissions": ["queues:read"]}
    shown = api.shown("PUT", f"api-keys/{key['id']}", json=body)

    assert {name: shown[name] for name in body} == body
    assert shown["updated_at"] == "2027-01-15T08:00:01.000Z"
    assert "key" not in shown
    assert refusal(api.get("jobs", key=key["key"])) == (403, "ACCESS_DENIED")
    assert refusal(api.get("queues/b", key=key["key"])) == (403, "ACCESS_DENIED")


def test_null_clears_the_rate_limit_only(api: WatchedApi) -> None:
    key = made(api, queues=["a"], rate_limit=5, permissions=["jobs:read"])
    fields = ("name", "queues", "rate_limit", "is_active", "permissions")

    shown = api.shown("PUT", f"api-keys/{key['id']}", json=dict.fromkeys(fields))

    assert shown["rate_limit"] is None
    for name in ("name", "queues", "is_active", "permissions"):
        assert shown[name] == key[name]
    assert api.put(f"api-keys/{key['id']}", content=b"").status_code == 200


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": ""}, (400, "name", "length")),
        ({"queues": ["a b"]}, (400, "queues[0]", "invalid_queue_chars")),
        ({"rate_limit": 0}, (400, "rate_limit", "range")),
        ({"permissions": []}, (400, "permissions", "length")),
        ({"is_active": "no"}, (422, "is_active", "invalid_type")),
    ],
)
def test_a_change_is_validated_as_a_new_key(
    api: WatchedApi, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    key = made(api)

    assert problem(api.put(f"api-keys/{key['id']}", json=fields)) == expected


def test_a_key_is_switched_off_and_on(api: WatchedApi) -> None:
    key = made(api)
    path = f"api-keys/{key['id']}"

    off = api.shown("PUT", path, json={"is_active": False})
    refused = api.get("jobs", key=key["key"])
    on = api.shown("PUT", path, json={"is_active": True})

    assert (off["is_active"], off["active"], on["is_active"]) == (False, False, True)
    assert refusal(refused) == (401, "UNAUTHORIZED")
    assert api.get("jobs", key=key["key"]).status_code == 200


# -- revoking and replacing ----------------------------------------------------------------------


def test_a_revoked_key_stops_at_once_and_stays_in_the_list(api: WatchedApi) -> None:
    key = made(api)
    api.get("jobs", key=key["key"])

    answers = [api.delete(f"api-keys/{key['id']}") for _ in range(2)]

    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 2
    assert refusal(api.get("jobs", key=key["key"])) == (401, "UNAUTHORIZED")
    assert api.get("api-keys").json()[0]["is_active"] is False


def test_a_key_may_revoke_itself(api: WatchedApi) -> None:
    key = made(api)

    answer = api.delete(f"api-keys/{key['id']}", key=key["key"])

    assert answer.status_code == 204
    assert refusal(api.delete(f"api-keys/{key['id']}", key=key["key"])) == (401, "UNAUTHORIZED")


def test_a_new_secret_kills_the_old_one(api: WatchedApi) -> None:
    key = made(api, queues=["*"], rate_limit=9)
    api.get("jobs", key=key["key"])

    shown = api.shown("POST", f"api-keys/{key['id']}/regenerate")

    assert shown["key"] != key["key"]
    assert shown["key_prefix"] == shown["key"][:12]
    for name in ("id", "name", "queues", "rate_limit", "created_at"):
        assert shown[name] == key[name]
    assert refusal(api.get("jobs", key=key["key"])) == (401, "UNAUTHORIZED")
    assert api.get("jobs", key=shown["key"]).status_code == 200


def test_a_new_secret_kills_the_tokens_of_the_old_one_within_the_same_second(
    api: WatchedApi,
) -> None:
    key = made(api)
    old = api.shown("POST", "auth/login", key=None, json={"api_key": key["key"]})
    assert api.get("jobs", key=old["access_token"]).status_code == 200

    secret = api.shown("POST", f"api-keys/{key['id']}/regenerate")["key"]
    new = api.shown("POST", "auth/login", key=None, json={"api_key": secret})

    refresh = {"refresh_token": old["refresh_token"]}
    assert refusal(api.get("jobs", key=old["access_token"])) == (401, "UNAUTHORIZED")
    assert api.post("auth/refresh", key=None, json=refresh).status_code == 401
    assert api.get("jobs", key=new["access_token"]).status_code == 200


@pytest.mark.parametrize("method", ["DELETE", "PUT"])
def test_a_revoked_key_takes_its_tokens_along(api: WatchedApi, method: str) -> None:
    key = made(api)
    token = api.shown("POST", "auth/login", key=None, json={"api_key": key["key"]})
    assert api.get("jobs", key=token["access_token"]).status_code == 200

    api.request(method, f"api-keys/{key['id']}", json={"is_active": False})

    assert refusal(api.get("jobs", key=token["access_token"])) == (401, "UNAUTHORIZED")


def test_a_token_manages_keys_as_its_key_does(api: WatchedApi) -> None:
    strong, scoped = made(api), made(api, queues=["a"])
    statuses = []
    for key in (strong, scoped):
        told = api.shown("POST", "auth/login", key=None, json={"api_key": key["key"]})
        answer = api.post("api-keys", key=told["access_token"], json={"name": "k"})
        statuses.append(answer.status_code)

    assert statuses == [201, 403]


def test_both_prefixes_are_one_key(api: WatchedApi) -> None:
    key = made(api)["key"]

    assert api.get("jobs", key=f"sp_{key[3:]}").status_code == 200


FIRST = "sk_test_" + "a1" * 20
SECOND = "sk_test_" + "b2" * 20


def test_a_bootstrap_key_that_was_revoked_stays_so_and_an_earlier_one_is_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = str(tmp_path / "spooled.db")
    with WatchedApi(file, Settings(bootstrap_api_key=FIRST)) as api:
        first_id = api.get("auth/me", key=FIRST).json()["id"]
    with WatchedApi(file, Settings(bootstrap_api_key=SECOND)) as api:
        second_id = api.get("auth/me", key=SECOND).json()["id"]
        api.delete(f"api-keys/{second_id}", key=SECOND)
    warned = [record.getMessage() for record in caplog.records]
    caplog.clear()

    with WatchedApi(file, Settings(bootstrap_api_key=SECOND)) as api:
        answers = [api.get("jobs", key=key).status_code for key in (FIRST, SECOND)]

    assert answers == [200, 401]
    assert [first_id in line for line in warned] == [True]
    assert [second_id in record.getMessage() for record in caplog.records] == [True]


# -- no more than one has ------------------------------------------------------------------------


def test_no_key_makes_a_stronger_one(api: WatchedApi) -> None:
    words = ["api-keys:write", "jobs:read"]
    limited = made(api, permissions=words)["key"]
    strong = made(api)

    def post(path: str, **body: Any) -> Any:
        return api.post(path, key=limited, json={"name": "k", **body})

    within = post("api-keys", permissions=["jobs:read"])
    beyond = [
        post("api-keys"),
        post("api-keys", permissions=["*"]),
        post("api-keys", permissions=["jobs:write"]),
        post(f"organizations/{api.served.org_id}/api-keys"),
        api.put(f"api-keys/{within.json()['id']}", key=limited, json={"permissions": ["*"]}),
        api.post(f"api-keys/{strong['id']}/regenerate", key=limited),
    ]

    assert within.status_code == 201
    assert [refusal(answer) for answer in beyond] == [(403, "ACCESS_DENIED")] * len(beyond)


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        (("jobs:write",), (403, 403, 403)),
        (("api-keys:read",), (200, 403, 403)),
        (("api-keys:write",), (200, 201, 204)),
        (("api-keys:*",), (200, 201, 204)),
    ],
)
def test_keys_need_their_words(
    api: WatchedApi, words: tuple[str, ...], statuses: tuple[int, ...]
) -> None:
    key, other = api.issue(permissions=words), made(api, permissions=["api-keys:read"])

    answers = (
        api.get("api-keys", key=key),
        api.post("api-keys", key=key, json={"name": "k", "permissions": ["api-keys:read"]}),
        api.delete(f"api-keys/{other['id']}", key=key),
    )

    assert tuple(answer.status_code for answer in answers) == statuses


@pytest.mark.parametrize("unlimited", [{}, {"queues": ["*"]}, {"permissions": ["*"]}])
def test_a_key_with_limits_has_no_power_over_one_without(
    api: WatchedApi, unlimited: dict[str, Any]
) -> None:
    owner, limited = made(api, **unlimited), api.issue(permissions=("api-keys:*", "jobs:*"))
    token = api.shown("POST", "auth/login", key=None, json={"api_key": limited})["access_token"]
    path = f"api-keys/{owner['id']}"

    for key in (limited, token):
        answers = [
            api.delete(path, key=key),
            api.post(f"{path}/regenerate", key=key),
            api.put(path, key=key, json={"is_active": False}),
            api.put(path, key=key, json={"permissions": ["jobs:read"]}),
            api.put(path, key=key, json={"name": "renamed"}),
        ]
        assert [refusal(answer) for answer in answers] == [(403, "ACCESS_DENIED")] * len(answers)

    kept = api.shown("GET", path, key=owner["key"])
    assert [kept[name] for name in ("name", "permissions", "is_active", "updated_at")] == [
        owner[name] for name in ("name", "permissions", "is_active", "updated_at")
    ]


def test_a_key_without_limits_may_revoke_the_last_one_and_itself(api: WatchedApi) -> None:
    owner = made(api)
    others = [each["id"] for each in api.get("api-keys").json() if each["id"] != owner["id"]]

    for key_id in (*others, owner["id"]):
        assert api.delete(f"api-keys/{key_id}", key=owner["key"]).status_code == 204

    assert refusal(api.get("jobs", key=owner["key"])) == (401, "UNAUTHORIZED")


def test_with_words_switched_off_nobody_is_held_to_them() -> None:
    with WatchedApi(":memory:", Settings(enforce_key_permissions=False)) as api:
        key = api.issue(permissions=("jobs:read",))

        assert api.post("api-keys", key=key, json={"name": "k"}).status_code == 201


# -- plans ---------------------------------------------------------------------------------------


def test_the_plan_caps_active_keys() -> None:
    with WatchedApi(":memory:", Settings(plan_enforcement="on")) as api:
        key = api.other_org(tier="free")
        second = api.post("api-keys", key=key, json={"name": "second"}).json()

        refused = api.post("api-keys", key=key, json={"name": "third"})
        api.delete(f"api-keys/{second['id']}", key=key)
        third = api.post("api-keys", key=key, json={"name": "third"})
        revived = api.put(f"api-keys/{second['id']}", key=key, json={"is_active": True})

        facts = {"resource": "api_keys", "current": 2, "limit": 2, "plan": "free"}
        for answer in (refused, revived):
            assert refusal(answer) == (429, "QUOTA_EXCEEDED")
            assert answer.json()["details"] == {**facts, "upgrade_to": "starter"}
            assert answer.json()["error"] == "limit_exceeded"
            assert "api keys limit reached (2/2)" in answer.json()["message"]
            assert "retry-after" not in answer.headers
        assert third.status_code == 201


def test_without_enforcement_there_is_no_cap(api: WatchedApi) -> None:
    key = api.other_org(tier="free")

    answers = [api.post("api-keys", key=key, json={"name": f"k{n}"}) for n in range(4)]

    assert [answer.status_code for answer in answers] == [201] * 4
