"""An organization and its parts, over HTTP: platform, section 8.3."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.maintenance.remove_org import ROW_KEPT_MS
from spooled_lite.storage.statement import Value
from spooled_lite.storage.transaction import Reading
from tests.patience import looks
from tests.wire.http.job_calls import UNKNOWN_ID, WatchedApi, problem, refusal
from tests.wire.http.served import Api

NOW = "2027-01-15T08:00:00.000Z"

JOBS = Value(int, "SELECT count(*) FROM jobs")
QUEUES = Value(int, "SELECT count(*) FROM queues")
OWN = [
    ("GET", "organizations/{id}"),
    ("PUT", "organizations/{id}"),
    ("DELETE", "organizations/{id}"),
    ("GET", "organizations/{id}/usage"),
    ("GET", "organizations/{id}/members"),
    ("GET", "organizations/{id}/webhook-token"),
    ("DELETE", "organizations/{id}/webhook-token"),
    ("POST", "organizations/{id}/webhook-token/regenerate"),
]
UNSCOPED = [
    *OWN[1:],
    ("GET", "organizations/usage"),
    ("GET", "organizations/webhook-token"),
    ("POST", "organizations/webhook-token/regenerate"),
    ("POST", "organizations/webhook-token/clear"),
    ("POST", "organizations/{id}/api-keys"),
    ("GET", "api-keys"),
    ("POST", "api-keys"),
    ("GET", "api-keys/x"),
    ("PUT", "api-keys/x"),
    ("DELETE", "api-keys/x"),
    ("POST", "api-keys/x/regenerate"),
]


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


@pytest.fixture
def own(api: WatchedApi) -> str:
    return f"organizations/{api.served.org_id}"


# -- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("method", "path"), OWN)
def test_another_organization_is_not_found(api: WatchedApi, method: str, path: str) -> None:
    other_key = api.other_org()
    other = api.get("organizations", key=other_key).json()[0]["id"]

    for org_id in (other, UNKNOWN_ID, "default"):
        answer = api.request(method, path.replace("{id}", org_id), json={})
        assert refusal(answer) == (404, "NOT_FOUND")
        assert org_id == "default" or org_id not in answer.text


@pytest.mark.parametrize(("method", "path"), UNSCOPED)
def test_a_key_with_queues_may_not(api: WatchedApi, method: str, path: str) -> None:
    key = api.issue(queues=("emails",))

    answer = api.request(method, path.replace("{id}", api.served.org_id), key=key, json={})

    assert refusal(answer) == (403, "ACCESS_DENIED")


def test_a_key_with_queues_sees_its_organization(api: WatchedApi, own: str) -> None:
    key = api.issue(queues=("emails",))

    assert api.get(own, key=key).status_code == 200
    assert len(api.get("organizations", key=key).json()) == 1


@pytest.mark.parametrize(
    ("words", "statuses"),
    [
        (("jobs:read",), (200, 200, 200, 200, 403, 403, 403)),
        (("organization:read",), (200, 200, 200, 200, 200, 403, 403)),
        (("organization:admin",), (200, 200, 200, 200, 200, 200, 200)),
        (("organization:*",), (200, 200, 200, 200, 200, 200, 200)),
    ],
)
def test_a_list_of_words_opens_what_it_says(
    api: WatchedApi, own: str, words: tuple[str, ...], statuses: tuple[int, ...]
) -> None:
    key = api.issue(permissions=words)

    answers = (
        api.get("organizations", key=key),
        api.get(own, key=key),
        api.get("organizations/usage", key=key),
        api.get(f"{own}/members", key=key),
        api.get("organizations/webhook-token", key=key),
        api.post("organizations/webhook-token/regenerate", key=key),
        api.put(own, key=key, json={}),
    )

    assert tuple(answer.status_code for answer in answers) == statuses


# -- reading and changing ------------------------------------------------------------------------


def test_the_list_holds_exactly_the_own_one(api: WatchedApi, own: str) -> None:
    api.other_org()

    [row] = api.get("organizations").json()

    assert row == api.get(own).json()
    assert (row["name"], row["slug"], row["plan_tier"]) == ("default", "default", "enterprise")


def test_a_change_is_shown(api: WatchedApi, own: str) -> None:
    body = {
        "name": "New name",
        "billing_email": "pay@example.com",
        "description": "What it is for",
        "logo_url": "https://example.com/logo.png",
        "settings": {"Any": {"thing": [1, None]}},
        "slug": "ignored",
        "plan_tier": "free",
    }
    api.skip(seconds=1)

    answer = api.put(own, json=body)

    assert answer.status_code == 200
    expected = {**body, "slug": "default", "plan_tier": "enterprise"}
    assert {name: answer.json()[name] for name in expected} == expected
    assert answer.json()["updated_at"] == "2027-01-15T08:00:01.000Z"
    assert api.get(own).json() == answer.json()


def test_null_keeps_and_nothing_is_required(api: WatchedApi, own: str) -> None:
    before = api.put(own, json={"description": "d", "settings": {"a": 1}}).json()

    api.put(own, content=b"")
    after = api.put(own, json=dict.fromkeys(("name", "description", "settings", "logo_url"))).json()

    assert after == before


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "ab"}, (400, "name", "length")),
        ({"name": 1}, (422, "name", "invalid_type")),
        ({"billing_email": "x"}, (400, "billing_email", "email")),
        ({"description": "x" * 501}, (400, "description", "length")),
        ({"logo_url": "x" * 2049}, (400, "logo_url", "length")),
        ({"settings": 1}, (400, "settings", "invalid_value")),
        ({"settings": [1]}, (400, "settings", "invalid_value")),
        ({"settings": {"a": "x" * 65_536}}, (400, "settings", "settings_too_large")),
        ({"settings": {"webhook_token": "ä"}}, (400, "settings.webhook_token", "invalid_value")),
    ],
)
def test_a_bad_field_is_named(
    api: WatchedApi, own: str, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.put(own, json=fields)) == expected


# -- the webhook token ---------------------------------------------------------------------------


def test_the_webhook_token_in_both_spellings(api: WatchedApi, own: str) -> None:
    first = api.get("organizations/webhook-token").json()

    assert first == {
        "webhook_token": first["token"],
        "token": first["webhook_token"],
        "webhook_url": f"http://spooled.test/api/v1/webhooks/{api.served.org_id}/custom",
        "created_at": NOW,
        "expires_at": None,
    }
    assert api.get(f"{own}/webhook-token").json() == first


@pytest.mark.parametrize("path", ["organizations", "organizations/{id}"])
def test_a_new_webhook_token_takes_no_body(api: WatchedApi, path: str) -> None:
    path = f"{path.replace('{id}', api.served.org_id)}/webhook-token/regenerate"

    tokens = [api.post(path).json()["token"], api.post(path, json={}).json()["token"]]

    assert len({*tokens, "other"}) == 3
    assert api.get("organizations/webhook-token").json()["token"] == tokens[1]


def test_a_webhook_token_can_be_chosen_and_is_not_shown_with_the_settings(
    api: WatchedApi, own: str
) -> None:
    answer = api.put(own, json={"settings": {"a": 1, "webhook_token": "chosen"}})

    assert answer.json()["settings"] == {"a": 1}
    assert api.get("organizations/webhook-token").json()["token"] == "chosen"


def test_the_webhook_token_cannot_be_cleared(api: WatchedApi, own: str) -> None:
    for answer in (
        api.post("organizations/webhook-token/clear", json={"confirm": True}),
        api.post("organizations/webhook-token/clear"),
        api.delete(f"{own}/webhook-token"),
    ):
        assert refusal(answer) == (404, "NOT_FOUND")


def test_the_public_address_of_the_server_is_in_the_webhook_url() -> None:
    with WatchedApi(":memory:", Settings(public_url="https://jobs.example.com")) as api:
        url = api.get("organizations/webhook-token").json()["webhook_url"]

    assert url.startswith("https://jobs.example.com/api/v1/webhooks/")


# -- usage and members ---------------------------------------------------------------------------


def test_usage_in_both_spellings(api: WatchedApi, own: str) -> None:
    api.enqueue("a")

    told = api.get("organizations/usage").json()

    assert set(told) == {"plan", "plan_display_name", "limits", "usage", "warnings"}
    assert (told["plan"], told["plan_display_name"]) == ("enterprise", "Enterprise")
    assert len(told["limits"]) == 15
    assert set(told["usage"]) == {
        "jobs_today", "active_jobs", "queues", "workers", "api_keys", "schedules", "workflows",
        "webhooks",
    }  # fmt: skip
    item = {"current": 1, "limit": None, "percentage": None, "is_disabled": False}
    assert told["usage"]["active_jobs"] == item
    assert told["warnings"] == []
    assert api.get(f"{own}/usage").json() == told


def test_usage_is_told_without_enforcement_too(api: WatchedApi) -> None:
    key = api.other_org(tier="free")
    for queue_name in ("a", "b", "c"):
        api.post("jobs", key=key, json={"queue": queue_name, "payload": 1})

    told = api.get("organizations/usage", key=key).json()

    assert told["usage"]["queues"] == {
        "current": 3, "limit": 2, "percentage": 150.0, "is_disabled": False,
    }  # fmt: skip
    assert told["usage"]["workflows"]["is_disabled"] is True
    [first] = [each for each in told["warnings"] if each["resource"] == "queues"]
    assert first["severity"] == "critical"


def test_the_members_are_the_active_keys(api: WatchedApi, own: str) -> None:
    api.put(own, json={"billing_email": "pay@example.com"})
    api.skip(seconds=1)
    api.issue(name="some queues", queues=("a",))
    api.issue(name="all queues", queues=())
    gone = api.post("api-keys", json={"name": "gone"}).json()
    api.delete(f"api-keys/{gone['id']}")

    members = api.get(f"{own}/members").json()

    assert [(each["name"], each["role"]) for each in members] == [
        ("Initial Admin Key", "owner"),
        ("some queues", "member"),
        ("all queues", "owner"),
    ]
    first = members[0]
    assert first["id"] == first["user_id"]
    assert (first["organization_id"], first["email"]) == (api.served.org_id, "pay@example.com")
    assert first["joined_at"] == NOW
    assert "invited_by" not in first


def test_a_member_of_an_organization_without_an_address_has_none(api: WatchedApi, own: str) -> None:
    assert api.get(f"{own}/members").json()[0]["email"] == ""


# -- slugs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["organizations/check-slug?slug=", "organizations/check-slug/"])
def test_a_slug_is_looked_at_in_both_spellings(api: WatchedApi, path: str) -> None:
    free, taken, bad = (
        api.get(path + slug, key=None).json() for slug in ("free-one", "default", "Bad")
    )

    assert free == {
        "available": True, "valid": True, "slug": "free-one", "error": None, "message": None,
        "suggestion": None, "suggestions": [],
    }  # fmt: skip
    assert (taken["available"], taken["valid"], taken["error"]) == (False, True, None)
    assert (taken["suggestion"], taken["suggestions"]) == ("default-2", ["default-2"])
    assert (bad["available"], bad["valid"], bad["suggestion"]) == (False, False, None)
    assert bad["error"]


def test_a_reserved_slug_is_not_valid(api: WatchedApi) -> None:
    told = api.get("organizations/check-slug/admin", key=None).json()

    assert (told["available"], told["valid"]) == (False, False)


def test_a_slug_must_be_given(api: WatchedApi) -> None:
    answer = api.get("organizations/check-slug", key=None)

    assert problem(answer) == (422, "slug", "missing_field")
    assert api.get("organizations/check-slug?slug=").json()["valid"] is False


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Acme Inc.", "acme-inc"), ("Default", "default-2"), ("  A  B  C ", "a-b-c")],
)
def test_a_slug_is_made_from_a_name(api: WatchedApi, name: str, slug: str) -> None:
    answer = api.post("organizations/generate-slug", key=None, json={"name": name})

    assert (answer.status_code, answer.json()) == (200, {"slug": slug})


def test_a_name_without_letters_gets_a_slug_of_chance(api: WatchedApi) -> None:
    slug = api.post("organizations/generate-slug", json={"name": "日本"}).json()["slug"]

    assert slug.startswith("org-")
    assert len(slug) == 10
    assert api.get(f"organizations/check-slug/{slug}").json()["available"] is True


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, (422, "name", "missing_field")),
        ({"name": 1}, (422, "name", "invalid_type")),
        ({"name": ""}, (400, "name", "length")),
        ({"name": "x" * 101}, (400, "name", "length")),
    ],
)
def test_a_slug_needs_a_name(
    api: WatchedApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.post("organizations/generate-slug", json=body)) == expected


# -- deleting ------------------------------------------------------------------------------------


def test_a_deleted_organization_is_gone_at_once() -> None:
    with Api(":memory:", Settings()) as api:  # not watched: its rows go meanwhile
        second = api.issue()
        api.get("jobs", key=second)  # it is known in memory from now on

        answer = api.delete(f"organizations/{api.served.org_id}")

        assert (answer.status_code, answer.content) == (204, b"")
        for key in (api.key, second):
            assert refusal(api.get("jobs", key=key)) == (401, "UNAUTHORIZED")
        assert api.get("organizations/check-slug/default").json()["available"] is True


def test_its_rows_follow(api: WatchedApi, own: str) -> None:
    job = api.claimed()
    api.post(f"jobs/{job['id']}/complete", json={})
    other = api.other_org()
    assert api.delete(own).status_code == 204

    def is_gone(tx: Reading) -> bool:
        return tx.value(JOBS) == tx.value(QUEUES) == 0

    for _ in looks():
        api.get("jobs", key=other)  # the loops work between calls
        if api._runner.run(api.served.db.readers.read(is_gone)):
            break
    else:
        raise AssertionError("the rows of the deleted organization are still there")
    api.clock.advance(seconds=ROW_KEPT_MS / 1000)
    assert api.get("organizations", key=other).status_code == 200


def test_what_is_busy_is_not_deleted(api: WatchedApi, own: str) -> None:
    job = api.enqueue()
    api.post("workers/register", json={"queue_name": "emails", "worker_id": "w-1"})

    busy = [api.delete(own)]
    api.post(f"jobs/{job['id']}/cancel")
    busy.append(api.delete(own))
    api.post("workers/w-1/deregister")

    assert [refusal(answer) for answer in busy] == [(409, "CONFLICT")] * 2
    assert ["jobs" in answer.json()["message"] for answer in busy] == [True, False]
    assert "workers" in busy[1].json()["message"]
    assert api.delete(own).status_code == 204
