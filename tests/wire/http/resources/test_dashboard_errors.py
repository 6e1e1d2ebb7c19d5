"""Errors over HTTP, and acts on all dead letters of one."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, WatchedApi, problem, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def dead(api: WatchedApi, error: str, queue_name: str = "emails") -> dict[str, Any]:
    job = api.claimed(queue_name, payload={"job_type": "mail"})
    api.shown("POST", f"jobs/{job['id']}/fail", json={"error": error, "no_retry": True})
    return job


def ids(answer: httpx.Response) -> list[str]:
    return [row["id"] for row in answer.json()]


def test_dead_letters_are_listed_by_error_and_retried_so(api: WatchedApi) -> None:
    dead(api, "HTTP 503")
    last = dead(api, "HTTP 504")
    other = dead(api, "boom")

    first, second = api.get("dashboard/errors").json()
    key = first.pop("key")
    body = {"action": "retry", "filter": {"error_key": key}}
    done = api.shown("POST", "jobs/actions", json=body)
    [left, gone] = api.get("dashboard/errors?kind=failing").json()

    assert first == {
        "title": "HTTP ?",
        "dead_count": 2,
        "failed_1h": 2,
        "first_at": NOW,
        "last_at": NOW,
        "queues": [{"name": "emails", "count": 2}],
        "job_types": ["mail"],
        "sample_job_id": last["id"],
        "retried": 0,
        "completed_since": 0,
    }
    assert done["done"] == 2
    assert (left["title"], left["dead_count"], left["retried"]) == ("HTTP ?", 0, 2)
    assert (gone["title"], gone["sample_job_id"]) == ("boom", other["id"])
    assert second["key"] == gone["key"]


def test_a_key_sees_errors_of_its_queues_only(api: WatchedApi) -> None:
    dead(api, "boom", "secret")
    key = api.issue(queues=("emails",))

    assert api.get("dashboard/errors", key=key).json() == []
    assert api.get("dashboard/errors", key=api.other_org()).json() == []


def test_the_dead_letters_of_an_error_are_listed_by_its_key(api: WatchedApi) -> None:
    first = dead(api, "HTTP 503")
    second = dead(api, "HTTP 504", "secret")
    dead(api, "boom")
    [key] = [row["key"] for row in api.get("dashboard/errors").json() if row["dead_count"] == 2]
    limited, other = api.issue(queues=("emails",)), api.other_org()

    for path in ("jobs", "jobs/dlq"):
        of_error = f"{path}?error_key={key}"
        assert ids(api.get(of_error)) == [second["id"], first["id"]]
        assert ids(api.get(f"{of_error}&queue=secret")) == [second["id"]]
        assert ids(api.get(f"{of_error}&status=completed")) == (
            [] if path == "jobs" else [second["id"], first["id"]]
        )
        assert ids(api.get(of_error, key=limited)) == [first["id"]]
        assert ids(api.get(of_error, key=other)) == []
        assert ids(api.get(f"{path}?error_key={'0' * 16}")) == []
        page = api.get(f"{of_error}&limit=1")
        assert (ids(page), page.headers["x-has-more"]) == ([second["id"]], "true")


@pytest.mark.parametrize("query", ["kind=odd", "since=yesterday", "limit=x"])
def test_a_bad_question_is_refused_with_its_name(api: WatchedApi, query: str) -> None:
    answer = api.get(f"dashboard/errors?{query}")

    assert refusal(answer) == (400, "BAD_REQUEST")
    assert f"`{query.partition('=')[0]}`" in answer.json()["message"]


def test_a_key_that_is_none_is_refused_with_its_field(api: WatchedApi) -> None:
    body = {"action": "retry", "filter": {"error_key": "boom"}}

    expected = (400, "filter.error_key", "invalid_value")
    assert problem(api.post("jobs/actions", json=body)) == expected
