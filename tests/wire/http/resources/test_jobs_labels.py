"""What a job may bring beside its payload: a concurrency key, a topic, headers; its other times.

Contract: catbird-capabilities, section 19.3 ("Extended existing endpoints"); amendments, G6.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def repeated(api: WatchedApi, status: int = 200, **fields: Any) -> Any:
    body = {"queue_name": "emails", "payload": 2, "concurrency_key": "k", **fields}
    return api.shown("POST", "jobs", status, json=body)


def test_a_second_job_with_the_key_of_one_that_is_not_finished_is_not_stored(
    api: WatchedApi,
) -> None:
    first = api.enqueue(concurrency_key="k", payload=1)

    again = repeated(api, priority=9)

    assert again == {**first, "created": False}
    assert again["concurrency_key"] == "k"
    assert api.history(first["id"]) == ["created"]
    assert api.shown("GET", "jobs/stats")["total"] == 1


def test_the_key_holds_while_the_job_runs_and_is_free_in_other_queues(api: WatchedApi) -> None:
    first = api.enqueue(concurrency_key="k")
    api.claim()

    assert repeated(api)["id"] == first["id"]
    assert repeated(api, 201, queue_name="bills")["id"] != first["id"]
    assert repeated(api, 201, concurrency_key="another")["id"] != first["id"]
    assert repeated(api, 201, concurrency_key="")["id"] != first["id"]


@pytest.mark.parametrize("end", ["complete", "cancel", "fail"])
def test_the_key_of_a_finished_job_is_free_again(api: WatchedApi, end: str) -> None:
    first = api.enqueue(concurrency_key="k")
    if end != "cancel":
        api.claim()
    body = {"error": "e", "no_retry": True} if end == "fail" else {}
    assert api.post(f"jobs/{first['id']}/{end}", json=body).is_success

    again = repeated(api, 201)

    assert again["id"] != first["id"]
    assert api.job(first["id"])["concurrency_key"] == "k"


def test_a_dead_letter_whose_key_another_job_has_cannot_come_back(api: WatchedApi) -> None:
    first, other = api.dead(concurrency_key="k"), api.dead()
    second = repeated(api, 201)

    answer = api.post(f"jobs/{first['id']}/retry")

    assert (answer.status_code, answer.json()["details"]) == (409, {"job_id": second["id"]})
    many = api.shown("POST", "jobs/dlq/retry", json={})
    assert (many["job_ids"], many["skipped_jobs"]) == ([other["id"]], [first["id"]])
    assert api.job(first["id"])["status"] == "deadletter"


def test_of_two_dead_letters_with_one_key_the_first_comes_back(api: WatchedApi) -> None:
    first = api.dead(concurrency_key="k")
    second = api.dead(concurrency_key="k")

    many = api.shown("POST", "jobs/dlq/retry", json={})

    assert (many["job_ids"], many["skipped_jobs"]) == ([first["id"]], [second["id"]])
    assert api.job(first["id"])["concurrency_key"] == "k"


def test_a_dead_letter_that_comes_back_has_its_key_again(api: WatchedApi) -> None:
    first = api.dead(concurrency_key="k")

    api.shown("POST", "jobs/dlq/retry", json={})

    assert repeated(api)["id"] == first["id"]


def test_a_job_that_comes_back_with_its_parent_leaves_a_taken_key_to_its_holder(
    api: WatchedApi,
) -> None:
    parent = api.enqueue(max_retries=0)
    child = api.enqueue(concurrency_key="k", parent_job_id=parent["id"])
    api.claim()
    api.post(f"jobs/{parent['id']}/fail", json={"error": "e"})
    api.until(f"jobs/{child['id']}", lambda job: job["status"] == "cancelled")
    second = repeated(api, 201)

    api.shown("POST", f"jobs/{parent['id']}/retry")

    api.until(f"jobs/{child['id']}", lambda job: job["status"] == "pending")
    assert repeated(api)["id"] == second["id"]


def test_a_job_that_has_expired_has_given_its_key_up(api: WatchedApi) -> None:
    first = api.enqueue(concurrency_key="k", expires_in_ms=500)
    api.clock.advance(seconds=1)

    assert repeated(api, 201)["id"] != first["id"]


def test_a_message_of_the_queue_that_has_the_key_stands_for_the_job(api: WatchedApi) -> None:
    api.post("queues", json={"name": "emails"})
    sent = api.shown(
        "POST", "queues/emails/messages", 201, json={"body": 1, "concurrency_key": "k"}
    )

    assert repeated(api)["id"] == sent["id"]


def test_jobs_of_one_bulk_call_with_the_same_key_become_one(api: WatchedApi) -> None:
    item = {"payload": 1, "concurrency_key": "k"}
    body = {"queue_name": "emails", "jobs": [item, {"payload": 2}, item]}

    answer = api.shown("POST", "jobs/bulk", json=body)

    stored = [each["created"] for each in answer["succeeded"]]
    first, _, third = answer["succeeded"]
    assert (stored, answer["created"]) == ([True, True, False], 2)
    assert first["job_id"] == third["job_id"]


def test_headers_and_topic_are_shown_and_handed_out(api: WatchedApi) -> None:
    made = api.enqueue(headers={"trace": "t-1"}, topic="user.created")
    labels = {"headers": {"trace": "t-1"}, "topic": "user.created"}

    [claimed] = api.shown("POST", "jobs/claim", json={"queue_name": "emails", "worker_id": "w"})[
        "jobs"
    ]

    for shown in (made, api.job(made["id"]), claimed):
        assert shown.items() >= labels.items()


def test_a_job_without_labels_is_shown_as_ever(api: WatchedApi) -> None:
    made = api.enqueue(headers=None, topic=None, concurrency_key=None)

    assert not {"headers", "topic", "concurrency_key", "kind"} & made.keys()


@pytest.mark.parametrize(
    ("field", "value", "status"),
    [
        ("headers", [1], 422),
        ("headers", {"a": "x" * 70_000}, 400),
        ("topic", "x" * 256, 400),
        ("concurrency_key", "x" * 256, 400),
        ("delay_ms", -1, 400),
        ("expires_in_ms", 0, 400),
        ("visible_at", "soon", 422),
    ],
)
def test_a_label_or_time_that_breaks_its_rule_is_refused(
    api: WatchedApi, field: str, value: Any, status: int
) -> None:
    body = {"queue_name": "emails", "payload": 1, field: value}

    assert refusal(api.post("jobs", json=body))[0] == status
    bulk = api.post("jobs/bulk", json={"queue_name": "emails", "jobs": [body]})
    assert bulk.status_code == 422 or bulk.json()["failure_count"] == 1


def test_the_other_spellings_of_the_times_of_a_job(api: WatchedApi) -> None:
    hidden = api.enqueue(visible_at="2027-01-15T09:00:00Z", delay_ms=5)
    delayed = api.enqueue(delay_ms=1_500, delay_seconds=60)
    expiring = api.enqueue(expires_in_ms=1_500)
    named = api.enqueue(expires_in_ms=1_500, expires_at="2027-01-16T08:00:00Z")

    assert hidden["scheduled_at"] == "2027-01-15T09:00:00.000Z"
    assert (delayed["status"], delayed["scheduled_at"]) == ("scheduled", "2027-01-15T08:00:01.500Z")
    assert expiring["expires_at"] == "2027-01-15T08:00:01.500Z"
    assert named["expires_at"] == "2027-01-16T08:00:00.000Z"
