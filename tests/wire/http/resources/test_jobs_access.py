"""Who may do what with which jobs: contract jobs, section 2.1; platform, sections 2.3 and 2.4."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, refusal


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


# Every route about one job, and a body that would do.
BY_ID: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "jobs/{id}", None),
    ("GET", "jobs/{id}/history", None),
    ("GET", "jobs/{id}/dependencies", None),
    ("DELETE", "jobs/{id}", None),
    ("POST", "jobs/{id}/cancel", None),
    ("POST", "jobs/{id}/retry", None),
    ("PUT", "jobs/{id}/priority", {"priority": 1}),
    ("POST", "jobs/{id}/complete", {}),
    ("POST", "jobs/{id}/fail", {"error": "e"}),
    ("POST", "jobs/{id}/heartbeat", {}),
    ("POST", "jobs/{id}/renew-lease", {}),
    ("POST", "jobs/{id}/progress", {"progress": 1}),
    ("POST", "jobs/{id}/dependencies", {"depends_on": ["{id}"]}),
]
# Every route that names a queue, outside of the scope of the key.
BY_QUEUE: list[tuple[str, dict[str, Any]]] = [
    ("jobs", {"queue": "hidden", "payload": 1}),
    ("jobs/bulk", {"queue": "hidden", "jobs": [{"payload": 1}]}),
    ("jobs/bulk", {"queue": "open", "jobs": [{"payload": 1}, {"payload": 1, "queue": "hidden"}]}),
    ("jobs/bulk", {"queue": "hidden", "jobs": [{"payload": 1, "priority": 500}]}),
    ("jobs/claim", {"queue": "hidden"}),
    ("jobs/claim", {"queue": "hidden", "wait_ms": 5000}),
    ("jobs/dequeue", {"queue": "hidden"}),
    ("jobs/dlq/retry", {"queue": "hidden"}),
    ("jobs/dlq/purge", {"queue": "hidden", "confirm": True}),
]
NO_BODY_ROUTES = [
    ("GET", "jobs"),
    ("GET", "jobs/stats"),
    ("GET", "jobs/status?ids="),
    ("GET", "jobs/dlq"),
]


def on_each_job(api: WatchedApi, job_ids: list[str], key: str) -> Iterator[httpx.Response]:
    """What every route about one job says to this key."""
    for method, path, body in BY_ID:
        for job_id in job_ids:
            if body is not None and "depends_on" in body:
                body = {"depends_on": [job_id]}
            yield api.request(method, path.replace("{id}", job_id), json=body, key=key)


def some_of_each(api: WatchedApi, queue_name: str) -> list[str]:
    """A job that waits, one that runs and a dead letter."""
    ids = [api.dead(queue_name)["id"], api.claimed(queue_name)["id"]]
    return [*ids, api.enqueue(queue_name)["id"]]


def test_a_job_outside_the_scope_is_like_one_that_is_not_there(api: WatchedApi) -> None:
    hidden = some_of_each(api, "hidden")

    answers = list(on_each_job(api, hidden, api.issue(queues=("open", "also*"))))

    assert {refusal(answer) for answer in answers} == {(404, "NOT_FOUND")}
    assert not any(job_id in answer.text for answer in answers for job_id in hidden)


def test_a_job_of_another_organization_is_like_one_that_is_not_there(api: WatchedApi) -> None:
    answers = list(on_each_job(api, some_of_each(api, "open"), api.other_org()))

    assert {refusal(answer) for answer in answers} == {(404, "NOT_FOUND")}


def test_a_queue_outside_the_scope_is_forbidden(api: WatchedApi) -> None:
    some_of_each(api, "hidden")
    key = api.issue(queues=("open",))

    for path, body in BY_QUEUE:
        refused = api.post(path, json=body, key=key)

        assert refusal(refused) == (403, "ACCESS_DENIED"), (path, body)


def test_lists_and_statistics_leave_out_what_is_hidden(api: WatchedApi) -> None:
    hidden, seen = some_of_each(api, "hidden"), some_of_each(api, "open")
    key = api.issue(queues=("open",))

    def shown(path: str) -> Any:
        return api.shown("GET", path, key=key)

    assert {row["id"] for row in shown("jobs")} == set(seen)
    assert {row["id"] for row in shown("jobs?order_by=completed_at")} == set(seen)
    assert shown("jobs?queue=hidden") == []
    assert [row["id"] for row in shown("jobs/dlq")] == seen[:1]
    assert shown("jobs/dlq?queue_name=hidden") == []
    assert shown("jobs/stats")["total"] == 3
    assert shown("jobs/stats")["by_queue"] == {"open": 3}
    assert shown("jobs/stats?queue_name=hidden")["total"] == 0
    ids = ",".join([*hidden, *seen])
    assert [row["id"] for row in shown(f"jobs/status?ids={ids}")] == seen


def test_lists_and_statistics_are_of_one_organization(api: WatchedApi) -> None:
    ids = ",".join(some_of_each(api, "open"))
    key = api.other_org()

    for path in ("jobs", "jobs?order_by=completed_at", "jobs/dlq", f"jobs/status?ids={ids}"):
        assert api.get(path, key=key).json() == []
    assert api.shown("GET", "jobs/stats", key=key)["total"] == 0
    assert api.post("jobs/claim", json={"queue": "open"}, key=key).json() == {"jobs": []}
    assert api.post("jobs/dlq/retry", key=key).json()["retried_count"] == 0
    purged = api.post("jobs/dlq/purge", json={"confirm": True}, key=key)
    assert purged.json() == {"purged_count": 0}


def test_dead_letters_outside_the_scope_are_left_alone(api: WatchedApi) -> None:
    hidden, seen = api.dead("hidden")["id"], api.dead("open")["id"]
    key = api.issue(queues=("open",))

    def call(path: str, **body: Any) -> Any:
        return api.shown("POST", path, json=body, key=key)

    assert call("jobs/dlq/retry", job_ids=[hidden])["retried_jobs"] == []
    assert call("jobs/dlq/retry")["retried_jobs"] == [seen]
    assert call("jobs/dlq/purge", confirm=True)["purged_count"] == 0
    assert api.job(hidden)["status"] == "deadletter"


def test_a_repeated_key_does_not_show_a_job_outside_the_scope(api: WatchedApi) -> None:
    api.enqueue("hidden", idempotency_key="k", payload="a secret")
    key = api.issue(queues=("open",))
    item = {"payload": 1, "idempotency_key": "k"}

    one = api.post("jobs", json={"queue": "open", **item}, key=key)
    many = api.post("jobs/bulk", json={"queue": "open", "jobs": [{"payload": 1}, item]}, key=key)

    assert refusal(one) == refusal(many) == (403, "ACCESS_DENIED")
    assert "a secret" not in one.text


def test_a_key_of_some_queues_works_on_them(api: WatchedApi) -> None:
    key = api.issue(queues=("open", "team-*"))

    for queue_name in ("open", "team-a"):
        body = {"queue": queue_name, "payload": 1}
        job = api.shown("POST", "jobs", 201, json=body, key=key)
        [claimed] = api.shown("POST", "jobs/claim", json=body, key=key)["jobs"]
        assert claimed["id"] == job["id"]
        assert api.post(f"jobs/{job['id']}/complete", key=key).status_code == 200


# -- permission words ----------------------------------------------------------------------------

READS = [each for each in BY_ID if each[0] == "GET"]
WRITES = [each for each in BY_ID if each[0] != "GET"]


def words_refused(api: WatchedApi, key: str) -> set[str]:
    """The routes that a key without the word is kept from."""
    made: list[tuple[str, str, Any]] = [
        *BY_ID,
        *((method, path, None) for method, path in NO_BODY_ROUTES),
        *(("POST", path, body) for path, body in BY_QUEUE),
    ]
    return {
        f"{method} {path}"
        for method, path, body in made
        if api.request(method, path, json=body, key=key).status_code == 403
    }


def test_jobs_read_opens_every_reading_route_and_no_other(api: WatchedApi) -> None:
    refused = words_refused(api, api.issue(permissions=("jobs:read",)))

    assert refused == {f"{method} {path}" for method, path, _ in WRITES} | {
        f"POST {path}" for path, _ in BY_QUEUE
    }


def test_jobs_write_opens_everything(api: WatchedApi) -> None:
    assert words_refused(api, api.issue(permissions=("jobs:write",))) == set()


def test_other_words_open_nothing_here_but_delete_the_cancellation(api: WatchedApi) -> None:
    others = words_refused(api, api.issue(permissions=("queues:admin", "workers:write")))
    delete = words_refused(api, api.issue(permissions=("jobs:delete",)))

    assert others - delete == {"DELETE jobs/{id}"}
    assert "GET jobs" in delete


def test_a_key_without_a_list_may_do_everything(api: WatchedApi) -> None:
    assert words_refused(api, api.issue()) == set()


@pytest.mark.parametrize("key", [None, "sk_test_unknown"])
def test_without_a_good_key_every_route_is_401(api: WatchedApi, key: str | None) -> None:
    made: list[tuple[str, str, Any]] = [
        *BY_ID,
        *((method, path, None) for method, path in NO_BODY_ROUTES),
        *(("POST", path, body) for path, body in BY_QUEUE),
    ]
    for method, path, body in made:
        refused = api.request(method, path, json=body, key=key)

        assert refusal(refused) == (401, "UNAUTHORIZED"), path
        assert refused.headers["x-ratelimit-limit"]
        assert refused.headers["x-request-id"]
