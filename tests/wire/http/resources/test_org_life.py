"""An organization from its registration to the last of its rows."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from spooled_lite.cli.check import problems_of
from spooled_lite.core.maintenance.remove_org import NO_ORG
from tests.patience import looks
from tests.wire.http.access_table import (
    QUEUE,
    WITH_KEY,
    Home,
    Target,
    WholeFileApi,
    rows_of,
    told,
)

AN_HOUR_SECONDS = 3600


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "spooled.db")


@pytest.fixture
def api(path: str) -> Iterator[WholeFileApi]:
    with WholeFileApi(path) as it:
        yield it


@pytest.fixture
def home(api: WholeFileApi) -> Home:
    """A registered organization with something in each table."""
    return lived_in(api, "acme")


def lived_in(api: WholeFileApi, slug: str) -> Home:
    home = api.another_home(slug)
    api.a_dead_job(home)
    api.a_running_job(home)
    parent = api.a_job(home)["id"]
    child = {"queue_name": QUEUE, "payload": 2, "parent_job_id": parent}
    api.shown("POST", "jobs", 201, json=child, key=home.key)
    api.shown("POST", "jobs", 201, json={"queue_name": "sms", "payload": 1}, key=home.key)
    body = {"depends_on": [parent]}
    api.shown("POST", f"jobs/{api.a_job(home)['id']}/dependencies", json=body, key=home.key)
    api.a_worker(home, f"worker-of-{slug}")
    api.shown("POST", "api-keys", 201, json={"name": "second"}, key=home.key)
    return home


def usage(api: WholeFileApi, home: Home) -> Mapping[str, int]:
    seen = api.shown("GET", "organizations/usage", key=home.key)["usage"]
    return {name: item["current"] for name, item in seen.items()}


def limit(api: WholeFileApi, home: Home, limits: Mapping[str, int] | None) -> None:
    answer = api.admin("PATCH", f"organizations/{home.org_id}", json={"custom_limits": limits})
    assert answer.status_code == 200, answer.text
    assert answer.json()["custom_limits"] == limits


# -- seen and limited ----------------------------------------------------------------------------


def test_the_admin_sees_what_an_organization_has(api: WholeFileApi, home: Home) -> None:
    seen = api.admin("GET", f"organizations/{home.org_id}").json()
    [listed] = [
        row
        for row in api.admin("GET", "organizations").json()["organizations"]
        if row["id"] == home.org_id
    ]

    own = usage(api, home)
    assert {name: item["current"] for name, item in seen["usage_info"]["usage"].items()} == own
    for shown in (seen["usage"], listed["usage"]):
        assert shown == {name: own[name] for name in shown}
    assert (own["jobs_today"], own["active_jobs"], own["queues"]) == (6, 5, 2)
    assert (seen["api_keys_count"], seen["total_jobs"]) == (2, 6)
    assert home.key not in str(seen)


def a_queue(api: WholeFileApi, home: Home) -> httpx.Response:
    return api.put("queues/push/config", json={"max_retries": 1}, key=home.key)


def a_worker(api: WholeFileApi, home: Home) -> httpx.Response:
    body = {"queue_name": QUEUE, "hostname": "h", "worker_id": "one-more"}
    return api.post("workers/register", json=body, key=home.key)


def a_key(api: WholeFileApi, home: Home) -> httpx.Response:
    return api.post("api-keys", json={"name": "one more"}, key=home.key)


def a_job(api: WholeFileApi, home: Home) -> httpx.Response:
    return api.post("jobs", json={"queue_name": QUEUE, "payload": "x" * 100}, key=home.key)


@pytest.mark.parametrize("resource", ["jobs_today", "active_jobs", "queues", "workers", "api_keys"])
def test_a_limit_of_the_admin_counts_at_once(api: WholeFileApi, home: Home, resource: str) -> None:
    act = {"queues": a_queue, "workers": a_worker, "api_keys": a_key}.get(resource, a_job)
    field = "max_jobs_per_day" if resource == "jobs_today" else f"max_{resource}"
    now = usage(api, home)[resource]

    limit(api, home, {field: now})
    refused = act(api, home)
    limit(api, home, None)
    accepted = act(api, home)

    assert told(refused) == (429, "QUOTA_EXCEEDED")
    body = refused.json()
    assert (body["current"], body["limit"], body["plan"]) == (now, now, "free")
    assert "retry-after" not in refused.headers
    assert accepted.is_success


def test_a_payload_limit_of_the_admin_counts_at_once(api: WholeFileApi, home: Home) -> None:
    limit(api, home, {"max_payload_size_bytes": 50})

    assert told(a_job(api, home)) == (413, "PAYLOAD_TOO_LARGE")


def test_a_rate_of_the_admin_counts_at_once(api: WholeFileApi, home: Home) -> None:
    limit(api, home, {"rate_limit_requests_per_second": 1, "rate_limit_burst": 2})

    answers = [told(api.get("jobs", key=home.key)) for _ in range(3)]

    assert answers == [(200, ""), (200, ""), (429, "RATE_LIMIT_EXCEEDED")]


# -- closed, and opened again --------------------------------------------------------------------


def test_a_closed_organization_is_kept_and_comes_back(api: WholeFileApi, home: Home) -> None:
    off = api.shown("POST", "api-keys", 201, json={"name": "off"}, key=home.key)
    api.delete(f"api-keys/{off['id']}", key=home.key)
    calls = [Target("GET", path, None, home) for path in ("jobs", "queues", "organizations")]
    shown = [api.call(call).json() for call in calls[:2]]
    before = rows_of(api.state(), home.org)

    assert api.admin("DELETE", f"organizations/{home.org_id}").status_code == 204
    closed = [told(api.call(call)) for call in calls]
    kept = rows_of(api.state(), home.org)
    api.admin("PATCH", f"organizations/{home.org_id}", json={"plan_tier": "pro"})

    assert closed == [(401, "UNAUTHORIZED")] * 3
    for table in before.keys() - {"organizations", "api_keys"}:
        assert kept[table] == before[table], table
    assert [api.call(call).json() for call in calls[:2]] == shown
    assert told(api.get("jobs", key=off["key"])) == (401, "UNAUTHORIZED")


# -- removed -------------------------------------------------------------------------------------


def test_a_removed_organization_is_hidden_at_once(api: WholeFileApi, home: Home) -> None:
    calls = [api.target(name, home) for name in WITH_KEY if "DELETE" not in name]

    answer = api.admin("DELETE", f"organizations/{home.org_id}?hard_delete=true")

    assert answer.status_code == 204
    assert {told(api.call(call)) for call in calls} == {(401, "UNAUTHORIZED")}
    assert told(api.admin("GET", f"organizations/{home.org_id}")) == (404, "NOT_FOUND")
    listed = api.admin("GET", "organizations").json()
    assert home.org_id not in [row["id"] for row in listed["organizations"]]
    assert listed["total"] == len(listed["organizations"]) == 1
    assert api.get("organizations/check-slug?slug=acme", key=None).json()["available"]
    assert api.another_home("acme").org_id != home.org_id
    assert api.admin("GET", "workers").json() == []
    jobs = api.admin("GET", "jobs").json()
    assert home.org_id not in {job["organization_id"] for job in jobs}


def test_of_a_removed_organization_no_row_is_left(path: str) -> None:
    with WholeFileApi(path) as api:
        home, other = lived_in(api, "acme"), lived_in(api, "other")
        removed = api.another_home("empty")
        kept = rows_of(api.state(), other.org)
        for each in (home, removed):
            api.admin("DELETE", f"organizations/{each.org_id}?hard=true")

        api.emptied(home, removed)
        api.clock.advance(seconds=AN_HOUR_SECONDS)
        gone(api, home, removed)

        now = rows_of(api.state(), other.org)
        # An hour has passed for the other one as well: its lease has ended, its worker is offline.
        for table in ("organizations", "api_keys", "queues", "job_dependencies"):
            assert now[table] == kept[table], table
        assert len(now["jobs"]) == len(kept["jobs"])
        assert not_of_anybody(api.state()) == []
    assert problems_of(path) == []


def test_its_rows_go_although_the_server_is_started_anew(path: str) -> None:
    with WholeFileApi(path) as api:
        home = lived_in(api, "acme")
        api.admin("DELETE", f"organizations/{home.org_id}?hard=true")

    with WholeFileApi(path) as api:
        api.emptied(home)
        api.clock.advance(seconds=AN_HOUR_SECONDS)
        gone(api, home)
    assert problems_of(path) == []


def test_an_idle_organization_removes_itself(path: str) -> None:
    with WholeFileApi(path) as api:
        home = api.another_home("idle")
        job = api.a_job(home)["id"]
        target = Target("DELETE", f"organizations/{home.org_id}", None, home)
        assert told(api.call(target)) == (409, "CONFLICT")
        api.post(f"jobs/{job}/cancel", key=home.key)

        assert api.call(target).status_code == 204

        assert told(api.call(target)) == (401, "UNAUTHORIZED")
        api.emptied(home)
    assert problems_of(path) == []


def gone(api: WholeFileApi, *homes: Home) -> None:
    numbers = {home.org for home in homes}
    for _ in looks():
        if not numbers & {row["seq"] for row in api.state()["organizations"]}:
            return
    raise AssertionError("the row of the organization is still there")


def not_of_anybody(state: Mapping[str, list[dict[str, Any]]]) -> list[tuple[str, Any]]:
    """Rows of an organization, a job or a queue that there is not."""
    known = {
        "org": {NO_ORG, *(row["seq"] for row in state["organizations"])},
        "job": {row["seq"] for row in state["jobs"]},
        "parent": {row["seq"] for row in state["jobs"]},
        # The sums of an organization stand behind its number with a minus.
        "queue": {
            *(row["seq"] for row in state["queues"]),
            *(-row["seq"] for row in state["organizations"]),
        },
    }
    return [
        (table, row)
        for table, rows in state.items()
        for row in rows
        for name, there in known.items()
        if name in row and row[name] not in there
    ]
