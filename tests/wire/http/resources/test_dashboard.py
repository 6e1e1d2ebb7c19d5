"""The figures of the home page. Contract: platform, section 12."""

from collections.abc import Iterator
from typing import Any

import pytest

import spooled_lite
from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def complete(api: WatchedApi, job: dict[str, Any]) -> None:
    api.shown("POST", f"jobs/{job['id']}/complete", json={})


def test_a_new_server_shows_zeros(api: WatchedApi) -> None:
    shown = api.shown("GET", "dashboard")

    assert shown["system"] == {
        "version": spooled_lite.__version__,
        "uptime_seconds": 0,
        "started_at": "2027-01-15T08:00:00.000Z",
        "database_status": "healthy",
        "cache_status": "healthy",
        "environment": "development",
    }
    assert shown["jobs"] == {
        "total": 0, "pending": 0, "processing": 0, "completed_24h": 0, "failed_24h": 0,
        "deadletter": 0, "avg_wait_time_ms": None, "avg_processing_time_ms": None,
    }  # fmt: skip
    assert shown["queues"] == []
    assert shown["workers"] == {"total": 0, "healthy": 0, "unhealthy": 0}
    assert shown["recent_activity"] == {
        "jobs_created_1h": 0, "jobs_completed_1h": 0, "jobs_failed_1h": 0,
    }  # fmt: skip


def test_jobs_are_counted_by_where_they_stand(api: WatchedApi) -> None:
    api.enqueue("a")
    api.claimed("b")
    api.dead("c")
    complete(api, api.claimed("d"))
    api.enqueue("e", delay_seconds=60)

    shown = api.shown("GET", "dashboard")

    assert shown["jobs"] == {
        "total": 5, "pending": 1, "processing": 1, "completed_24h": 1, "failed_24h": 1,
        "deadletter": 1, "avg_wait_time_ms": 0, "avg_processing_time_ms": 0,
    }  # fmt: skip
    assert shown["recent_activity"] == {
        "jobs_created_1h": 5, "jobs_completed_1h": 1, "jobs_failed_1h": 1,
    }  # fmt: skip


def test_what_was_done_still_counts_when_its_queue_is_deleted(api: WatchedApi) -> None:
    complete(api, api.claimed("kept"))
    complete(api, api.claimed("gone"))

    assert api.request("DELETE", "queues/gone?delete_jobs=true").is_success

    assert api.shown("GET", "dashboard")["jobs"]["completed_24h"] == 2
    assert api.shown("GET", "dashboard")["recent_activity"]["jobs_completed_1h"] == 2


def test_waiting_and_processing_are_averaged_in_whole_milliseconds(api: WatchedApi) -> None:
    for wait, work in ((1.0, 2.0), (2.001, 3.0)):
        api.enqueue()
        api.skip(seconds=wait)
        [job] = api.claim()
        api.skip(seconds=work)
        complete(api, job)

    jobs = api.shown("GET", "dashboard")["jobs"]

    assert (jobs["avg_wait_time_ms"], jobs["avg_processing_time_ms"]) == (1_500, 2_500)


def test_the_hour_and_the_day_pass(api: WatchedApi) -> None:
    complete(api, api.claimed())
    api.dead()

    api.skip(seconds=3_600)
    after_an_hour = api.shown("GET", "dashboard")
    api.skip(seconds=86_400)
    after_a_day = api.shown("GET", "dashboard")

    assert set(after_an_hour["recent_activity"].values()) == {0}
    assert after_an_hour["jobs"]["completed_24h"] == after_an_hour["jobs"]["failed_24h"] == 1
    assert after_a_day["jobs"]["completed_24h"] == after_a_day["jobs"]["failed_24h"] == 0
    assert after_a_day["jobs"]["avg_wait_time_ms"] is None
    assert after_a_day["jobs"]["deadletter"] == 1
    assert after_a_day["system"]["uptime_seconds"] == 90_000


def test_twenty_queues_are_shown_by_name_and_all_are_counted(api: WatchedApi) -> None:
    for number in range(21, 0, -1):
        api.enqueue(f"q{number:02}")
    api.claim("q01")
    api.post("queues/q02/pause")

    shown = api.shown("GET", "dashboard")

    assert [queue["name"] for queue in shown["queues"]] == [f"q{n:02}" for n in range(1, 21)]
    assert shown["queues"][:2] == [
        {"name": "q01", "pending": 0, "processing": 1, "paused": False},
        {"name": "q02", "pending": 1, "processing": 0, "paused": True},
    ]
    assert shown["jobs"]["total"] == 21


def test_a_worker_counts_for_a_minute_after_it_was_heard_of(api: WatchedApi) -> None:
    for worker in ("w-1", "w-2", "w-3"):
        api.post(
            "workers/register",
            json={"queue_name": "emails", "hostname": "h", "worker_id": worker},
        )
    api.post("workers/w-2/heartbeat", json={"status": "degraded"})
    api.post("workers/w-3/deregister")

    now = api.shown("GET", "dashboard")
    api.skip(seconds=60)
    later = api.shown("GET", "dashboard")

    assert now["workers"] == {"total": 2, "healthy": 1, "unhealthy": 1}
    assert later["workers"] == {"total": 0, "healthy": 0, "unhealthy": 0}


def test_one_client_finds_its_figures_at_the_top(api: WatchedApi) -> None:
    complete(api, api.claimed())
    api.dead()
    api.enqueue()
    api.post("workers/register", json={"queue_name": "emails", "hostname": "h"})

    shown = api.shown("GET", "dashboard")

    names = (
        "total_jobs", "pending_jobs", "processing_jobs", "completed_jobs", "failed_jobs",
        "dead_letter_jobs", "total_workers", "healthy_workers", "avg_wait_time_ms",
        "avg_processing_time_ms",
    )  # fmt: skip
    assert [shown[name] for name in names] == [3, 1, 0, 1, 1, 1, 1, 1, 0, 0]


def test_a_key_sees_the_figures_of_its_queues_only(api: WatchedApi) -> None:
    api.enqueue("emails")
    api.enqueue("secret")
    for queue_name in ("emails", "secret"):
        api.post("workers/register", json={"queue_name": queue_name, "hostname": "h"})

    shown = api.shown("GET", "dashboard", key=api.issue(queues=("emails",)))

    assert [queue["name"] for queue in shown["queues"]] == ["emails"]
    assert (shown["jobs"]["total"], shown["workers"]["total"]) == (1, 1)
    assert shown["recent_activity"]["jobs_created_1h"] == 1


def test_another_organization_sees_nothing_of_it(api: WatchedApi) -> None:
    api.enqueue()

    shown = api.shown("GET", "dashboard", key=api.other_org())

    assert (shown["jobs"]["total"], shown["queues"]) == (0, [])


def test_the_other_name_answers_the_same(api: WatchedApi) -> None:
    api.enqueue()

    assert api.get("dashboard/overview").json() == api.get("dashboard").json()


def test_a_key_is_needed(api: WatchedApi) -> None:
    assert refusal(api.get("dashboard", key=None)) == (401, "UNAUTHORIZED")
