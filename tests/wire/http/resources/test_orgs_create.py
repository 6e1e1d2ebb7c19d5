"""POST /organizations, and keys for who has none yet: platform, sections 8.2 and 8.4."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from spooled_lite.config import Settings
from spooled_lite.storage.transaction import Tx
from tests.wire.http.job_calls import UNKNOWN_ID, WatchedApi, problem, refusal

NOW = "2027-01-15T08:00:00.000Z"
ADMIN_KEY = "an-admin-key-of-this-test"
ADMIN = {"X-Admin-Key": ADMIN_KEY}
WRONG = {"X-Admin-Key": "another"}
BODY = {"name": "Acme Inc", "slug": "acme"}

Make = Callable[..., WatchedApi]


@pytest.fixture
def make() -> Iterator[Make]:
    open_ones: list[WatchedApi] = []

    def factory(**settings: Any) -> WatchedApi:
        api = WatchedApi(":memory:", Settings(**settings))
        api.__enter__()
        open_ones.append(api)
        return api

    yield factory
    for each in open_ones:
        each.__exit__(None, None, None)


@pytest.fixture
def api(make: Make) -> WatchedApi:
    return make()


def register(api: WatchedApi, **more: Any) -> httpx.Response:
    return api.post("organizations", key=None, **{"json": BODY, **more})


def test_the_answer_is_nested_and_flat(api: WatchedApi) -> None:
    body = {**BODY, "billing_email": "pay@example.com", "unknown": 1}

    answer = register(api, json=body)

    assert answer.status_code == 201
    shown = answer.json()
    assert shown["organization"] == {
        "id": shown["id"],
        "name": "Acme Inc",
        "slug": "acme",
        "plan_tier": "free",
        "plan": "free",
        "billing_email": "pay@example.com",
        "billing_email_verified": False,
        "description": None,
        "logo_url": None,
        "settings": {},
        "custom_limits": None,
        "stripe_customer_id": None,
        "stripe_subscription_id": None,
        "stripe_subscription_status": None,
        "stripe_current_period_end": None,
        "stripe_cancel_at_period_end": None,
        "is_active": True,
        "created_at": NOW,
        "updated_at": NOW,
    }
    flat = {name: shown[name] for name in ("name", "slug", "plan_tier", "created_at")}
    assert flat == {"name": "Acme Inc", "slug": "acme", "plan_tier": "free", "created_at": NOW}
    key = shown["api_key"]
    assert (key["id"], key["name"]) == (shown["api_key_id"], "Initial Admin Key")
    assert (key["queues"], key["expires_at"], key["created_at"]) == (["*"], None, NOW)
    assert key["key"].startswith("sk_test_")
    assert "whk_" not in answer.text


def test_the_first_key_may_do_everything_in_its_organization(api: WatchedApi) -> None:
    shown = register(api).json()
    key = shown["api_key"]["key"]

    assert api.post("jobs", key=key, json={"queue": "q", "payload": 1}).status_code == 201
    assert api.get("api-keys", key=key).json()[0]["id"] == shown["api_key_id"]
    assert [row["id"] for row in api.get("organizations", key=key).json()] == [shown["id"]]
    token = api.get("organizations/webhook-token", key=key).json()["webhook_token"]
    assert token.startswith("whk_")
    assert api.get("jobs/stats", key=api.key).json()["total"] == 0


def test_the_tier_is_a_setting(make: Make) -> None:
    assert register(make(default_plan_tier="pro")).json()["plan_tier"] == "pro"


def test_a_live_server_issues_live_keys(make: Make) -> None:
    api = make(environment="production", registration="open")

    assert register(api).json()["api_key"]["key"].startswith("sk_live_")


@pytest.mark.parametrize("slug", [{}, {"slug": None}])
def test_without_a_slug_one_is_made_from_the_name(api: WatchedApi, slug: dict[str, Any]) -> None:
    slugs = [register(api, json={"name": "Acme Inc", **slug}).json()["slug"] for _ in range(2)]

    assert slugs == ["acme-inc", "acme-inc-2"]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": None}, (422, "name", "invalid_type")),
        ({"name": 1}, (422, "name", "invalid_type")),
        ({"name": "ab"}, (400, "name", "length")),
        ({"name": "x" * 101}, (400, "name", "length")),
        ({"slug": "ab"}, (400, "slug", "length")),
        ({"slug": "x" * 51}, (400, "slug", "length")),
        ({"slug": "Acme"}, (400, "slug", "regex")),
        ({"slug": "a--b"}, (400, "slug", "regex")),
        ({"slug": "admin"}, (400, "slug", "reserved_slug")),
        ({"slug": 7}, (422, "slug", "invalid_type")),
        ({"billing_email": "nobody"}, (400, "billing_email", "email")),
        ({"billing_email": []}, (422, "billing_email", "invalid_type")),
    ],
)
def test_a_bad_field_is_named(
    api: WatchedApi, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(register(api, json={**BODY, **fields})) == expected


def test_all_broken_rules_are_told_at_once(api: WatchedApi) -> None:
    answer = register(api, json={"name": "Acme", "slug": "-", "billing_email": "-"})

    assert [each["field"] for each in answer.json()["details"]] == ["slug", "billing_email"]


def test_a_name_is_required(api: WatchedApi) -> None:
    assert problem(register(api, json={"slug": "acme"})) == (422, "name", "missing_field")
    assert problem(register(api, json=None)) == (400, "body", "empty_body")


def test_a_slug_that_is_taken_is_a_conflict(api: WatchedApi) -> None:
    register(api)

    assert refusal(register(api)) == (409, "CONFLICT")


# -- who may register ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "headers", "status"),
    [
        ({"registration": "open"}, {}, 201),
        ({"registration": "open"}, {"Authorization": "Bearer sk_test_unknown"}, 201),
        ({"registration": "open"}, WRONG, 201),
        ({"registration": "closed"}, {}, 403),
        ({"registration": "closed"}, ADMIN, 403),
        ({"registration": "closed", "admin_key": ADMIN_KEY}, {}, 403),
        ({"registration": "closed", "admin_key": ADMIN_KEY}, WRONG, 403),
        ({"registration": "closed", "admin_key": ADMIN_KEY}, ADMIN, 201),
        ({"registration": "invite", "admin_key": ADMIN_KEY}, ADMIN, 403),
        ({"environment": "production"}, {}, 403),
        ({"environment": "staging"}, {}, 201),
    ],
)
def test_registration_is_open_closed_or_by_invitation(
    make: Make, settings: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    answer = register(make(**settings), headers=headers)

    assert answer.status_code == status
    assert status == 201 or answer.json()["code"] == "ACCESS_DENIED"


# -- a key for an organization -------------------------------------------------------------------


def a_key_for(api: WatchedApi, org_id: str, **more: Any) -> httpx.Response:
    path = f"organizations/{org_id}/api-keys"
    return api.post(path, **{"key": None, "json": {"name": "worker"}, **more})


def test_a_new_organization_gets_keys_without_one(api: WatchedApi) -> None:
    org_id = register(api).json()["id"]
    body = {"name": "worker", "permissions": ["jobs:write", "jobs:read", "queues:read"]}

    answer = a_key_for(api, org_id, json=body)

    assert answer.status_code == 201
    shown = answer.json()
    assert shown["permissions"] == body["permissions"]
    assert (shown["name"], shown["organization_id"]) == ("worker", org_id)
    job = api.post("jobs", key=shown["key"], json={"queue": "q", "payload": 1})
    assert job.status_code == 201


def test_the_first_use_of_a_key_closes_the_window(api: WatchedApi) -> None:
    made = register(api).json()

    api.get("organizations", key=made["api_key"]["key"])

    assert refusal(a_key_for(api, made["id"])) == (401, "UNAUTHORIZED")


def test_an_hour_closes_the_window(api: WatchedApi) -> None:
    org_id = register(api).json()["id"]

    api.skip(seconds=3600)

    assert refusal(a_key_for(api, org_id)) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("settings", [{"registration": "closed"}, {"registration": "invite"}])
def test_without_open_registration_there_is_no_window(make: Make, settings: dict[str, Any]) -> None:
    api = make(**settings)

    assert refusal(a_key_for(api, api.served.org_id)) == (401, "UNAUTHORIZED")


def test_a_key_of_the_organization_makes_another_one(api: WatchedApi) -> None:
    answer = a_key_for(api, api.served.org_id, key=api.key)

    assert answer.status_code == 201
    assert answer.json()["organization_id"] == api.served.org_id


def test_a_bad_credential_is_worse_than_none(api: WatchedApi) -> None:
    org_id = register(api).json()["id"]

    for headers in (
        {"Authorization": "Bearer sk_test_unknown"},
        {"Authorization": "Basic abc"},
        {"X-API-Key": "sk_test_unknown"},
    ):
        assert refusal(a_key_for(api, org_id, headers=headers)) == (401, "UNAUTHORIZED")
    assert refusal(a_key_for(api, org_id, headers=WRONG)) == (401, "ADMIN_NOT_CONFIGURED")


def test_a_key_with_queues_or_without_the_word_makes_none(api: WatchedApi) -> None:
    for fields in ({"queues": ("a",)}, {"permissions": ("jobs:write", "api-keys:read")}):
        answer = a_key_for(api, api.served.org_id, key=api.issue(**fields))
        assert refusal(answer) == (403, "ACCESS_DENIED")


def test_another_organization_is_not_found(api: WatchedApi) -> None:
    org_id = register(api).json()["id"]

    for each in (org_id, UNKNOWN_ID, "no id"):
        assert refusal(a_key_for(api, each, key=api.key)) == (404, "NOT_FOUND")
    assert refusal(a_key_for(api, UNKNOWN_ID)) == (401, "UNAUTHORIZED")


def test_the_admin_makes_keys_for_any_organization(make: Make) -> None:
    api = make(admin_key=ADMIN_KEY, registration="closed")
    org_id = register(api, headers=ADMIN).json()["id"]

    with_bearer = a_key_for(api, org_id, key=api.key, headers=ADMIN)
    alone = a_key_for(api, org_id, headers=ADMIN)

    for answer in (with_bearer, alone):
        assert (answer.status_code, answer.json()["organization_id"]) == (201, org_id)
        assert "x-ratelimit-limit" not in answer.headers
    assert refusal(a_key_for(api, UNKNOWN_ID, headers=ADMIN)) == (404, "NOT_FOUND")
    assert refusal(a_key_for(api, org_id, headers=WRONG)) == (401, "INVALID_ADMIN_KEY")


def test_a_deleted_or_suspended_organization_has_no_window(api: WatchedApi) -> None:
    def suspend(tx: Tx) -> None:
        tx.execute("UPDATE organizations SET is_active = 0 WHERE slug = 'acme'")

    org_id = register(api).json()["id"]
    api.write(suspend)

    assert refusal(a_key_for(api, org_id)) == (401, "UNAUTHORIZED")
