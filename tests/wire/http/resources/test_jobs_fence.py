"""Who may answer for a job, and leases that run out: contract jobs, section 6."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import UNKNOWN_ID, WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def settle(api: WatchedApi, job: dict[str, Any], act: str, **fields: Any) -> httpx.Response:
    return api.post(f"jobs/{job['id']}/{act}", json=fields)


ACTS: dict[str, dict[str, Any]] = {
    "complete": {},
    "fail": {"error": "e"},
    "heartbeat": {},
    "renew-lease": {},
    "progress": {"progress": 1},
}


@pytest.fixture(params=ACTS)
def act(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def refused(api: WatchedApi, job: dict[str, Any], act: str, **fields: Any) -> tuple[int, str, str]:
    answer = settle(api, job, act, **ACTS[act], **fields)
    return (*refusal(answer), answer.json()["message"])


def named(job: dict[str, Any], given: str) -> dict[str, Any]:
    """What a caller says of itself."""
    return {
        "none": {},
        "lease": {"lease_id": job["lease_id"]},
        "worker": {"worker_id": "w-1"},
        "both": {"lease_id": job["lease_id"], "worker_id": "w-1"},
        "empty": {"lease_id": "", "worker_id": ""},
    }[given]


def test_fence_1_an_unknown_job_is_404(api: WatchedApi, act: str) -> None:
    status, code, message = refused(api, {"id": UNKNOWN_ID}, act, lease_id="x")

    assert (status, code) == (404, "NOT_FOUND")
    assert UNKNOWN_ID not in message


@pytest.mark.parametrize("end", ["completed", "deadletter", "cancelled"])
def test_fence_2_and_3_a_finished_job_says_so_or_that_the_lease_is_lost(
    api: WatchedApi, act: str, end: str
) -> None:
    if end == "cancelled":
        job = api.enqueue()
        api.delete(f"jobs/{job['id']}")
    else:
        job = api.claimed()
        if end == "completed":
            settle(api, job, "complete")
        else:
            settle(api, job, "fail", error="e", no_retry=True)
    settled_by = job["lease_id"] if end != "cancelled" else None

    said = (409, "CONFLICT", f"Job is already {end}")
    assert refused(api, job, act) == said
    assert refused(api, job, act, lease_id=settled_by) == said
    assert refused(api, job, act, lease_id="other")[:2] == (409, "LEASE_EXPIRED")


def test_fence_4_and_5_a_waiting_job_is_held_by_nobody(api: WatchedApi, act: str) -> None:
    for job in (api.enqueue(), api.enqueue(delay_seconds=60)):
        lost = refused(api, job, act, lease_id="x")

        assert lost == (409, "LEASE_EXPIRED", "Lease expired")
        assert refused(api, job, act)[:2] == (409, "CONFLICT")
        assert refused(api, job, act, worker_id="w-1")[:2] == (409, "CONFLICT")


def test_fence_6_another_lease_is_refused(api: WatchedApi, act: str) -> None:
    job = api.claimed()

    status, code, message = refused(api, job, act, lease_id="other", worker_id="w-1")

    assert (status, code) == (409, "LEASE_EXPIRED")
    assert "does not match the job's current lease" in message


@pytest.mark.parametrize("given", ["none", "lease", "worker", "both"])
def test_fence_7_a_lease_that_is_over_is_refused_named_or_not(
    api: WatchedApi, act: str, given: str
) -> None:
    job = api.claimed()
    fields = named(job, given)
    api.skip(seconds=29.999)
    assert api.job(job["id"])["status"] == "processing"
    api.skip(seconds=0.001)

    assert refused(api, job, act, **fields) == (409, "LEASE_EXPIRED", "Lease expired")


def test_fence_8_another_worker_is_refused(api: WatchedApi, act: str) -> None:
    job = api.claimed()

    assert refused(api, job, act, worker_id="w-2")[:2] == (409, "CONFLICT")
    assert refused(api, job, act, worker_id="w-2", lease_id=job["lease_id"])[:2] == (
        409,
        "CONFLICT",
    )


@pytest.mark.parametrize("given", ["none", "lease", "worker", "both", "empty"])
def test_fence_9_otherwise_it_is_done(api: WatchedApi, act: str, given: str) -> None:
    job = api.claimed()

    answer = settle(api, job, act, **ACTS[act], **named(job, given))

    assert answer.json()["success"] is True


def test_a_late_answer_after_a_second_claim_changes_nothing(api: WatchedApi, act: str) -> None:
    before = api.claimed()
    api.clock.advance(seconds=30)
    api.until(f"jobs/{before['id']}", lambda shown: shown["status"] == "pending")
    [after] = api.claim(worker_id="w-2")

    assert refused(api, before, act, lease_id=before["lease_id"])[:2] == (409, "LEASE_EXPIRED")
    assert refused(api, before, act, worker_id="w-1")[:2] == (409, "CONFLICT")
    assert settle(api, after, "complete", lease_id=after["lease_id"]).status_code == 200


# -- leases that run out --------------------------------------------------------------------------


def test_a_lost_worker_costs_one_retry_and_no_delay(api: WatchedApi) -> None:
    job = api.claimed()

    api.clock.advance(seconds=30)

    shown = api.until(f"jobs/{job['id']}", lambda shown: shown["status"] == "pending")
    assert (shown["retry_count"], shown["lease_id"], shown["worker_id"]) == (1, None, None)
    assert shown["last_error"] == "Lease expired (worker timeout)"
    assert [each["id"] for each in api.claim()] == [job["id"]]
    assert api.history(job["id"]) == ["created", "claimed", "failed", "retried", "claimed"]


def test_a_worker_that_is_lost_too_often_leaves_a_dead_letter(api: WatchedApi) -> None:
    job = api.claimed(max_retries=0)

    api.clock.advance(seconds=30)

    shown = api.until(f"jobs/{job['id']}", lambda shown: shown["status"] == "deadletter")
    assert shown["last_error"] == "Max retries exceeded after lease expiration"
    assert api.history(job["id"]) == ["created", "claimed", "failed", "deadlettered"]


def test_a_settled_job_owes_its_completion_webhook_as_a_row(api: WatchedApi) -> None:
    job = api.claimed(completion_webhook="http://localhost/x", completion_webhook_secret="s")

    settle(api, job, "complete", result=1)

    row = api.row("SELECT event, url, secret, status FROM deliveries")
    assert tuple(row) == ("job.completed", "http://localhost/x", "s", "pending")
