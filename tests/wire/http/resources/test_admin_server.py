"""What an administrator sees of the whole server. Contract: platform, sections 11 and 17."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import SECRETS
from spooled_lite.plans import TIERS
from tests.wire.http.admin_calls import ADMIN_KEY, AdminApi, an_admin_api
from tests.wire.http.job_calls import UNKNOWN_ID, refusal


@pytest.fixture
def api() -> Iterator[AdminApi]:
    yield from an_admin_api()


def slugs(page: dict[str, Any]) -> list[str]:
    return [each["slug"] for each in page["organizations"]]


# -- the list of organizations ---------------------------------------------------------------


def test_the_list_shows_each_organization_with_its_usage(api: AdminApi) -> None:
    made = api.made()
    api.post("jobs", key=made["api_key"]["key"], json={"queue_name": "emails", "payload": 1})

    page = api.seen("organizations")

    assert (page["total"], page["limit"], page["offset"]) == (2, 50, 0)
    row = next(each for each in page["organizations"] if each["slug"] == "acme")
    assert row["usage"] == {
        "jobs_today": 1, "active_jobs": 1, "queues": 1, "workers": 0, "api_keys": 1,
    }  # fmt: skip
    assert (row["jobs_today"], row["active_jobs"], row["is_active"]) == (1, 1, True)
    assert (row["plan_tier"], row["plan"], row["settings"]) == ("free", "free", {})


def test_the_list_comes_in_pages(api: AdminApi) -> None:
    for number in range(3):
        api.made(slug=f"acme-{number}")

    pages = [api.seen(f"organizations?limit=2&offset={offset}") for offset in (0, 2, 4)]

    assert [len(page["organizations"]) for page in pages] == [2, 2, 0]
    assert {page["total"] for page in pages} == {4}
    assert len({slug for page in pages for slug in slugs(page)}) == 4


def test_limits_of_a_page_are_clamped(api: AdminApi) -> None:
    assert api.seen("organizations?limit=1000&offset=-3")["limit"] == 100
    assert api.seen("organizations?limit=0")["limit"] == 1
    assert refusal(api.admin("GET", "organizations?limit=x")) == (400, "BAD_REQUEST")


def test_a_tier_filters_and_other_words_do_not(api: AdminApi) -> None:
    api.made(slug="paid", plan_tier="pro")
    api.admin("DELETE", f"organizations/{api.made(slug='closed')['id']}")

    assert slugs(api.seen("organizations?plan_tier=pro")) == ["paid"]
    assert slugs(api.seen("organizations?plan_tier=deleted")) == ["closed"]
    assert api.seen("organizations?plan_tier=pro")["total"] == 1
    assert api.seen("organizations?plan_tier=gold")["total"] == 3


def test_a_search_looks_into_name_and_slug_in_any_case(api: AdminApi) -> None:
    api.made("Big Blue", "one")
    api.made("Other", "big-red")

    assert set(slugs(api.seen("organizations?search=BIG"))) == {"one", "big-red"}
    assert slugs(api.seen("organizations?search=g%20b")) == ["one"]
    assert slugs(api.seen("organizations?search=nothing")) == []


def test_a_search_has_no_wildcards(api: AdminApi) -> None:
    api.made("Big Blue", "one")

    assert slugs(api.seen("organizations?search=b_g")) == []
    assert api.seen("organizations?search=%25%27;--")["total"] == 0
    assert slugs(api.seen("organizations?search=B%25i%27g")) == ["one"]


@pytest.mark.parametrize("sort_by", ["name", "slug", "plan_tier", "created_at", "updated_at"])
def test_the_order_can_be_chosen_with_and_without_filters(api: AdminApi, sort_by: str) -> None:
    for name, tier in (("b first", "free"), ("a second", "starter"), ("c third", "pro")):
        api.skip(seconds=1)
        api.made(name, name.replace(" ", "-"), plan_tier=tier)

    for extra in ("", "&search=ir", "&search=e&plan_tier=free"):
        rows = [
            api.seen(f"organizations?sort_by={sort_by}&sort_order={order}{extra}")["organizations"]
            for order in ("asc", "desc")
        ]
        values = [row[sort_by] for row in rows[0]]
        assert values == sorted(values)
        assert rows[1] == rows[0][::-1]


def test_the_newest_comes_first_unless_told_otherwise(api: AdminApi) -> None:
    for slug in ("one", "two"):
        api.skip(seconds=1)
        api.made(slug=slug)

    for path in ("organizations", "organizations?sort_by=x&sort_order=y"):
        assert slugs(api.seen(path)) == ["two", "one", "default"]


# -- sums ------------------------------------------------------------------------------------


def test_the_sums_are_over_all_organizations(api: AdminApi) -> None:
    other = api.made(plan_tier="pro")["api_key"]["key"]
    api.enqueue()
    api.claimed("mails")
    api.dead("letters")
    done = api.claimed("done")
    api.post(f"jobs/{done['id']}/complete", json={})
    api.post("jobs", key=other, json={"queue_name": "emails", "payload": 1, "delay_seconds": 60})
    api.post("workers/register", key=other, json={"queue_name": "emails", "hostname": "h"})

    stats = api.seen("stats")

    assert stats["organizations"] == {
        "total": 2,
        "by_plan": [{"plan": "enterprise", "count": 1}, {"plan": "pro", "count": 1}],
        "created_today": 2,
        "created_this_week": 2,
    }
    assert stats["jobs"] == {
        "total_active": 3, "pending": 1, "processing": 1, "completed_24h": 1, "failed_24h": 1,
    }  # fmt: skip
    assert stats["workers"] == {"total": 1, "healthy": 1, "degraded": 0}
    assert stats["system"] == {"api_version": "v1", "uptime_seconds": 0}
    assert stats["jobs_by_status"] == {
        "pending": 1, "scheduled": 1, "processing": 1, "completed": 1, "failed": 0,
        "deadletter": 1, "cancelled": 0,
    }  # fmt: skip
    assert stats["organizations_by_plan"] == {"enterprise": 1, "pro": 1}
    assert (stats["total_organizations"], stats["active_organizations"]) == (2, 2)
    assert (stats["total_jobs"], stats["total_queues"], stats["total_api_keys"]) == (5, 5, 2)
    assert (stats["total_workers"], stats["active_workers"]) == (1, 1)
    assert [stats[f"{name}_jobs_24h"] for name in ("total", "completed", "failed")] == [5, 1, 1]


def test_what_is_a_day_old_is_not_of_the_day_any_more(api: AdminApi) -> None:
    api.made()
    api.dead()

    api.skip(seconds=86_400)

    stats = api.seen("stats")
    assert (stats["jobs"]["failed_24h"], stats["total_jobs_24h"]) == (0, 0)
    assert stats["organizations"]["created_today"] == 0
    assert stats["organizations"]["created_this_week"] == 2
    assert stats["jobs_by_status"]["deadletter"] == 1
    assert stats["system"]["uptime_seconds"] == 86_400


def test_a_closed_organization_counts_and_is_not_active(api: AdminApi) -> None:
    api.admin("DELETE", f"organizations/{api.made()['id']}")

    stats = api.seen("stats")

    assert stats["organizations_by_plan"] == {"enterprise": 1, "deleted": 1}
    assert (stats["total_organizations"], stats["active_organizations"]) == (2, 1)


def test_a_worker_that_was_not_heard_of_for_a_minute_does_not_count(api: AdminApi) -> None:
    api.post("workers/register", json={"queue_name": "emails", "hostname": "h"})

    api.skip(seconds=60)

    assert api.seen("stats")["workers"] == {"total": 0, "healthy": 0, "degraded": 0}


def test_the_plans_come_in_the_order_of_their_tiers(api: AdminApi) -> None:
    plans = api.seen("plans")

    assert [plan["tier"] for plan in plans] == list(TIERS)
    free = plans[0]
    assert (free["display_name"], free["max_active_jobs"], free["price"]) == ("Free", 10, None)
    assert free["description"]
    assert free["limits"]["max_active_jobs"] == 10
    for name, value in free["limits"].items():
        assert free[name] == value


# -- jobs, queues and workers of everybody ---------------------------------------------------


def test_jobs_of_all_organizations_tell_whose_they_are(api: AdminApi) -> None:
    made = api.made()
    own = api.enqueue()
    key = made["api_key"]["key"]
    other = api.post("jobs", key=key, json={"queue_name": "mails", "payload": {"a": 1}}).json()

    newest, oldest = api.seen("jobs")

    assert (newest["id"], newest["organization_id"]) == (other["id"], made["id"])
    assert (oldest["id"], oldest["organization_id"]) == (own["id"], api.served.org_id)
    job = api.seen(f"jobs/{other['id']}")
    assert (job["organization_id"], job["payload"]) == (made["id"], {"a": 1})


def test_jobs_of_all_organizations_come_in_pages_and_filtered(api: AdminApi) -> None:
    dead, waiting = api.dead("letters"), api.enqueue("emails")

    first = api.admin("GET", "jobs?limit=1")

    assert [job["id"] for job in first.json()] == [waiting["id"]]
    assert first.headers["x-has-more"] == "true"
    assert [job["id"] for job in api.seen("jobs?limit=1&offset=1")] == [dead["id"]]
    assert [job["id"] for job in api.seen("jobs?status=deadletter")] == [dead["id"]]
    assert [job["id"] for job in api.seen("jobs?queue_name=emails")] == [waiting["id"]]


def test_workers_and_queues_of_all_organizations_tell_whose_they_are(api: AdminApi) -> None:
    made = api.made()
    worker = {"queue_name": "emails", "hostname": "h", "worker_id": "w-1"}
    api.post("workers/register", key=made["api_key"]["key"], json=worker)
    api.put("queues/emails/config", key=made["api_key"]["key"], json={})
    api.put("queues/own/config", json={})

    [listed] = api.seen("workers")

    assert (listed["id"], listed["organization_id"]) == ("w-1", made["id"])
    assert api.seen("workers/w-1") == listed
    assert [(each["queue_name"], each["organization_id"]) for each in api.seen("queues")] == [
        ("own", api.served.org_id),
        ("emails", made["id"]),
    ]


def test_workflows_of_all_organizations_tell_whose_they_are(api: AdminApi) -> None:
    made = api.made()
    body = {"name": "w", "jobs": [{"key": "a", "queue_name": "q", "payload": {}}]}
    own = api.post("workflows", json=body).json()["id"]
    other = api.post("workflows", key=made["api_key"]["key"], json=body).json()["id"]
    api.post(f"workflows/{own}/cancel")

    assert [(each["id"], each["organization_id"]) for each in api.seen("workflows")] == [
        (other, made["id"]),
        (own, api.served.org_id),
    ]
    assert [each["id"] for each in api.seen("workflows?status=cancelled")] == [own]
    assert [each["id"] for each in api.seen("workflows?status=odd&limit=1&offset=1")] == [own]


def test_schedules_of_all_organizations_tell_whose_they_are(api: AdminApi) -> None:
    made = api.made()
    rule = {"name": "s", "cron_expression": "@daily", "queue_name": "q", "payload_template": {}}
    own = api.post("schedules", json=rule).json()
    other = api.post("schedules", key=made["api_key"]["key"], json=rule).json()
    gone = api.post("schedules", json=rule).json()["id"]
    api.delete(f"schedules/{gone}")
    paused = api.post(f"schedules/{own['id']}/pause").json()

    assert api.seen("schedules") == [other, paused]
    assert other["organization_id"] == made["id"]
    assert api.seen("schedules?is_active=false") == [paused]
    assert api.seen("schedules?is_active=1") == [other]
    first = api.admin("GET", "schedules?limit=1")
    assert (first.json(), first.headers["x-has-more"]) == ([other], "true")
    assert api.seen("schedules?limit=1&offset=1") == [paused]


@pytest.mark.parametrize("path", ["jobs", "workers"])
def test_what_is_not_there_is_not_found(api: AdminApi, path: str) -> None:
    assert refusal(api.admin("GET", f"{path}/{UNKNOWN_ID}")) == (404, "NOT_FOUND")


# -- the server itself -----------------------------------------------------------------------


def test_the_server_says_how_its_file_its_writer_and_its_loops_are(api: AdminApi) -> None:
    seen = api.seen("server")

    assert seen["database"]["bytes"] > 0
    assert seen["disk"]["free_bytes"] > seen["disk"]["reserve_bytes"] > 0
    assert seen["writer"]["state"] == "ok"
    assert set(seen["writer"]["lines"]) == {"settle", "claim", "house", "rest"}
    assert {"promote-due", "deliver", "fire-due"} <= {each["name"] for each in seen["loops"]}
    assert {each["failures"] for each in seen["loops"]} == {0}
    assert seen["backup"] is None


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "MISSING_ADMIN_KEY"),
        ({"Authorization": "Bearer the key"}, "MISSING_ADMIN_KEY"),
        ({"Authorization": f"Bearer {ADMIN_KEY}"}, "MISSING_ADMIN_KEY"),
        ({"X-API-Key": ADMIN_KEY}, "MISSING_ADMIN_KEY"),
        ({"X-Admin-Key": "the key"}, "INVALID_ADMIN_KEY"),
        ({"X-Admin-Key": ""}, "INVALID_ADMIN_KEY"),
        ({"X-Admin-Key": "x" * 30_000}, "INVALID_ADMIN_KEY"),
        ({"X-Admin-Key": b"\xe9"}, "INVALID_HEADER"),
    ],
)
def test_the_server_is_shown_to_the_admin_key_in_its_header_alone(
    api: AdminApi, headers: dict[str, str | bytes], code: str
) -> None:
    key = api.key.encode()
    sent = {
        name.encode(): (it.encode() if isinstance(it, str) else it).replace(b"the key", key)
        for name, it in headers.items()
    }
    path = f"admin/server?admin_key={ADMIN_KEY}&x-admin-key={ADMIN_KEY}"

    assert refusal(api.request("GET", path, key=None, headers=sent)) == (401, code)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_the_server_can_only_be_read(api: AdminApi, method: str) -> None:
    answer = api.admin(method, "server", content=b"x" * 1_000_000)

    assert refusal(answer) == (405, "METHOD_NOT_ALLOWED")


def test_each_setting_says_where_it_comes_from_and_no_secret_is_told() -> None:
    places = {"write_line_max": "variable SPOOLED_WRITE_LINE_MAX"}
    with AdminApi(write_line_max=500, jwt_secret="never to be told", given=places) as api:
        text = api.admin("GET", "server").text
        settings = {each["name"]: each for each in api.seen("server")["settings"]}

    assert settings["write_line_max"]["value"] == 500
    assert settings["write_line_max"]["source"] == "variable SPOOLED_WRITE_LINE_MAX"
    assert settings["port"] == {"name": "port", "value": 8080, "source": "default"}
    assert settings["jwt_secret"]["value"] == "set"
    assert settings["smtp_password"]["value"] is None
    assert "never to be told" not in text


def test_no_secret_of_the_settings_is_in_the_answer() -> None:
    secrets = {name: f"sk_test_{'x' * 12}_{name}" for name in SECRETS if name != "admin_key"}
    with AdminApi(**secrets) as api:
        text = api.admin("GET", "server").text
        values = {each["name"]: each["value"] for each in api.seen("server")["settings"]}

    assert {values[name] for name in SECRETS} == {"set"}
    for secret in (*secrets.values(), ADMIN_KEY):
        assert secret not in text
