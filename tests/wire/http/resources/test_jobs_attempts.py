"""The worker's side of a job: contract jobs, section 6, J11-J16 and J23."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, WatchedApi, problem


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def settle(api: WatchedApi, job: dict[str, Any], act: str, **fields: Any) -> httpx.Response:
    return api.post(f"jobs/{job['id']}/{act}", json=fields)


# -- J11 ------------------------------------------------------------------------------------------


def test_a_claimed_job_has_every_field(api: WatchedApi) -> None:
    created = api.enqueue(payload={"a": 1}, tags=["t"], idempotency_key="k", priority=3)

    [job] = api.claim()

    assert len(job.pop("lease_id")) == 36
    assert job == {
        "id": created["id"],
        "queue_name": "emails",
        "queue": "emails",
        "status": "processing",
        "payload": {"a": 1},
        "priority": 3,
        "retry_count": 0,
        "attempts": 1,
        "max_retries": 3,
        "timeout_seconds": 300,
        "lease_expires_at": "2027-01-15T08:00:30.000Z",
        "tags": ["t"],
        "created_at": NOW,
        "started_at": NOW,
        "idempotency_key": "k",
        "workflow_id": None,
        "parent_job_id": None,
    }
    shown = api.job(created["id"])
    assert (shown["worker_id"], shown["assigned_worker_id"]) == ("w-1", "w-1")


def test_the_order_is_priority_then_age_then_as_stored(api: WatchedApi) -> None:
    first, second = api.enqueue()["id"], api.enqueue()["id"]
    api.clock.advance(seconds=1)
    late, urgent = api.enqueue()["id"], api.enqueue(priority=1)["id"]
    last = api.enqueue(priority=-1)["id"]

    jobs = api.claim(limit=100)

    assert [job["id"] for job in jobs] == [urgent, first, second, late, last]
    assert len({job["lease_id"] for job in jobs}) == 1


def test_nothing_to_claim_is_an_empty_list(api: WatchedApi) -> None:
    api.enqueue("paused")
    api.post("queues/paused/pause")

    for queue_name in ("unknown", "paused"):
        assert api.shown("POST", "jobs/claim", json={"queue": queue_name}) == {"jobs": []}
        answer = api.post("jobs/dequeue", json={"queue": queue_name})
        assert (answer.status_code, answer.content) == (200, b"null")


def test_limits_of_a_queue_are_kept_at_the_claim(api: WatchedApi) -> None:
    api.put("queues/one", json={"max_concurrency": 1})
    api.put("queues/two", json={"rate_limit": 2})
    for name in ("one", "two"):
        api.post("jobs/bulk", json={"queue": name, "jobs": [{"payload": 1}] * 5})

    assert len(api.claim("one", limit=5)) == 1
    assert api.claim("one", limit=5) == []
    assert len(api.claim("two", limit=5)) == 2
    assert api.claim("two", limit=5) == []
    api.clock.advance(seconds=1)
    assert len(api.claim("two", limit=5)) == 2


def test_the_lease_is_as_long_as_asked_for(api: WatchedApi) -> None:
    for seconds, ends_at in {
        None: "2027-01-15T08:00:30.000Z",
        0: "2027-01-15T08:00:30.000Z",
        5: "2027-01-15T08:00:05.000Z",
        3600: "2027-01-15T09:00:00.000Z",
    }.items():
        api.enqueue()

        [job] = api.claim(lease_duration_secs=seconds)

        assert job["lease_expires_at"] == ends_at


def test_the_default_lease_is_a_setting_for_claim_and_renew_alone() -> None:
    settings = Settings(worker_lease_duration_secs=60)
    with WatchedApi(":memory:", settings) as api:
        job = api.claimed()
        api.enqueue()
        taken = api.shown("POST", "jobs/dequeue", json={"queue": "emails"})
        renewed = api.shown("POST", f"jobs/{job['id']}/heartbeat", json={})

        assert job["lease_expires_at"] == "2027-01-15T08:01:00.000Z"
        assert taken["lease_expires_at"] == "2027-01-15T08:05:00.000Z"
        assert renewed["lease_expires_at"] == "2027-01-15T08:01:00.000Z"


CLAIM_RULES: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
    ({"queue_name": None}, (422, "queue_name", "missing_field")),
    ({"queue_name": 5}, (422, "queue_name", "invalid_type")),
    ({"queue_name": ""}, (400, "queue_name", "length")),
    ({"queue_name": "a b"}, (400, "queue_name", "invalid_queue_name")),
    ({"worker_id": ""}, (400, "worker_id", "length")),
    ({"worker_id": "x" * 256}, (400, "worker_id", "length")),
    ({"worker_id": 5}, (422, "worker_id", "invalid_type")),
    ({"lease_duration_secs": -1}, (400, "lease_duration_secs", "range")),
    ({"lease_duration_secs": 1}, (400, "lease_duration_secs", "range")),
    ({"lease_duration_secs": 4}, (400, "lease_duration_secs", "range")),
    ({"lease_duration_secs": 3601}, (400, "lease_duration_secs", "range")),
    ({"lease_duration_secs": "30"}, (422, "lease_duration_secs", "invalid_type")),
    ({"wait_ms": -1}, (400, "wait_ms", "range")),
    ({"wait_ms": 30_001}, (400, "wait_ms", "range")),
    ({"wait_ms": "1"}, (422, "wait_ms", "invalid_type")),
]
LIMIT_RULES: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
    ({"limit": 0}, (400, "limit", "range")),
    ({"limit": -1}, (400, "limit", "range")),
    ({"limit": 101}, (400, "limit", "range")),
    ({"limit": "1"}, (422, "limit", "invalid_type")),
]


def test_a_bad_field_of_a_claim_is_refused_by_name(api: WatchedApi) -> None:
    api.enqueue()

    for path in ("jobs/claim", "jobs/dequeue"):
        for fields, expected in CLAIM_RULES:
            answer = api.post(path, json={"queue_name": "emails", **fields})
            assert problem(answer) == expected, (path, fields)
    for fields, expected in LIMIT_RULES:
        assert problem(api.post("jobs/claim", json={"queue": "emails", **fields})) == expected


def test_fields_of_a_claim_may_be_null_or_unknown(api: WatchedApi) -> None:
    names = ("worker_id", "limit", "lease_duration_secs", "wait_ms", "queue_name")
    nothing: dict[str, Any] = dict.fromkeys(names)
    api.enqueue()

    [job] = api.shown("POST", "jobs/claim", json={**nothing, "queue": "emails", "x": 1})["jobs"]

    assert api.job(job["id"])["worker_id"]  # a generated name
    assert api.claim(worker_id="x" * 255) == []


# -- J12 ------------------------------------------------------------------------------------------


def test_a_dequeued_job_is_shown_in_full(api: WatchedApi) -> None:
    job_id = api.enqueue()["id"]
    api.enqueue()

    taken = api.shown("POST", "jobs/dequeue", json={"queue": "emails", "limit": 500})

    leased_until = taken.pop("leased_until")
    assert taken == api.job(job_id)
    assert (taken["status"], taken["attempts"]) == ("processing", 1)
    assert leased_until == taken["lease_expires_at"] == "2027-01-15T08:05:00.000Z"


# -- J13 ------------------------------------------------------------------------------------------


def test_a_completion_says_success_and_keeps_the_result(api: WatchedApi) -> None:
    results: tuple[Any, ...] = ({"a": [1]}, "text", 5, False, [], None)
    for result in results:
        job = api.claimed()

        answer = settle(api, job, "complete", result=result, worker_id=None, lease_id=None)

        assert (answer.status_code, answer.json()) == (200, {"success": True})
        assert api.job(job["id"])["result"] == result


def test_a_completed_job_keeps_its_last_error(api: WatchedApi) -> None:
    job = api.claimed()
    settle(api, job, "fail", error="boom")
    api.clock.advance(seconds=1)
    [again] = api.claim()

    settle(api, again, "complete")

    shown = api.job(job["id"])
    assert (shown["last_error"], shown["error"], shown["attempts"]) == ("boom", "boom", 2)


# -- J14 ------------------------------------------------------------------------------------------


def test_a_failure_waits_longer_each_time_and_ends_among_the_dead_letters(
    api: WatchedApi,
) -> None:
    job_id = api.enqueue(max_retries=8)["id"]

    for retry_count, delay in enumerate((1, 2, 4, 8, 16, 32, 60, 60)):
        [job] = api.claim()
        assert (job["retry_count"], job["attempts"]) == (retry_count, retry_count + 1)
        answer = settle(api, job, "fail", error=f"e{retry_count}")
        assert answer.json() == {
            "success": True,
            "will_retry": True,
            "next_retry_delay_secs": delay,
            "status": "pending",
        }
        shown = api.job(job_id)
        assert (shown["status"], shown["last_error"]) == ("pending", f"e{retry_count}")
        nothing = ("worker_id", "assigned_worker_id", "lease_id", "lease_expires_at")
        assert [shown[name] for name in nothing] == [None] * 4
        api.clock.advance(seconds=delay - 0.001)
        assert api.claim() == []
        api.clock.advance(seconds=0.001)
    [job] = api.claim()
    answer = settle(api, job, "fail", error="last")

    assert answer.json() == {
        "success": True,
        "will_retry": False,
        "next_retry_delay_secs": 0,
        "status": "deadletter",
    }
    shown = api.job(job_id)
    assert (shown["status"], shown["retry_count"], shown["attempts"]) == ("deadletter", 8, 9)
    assert shown["last_error"] == "last"
    assert shown["completed_at"] is not None


@pytest.mark.parametrize(
    ("queue", "delays"),
    [
        ({"retry_delay_seconds": 5}, [5, 10, 20]),
        (
            {"backoff_base_seconds": 2, "backoff_multiplier": 3, "backoff_max_seconds": 10},
            [2, 6, 10],
        ),
        ({"backoff_base_seconds": 0.5}, [1, 1, 2]),
        ({"settings": {"retry_delay_ms": 4000, "backoff_multiplier": 1}}, [4, 4, 4]),
        ({"settings": {"max_retry_delay_ms": 3000}}, [1, 2, 3]),
    ],
)
def test_a_queue_has_its_own_backoff(
    api: WatchedApi, queue: dict[str, Any], delays: list[int]
) -> None:
    api.put("queues/emails", json=queue)
    api.enqueue()

    for delay in delays:
        [job] = api.claim()
        answer = settle(api, job, "fail", error="e")
        assert answer.json()["next_retry_delay_secs"] == delay  # whole seconds, rounded up
        api.clock.advance(seconds=delay)


def test_no_retry_is_final_whatever_the_counter(api: WatchedApi) -> None:
    job = api.claimed()

    assert settle(api, job, "fail", error="e", no_retry=True).json()["status"] == "deadletter"
    again = api.claimed()
    assert settle(api, again, "fail", error="e", no_retry=None).json()["will_retry"] is True


@pytest.mark.parametrize("field", ["error", "reason", "error_message"])
def test_an_error_has_three_names(api: WatchedApi, field: str) -> None:
    job = api.claimed()

    assert settle(api, job, "fail", **{field: "x" * 2_048}).status_code == 200
    assert api.job(job["id"])["last_error"] == "x" * 2_048


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (422, "error", "missing_field")),
        ({"error": None}, (422, "error", "missing_field")),
        ({"error": 5}, (422, "error", "invalid_type")),
        ({"error": ""}, (400, "error", "length")),
        ({"released": True, "final": True}, (400, "released", "invalid_value")),
        ({"error": "e", "retry_after_ms": -1}, (400, "retry_after_ms", "range")),
        ({"reason": ""}, (400, "error", "length")),
        ({"error": "e", "no_retry": "yes"}, (422, "no_retry", "invalid_type")),
        ({"error": "e", "lease_id": 5}, (422, "lease_id", "invalid_type")),
        ({"error": "e", "worker_id": "x" * 256}, (400, "worker_id", "length")),
    ],
)
def test_a_bad_failure_is_refused(
    api: WatchedApi, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    job = api.claimed()

    assert problem(settle(api, job, "fail", **fields)) == expected


def test_a_long_error_is_cut_and_never_refused(api: WatchedApi) -> None:
    job = api.claimed()
    assert settle(api, job, "fail", error="x" * 100_000).status_code == 200
    assert api.job(job["id"])["last_error"] == "x" * 2_048


def test_a_failure_may_say_when_to_try_again(api: WatchedApi) -> None:
    job = api.claimed()
    answer = settle(api, job, "fail", error="busy", retry_after_ms=90_000).json()
    assert (answer["will_retry"], answer["next_retry_delay_secs"]) == (True, 90)
    api.clock.advance(seconds=89)
    assert api.claim() == []
    api.clock.advance(seconds=1)
    [again] = api.claim()
    assert again["retry_count"] == 1

    settle(api, again, "fail", error="busy", retry_after_ms=0)
    assert [each["retry_count"] for each in api.claim()] == [2]


def test_a_final_failure_is_a_dead_letter_whatever_it_says_of_time(api: WatchedApi) -> None:
    job = api.claimed()
    answer = settle(api, job, "fail", error="never", final=True, retry_after_ms=1).json()
    assert (answer["will_retry"], answer["status"]) == (False, "deadletter")


def test_a_job_is_handed_back_without_an_attempt(api: WatchedApi) -> None:
    job = api.claimed()
    answer = settle(api, job, "fail", released=True)
    assert answer.json()["status"] == "pending"

    [again] = api.claim()
    assert (again["id"], again["retry_count"], again["attempts"]) == (job["id"], 0, 1)
    assert api.history(job["id"]) == ["created", "claimed", "released", "claimed"]
    stale = settle(api, job, "fail", released=True, lease_id=job["lease_id"])
    assert stale.status_code == 409

    settle(api, again, "fail", released=True, retry_after_ms=5_000)
    assert api.claim() == []
    api.clock.advance(seconds=5)
    [last] = api.claim()
    assert (last["retry_count"], api.job(job["id"])["last_error"]) == (0, None)


# -- J15, J23 -------------------------------------------------------------------------------------


@pytest.mark.parametrize("act", ["heartbeat", "renew-lease"])
@pytest.mark.parametrize(
    ("fields", "ends_at"),
    [
        ({}, "2027-01-15T08:00:40.000Z"),
        ({"lease_duration_secs": 0}, "2027-01-15T08:00:40.000Z"),
        ({"lease_duration_secs": None}, "2027-01-15T08:00:40.000Z"),
        ({"lease_duration_secs": 5}, "2027-01-15T08:00:15.000Z"),
        ({"lease_duration_secs": 3600}, "2027-01-15T09:00:10.000Z"),
        ({"extension_secs": 60}, "2027-01-15T08:01:10.000Z"),
        ({"extension_seconds": 60}, "2027-01-15T08:01:10.000Z"),
    ],
)
def test_a_lease_is_renewed_from_now(
    api: WatchedApi, act: str, fields: dict[str, Any], ends_at: str
) -> None:
    job = api.claimed()
    api.clock.advance(seconds=10)

    answer = settle(api, job, act, lease_id=job["lease_id"], worker_id="w-1", **fields)

    assert answer.json() == {"success": True, "lease_expires_at": ends_at}
    assert api.job(job["id"])["lease_expires_at"] == ends_at
    assert api.history(job["id"]) == ["created", "claimed"]


@pytest.mark.parametrize("field", ["lease_duration_secs", "extension_secs", "extension_seconds"])
def test_a_renewal_out_of_range_is_refused_by_name(api: WatchedApi, field: str) -> None:
    job = api.claimed()

    for seconds in (-1, 4, 3601):
        refused = settle(api, job, "heartbeat", **{field: seconds})

        assert problem(refused) == (400, field, "range"), seconds


# -- J16 ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("progress", [0, 100, 12.5, 50])
def test_the_last_progress_is_shown(api: WatchedApi, progress: float) -> None:
    job = api.claimed()
    settle(api, job, "progress", progress=1, message="begun")

    answer = settle(api, job, "progress", progress=progress, message="half way", worker_id="w-1")

    assert answer.json() == {"success": True}
    raw = api.get(f"jobs/{job['id']}")
    assert (raw.json()["progress"], raw.json()["progress_message"]) == (progress, "half way")
    assert f'"progress":{progress},' in raw.text  # whole numbers have no fraction


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, (422, "progress", "missing_field")),
        ({"progress": None}, (422, "progress", "invalid_type")),
        ({"progress": "5"}, (422, "progress", "invalid_type")),
        ({"progress": -0.1}, (400, "progress", "range")),
        ({"progress": 100.1}, (400, "progress", "range")),
        ({"progress": 5, "message": 5}, (422, "message", "invalid_type")),
    ],
)
def test_a_bad_progress_is_refused(
    api: WatchedApi, fields: dict[str, Any], expected: tuple[int, str, str]
) -> None:
    assert problem(settle(api, api.claimed(), "progress", **fields)) == expected
