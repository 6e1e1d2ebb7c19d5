"""Creating many jobs in one call: contract jobs, J10."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import UNKNOWN_ID, WatchedApi, problem, refusal, sent


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def bulk(api: WatchedApi, jobs: list[Any], **fields: Any) -> httpx.Response:
    return api.post("jobs/bulk", json={"queue_name": "emails", "jobs": jobs, **fields})


def test_the_answer_names_each_job_and_counts_them(api: WatchedApi) -> None:
    answer = bulk(api, [{"payload": 1}, {"payload": 2, "delay_seconds": 60}])

    body = answer.json()
    ids = [each["job_id"] for each in body["succeeded"]]
    assert answer.status_code == 200
    assert body == {
        "succeeded": [
            {"index": 0, "job_id": ids[0], "created": True},
            {"index": 1, "job_id": ids[1], "created": True},
        ],
        "failed": [],
        "total": 2,
        "success_count": 2,
        "failure_count": 0,
        "created": 2,
        "jobs": [{"id": ids[0], "status": "pending"}, {"id": ids[1], "status": "scheduled"}],
    }


def test_jobs_are_handed_out_in_the_order_of_the_list(api: WatchedApi) -> None:
    body = bulk(api, [{"payload": each} for each in range(100)]).json()

    assert [job["payload"] for job in api.claim(limit=100)] == list(range(100))
    assert body["success_count"] == 100


def test_defaults_of_the_call_give_way_to_the_item(api: WatchedApi) -> None:
    defaults = {"default_priority": 5, "default_max_retries": 0, "default_timeout_seconds": 9}
    own = {"priority": -5, "max_retries": 1, "timeout_seconds": 10}
    nulls = dict.fromkeys(own)

    body = bulk(api, [{"payload": 1}, {"payload": 2, **own}, {"payload": 3, **nulls}], **defaults)

    jobs = [api.job(each["job_id"]) for each in body.json()["succeeded"]]
    assert [tuple(job[name] for name in own) for job in jobs] == [(5, 0, 9), (-5, 1, 10), (5, 0, 9)]


def test_without_defaults_the_queue_decides(api: WatchedApi) -> None:
    api.post("queues", json={"name": "emails", "max_retries": 8, "timeout_seconds": 7})

    [made] = bulk(api, [{"payload": 1}]).json()["succeeded"]

    job = api.job(made["job_id"])
    assert (job["max_retries"], job["timeout_seconds"], job["priority"]) == (8, 7, 0)


def test_an_item_takes_every_field_of_a_job(api: WatchedApi) -> None:
    parent = api.enqueue("parents")["id"]
    item = {
        "queue": "other",
        "payload": {"a": 1},
        "scheduled_at": "2027-02-01T00:00:00.000Z",
        "expires_at": "2027-02-02T00:00:00.000Z",
        "idempotency_key": "k",
        "tags": ["t"],
        "parent_job_id": parent,
        "completion_webhook": "http://localhost/x",
    }

    [made] = api.shown("POST", "jobs/bulk", json={"jobs": [item]})["succeeded"]

    job = api.job(made["job_id"])
    assert {name: job[name] for name in item} == item


def test_items_may_be_spelled_in_any_way_and_payloads_stay_as_they_are(api: WatchedApi) -> None:
    raw = b'{ "b" : 1.0, "a":"\\u00e9" }'

    answer = sent(api, "POST", "jobs/bulk", b'{"queue":"a","jobs":[{"payload":' + raw + b"}]}")

    [made] = answer.json()["succeeded"]
    assert b'"payload":' + raw + b"," in api.get(f"jobs/{made['job_id']}").content


def test_the_same_key_twice_is_one_job(api: WatchedApi) -> None:
    known = api.enqueue(idempotency_key="known")["id"]
    item = {"payload": 1, "idempotency_key": "k"}

    body = bulk(api, [item, {"payload": 2, "idempotency_key": "known"}, item]).json()

    first, second, third = body["succeeded"]
    assert (first["created"], third["created"], first["job_id"]) == (True, False, third["job_id"])
    assert (second["created"], second["job_id"]) == (False, known)
    assert (body["success_count"], body["created"]) == (3, 1)


def test_items_that_store_nothing_make_no_queue(api: WatchedApi) -> None:
    api.enqueue(idempotency_key="k")

    bulk(api, [{"payload": 1, "idempotency_key": "k", "queue": "new"}])

    assert api.get("queues/new").status_code == 404


BAD_ITEMS: list[tuple[dict[str, Any], str]] = [
    ({"priority": 101}, "priority"),
    ({"max_retries": -1}, "max_retries"),
    ({"timeout_seconds": 0}, "timeout_seconds"),
    ({"delay_seconds": -1}, "delay_seconds"),
    ({"queue_name": ""}, "queue_name"),
    ({"queue": "a b"}, "queue"),
    ({"idempotency_key": "x" * 256}, "idempotency_key"),
    ({"tags": "x" * 65_535}, "tags"),
    ({"payload": "x" * 1_048_575}, "payload"),
    ({"completion_webhook": "nonsense"}, "completion_webhook"),
    ({"parent_job_id": UNKNOWN_ID}, "parent_job_id"),
]


@pytest.mark.parametrize(("fields", "field"), BAD_ITEMS)
def test_an_item_that_breaks_a_rule_fails_alone(
    api: WatchedApi, fields: dict[str, Any], field: str
) -> None:
    body = bulk(api, [{"payload": 1}, {"payload": 2, **fields}, {"payload": 3}]).json()

    [failed] = body["failed"]
    assert failed["index"] == 1
    assert f"jobs[1].{field}" in failed["error"]
    assert [each["index"] for each in body["succeeded"]] == [0, 2]
    assert (body["total"], body["success_count"], body["failure_count"]) == (3, 2, 1)
    assert api.shown("GET", "jobs/stats")["total"] == 2


def test_failures_come_in_the_order_of_the_list(api: WatchedApi) -> None:
    bad = [{"payload": 1, "parent_job_id": UNKNOWN_ID}, {"payload": 2, "priority": 500}]

    body = bulk(api, [*bad, *bad]).json()

    assert [each["index"] for each in body["failed"]] == [0, 1, 2, 3]
    assert body["succeeded"] == body["jobs"] == []


WRONG: list[tuple[dict[str, Any], tuple[int, str, str]]] = [
    ({"jobs": [{"payload": 1}, {}]}, (422, "jobs[1].payload", "missing_field")),
    ({"jobs": [{"payload": 1, "priority": "x"}]}, (422, "jobs[0].priority", "invalid_type")),
    ({"jobs": [{"payload": 1, "expires_at": "x"}]}, (422, "jobs[0].expires_at", "invalid_type")),
    ({"jobs": [{"payload": 1, "queue": 5}]}, (422, "jobs[0].queue", "invalid_type")),
    ({"jobs": [{"payload": 1}, 5]}, (422, "jobs[1]", "invalid_type")),
    ({"jobs": [None]}, (422, "jobs[0]", "invalid_type")),
    ({"jobs": [[]]}, (422, "jobs[0]", "invalid_type")),
    ({"jobs": {}}, (422, "jobs", "invalid_type")),
    ({"jobs": None}, (422, "jobs", "invalid_type")),
    ({}, (422, "jobs", "missing_field")),
    ({"jobs": []}, (400, "jobs", "length")),
    ({"jobs": [{"payload": 1}] * 101}, (400, "jobs", "length")),
    ({"jobs": [{"payload": 1}], "default_priority": 101}, (400, "default_priority", "range")),
    (
        {"jobs": [{"payload": 1}], "default_priority": "1"},
        (422, "default_priority", "invalid_type"),
    ),
    ({"jobs": [{"payload": 1}], "default_max_retries": 101}, (400, "default_max_retries", "range")),
    (
        {"jobs": [{"payload": 1}], "default_timeout_seconds": 0},
        (400, "default_timeout_seconds", "range"),
    ),
    ({"jobs": [{"payload": 1}], "queue_name": ""}, (400, "queue_name", "length")),
    ({"jobs": [{"payload": 1}], "queue_name": 5}, (422, "queue_name", "invalid_type")),
    (
        {"jobs": [{"payload": 1, "queue": "a"}, {"payload": 1}], "queue_name": None},
        (422, "jobs[1].queue_name", "missing_field"),
    ),
]  # fmt: skip


def test_a_wrong_call_is_refused_as_a_whole(api: WatchedApi) -> None:
    for body, expected in WRONG:
        answer = api.post("jobs/bulk", json={"queue_name": "emails", **body})

        assert problem(answer) == expected, body


def test_caps_are_checked_for_the_whole_call_first() -> None:
    with WatchedApi(":memory:", Settings(plan_enforcement="on")) as api:
        key = api.other_org(tier="free")
        item = {"payload": 1, "idempotency_key": "k"}

        def call(count: int) -> httpx.Response:
            jobs = [{"payload": 1}] * count + [item, item]
            return api.post("jobs/bulk", json={"queue": "a", "jobs": jobs}, key=key)

        refused = call(10)
        accepted = call(9)

        assert refusal(refused) == (429, "QUOTA_EXCEEDED")
        assert "retry-after" not in refused.headers
        assert accepted.json()["created"] == 10


def test_too_many_queues_store_nothing() -> None:
    with WatchedApi(":memory:", Settings(plan_enforcement="on")) as api:
        key = api.other_org(tier="free")
        jobs = [{"payload": 1, "queue": name} for name in ("a", "b", "c")]

        refused = api.post("jobs/bulk", json={"jobs": jobs}, key=key)

        assert refusal(refused) == (429, "QUOTA_EXCEEDED")
        assert refused.json()["resource"] == "queues"
