"""Organizations as an administrator makes and changes them. Contract: platform, section 11."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.patience import looks
from tests.wire.http.admin_calls import ADMIN_KEY, AdminApi, an_admin_api
from tests.wire.http.job_calls import UNKNOWN_ID, problem, refusal
from tests.wire.http.served import Api


@pytest.fixture
def api() -> Iterator[AdminApi]:
    yield from an_admin_api()


def key_works(api: AdminApi, key: str) -> int:
    return api.get("queues", key=key).status_code


# -- making one ------------------------------------------------------------------------------


def test_a_new_organization_comes_with_a_key_that_works(api: AdminApi) -> None:
    made = api.made("Acme", "acme", billing_email="a@example.org")

    organization = made["organization"]
    assert (organization["name"], organization["slug"]) == ("Acme", "acme")
    assert organization["plan_tier"] == organization["plan"] == "free"
    assert organization["billing_email"] == "a@example.org"
    assert (made["id"], made["slug"]) == (organization["id"], "acme")
    assert made["api_key"]["name"] == "Initial Admin Key"
    assert made["api_key_id"] == made["api_key"]["id"]
    assert key_works(api, made["api_key"]["key"]) == 200


@pytest.mark.parametrize("mode", ["open", "closed", "invite"])
def test_an_administrator_makes_one_in_every_registration_mode(mode: str) -> None:
    with AdminApi(registration=mode) as api:
        assert api.made()["plan_tier"] == "free"


def test_everything_can_be_said_at_once(api: AdminApi) -> None:
    made = api.made(plan_tier="Pro", settings={"theme": "dark"}, custom_limits={"max_queues": 3})

    organization = made["organization"]
    assert organization["plan_tier"] == "pro"
    assert organization["settings"] == {"theme": "dark"}
    assert organization["custom_limits"] == {"max_queues": 3}


def test_an_administrator_may_use_reserved_slugs(api: AdminApi) -> None:
    assert api.made(slug="admin")["slug"] == "admin"


def test_a_slug_that_is_taken_is_a_conflict(api: AdminApi) -> None:
    api.made(slug="acme")

    answer = api.admin("POST", "organizations", json={"name": "Other", "slug": "acme"})

    assert refusal(answer) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"slug": "acme"}, (422, "name", "missing_field")),
        ({"name": 1, "slug": "acme"}, (422, "name", "invalid_type")),
        ({"name": "ab", "slug": "acme"}, (400, "name", "length")),
        ({"name": "Acme", "slug": "a--b"}, (400, "slug", "regex")),
        (
            {"name": "Acme", "slug": "acme", "plan_tier": "gold"},
            (400, "plan_tier", "invalid_value"),
        ),
        ({"name": "Acme", "slug": "acme", "billing_email": "x"}, (400, "billing_email", "email")),
        (
            {"name": "Acme", "slug": "acme", "custom_limits": {"max_queues": "3"}},
            (422, "custom_limits.max_queues", "invalid_type"),
        ),
    ],
)
def test_a_bad_organization_is_refused(
    api: AdminApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.admin("POST", "organizations", json=body)) == expected


# -- one of them -----------------------------------------------------------------------------


def test_the_detail_counts_what_there_is(api: AdminApi) -> None:
    made = api.made(plan_tier="starter")
    key = made["api_key"]["key"]
    api.post("jobs", key=key, json={"queue_name": "emails", "payload": 1})
    api.post("workers/register", key=key, json={"queue_name": "emails", "hostname": "h"})

    detail = api.seen(f"organizations/{made['id']}")

    assert detail["usage"] == {
        "jobs_today": 1, "active_jobs": 1, "queues": 1, "workers": 1, "api_keys": 1,
    }  # fmt: skip
    assert (detail["api_keys_count"], detail["total_jobs"]) == (1, 1)
    assert detail["resource_counts"] == {
        "queues": 1, "workers": 1, "api_keys": 1, "schedules": 0, "workflows": 0, "webhooks": 0,
    }  # fmt: skip
    assert detail["usage_info"]["plan"] == "starter"
    assert detail["usage_info"]["usage"]["queues"]["limit"] == 10
    assert (detail["stripe_customer_id"], detail["custom_limits"]) == (None, None)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "organizations/{id}"),
        ("PATCH", "organizations/{id}"),
        ("PUT", "organizations/{id}"),
        ("PUT", "organizations/{id}/limits"),
        ("DELETE", "organizations/{id}"),
        ("DELETE", "organizations/{id}?hard_delete=true"),
        ("POST", "organizations/{id}/api-keys"),
        ("POST", "organizations/{id}/reset-usage"),
    ],
)
@pytest.mark.parametrize("org_id", [UNKNOWN_ID, "no-uuid", "acme"])
def test_an_unknown_organization_is_not_found(
    api: AdminApi, method: str, path: str, org_id: str
) -> None:
    api.made(slug="acme")

    answer = api.admin(method, path.format(id=org_id), json={"name": "Acme"})

    assert refusal(answer) == (404, "NOT_FOUND")


# -- changing one ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_what_a_change_leaves_out_is_kept(api: AdminApi, method: str) -> None:
    org_id = api.made(billing_email="a@example.org", settings={"a": 1})["id"]

    answer = api.admin(method, f"organizations/{org_id}", json={"name": "Better"})

    body = answer.json()
    assert (body["name"], body["billing_email"]) == ("Better", "a@example.org")
    assert (body["settings"], body["plan_tier"]) == ({"a": 1}, "free")


def test_no_body_changes_nothing(api: AdminApi) -> None:
    org_id = api.made()["id"]

    assert api.admin("PATCH", f"organizations/{org_id}").json()["name"] == "Acme"


def test_null_clears_the_address_and_the_links_to_a_payment_provider(api: AdminApi) -> None:
    links = {
        "stripe_customer_id": "cus_1",
        "stripe_subscription_id": "sub_1",
        "stripe_subscription_status": "active",
    }
    org_id = api.made(billing_email="a@example.org")["id"]
    linked = api.changed(org_id, **links)

    cleared = api.changed(org_id, billing_email=None, **dict.fromkeys(links))

    assert {name: linked[name] for name in links} == links
    assert [cleared[name] for name in ("billing_email", *links)] == [None] * 4


def test_null_leaves_a_name_a_tier_settings_and_activity_as_they_are(api: AdminApi) -> None:
    org_id = api.made(plan_tier="pro", settings={"a": 1})["id"]

    changed = api.changed(org_id, name=None, plan_tier=None, settings=None, is_active=None)

    assert (changed["name"], changed["plan_tier"], changed["is_active"]) == ("Acme", "pro", True)
    assert changed["settings"] == {"a": 1}


def test_settings_are_replaced_and_never_show_a_webhook_token(api: AdminApi) -> None:
    org_id = api.made(settings={"a": 1})["id"]

    changed = api.changed(org_id, settings={"b": 2, "webhook_token": "secret"})

    assert changed["settings"] == {"b": 2}
    assert "secret" not in api.admin("GET", f"organizations/{org_id}").text


def test_a_tier_is_stored_in_small_letters(api: AdminApi) -> None:
    assert api.changed(api.made()["id"], plan_tier="ENTERPRISE")["plan_tier"] == "enterprise"


@pytest.mark.parametrize("tier", ["gold", "", "deleted"])
def test_an_unknown_tier_is_refused_with_the_names_of_all(api: AdminApi, tier: str) -> None:
    org_id = api.made()["id"]

    answer = api.admin("PATCH", f"organizations/{org_id}", json={"plan_tier": tier})

    assert problem(answer) == (400, "plan_tier", "invalid_value")
    for name in ("free", "starter", "pro", "enterprise"):
        assert name in answer.json()["message"]


def test_a_suspended_organization_is_denied_at_once_and_let_in_again(api: AdminApi) -> None:
    made = api.made()
    key = made["api_key"]["key"]
    assert key_works(api, key) == 200

    api.changed(made["id"], is_active=False)
    assert key_works(api, key) == 403

    api.changed(made["id"], is_active=True)
    assert key_works(api, key) == 200


def test_schedules_of_a_suspended_organization_wait_until_it_is_let_in_again(api: AdminApi) -> None:
    made = api.made()
    rule = {"name": "s", "cron_expression": "@hourly", "queue_name": "q", "payload_template": {}}
    held = api.post("schedules", key=made["api_key"]["key"], json=rule).json()["id"]
    api.changed(made["id"], is_active=False)
    other = api.post("schedules", json=rule).json()["id"]

    api.clock.advance(seconds=3_600)
    api.until(f"schedules/{other}", lambda it: it["run_count"] == 1)
    assert run_counts(api) == {other: 1, held: 0}

    api.changed(made["id"], is_active=True)
    key = made["api_key"]["key"]
    for _ in looks():  # the loops work between calls
        if api.get(f"schedules/{held}", key=key).json()["run_count"]:
            break
    assert run_counts(api) == {other: 1, held: 1}


def run_counts(api: AdminApi) -> dict[str, int]:
    return {each["id"]: each["run_count"] for each in api.seen("schedules")}


# -- limits of its own -----------------------------------------------------------------------


def test_limits_hold_from_the_next_call_on(api: AdminApi) -> None:
    made = api.made()
    key = made["api_key"]["key"]
    job = {"queue_name": "emails", "payload": 1}
    assert api.post("jobs", key=key, json=job).status_code == 201

    api.changed(made["id"], custom_limits={"max_active_jobs": 1})

    assert refusal(api.post("jobs", key=key, json=job)) == (429, "QUOTA_EXCEEDED")


@pytest.mark.parametrize("nothing", [None, {}, []])
def test_null_or_nothing_takes_the_limits_away(api: AdminApi, nothing: Any) -> None:
    made = api.made(custom_limits={"max_active_jobs": 0})
    job = {"queue_name": "emails", "payload": 1}
    assert api.post("jobs", key=made["api_key"]["key"], json=job).status_code == 429

    assert api.changed(made["id"], custom_limits=nothing)["custom_limits"] is None

    assert api.post("jobs", key=made["api_key"]["key"], json=job).status_code == 201


def test_limits_can_be_put_alone(api: AdminApi) -> None:
    path = f"organizations/{api.made()['id']}/limits"

    put = api.admin("PUT", path, json={"max_queues": 7, "max_workers": None})
    taken = api.admin("PUT", path, json={})

    assert put.json()["custom_limits"] == {"max_queues": 7, "max_workers": None}
    assert taken.json()["custom_limits"] is None
    assert refusal(api.admin("PUT", path)) == (400, "INVALID_JSON")
    assert problem(api.admin("PUT", path, json=3)) == (422, "custom_limits", "invalid_type")


# -- deleting and restoring ------------------------------------------------------------------


def test_a_soft_deletion_stops_the_keys_and_keeps_the_data(api: AdminApi) -> None:
    made = api.made()
    org_id, key = made["id"], made["api_key"]["key"]
    api.post("jobs", key=key, json={"queue_name": "emails", "payload": 1})

    for _ in range(2):
        assert api.admin("DELETE", f"organizations/{org_id}").status_code == 204

    assert key_works(api, key) == 401
    detail = api.seen(f"organizations/{org_id}")
    assert (detail["plan_tier"], detail["total_jobs"]) == ("deleted", 1)
    assert (detail["usage"]["api_keys"], detail["api_keys_count"]) == (0, 1)


def test_a_tier_restores_the_organization_and_the_keys_it_had(api: AdminApi) -> None:
    made = api.made()
    org_id, key = made["id"], made["api_key"]["key"]
    revoked = api.admin("POST", f"organizations/{org_id}/api-keys", json={"name": "old"}).json()
    assert api.delete(f"api-keys/{revoked['id']}", key=key).status_code == 204
    api.admin("DELETE", f"organizations/{org_id}")

    api.changed(org_id, name="Still closed")
    assert key_works(api, key) == 401

    assert api.changed(org_id, plan_tier="pro")["plan_tier"] == "pro"
    assert key_works(api, key) == 200
    assert key_works(api, revoked["key"]) == 401


def test_a_key_made_for_a_closed_organization_opens_nothing_until_it_is_restored(
    api: AdminApi,
) -> None:
    org_id = api.made()["id"]
    api.admin("DELETE", f"organizations/{org_id}")

    answer = api.admin("POST", f"organizations/{org_id}/api-keys", json={"name": "new"})

    assert answer.status_code == 201
    assert key_works(api, answer.json()["key"]) == 401
    api.changed(org_id, plan_tier="free")
    assert key_works(api, answer.json()["key"]) == 200


@pytest.mark.parametrize("flag", ["hard_delete=true", "hard=true", "hard_delete=false&hard=1"])
def test_a_hard_deletion_hides_it_and_frees_the_slug_even_with_work_left(
    api: AdminApi, flag: str
) -> None:
    made = api.made(slug="acme")
    org_id, key = made["id"], made["api_key"]["key"]
    api.post("jobs", key=key, json={"queue_name": "emails", "payload": 1})

    assert api.admin("DELETE", f"organizations/{org_id}?{flag}").status_code == 204

    # Unwatched: its rows go meanwhile.
    assert Api.request(api, "GET", "queues", key=key).status_code == 401
    for method in ("GET", "DELETE"):
        again = Api.request(
            api, method, f"admin/organizations/{org_id}?{flag}", key=None,
            headers={"X-Admin-Key": ADMIN_KEY},
        )  # fmt: skip
        assert refusal(again) == (404, "NOT_FOUND")
    assert api.made(slug="acme")["id"] != org_id


def test_one_that_was_closed_can_be_removed(api: AdminApi) -> None:
    org_id = api.made()["id"]
    api.admin("DELETE", f"organizations/{org_id}")

    assert api.admin("DELETE", f"organizations/{org_id}?hard=true").status_code == 204


# -- keys and usage --------------------------------------------------------------------------


def test_an_administrator_makes_keys_whatever_the_plan_says(api: AdminApi) -> None:
    with AdminApi(plan_enforcement="on") as enforced:
        org_id = enforced.made()["id"]
        for _ in range(5):  # the plan allows two
            answer = enforced.admin(
                "POST", f"organizations/{org_id}/api-keys", json={"name": "more"}
            )
            assert answer.status_code == 201


def test_a_key_has_what_was_asked_for(api: AdminApi) -> None:
    org_id = api.made()["id"]
    body = {
        "name": "narrow",
        "queues": ["emails"],
        "rate_limit": 10,
        "permissions": ["jobs:read"],
        "expires_at": "2028-01-01T00:00:00Z",
    }

    made = api.admin("POST", f"organizations/{org_id}/api-keys", json=body).json()
    plain = api.admin("POST", f"organizations/{org_id}/api-keys", json={"name": "plain"}).json()

    assert (made["queues"], made["rate_limit"]) == (["emails"], 10)
    assert made["permissions"] == ["jobs:read"]
    assert made["expires_at"].startswith("2028-01-01T00:00:00")
    assert api.get("jobs", key=made["key"]).headers["x-ratelimit-limit"] == "10"
    assert (plain["queues"], plain["rate_limit"], plain["expires_at"]) == (["*"], None, None)


def test_resetting_usage_begins_the_day_anew_and_keeps_the_sum(api: AdminApi) -> None:
    made = api.made(custom_limits={"max_jobs_per_day": 1})
    org_id, key = made["id"], made["api_key"]["key"]
    job = {"queue_name": "emails", "payload": 1}
    api.post("jobs", key=key, json=job)
    assert refusal(api.post("jobs", key=key, json=job)) == (429, "QUOTA_EXCEEDED")

    assert api.admin("POST", f"organizations/{org_id}/reset-usage").status_code == 204

    detail = api.seen(f"organizations/{org_id}")
    assert (detail["usage"]["jobs_today"], detail["total_jobs"]) == (0, 1)
    assert api.post("jobs", key=key, json=job).status_code == 201
