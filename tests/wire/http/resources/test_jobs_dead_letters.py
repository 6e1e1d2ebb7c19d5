"""Dead letters: contract jobs, section 10 (J20-J22)."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, UNKNOWN_ID, WatchedApi, problem, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def listed(api: WatchedApi, query: str = "") -> list[str]:
    rows: Any = api.shown("GET", f"jobs/dlq?{query}")
    return [row["id"] for row in rows]


# -- J20 -----------------------------------------------------------------------------------------


def test_a_row_is_a_full_job_with_its_type_and_its_error(api: WatchedApi) -> None:
    job = api.dead(payload={"job_type": "mail", "to": "a"})
    api.enqueue()

    answer = api.get("jobs/dlq")

    [row] = answer.json()
    more = {"job_type": "mail", "error_message": "boom", "last_failed_at": NOW}
    assert row == {**api.job(job["id"]), **more}
    assert (row["status"], row["payload"]["to"], row["error"]) == ("deadletter", "a", "boom")
    assert answer.headers["x-has-more"] == "false"


def test_the_list_is_newest_first_and_takes_the_query_of_jobs(api: WatchedApi) -> None:
    first = api.dead("a", tags=["t"])["id"]
    api.clock.advance(seconds=1)
    second = api.dead("b", payload={"job_type": "mail"}, priority=9)["id"]

    for query, ids in {
        "": [second, first],
        "order_dir=asc": [first, second],
        "order_by=priority": [second, first],
        "order_by=completed_at&order_dir=asc": [first, second],
        "queue=a": [first],
        "queue_name=b": [second],
        "status=completed": [second, first],
        "tag=t": [first],
        "job_type=mail": [second],
        "q=mai": [second],
        "created_after=2027-01-15T08:00:01": [second],
        "limit=1": [second],
        "limit=1&offset=1": [first],
    }.items():
        assert listed(api, query) == ids, query
    assert api.get("jobs/dlq?limit=1").headers["x-has-more"] == "true"


# -- J21 -----------------------------------------------------------------------------------------


def test_a_retry_puts_all_of_them_back_oldest_first(api: WatchedApi) -> None:
    ids = []
    for _ in range(2):
        ids.append(api.dead()["id"])
        api.clock.advance(seconds=1)

    answer = api.shown("POST", "jobs/dlq/retry")

    assert answer == {
        "retried_count": 2,
        "retried_jobs": ids,
        "job_ids": ids,
        "skipped_jobs": [],
    }
    shown = api.job(ids[0])
    expected = {
        "status": "pending",
        "retry_count": 0,
        "last_error": None,
        "scheduled_at": None,
        "completed_at": None,
        "lease_id": None,
        "worker_id": None,
    }
    assert {name: shown[name] for name in expected} == expected
    assert listed(api) == []
    assert [job["id"] for job in api.claim(limit=9)] == ids
    assert api.history(ids[0])[-2:] == ["retried", "claimed"]


def test_a_retry_of_many_steps_goes_in_passes_and_is_one_answer(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.lifecycle.retry.RETRY_MAX", 1)
    workflows = []
    for n in range(3):
        jobs = [
            {"key": "a", "queue": f"q{n}", "payload": 1},
            {"key": "b", "queue": "b", "payload": 1, "depends_on": "a"},
        ]
        made: Any = api.shown("POST", "workflows", 201, json={"name": "w", "jobs": jobs})
        [job] = api.claim(f"q{n}")
        api.shown("POST", f"jobs/{job['id']}/fail", json={"error": "no", "no_retry": True})
        workflows.append((made["id"], job["id"]))

    retried: Any = api.shown("POST", "jobs/dlq/retry")

    ids = [job_id for _, job_id in workflows]
    assert retried == {
        "retried_count": 3,
        "retried_jobs": ids,
        "job_ids": ids,
        "skipped_jobs": [],
    }
    for workflow_id, _ in workflows:
        found: Any = api.shown("GET", f"workflows/{workflow_id}")
        assert [job["status"] for job in found["jobs"]] == ["pending", "pending"]


def test_the_retry_can_be_narrowed(api: WatchedApi) -> None:
    a, b, c = (api.dead(name)["id"] for name in ("a", "b", "c"))
    waiting = api.enqueue()["id"]

    def retried(**fields: Any) -> Any:
        return api.shown("POST", "jobs/dlq/retry", json=fields)["retried_jobs"]

    assert retried(job_ids=[b, UNKNOWN_ID, waiting, b], queue_name="a") == [b]
    assert retried(job_ids=[]) == []
    assert retried(queue="unknown") == []
    assert retried(queue="a", job_ids=None, limit=None) == [a]
    assert retried(limit=1) == [c]


def test_children_of_a_retried_job_wait_again(api: WatchedApi) -> None:
    parent = api.claimed("parents", max_retries=0)
    child = api.enqueue(parent_job_id=parent["id"])["id"]
    api.post(f"jobs/{parent['id']}/fail", json={"error": "e"})
    assert api.job(child)["status"] == "cancelled"

    api.post("jobs/dlq/retry")

    shown = api.until(f"jobs/{child}", lambda shown: shown["status"] == "pending")
    assert shown["dependencies_met"] is False
    assert api.claim() == []


def test_a_retry_that_would_pass_the_cap_changes_nothing() -> None:
    with WatchedApi(":memory:", Settings(plan_enforcement="on")) as api:
        key = api.other_org(tier="free")

        def call(path: str, **fields: Any) -> Any:
            api.clock.advance(seconds=10)  # the plan limits the rate of requests too
            return api.post(path, json={"queue": "a", **fields}, key=key)

        call("jobs/bulk", jobs=[{"payload": 1, "max_retries": 0}] * 2)
        for job in call("jobs/claim", limit=2).json()["jobs"]:
            call(f"jobs/{job['id']}/fail", error="e")
        call("jobs/bulk", jobs=[{"payload": 1}] * 9)

        refused = call("jobs/dlq/retry")

        assert refusal(refused) == (429, "QUOTA_EXCEEDED")
        assert refused.json()["resource"] == "active_jobs"
        assert "retry-after" not in refused.headers
        assert call("jobs/dlq/retry", limit=1).json()["retried_count"] == 1


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"limit": 0}, (400, "limit", "range")),
        ({"limit": 101}, (400, "limit", "range")),
        ({"limit": "5"}, (422, "limit", "invalid_type")),
        ({"job_ids": "x"}, (422, "job_ids", "invalid_type")),
        ({"job_ids": ["x"] * 101}, (400, "job_ids", "length")),
        ({"queue_name": 5}, (422, "queue_name", "invalid_type")),
    ],
)
def test_a_bad_retry_is_refused(
    api: WatchedApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(api.post("jobs/dlq/retry", json=body)) == expected


# -- J22 -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [{}, {"confirm": False}, {"confirm": None}, {"confirm": "true"}, {"confirm": 1}]
)
def test_a_purge_has_to_be_confirmed(api: WatchedApi, body: dict[str, Any]) -> None:
    api.dead()

    assert refusal(api.post("jobs/dlq/purge", json=body)) == (400, "BAD_REQUEST")


def test_a_purge_removes_dead_letters_and_nothing_else(api: WatchedApi) -> None:
    dead = api.dead()["id"]
    waiting = api.enqueue()["id"]

    assert api.shown("POST", "jobs/dlq/purge", json={"confirm": True}) == {"purged_count": 1}

    assert refusal(api.get(f"jobs/{dead}")) == (404, "NOT_FOUND")
    assert api.job(waiting)["status"] == "pending"
    assert api.shown("GET", "jobs/stats")["total"] == 1


def test_the_purge_can_be_narrowed(api: WatchedApi) -> None:
    old = api.dead("a")["id"]
    api.clock.advance(seconds=60)
    api.dead("a")
    other = api.dead("b")["id"]

    def purged(**fields: Any) -> Any:
        return api.shown("POST", "jobs/dlq/purge", json={"confirm": True, **fields})["purged_count"]

    assert purged(queue="unknown") == 0
    assert purged(queue_name="") == 0
    assert purged(older_than="2027-01-15T08:00:00Z") == 0
    assert purged(older_than="2027-01-15T08:01:00", queue=None, limit=None) == 1
    assert api.get(f"jobs/{old}").status_code == 404
    assert purged(queue="a") == 1
    assert listed(api) == [other]


def test_a_purge_of_many_goes_in_passes_up_to_its_limit(api: WatchedApi) -> None:
    for _ in range(3):
        api.post("jobs/bulk", json={"queue": "a", "jobs": [{"payload": 1, "max_retries": 0}] * 80})
        for job in api.claim("a", limit=80):
            api.post(f"jobs/{job['id']}/fail", json={"error": "e"})

    def purged(**fields: Any) -> Any:
        return api.shown("POST", "jobs/dlq/purge", json={"confirm": True, **fields})["purged_count"]

    assert purged(limit=150) == 150
    assert purged(limit=10_000) == 90


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"limit": 0}, (400, "limit", "range")),
        ({"limit": 10_001}, (400, "limit", "range")),
        ({"older_than": "yesterday"}, (422, "older_than", "invalid_type")),
        ({"queue": 5}, (422, "queue", "invalid_type")),
    ],
)
def test_a_bad_purge_is_refused(
    api: WatchedApi, body: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    api.dead()

    assert problem(api.post("jobs/dlq/purge", json={"confirm": True, **body})) == expected
