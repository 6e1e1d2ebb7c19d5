"""Runs of tasks over HTTP: contract catbird-capabilities, section 6; `v25` is V25 of it."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import UNKNOWN_ID, WatchedApi

TASK = "charge_card"


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        defined(it)
        yield it


def defined(api: WatchedApi, **fields: Any) -> None:
    api.shown("PUT", f"tasks/{TASK}", json={"queue_name": "payments", **fields})


def ran(api: WatchedApi, status: int = 201, **fields: Any) -> dict[str, Any]:
    return api.shown("POST", f"tasks/{TASK}/runs", status, json=fields)


def run_of(api: WatchedApi, run: dict[str, Any]) -> dict[str, Any]:
    return api.shown("GET", f"tasks/{TASK}/runs/{run['id']}")


def outcome(api: WatchedApi, run: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return api.shown("GET", f"tasks/{TASK}/runs/{run['id']}/wait?timeout_ms=0", status)


def claimed(api: WatchedApi) -> dict[str, Any]:
    [job] = api.claim("payments")
    return job


def settled(api: WatchedApi, job: dict[str, Any], act: str = "complete", **fields: Any) -> Any:
    body = {"worker_id": "w-1", "lease_id": job["lease_id"], **fields}
    return api.post(f"jobs/{job['id']}/{act}", json=body)


def cancelled(api: WatchedApi, run: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return api.shown("POST", f"tasks/{TASK}/runs/{run['id']}/cancel", json=fields or None)


def listed(api: WatchedApi, query: str = "") -> list[str]:
    found: Any = api.shown("GET", f"tasks/{TASK}/runs{query}")
    return [each["id"] for each in found]


# -- running ----------------------------------------------------------------------------------


def test_a_run_is_claimed_completed_and_its_output_waited_for(api: WatchedApi) -> None:
    run = ran(api, input={"amount": 10})
    assert run == {"id": run["id"], "created": True, "state": "queued", "status": "pending"}
    assert outcome(api, run, 202)["state"] == "queued"

    job = claimed(api)
    assert job["id"] == run["id"]
    assert (job["kind"], job["state"], job["task_name"]) == ("task_run", "started", TASK)
    assert (job["attempts"], job["deliveries"], job["max_retries"]) == (1, 1, 2)
    assert (job["timeout_seconds"], job["timeout_ms"]) == (30, 30_000)
    assert job["payload"] == job["input"] == {"amount": 10}
    assert outcome(api, run, 202)["state"] == "started"
    assert settled(api, job, result={"txn": "t1"}).status_code == 200

    assert outcome(api, run) == {
        "id": run["id"], "state": "completed", "status": "completed", "output": {"txn": "t1"},
    }  # fmt: skip
    shown = run_of(api, run)
    assert (shown["state"], shown["output"], shown["result"]) == (
        "completed",
        {"txn": "t1"},
        {"txn": "t1"},
    )
    assert shown == api.shown("GET", f"jobs/{run['id']}")


@pytest.mark.parametrize("value", [5, "text", None, [1, 2], False])
def test_input_and_output_are_any_json_and_objects_for_workers(api: WatchedApi, value: Any) -> None:
    run = ran(api, input=value)
    job = claimed(api)
    settled(api, job, result=value)

    assert (job["payload"], job["input"]) == ({"value": value}, value)
    shown = run_of(api, run)
    assert (shown["payload"], shown["input"], shown["output"]) == ({"value": value}, value, value)
    assert outcome(api, run)["output"] == value


def test_a_run_without_a_body_has_null_as_its_input(api: WatchedApi) -> None:
    run = api.shown("POST", f"tasks/{TASK}/runs", 201)

    assert run_of(api, run)["input"] is None


def test_runs_are_handed_out_by_priority(api: WatchedApi) -> None:
    for priority in (0, 10, 5, -2_147_483_648, 2_147_483_647):
        ran(api, input=priority, priority=priority)

    jobs = api.claim("payments", limit=10)

    assert [job["input"] for job in jobs] == [2_147_483_647, 10, 5, 0, -2_147_483_648]


@pytest.mark.parametrize("field", ["visible_at", "scheduled_at"])
def test_a_delayed_run_is_queued_until_its_time(api: WatchedApi, field: str) -> None:
    first = ran(api, 201, **{field: "2027-01-15T08:00:05Z"})
    second = ran(api, delay_ms=5_000)
    assert [(run["state"], run["status"]) for run in (first, second)] == [
        ("queued", "scheduled")
    ] * 2
    assert api.claim("payments", limit=5) == []

    api.skip(seconds=5)

    assert [job["id"] for job in api.claim("payments", limit=5)] == [first["id"], second["id"]]


def test_headers_come_back_and_must_be_an_object(api: WatchedApi) -> None:
    run = ran(api, headers={"trace_id": "t-9"})

    assert run_of(api, run)["headers"] == claimed(api)["headers"] == {"trace_id": "t-9"}
    answer = api.post(f"tasks/{TASK}/runs", json={"headers": ["a"]})
    assert answer.status_code == 422


def test_a_run_may_say_otherwise_than_its_task(api: WatchedApi) -> None:
    run = ran(
        api,
        max_retries=1,
        timeout_seconds=1.5,
        backoff={"strategy": "fixed", "base_delay_ms": 4_000},
    )
    job = claimed(api)
    assert (job["max_retries"], job["timeout_ms"], job["timeout_seconds"]) == (1, 1_500, 2)

    failed = settled(api, job, "fail", error="boom").json()

    assert failed["next_retry_delay_secs"] == 4
    assert (run_of(api, run)["state"], run_of(api, run)["status"]) == ("started", "pending")
    assert run_of(api, run)["backoff"] == {"strategy": "fixed", "base_delay_ms": 4_000}


def test_what_was_made_before_a_change_of_the_task_keeps_its_values(api: WatchedApi) -> None:
    run = ran(api)

    defined(api, queue_name="elsewhere", max_retries=9, timeout_ms=1)

    shown = run_of(api, run)
    assert (shown["queue_name"], shown["max_retries"], shown["timeout_ms"]) == (
        "payments", 2, 30_000,
    )  # fmt: skip
    assert run_of(api, ran(api))["queue_name"] == "elsewhere"


def test_a_task_that_is_not_defined_cannot_be_run(api: WatchedApi) -> None:
    answer = api.post("tasks/unknown/runs", json={})

    assert answer.status_code == 404
    assert answer.json()["details"] == {"resource": "task"}


def test_a_key_of_other_queues_cannot_run_it(api: WatchedApi) -> None:
    key = api.shown("POST", "api-keys", 201, json={"name": "k", "queues": ["emails"]})["key"]
    run = ran(api)

    for method, path in (
        ("POST", f"tasks/{TASK}/runs"),
        ("GET", f"tasks/{TASK}/runs"),
        ("GET", f"tasks/{TASK}/runs/{run['id']}"),
        ("GET", f"tasks/{TASK}/runs/{run['id']}/wait"),
        ("POST", f"tasks/{TASK}/runs/{run['id']}/cancel"),
    ):
        assert api.request(method, path, key=key).status_code == 403, path


# -- keys -------------------------------------------------------------------------------------


def test_a_key_holds_one_run_until_that_has_ended(api: WatchedApi) -> None:
    first = ran(api, input=1, concurrency_key="order-7")

    assert ran(api, 200, input=2, concurrency_key="order-7") == {**first, "created": False}
    assert ran(api, concurrency_key="order-8")["created"] is True
    assert run_of(api, first)["input"] == 1
    job = claimed(api)
    assert ran(api, 200, concurrency_key="order-7")["state"] == "started"
    settled(api, job)
    second = ran(api, concurrency_key="order-7")
    assert second["id"] != first["id"]
    api.claim("payments")  # that of order-8
    settled(api, claimed(api), "fail", error="no", final=True)
    assert ran(api, concurrency_key="order-7")["id"] not in (first["id"], second["id"])


def test_a_key_is_of_its_task_alone(api: WatchedApi) -> None:
    api.shown("PUT", "tasks/refund", json={"queue_name": "payments"})
    ran(api, concurrency_key="order-7")

    api.shown("POST", "tasks/refund/runs", 201, json={"concurrency_key": "order-7"})


@pytest.mark.parametrize("is_held", [False, True])
def test_a_run_whose_time_is_over_gives_up_its_key(api: WatchedApi, is_held: bool) -> None:
    first = ran(api, concurrency_key="order-7", expires_in_ms=1_000)
    if is_held:
        claimed(api)
    api.skip(seconds=1)

    second = ran(api, concurrency_key="order-7")

    assert second["created"] is True
    assert outcome(api, first)["state"] == "expired"
    assert claimed(api)["id"] == second["id"]


# -- conditions -------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [{"amount": 0}, {}, None, 5, [{"amount": 7}]])
def test_a_run_that_does_not_meet_the_condition_is_skipped(api: WatchedApi, given: Any) -> None:
    defined(api, condition="input.amount gt 0")
    webhook = {"name": "w", "url": "http://127.0.0.1:9/", "events": ["job.completed"]}
    api.shown("POST", "outgoing-webhooks", 201, json=webhook)

    run = ran(api, input=given, delay_ms=5_000)

    assert (run["state"], run["status"]) == ("skipped", "completed")
    shown = run_of(api, run)
    assert shown["skipped_at"] == shown["completed_at"] == shown["created_at"]
    assert shown["result"] is None
    assert "output" not in shown
    assert outcome(api, run) == {"id": run["id"], "state": "skipped", "status": "completed"}
    api.skip(seconds=5)
    assert api.claim("payments") == []
    assert api.history(run["id"]) == ["created", "completed"]
    assert api.shown("GET", "jobs/stats")["completed"] == 1
    assert api.row("SELECT count(*) AS n FROM deliveries")["n"] == 0


def test_a_run_that_meets_the_condition_is_queued(api: WatchedApi) -> None:
    defined(api, condition="input.items[1].sku eq b")

    assert ran(api, input={"items": [{}, {"sku": "b"}]})["state"] == "queued"
    assert ran(api, input={"items": [{"sku": "b"}]})["state"] == "skipped"


def test_a_skipped_run_holds_no_key(api: WatchedApi) -> None:
    defined(api, condition="input")

    assert ran(api, input=False, concurrency_key="k")["state"] == "skipped"
    assert ran(api, input=True, concurrency_key="k")["state"] == "queued"


# -- cancelling -------------------------------------------------------------------------------


def test_a_queued_run_is_cancelled_with_its_reason(api: WatchedApi) -> None:
    run = ran(api)

    shown = cancelled(api, run, reason="operator")

    assert (shown["state"], shown["status"], shown["applied"]) == ("canceled", "cancelled", True)
    assert shown["cancel_reason"] == "operator"
    assert shown["cancel_requested_at"] == shown["canceled_at"] == shown["completed_at"]
    assert outcome(api, run)["cancel_reason"] == "operator"
    assert api.claim("payments") == []
    assert cancelled(api, run, reason="again") == {**shown, "applied": False}


@pytest.mark.parametrize("path", [f"tasks/{TASK}/runs/{{}}/cancel", "jobs/{}/cancel"])
def test_a_started_run_is_cancelled_and_its_worker_told(api: WatchedApi, path: str) -> None:
    run = ran(api)
    job = claimed(api)

    shown = api.shown("POST", path.format(run["id"]), json={"reason": "operator"})

    assert (shown["state"], shown["applied"]) == ("canceled", True)
    for act, fields in (
        ("heartbeat", {}),
        ("complete", {"result": 1}),
        ("fail", {"error": "e"}),
        ("progress", {"progress": 1}),
    ):
        answer = settled(api, job, act, **fields)
        assert (answer.status_code, answer.json()["code"]) == (409, "LEASE_EXPIRED")
        assert answer.json()["details"]["reason"] == "job_canceled"
        assert answer.json()["details"]["status"] == "cancelled"
    assert "output" not in run_of(api, run)
    api.skip(seconds=60)
    assert api.claim("payments") == []


def test_a_worker_cancels_its_own_run(api: WatchedApi) -> None:
    run = ran(api)
    job = claimed(api)
    mine = {"worker_id": "w-1", "lease_id": job["lease_id"]}
    path = f"tasks/{TASK}/runs/{run['id']}/cancel"

    assert api.post(path, json={**mine, "lease_id": "of another"}).status_code == 409
    assert run_of(api, run)["state"] == "started"
    assert cancelled(api, run, reason="nothing to do", **mine)["applied"] is True
    assert cancelled(api, run, **mine)["applied"] is False
    assert outcome(api, run)["state"] == "canceled"


def test_a_worker_whose_lease_is_over_cancels_nothing(api: WatchedApi) -> None:
    run = ran(api)
    job = claimed(api)
    api.skip(seconds=31)

    answer = api.post(f"tasks/{TASK}/runs/{run['id']}/cancel", json={"lease_id": job["lease_id"]})

    assert (answer.status_code, answer.json()["code"]) == (409, "LEASE_EXPIRED")


def test_a_run_that_has_ended_stays_as_it_is(api: WatchedApi) -> None:
    run = ran(api)
    settled(api, claimed(api), result=1)

    shown = cancelled(api, run, reason="late")

    assert (shown["state"], shown["applied"]) == ("completed", False)
    assert "cancel_reason" not in shown
    assert api.shown("POST", f"jobs/{run['id']}/cancel")["applied"] is False
    acts: Any = api.shown("GET", "acts?kind=job")
    assert acts == []


def test_only_a_run_of_the_task_is_found_under_it(api: WatchedApi) -> None:
    api.shown("PUT", "tasks/refund", json={"queue_name": "payments"})
    other = api.shown("POST", "tasks/refund/runs", 201)
    plain = api.enqueue("payments")

    for run_id in (other["id"], plain["id"], UNKNOWN_ID):
        for method, end in (("GET", ""), ("GET", "/wait"), ("POST", "/cancel")):
            answer = api.request(method, f"tasks/{TASK}/runs/{run_id}{end}")
            assert answer.status_code == 404
            assert answer.json()["details"] == {"resource": "run"}


def test_a_job_that_a_worker_has_is_cancelled_by_force_only(api: WatchedApi) -> None:
    job = api.claimed("payments")
    path = f"jobs/{job['id']}/cancel"
    assert api.post(path, json={"reason": "why"}).status_code == 409

    shown = api.shown("POST", path, json={"force": True, "reason": "why"})

    assert (shown["status"], shown["cancel_reason"]) == ("cancelled", "why")
    assert "applied" not in shown
    answer = settled(api, job)
    assert answer.json()["details"]["reason"] == "job_canceled"
    assert api.post(path, json={"force": True}).status_code == 409
    assert api.history(job["id"])[-1] == "cancelled"


def test_a_waiting_job_is_cancelled_as_before(api: WatchedApi) -> None:
    job = api.enqueue("payments")

    shown = api.shown("POST", f"jobs/{job['id']}/cancel")

    assert shown["status"] == "cancelled"
    assert shown.keys().isdisjoint({"applied", "cancel_reason", "canceled_at"})


def test_room_of_a_queue_is_free_again_after_a_cancel(api: WatchedApi) -> None:
    api.shown("POST", "queues", 201, json={"name": "payments", "max_concurrency": 1})
    first, second = ran(api), ran(api)
    assert claimed(api)["id"] == first["id"]
    assert api.claim("payments") == []

    cancelled(api, first)

    assert claimed(api)["id"] == second["id"]


# -- expiry -----------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["queued", "scheduled", "started", "retrying"])
def test_a_run_expires_whatever_it_does(api: WatchedApi, stage: str) -> None:
    delay = {"delay_ms": 60_000} if stage == "scheduled" else {}
    run = ran(api, expires_in_ms=20_000, **delay)
    job = claimed(api) if stage in ("started", "retrying") else None
    if stage == "retrying":
        settled(api, job or {}, "fail", error="e", retry_after_ms=60_000)
    api.clock.advance(seconds=20)

    shown = api.until(f"jobs/{run['id']}", lambda it: it["state"] == "expired")

    assert shown["status"] == "cancelled"
    assert shown["expired_at"] == shown["completed_at"]
    assert outcome(api, run)["state"] == "expired"
    if stage == "started" and job is not None:
        answer = settled(api, job)
        assert answer.json()["details"]["reason"] == "expired"
    assert api.shown("GET", "jobs/stats")["cancelled"] == 1


def test_a_run_that_has_expired_at_its_birth_is_never_handed_out(api: WatchedApi) -> None:
    run = ran(api, expires_at="2020-01-01T00:00:00Z")

    assert api.claim("payments") == []
    assert api.until(f"jobs/{run['id']}", lambda it: it["state"] == "expired")


# -- failing and listing ----------------------------------------------------------------------


def test_each_end_of_a_run_is_told_apart(api: WatchedApi) -> None:
    defined(api, max_retries=0, condition="input.go")
    failed = ran(api, input={"go": True})
    settled(api, claimed(api), "fail", error="gateway timeout")
    skipped = ran(api, input={})
    stopped = ran(api, input={"go": True})
    cancelled(api, stopped, reason="operator")
    open_run = ran(api, input={"go": True})

    found = outcome(api, failed)
    assert (found["state"], found["status"]) == ("failed", "deadletter")
    assert found["error_message"] == "gateway timeout"
    shown = run_of(api, failed)
    assert shown["failed_at"] == shown["completed_at"]
    assert shown["error_message"] == "gateway timeout"
    assert outcome(api, skipped)["state"] == "skipped"
    assert outcome(api, stopped)["state"] == "canceled"
    assert outcome(api, open_run, 202)["state"] == "queued"
    assert "output" not in run_of(api, open_run)


def test_lists_are_newest_first_by_state(api: WatchedApi) -> None:
    defined(api, max_retries=1, condition="input")
    runs: dict[str, str] = {}

    def made(state: str, given: Any = True, **fields: Any) -> dict[str, Any]:
        run = ran(api, input=given, **fields)
        runs[state] = run["id"]
        return run

    made("completed")
    settled(api, claimed(api))
    made("failed")
    settled(api, claimed(api), "fail", error="e", final=True)
    cancelled(api, made("canceled"))
    made("skipped", None)
    made("expired", expires_at="2020-01-01T00:00:00Z")
    api.until(f"jobs/{runs['expired']}", lambda it: it["state"] == "expired")
    made("started")
    settled(api, claimed(api), "fail", error="e")
    made("queued")

    for state, run_id in runs.items():
        assert listed(api, f"?state={state}") == [run_id], state
    assert listed(api) == list(reversed(runs.values()))
    assert listed(api, "?limit=2&offset=1") == list(reversed(runs.values()))[1:3]
    assert api.get(f"tasks/{TASK}/runs?state=done").status_code == 400
    found: Any = api.shown("GET", "jobs?kind=task_run")
    assert {each["id"] for each in found} == set(runs.values())


def test_a_list_shows_twenty_runs_unless_asked(api: WatchedApi) -> None:
    for _ in range(21):
        ran(api)

    answer = api.get(f"tasks/{TASK}/runs")

    assert len(answer.json()) == 20
    assert answer.headers["x-has-more"] == "true"


def test_a_dead_run_is_not_tried_again_while_another_has_its_key(api: WatchedApi) -> None:
    dead = ran(api, concurrency_key="order-7")
    settled(api, claimed(api), "fail", error="e", final=True)
    other = ran(api, concurrency_key="order-7")

    answer = api.post(f"jobs/{dead['id']}/retry")
    assert (answer.status_code, answer.json()["details"]) == (409, {"job_id": other["id"]})

    settled(api, claimed(api))
    shown = api.shown("POST", f"jobs/{dead['id']}/retry")
    assert (shown["state"], shown["concurrency_key"]) == ("started", "order-7")


def test_a_run_that_waits_for_other_jobs_is_listed_so(api: WatchedApi) -> None:
    run, plain = ran(api), api.enqueue()
    api.shown("POST", f"jobs/{run['id']}/dependencies", json={"depends_on": [plain["id"]]})

    assert listed(api, "?state=waiting_for_dependencies") == [run["id"]]
    assert listed(api, "?state=queued") == []


# -- retention ----------------------------------------------------------------------------------


def test_old_runs_are_deleted_by_their_age_and_open_ones_stay(api: WatchedApi) -> None:
    old = ran(api)
    settled(api, claimed(api))
    api.skip(seconds=100)
    young = ran(api)
    settled(api, claimed(api))
    waiting = ran(api)
    api.skip(seconds=10)

    def deleted(query: str) -> Any:
        return api.shown("DELETE", f"tasks/{TASK}/runs?{query}")["deleted"]

    assert deleted("older_than_seconds=11") == 1
    assert api.get(f"jobs/{old['id']}").status_code == 404
    assert listed(api) == [waiting["id"], young["id"]]
    assert deleted("older_than_seconds=0") == 1
    assert listed(api) == [waiting["id"]]
    assert deleted("all=true&confirm=true") == 1
    assert listed(api) == []
    for query in ("", "all=true", "confirm=true", "older_than_seconds=x", "older_than_seconds=-5"):
        assert api.request("DELETE", f"tasks/{TASK}/runs?{query}").status_code == 400
    acts: Any = api.shown("GET", "acts?kind=task")
    assert [(each["act"], each["count"]) for each in acts[:3]] == [("purge", 1)] * 3


# -- deleting the task ------------------------------------------------------------------------


def test_deleting_a_task_deletes_its_runs_in_any_state(api: WatchedApi) -> None:
    api.shown("POST", "queues", 201, json={"name": "payments", "max_concurrency": 1})
    done = ran(api)
    settled(api, claimed(api))
    held = ran(api, concurrency_key="k")
    job = claimed(api)
    waiting = ran(api)
    kept = api.enqueue("payments")

    assert api.request("DELETE", f"tasks/{TASK}").status_code == 204

    for run in (done, held, waiting):
        assert api.get(f"jobs/{run['id']}").status_code == 404
    assert settled(api, job).status_code == 404
    assert claimed(api)["id"] == kept["id"], "the queue has room again"
    assert api.shown("GET", "queues/payments/stats")["processing"] == 1
    defined(api)
    assert ran(api, concurrency_key="k")["created"] is True


def test_a_deletion_takes_as_many_passes_as_it_needs(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.maintenance.remove_task.REMOVE_MAX", 2)
    runs = [ran(api) for _ in range(5)]

    assert api.request("DELETE", f"tasks/{TASK}").status_code == 204

    assert {api.get(f"jobs/{run['id']}").status_code for run in runs} == {404}
    assert api.row("SELECT count(*) AS n FROM tasks")["n"] == 0
