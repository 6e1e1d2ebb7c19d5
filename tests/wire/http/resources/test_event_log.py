"""The list of what happened last."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.wire.realtime import recent
from tests.wire.http.job_calls import WatchedApi, problem, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def listed(api: WatchedApi, query: str = "", **more: Any) -> list[dict[str, Any]]:
    answer = api.get(f"events/log?{query}", **more)
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()
    return rows


def kinds(rows: list[dict[str, Any]]) -> list[str]:
    return [row["type"] for row in rows]


def test_the_newest_event_comes_first_with_the_data_of_the_stream(api: WatchedApi) -> None:
    job = api.claimed(priority=5)

    rows = listed(api)

    assert kinds(rows) == ["job.status", "job.started", "job.created"]
    status, started, created = rows
    assert status["id"] == started["id"] > created["id"]
    assert created["data"] == {
        "job_id": job["id"], "queue_name": "emails", "priority": 5, "status": "pending",
        "timestamp": "2027-01-15T08:00:00.000Z",
    }  # fmt: skip


def test_a_list_goes_on_where_it_ended_and_parts_no_change(api: WatchedApi) -> None:
    api.claimed()
    api.dead("others")

    answer = api.get("events/log?limit=1")
    first = answer.json()
    pages = [first]
    while pages[-1]:
        pages.append(listed(api, f"limit=1&before={pages[-1][-1]['id']}"))

    assert kinds(first) == ["job.status", "job.deadlettered", "job.failed"]
    assert [row for page in pages for row in page] == listed(api)
    assert [len(page) for page in pages] == [3, 2, 1, 2, 1, 0]
    assert answer.headers["x-has-more"] == "true"
    assert api.get("events/log").headers["x-has-more"] == "false"


def test_the_filters_of_the_stream_hold(api: WatchedApi) -> None:
    job = api.claimed()
    api.enqueue("others")

    assert kinds(listed(api, "events=JobCreated,job.started")) == [
        "job.created", "job.started", "job.created",
    ]  # fmt: skip
    assert kinds(listed(api, "queue=oth*")) == ["job.created"]
    assert len(listed(api, f"job_id={job['id']}")) == 3
    assert listed(api, "events=nothing") == []
    assert problem(api.get("events/log?queue=a/b"))[:2] == (400, "queue")
    assert refusal(api.get("events/log?before=last")) == (400, "BAD_REQUEST")


def test_a_key_sees_what_its_stream_would_tell(api: WatchedApi) -> None:
    api.enqueue()
    api.enqueue("secret")
    key = api.issue(queues=("emails",))

    assert [row["data"]["queue_name"] for row in listed(api, key=key)] == ["emails"]
    assert refusal(api.get("events/log?queue=secret", key=key)) == (403, "ACCESS_DENIED")
    assert listed(api, key=api.other_org()) == []


def test_an_answer_ends_when_it_is_large(api: WatchedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recent, "BYTES_MAX", 300)
    for _ in range(9):
        api.enqueue()

    answer = api.get("events/log")

    assert len(json.dumps(answer.json())) < 1_000
    assert answer.headers["x-has-more"] == "true"


def test_a_list_shows_no_more_than_is_kept_however_far_it_looks(api: WatchedApi) -> None:
    for _ in range(6):
        api.post("jobs/bulk", json={"queue": "emails", "jobs": [{"payload": 1}] * 100})

    assert len(listed(api, "limit=9999")) == 500
    assert listed(api, "events=job.failed&limit=9999") == []
