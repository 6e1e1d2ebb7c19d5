"""Jobs that follow a failure, over HTTP: contract catbird-capabilities, T16, T21-T26 and V40."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import NOW, WatchedApi

TASK = "charge_card"


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        yield it


def fail(api: WatchedApi, job: dict[str, Any], **said: Any) -> None:
    body = {"lease_id": job["lease_id"], "error": "boom", **said}
    api.shown("POST", f"jobs/{job['id']}/fail", json=body)


def failed_run(api: WatchedApi, **fields: Any) -> dict[str, Any]:
    run = api.shown("POST", f"tasks/{TASK}/runs", 201, json=fields)
    [job] = api.claim(TASK)
    fail(api, job, final=True, error_type="CardRefused")
    return api.shown("GET", f"tasks/{TASK}/runs/{run['id']}")


def define(api: WatchedApi, **fields: Any) -> None:
    api.shown("PUT", f"tasks/{TASK}", json={"on_fail": {}, **fields})


def test_it_gets_input_and_failure_is_retried_by_itself_and_the_run_stays_failed(
    api: WatchedApi,
) -> None:
    define(api, on_fail={"max_retries": 1, "backoff": {"strategy": "fixed", "base_delay_ms": 0}})
    run = failed_run(api, input=[7], concurrency_key="order-7", headers={"trace": "t-1"})
    assert run["on_fail"]["status"] == "queued"

    attempts = []
    for error in ("worse", "worst"):
        api.clock.advance(seconds=1)
        [job] = api.claim(f"{TASK}_on_fail")
        attempts.append(job["payload"]["failure"].pop("on_fail_attempts"))
        assert (job["kind"], job["headers"]) == ("on_fail", {"trace": "t-1"})
        assert job["payload"] == {
            "input": [7],
            "failure": {
                "task_name": TASK,
                "task_run_id": run["id"],
                "job_id": run["id"],
                "queue_name": TASK,
                "error_message": "boom",
                "error_type": "CardRefused",
                "attempts": 1,
                "started_at": NOW,
                "failed_at": NOW,
                "concurrency_key": "order-7",
            },
        }
        fail(api, job, error=error)

    assert attempts == [1, 2]
    shown = api.job(run["id"])
    assert (shown["state"], shown["last_error"]) == ("failed", "boom")
    assert shown["on_fail"] == {
        "status": "failed",
        "attempts": 2,
        "job_id": job["id"],
        "error_message": "worst",
        "started_at": "2027-01-15T08:00:02.000Z",
        "completed_at": "2027-01-15T08:00:02.000Z",
    }
    assert api.claim(f"{TASK}_on_fail") == []


def test_how_it_stands_is_shown_with_the_run_and_the_job(api: WatchedApi) -> None:
    define(api)
    run = failed_run(api)
    states = []

    def look() -> None:
        shown = api.job(run["id"])["on_fail"]
        assert shown == api.shown("GET", f"tasks/{TASK}/runs/{run['id']}")["on_fail"]
        states.append((shown["status"], shown["attempts"], shown["error_message"]))

    look()
    [job] = api.claim(f"{TASK}_on_fail")
    look()
    fail(api, job, retry_after_ms=0)
    look()
    [job] = api.claim(f"{TASK}_on_fail")
    api.shown("POST", f"jobs/{job['id']}/complete", json={"result": 5})
    look()

    assert states == [
        ("queued", 0, None),
        ("started", 1, None),
        ("started", 1, "boom"),
        ("completed", 2, "boom"),
    ]
    assert api.job(run["id"])["status"] == "deadletter"
    follower = api.job(job["id"])
    assert (follower["on_fail_of"], follower["task_name"]) == (run["id"], TASK)
    assert (follower["result"], follower["state"]) == ({"value": 5}, "completed")


def test_a_plain_job_may_ask_for_it_and_its_queue_is_named_after_that_of_the_job(
    api: WatchedApi,
) -> None:
    api.dead(payload={"a": 1}, on_fail={})

    [job] = api.claim("emails_on_fail")

    assert job["payload"]["input"] == {"a": 1}
    assert (job["payload"]["failure"]["task_name"], job["max_retries"]) == (None, 2)


def test_items_of_a_bulk_call_and_of_a_batch_may_ask_for_it(api: WatchedApi) -> None:
    item = {"queue_name": "emails", "payload": 1, "on_fail": {"queue_name": "alerts"}}
    api.post("jobs/bulk", json={"jobs": [item]})
    api.post("batch", json={"operations": [{"op": "create_job", **item}]})
    for job in api.claim(limit=2):
        fail(api, job, final=True)

    assert len(api.claim("alerts", limit=5)) == 2


def test_what_a_run_says_counts_before_what_its_task_says(api: WatchedApi) -> None:
    define(api)
    failed_run(api, on_fail={"queue_name": "own"})

    assert api.claim(f"{TASK}_on_fail") == []
    assert len(api.claim("own")) == 1


def test_the_definition_of_the_moment_of_the_failure_counts(api: WatchedApi) -> None:
    define(api, on_fail=None)
    run = api.shown("POST", f"tasks/{TASK}/runs", 201, json={})
    define(api, on_fail={"queue_name": "late"})
    [job] = api.claim(TASK)
    fail(api, job, final=True)

    assert api.job(run["id"])["on_fail"]["status"] == "queued"
    assert len(api.claim("late")) == 1


def test_without_it_a_job_is_shown_as_it_was(api: WatchedApi) -> None:
    job = api.dead(payload=1)

    assert not {"on_fail", "on_fail_of", "kind"} & api.job(job["id"]).keys()


def test_the_lists_have_it_and_its_dead_letter_is_one(api: WatchedApi) -> None:
    job = api.dead(on_fail={"max_retries": 0})
    [follower] = api.claim("emails_on_fail")
    fail(api, follower)

    ids = [each["id"] for each in api.get("jobs").json()]
    assert set(ids) == {job["id"], follower["id"]}
    [only] = api.get("jobs", params={"kind": "on_fail"}).json()
    assert (only["id"], only["kind"]) == (follower["id"], "on_fail")
    assert len(api.get("jobs/dlq").json()) == 2


def test_the_metric_counts_what_comes_of_them(api: WatchedApi) -> None:
    for _ in range(3):
        api.dead(on_fail={"max_retries": 0})
    first, second = api.claim("emails_on_fail", limit=2)
    fail(api, first)
    api.shown("POST", f"jobs/{second['id']}/complete", json={})

    text = api.request("GET", "/metrics").text

    for result, count in (("queued", 3), ("failed", 1), ("completed", 1)):
        assert f'spooled_on_fail_total{{result="{result}"}} {count}.0' in text


@pytest.mark.parametrize(
    ("on_fail", "field"),
    [
        ({"queue_name": "a b"}, "on_fail.queue_name"),
        ({"max_retries": -1}, "on_fail.max_retries"),
        ({"backoff": {"strategy": "never"}}, "on_fail.backoff.strategy"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(
    api: WatchedApi, on_fail: Any, field: str
) -> None:
    body = {"queue_name": "emails", "payload": 1, "on_fail": on_fail}

    assert field in api.post("jobs", json=body).text
    many = api.shown("POST", "jobs/bulk", json={"jobs": [body]})
    assert field in many["failed"][0]["error"]


def test_a_queue_whose_name_is_too_long_to_add_to_needs_another_one(api: WatchedApi) -> None:
    body = {"queue_name": "q" * 93, "payload": 1, "on_fail": {}}

    assert api.post("jobs", json=body).status_code == 400
    assert api.post("jobs", json={**body, "on_fail": {"queue_name": "x"}}).status_code == 201


def test_a_key_needs_the_queue_of_what_follows_too(api: WatchedApi) -> None:
    key = api.shown("POST", "api-keys", 201, json={"name": "k", "queues": ["emails"]})["key"]
    limited = {"authorization": f"Bearer {key}"}
    body = {"queue_name": "emails", "payload": 1, "on_fail": {}}

    for path, sent in (
        ("jobs", body),
        ("jobs/bulk", {"jobs": [body]}),
        ("batch", {"operations": [{"op": "create_job", **body}]}),
    ):
        assert api.post(path, json=sent, headers=limited).status_code == 403
    job = api.dead(on_fail={})
    assert "on_fail" in api.job(job["id"])
    assert "on_fail" not in api.shown("GET", f"jobs/{job['id']}", headers=limited)


def test_a_run_whose_key_another_one_has_cannot_be_retried(api: WatchedApi) -> None:
    define(api, on_fail=None)
    run = failed_run(api, concurrency_key="k")
    other = api.shown("POST", f"tasks/{TASK}/runs", 201, json={"concurrency_key": "k"})

    answer = api.post(f"jobs/{run['id']}/retry")

    assert (answer.status_code, answer.json()["details"]) == (409, {"job_id": other["id"]})
    assert api.shown("POST", "jobs/dlq/retry", json={})["skipped_jobs"] == [run["id"]]


def test_many_failures_in_one_call_are_followed_each(api: WatchedApi) -> None:
    for _ in range(25):
        api.enqueue(on_fail={})
    jobs = api.claim(limit=25)
    items = [{"id": job["id"], "error": f"no {n}", "final": True} for n, job in enumerate(jobs)]
    items.insert(3, {"id": "unknown", "error": "e"})

    results = api.shown("POST", "jobs/settle", json={"jobs": items})["results"]

    assert [each["id"] for each in results] == [each["id"] for each in items]
    assert [each["success"] for each in results] == [True] * 3 + [False] + [True] * 22
    followers = api.claim("emails_on_fail", limit=100)
    assert sorted(each["payload"]["failure"]["error_message"] for each in followers) == sorted(
        f"no {n}" for n in range(25)
    )
