"""Why a job is not running, over HTTP."""

from collections.abc import Iterator

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, UNKNOWN_ID, WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def test_a_waiting_job_is_explained_with_all_that_keeps_it(api: WatchedApi) -> None:
    api.enqueue()
    job = api.enqueue(delay_seconds=60)
    api.post("queues/emails/pause", json={"reason": "night"})

    assert api.shown("GET", f"jobs/{job['id']}/explain") == {
        "id": job["id"],
        "queue_name": "emails",
        "status": "scheduled",
        "state": "waiting",
        "runnable_at": "2027-01-15T08:01:00.000Z",
        "reasons": [
            {"code": "queue_paused", "since": NOW, "text": "night"},
            {"code": "not_due", "until": "2027-01-15T08:01:00.000Z", "why": "delay"},
            {"code": "behind_others", "higher": 0, "older": 1, "is_more": False},
            {"code": "no_worker"},
        ],
        "clear": [
            "waits_for_parents",
            "rate_limit_full",
            "concurrency_full",
            "expires_before",
        ],
        "per_minute": 0.0,
        "starts_in_seconds": None,
        "workers": 0,
        "waiting_claims": 0,
        "last_claim_at": None,
    }


def test_every_other_reason_is_told_with_its_facts(api: WatchedApi) -> None:
    api.put("queues/emails", json={"rate_limit": 2, "max_concurrency": 1})
    parent = api.enqueue("parents")
    child = api.enqueue(parent_job_id=parent["id"])
    held = api.claimed()
    done = api.dead("parents", priority=5)

    [waits, full] = api.shown("GET", f"jobs/{child['id']}/explain")["reasons"]
    [runs] = api.shown("GET", f"jobs/{held['id']}/explain")["reasons"]
    [ended] = api.shown("GET", f"jobs/{done['id']}/explain")["reasons"]

    edge = {
        "job_id": parent["id"],
        "queue_name": "parents",
        "status": "pending",
        "condition": "success",
    }
    assert waits == {
        "code": "waits_for_parents", "mode": "all", "parents": [edge], "count": 1,
    }  # fmt: skip
    assert full == {"code": "concurrency_full", "limit": 1, "processing": 1}
    assert runs == {
        "code": "held", "since": NOW, "until": held["lease_expires_at"], "worker_id": "w-1",
    }  # fmt: skip
    assert ended == {"code": "finished", "status": "deadletter", "at": NOW}


def test_an_unknown_or_foreign_job_is_not_found(api: WatchedApi) -> None:
    job = api.enqueue()

    for answer in (
        api.get(f"jobs/{UNKNOWN_ID}/explain"),
        api.get(f"jobs/{job['id']}/explain", key=api.other_org()),
        api.get(f"jobs/{job['id']}/explain", key=api.issue(queues=("other",))),
    ):
        assert refusal(answer) == (404, "NOT_FOUND")
