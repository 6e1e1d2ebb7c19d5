"""Settling many jobs in one call: contract amendments, G4."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.wire.shapes.many_attempts import SETTLED_MAX
from tests.wire.http.job_calls import UNKNOWN_ID, WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def taken(api: WatchedApi, count: int, **fields: Any) -> list[dict[str, Any]]:
    for _ in range(count):
        api.enqueue(**fields)
    return api.claim(limit=count)


def said(job: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": job["id"], "lease_id": job["lease_id"], **more}


def settled(api: WatchedApi, *jobs: Any) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = api.shown("POST", "jobs/settle", json={"jobs": jobs})["results"]
    return results


def test_each_job_is_completed_failed_or_handed_back_in_order(api: WatchedApi) -> None:
    one, two, three, four, five = taken(api, 5)

    results = settled(
        api,
        said(one, result={"n": 1}),
        said(two, error="boom"),
        said(three, error="boom", final=True),
        said(four, released=True),
        said(five, error="boom", retry_after_ms=90_500, worker_id="w-1"),
    )

    assert [each["id"] for each in results] == [
        each["id"] for each in (one, two, three, four, five)
    ]
    assert results[0] == {"id": one["id"], "success": True, "status": "completed"}
    said_of_failures = [
        (each["status"], each["will_retry"], each["next_retry_delay_secs"]) for each in results[1:]
    ]
    assert said_of_failures == [
        ("pending", True, 1),
        ("deadletter", False, 0),
        ("pending", True, 0),
        ("pending", True, 91),
    ]
    assert api.job(one["id"])["result"] == {"n": 1}
    assert (api.job(two["id"])["retry_count"], api.job(four["id"])["retry_count"]) == (1, 0)
    assert api.history(one["id"]) == ["created", "claimed", "completed"]


def test_one_that_is_refused_changes_nothing_and_keeps_no_other_from_it(api: WatchedApi) -> None:
    api.post("queues", json={"name": "others"})
    first, lost, last = taken(api, 3)
    [other] = [api.claimed("others")]

    results = settled(
        api,
        said(first),
        said(lost, lease_id="another"),
        {"id": UNKNOWN_ID, "error": "e"},
        said(other, worker_id="w-2"),
        said(first),
        said(last, error="e"),
    )

    assert [each["success"] for each in results] == [True, False, False, False, False, True]
    assert results[1]["error"] == {
        "code": "LEASE_EXPIRED",
        "message": "The lease id does not match the job's current lease",
        "error": "lease_expired",
        "details": {"status": "processing", "by_this_lease": False, "reason": "superseded"},
    }
    codes = [each["error"]["code"] for each in results if not each["success"]]
    assert codes == ["LEASE_EXPIRED", "NOT_FOUND", "CONFLICT", "CONFLICT"]
    assert results[4]["error"]["details"] == {"status": "completed", "by_this_lease": True}
    assert [api.job(each["id"])["status"] for each in (first, lost, other, last)] == [
        *("completed", "processing", "processing", "pending"),
    ]


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"id": 5}, "VALIDATION_ERROR", "jobs[1].id"),
        ({"result": 1, "lease_id": 7}, "VALIDATION_ERROR", "jobs[1].lease_id"),
        ({"error": ""}, "VALIDATION_ERROR", "jobs[1].error"),
        ({"final": True}, "VALIDATION_ERROR", "jobs[1].error"),
        ({"retry_after_ms": -1}, "VALIDATION_ERROR", "jobs[1].retry_after_ms"),
        ({"released": True, "final": True}, "VALIDATION_ERROR", "jobs[1].released"),
        ({"error": "e", "result": 1}, "VALIDATION_ERROR", "jobs[1].result"),
        ({"result": "x" * 1_048_577}, "PAYLOAD_TOO_LARGE", "jobs[1].result"),
    ],
)
def test_one_with_a_wrong_field_fails_alone_and_says_which(
    api: WatchedApi, wrong: dict[str, Any], code: str, field: str
) -> None:
    good, bad = taken(api, 2)

    done, refused = settled(api, said(good), said(bad, **wrong))

    assert done["success"] is True
    assert (refused["success"], refused["error"]["code"]) == (False, code)
    assert field in refused["error"]["message"]
    assert api.job(bad["id"])["status"] == "processing"


def test_one_that_is_no_object_is_refused_without_an_id(api: WatchedApi) -> None:
    [refused] = settled(api, 5)

    assert (refused["id"], refused["success"]) == (None, False)


def test_jobs_of_queues_outside_the_key_are_as_unknown_ones(api: WatchedApi) -> None:
    job = api.claimed()
    key = api.shown("POST", "api-keys", 201, json={"name": "k", "queues": ["others"]})["key"]

    [refused] = api.shown("POST", "jobs/settle", key=key, json={"jobs": [said(job)]})["results"]

    assert refused["error"]["code"] == "NOT_FOUND"
    assert api.job(job["id"])["status"] == "processing"


@pytest.mark.parametrize("count", [0, SETTLED_MAX + 1])
def test_none_and_too_many_are_refused(api: WatchedApi, count: int) -> None:
    answer = api.post("jobs/settle", json={"jobs": [{"id": "x"}] * count})

    assert refusal(answer) == (400, "VALIDATION_ERROR")


def test_as_many_as_may_be_are_settled_with_large_results(api: WatchedApi) -> None:
    jobs = taken(api, SETTLED_MAX)

    results = settled(api, *(said(job, result="x" * 40_000) for job in jobs))

    assert all(each["success"] for each in results)
    assert len(api.job(jobs[-1]["id"])["result"]) == 40_000
