"""Finding jobs: contract jobs, J3, J8, J9 and J17."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, UNKNOWN_ID, WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


# -- J3 -------------------------------------------------------------------------------------------


def test_a_finished_job_shows_its_life(api: WatchedApi) -> None:
    job = api.claimed(lease_duration_secs=30)
    api.clock.advance(seconds=2)
    api.post(f"jobs/{job['id']}/complete", json={"result": {"ok": True}, "worker_id": "w-1"})

    shown = api.job(job["id"])

    expected = {
        "status": "completed",
        "result": {"ok": True},
        "attempts": 1,
        "attempt": 0,
        "retry_count": 0,
        "started_at": NOW,
        "completed_at": "2027-01-15T08:00:02.000Z",
        "lease_id": None,
        "lease_expires_at": None,
    }
    assert {name: shown[name] for name in expected} == expected


def test_the_history_comes_along_when_it_is_asked_for(api: WatchedApi) -> None:
    job = api.claimed()

    plain = api.job(job["id"])
    shown = api.shown("GET", f"jobs/{job['id']}?include=x,history")

    assert "history" not in plain
    assert "history" not in api.shown("GET", f"jobs/{job['id']}?include=prehistory")
    assert [(row["status"], row["at"]) for row in shown["history"]] == [
        ("created", NOW),
        ("claimed", NOW),
    ]
    rows: Any = api.shown("GET", f"jobs/{job['id']}/history")
    assert [{**row, "status": row["event_type"], "at": row["created_at"]} for row in rows] == (
        shown["history"]
    )


# -- J8 -------------------------------------------------------------------------------------------


def test_statistics_count_every_status(api: WatchedApi) -> None:
    api.enqueue()
    api.enqueue(delay_seconds=5)
    api.claimed("other")
    api.post(f"jobs/{api.claimed('done')['id']}/complete")
    api.dead("dead")
    api.delete(f"jobs/{api.enqueue('gone')['id']}")

    stats = api.shown("GET", "jobs/stats")

    counts = dict.fromkeys(
        ("pending", "scheduled", "processing", "completed", "deadletter", "cancelled"), 1
    )
    assert {name: stats[name] for name in counts} == counts
    assert (stats["failed"], stats["total"], stats["claimed"]) == (0, 6, 1)
    assert stats["by_queue"]["emails"] == 2
    assert all(type(value) is int for name, value in stats.items() if name != "by_queue")


def test_statistics_can_be_of_one_queue(api: WatchedApi) -> None:
    api.enqueue("a")
    api.enqueue("b")

    assert api.shown("GET", "jobs/stats?queue_name=a")["total"] == 1
    assert api.shown("GET", "jobs/stats?queue_name=unknown")["total"] == 0


# -- J9 -------------------------------------------------------------------------------------------


def test_statuses_come_in_the_order_they_were_asked_for(api: WatchedApi) -> None:
    first, second = api.enqueue()["id"], api.enqueue()["id"]

    rows: Any = api.shown("GET", f"jobs/status?ids={second},%20{UNKNOWN_ID}%20,,{first},{second}")

    assert [row["id"] for row in rows] == [second, first]
    assert rows[1] == {
        "id": first,
        "status": "pending",
        "queue_name": "emails",
        "retry_count": 0,
        "attempt": 0,
        "max_retries": 3,
        "created_at": NOW,
        "started_at": None,
        "completed_at": None,
    }


def test_a_hundred_ids_are_the_bound(api: WatchedApi) -> None:
    assert api.get("jobs/status?ids=").json() == []
    assert api.get("jobs/status?ids=" + "a," * 100).json() == []
    assert refusal(api.get("jobs/status?ids=" + "a," * 101)) == (400, "BAD_REQUEST")
    assert refusal(api.get("jobs/status")) == (400, "BAD_REQUEST")


# -- J17 ------------------------------------------------------------------------------------------


def test_a_row_of_the_history_has_every_field(api: WatchedApi) -> None:
    job = api.claimed()

    created, claimed = api.get(f"jobs/{job['id']}/history").json()

    assert isinstance(created.pop("id"), str)
    assert created == {
        "job_id": job["id"],
        "event_type": "created",
        "worker_id": None,
        "details": {"queue": "emails", "status": "pending", "scheduled_at": None},
        "created_at": NOW,
    }
    assert claimed["worker_id"] == "w-1"
    assert claimed["details"] == {
        "worker_id": "w-1",
        "lease_id": job["lease_id"],
        "lease_expires_at": job["lease_expires_at"],
    }


def test_the_history_tells_every_transition(api: WatchedApi) -> None:
    job = api.claimed(max_retries=1)
    path = f"jobs/{job['id']}"
    api.clock.advance(seconds=1.5)
    api.post(f"{path}/fail", json={"error": "one"})
    api.clock.advance(seconds=1)
    api.claim()
    api.post(f"{path}/fail", json={"error": "two"})
    api.post(f"{path}/retry")
    api.claim()
    api.clock.advance(seconds=0.25)
    api.post(f"{path}/complete")

    rows = api.get(f"{path}/history").json()
    me = api.get("auth/me").json()
    by_call = {"reason": "by call", "by": me["name"], "by_key_id": me["api_key_id"]}

    assert [(row["event_type"], row["details"]) for row in rows if row["event_type"] != "claimed"][
        1:
    ] == [
        ("failed", {"error": "one", "retry_count": 0, "will_retry": True}),
        (
            "retried",
            {"retry_count": 1, "next_run": "2027-01-15T08:00:02.500Z", "reason": "one"},
        ),
        ("failed", {"error": "two", "retry_count": 1, "will_retry": False}),
        ("deadlettered", {"error": "two", "total_retries": 1}),
        (
            "retried",
            {"retry_count": 2, "next_run": "2027-01-15T08:00:02.500Z", **by_call},
        ),
        ("completed", {"duration_ms": 250}),
    ]


def test_the_history_can_be_turned_and_paged(api: WatchedApi) -> None:
    job = api.claimed()
    api.post(f"jobs/{job['id']}/complete")
    path = f"jobs/{job['id']}/history"

    last = api.get(f"{path}?order_dir=DESC&limit=1")
    rest = api.get(f"{path}?order_dir=desc&limit=0&offset=2")

    assert [row["event_type"] for row in last.json()] == ["completed"]
    assert [row["event_type"] for row in rest.json()] == ["created"]
    assert (last.headers["x-has-more"], rest.headers["x-has-more"]) == ("true", "false")
    assert len(api.get(f"{path}?limit=9999&offset=-1&order_dir=nonsense").json()) == 3
    assert refusal(api.get(f"{path}?limit=x")) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("path", ["", "/history", "/dependencies"])
def test_an_unknown_job_is_404(api: WatchedApi, path: str) -> None:
    refused = api.get(f"jobs/{UNKNOWN_ID}{path}")

    assert refusal(refused) == (404, "NOT_FOUND")
    assert UNKNOWN_ID not in refused.text
