"""Several operations in one commit: contract catbird-capabilities, section 19.9, U6 and U7."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.topics import publish
from tests.wire.http.job_calls import WatchedApi

JOB = {"op": "create_job", "queue_name": "emails", "payload": {"n": 1}}
SEND = {"op": "send", "queue_name": "audit", "body": {"n": 2}}
PUBLISH = {"op": "publish", "topic": "order.placed", "body": {"n": 3}}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        it.post("queues", json={"name": "audit"})
        body = {"target_type": "queue", "target_name": "audit", "pattern": "order.#"}
        it.post("bindings", json=body)
        yield it


def ran(api: WatchedApi, *operations: dict[str, Any]) -> list[Any]:
    results: list[Any] = api.shown("POST", "batch", json={"operations": operations})["results"]
    return results


def refused(api: WatchedApi, *operations: Any) -> tuple[int, str, Any]:
    answer = api.post("batch", json={"operations": operations})
    shown = answer.json()
    return answer.status_code, shown["code"], shown["details"]


def messages(api: WatchedApi) -> list[Any]:
    return [each["body"] for each in api.get("queues/audit/messages").json()]


def test_all_of_it_is_stored_and_each_is_answered(api: WatchedApi) -> None:
    job, sent, published, many = ran(
        api, JOB, SEND, PUBLISH, {**SEND, "body": None, "messages": [{"body": 4}, {"body": 5}]}
    )

    assert api.job(job["id"])["payload"] == {"n": 1}
    assert (job["created"], sent["created"], published["matched"]) == (True, True, 1)
    assert len(many["ids"]) == 2
    assert messages(api) == [{"n": 2}, {"n": 3}, 4, 5]


def test_what_is_done_goes_with_what_comes_of_it(api: WatchedApi) -> None:
    [sent] = ran(api, SEND)
    read = api.shown("POST", "queues/audit/messages/read", json={})["messages"][0]
    fence = {"queue_name": "audit", "ids": [sent["id"]], "lease_id": read["lease_id"]}

    assert ran(api, {"op": "hide", **fence, "hide_for_ms": 60_000}, JOB)[0] == {
        "hidden": [sent["id"]]
    }
    assert ran(api, {"op": "delete", **fence}, JOB)[0] == {"deleted": [sent["id"]]}
    assert messages(api) == []


def test_an_operation_finds_what_those_before_it_have_stored(api: WatchedApi) -> None:
    first, again = ran(api, {**JOB, "idempotency_key": "k"}, {**JOB, "idempotency_key": "k"})

    assert again == {"id": first["id"], "created": False}
    with_queue = {**SEND, "queue_name": "emails"}
    assert ran(api, {**JOB, "queue_name": "new"}, {**with_queue, "queue_name": "new"})


@pytest.mark.parametrize(
    ("operation", "status", "code"),
    [
        ({**SEND, "queue_name": "unknown"}, 404, "NOT_FOUND"),
        ({"op": "send", "body": 1}, 422, "VALIDATION_ERROR"),
        ({**JOB, "parent_job_id": "nobody"}, 400, "VALIDATION_ERROR"),
        ({**JOB, "priority": 1_000}, 400, "VALIDATION_ERROR"),
        ({**PUBLISH, "topic": "a..b"}, 400, "VALIDATION_ERROR"),
        ({**PUBLISH, "headers": [1]}, 422, "VALIDATION_ERROR"),
        ({"op": "sent", "body": 1}, 400, "VALIDATION_ERROR"),
        ({}, 422, "VALIDATION_ERROR"),
        (5, 422, "VALIDATION_ERROR"),
    ],
)
def test_when_one_is_refused_nothing_is_stored_and_its_number_is_said(
    api: WatchedApi, operation: Any, status: int, code: str
) -> None:
    found, named, details = refused(api, JOB, SEND, operation, PUBLISH)

    assert (found, named, details["index"]) == (status, code, 2)
    assert "operations[2]" in str(details)
    assert messages(api) == []
    assert api.get("jobs").json() == []


def test_an_unknown_operation_is_told_all_that_there_are(api: WatchedApi) -> None:
    said = api.post("batch", json={"operations": [{"op": "sent"}]}).json()["message"]

    assert said.startswith(
        "Field `operations[0].op`: `sent` is no operation; choose `create_job` or"
    )
    assert "`cancel_run`" in said


def test_tasks_are_run_and_runs_are_cancelled(api: WatchedApi) -> None:
    api.shown("PUT", "tasks/charge", json={"condition": "input.amount gt 0"})
    run = {"op": "run_task", "task_name": "charge", "input": {"amount": 5}, "concurrency_key": "k"}

    made, again, skipped, _ = ran(api, run, run, {**run, "input": 0, "concurrency_key": None}, SEND)

    assert (made["created"], made["state"]) == (True, "queued")
    assert again == {**made, "created": False}
    assert skipped["state"] == "skipped"
    cancel = {"op": "cancel_run", "task_name": "charge", "id": made["id"], "reason": "changed"}
    assert ran(api, cancel, cancel) == [
        {"id": made["id"], "applied": True},
        {"id": made["id"], "applied": False},
    ]
    assert api.get(f"tasks/charge/runs/{made['id']}").json()["cancel_reason"] == "changed"


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ({"op": "run_task", "task_name": "missing"}, "NOT_FOUND"),
        ({"op": "run_task"}, "VALIDATION_ERROR"),
        ({"op": "run_task", "task_name": "charge", "headers": []}, "VALIDATION_ERROR"),
        ({"op": "cancel_run", "task_name": "charge", "id": "missing"}, "NOT_FOUND"),
    ],
)
def test_a_run_that_is_refused_refuses_all(
    api: WatchedApi, operation: dict[str, Any], code: str
) -> None:
    api.shown("PUT", "tasks/charge", json={})
    run = {"op": "run_task", "task_name": "charge"}
    _, shown, details = refused(api, run, SEND, operation)
    assert (shown, details["index"]) == (code, 2)
    assert messages(api) == []
    assert api.get("tasks/charge/runs").json() == []


def test_a_body_that_is_missing_is_named(api: WatchedApi) -> None:
    _, _, details = refused(api, SEND, {"op": "send", "queue_name": "audit"})

    assert "operations[1].body" in str(details)


def test_a_stale_fence_stops_all_of_it(api: WatchedApi) -> None:
    [sent] = ran(api, SEND)
    delete = {"op": "delete", "queue_name": "audit", "ids": [sent["id"]], "lease_id": "stale"}

    found, code, details = refused(api, JOB, delete)

    assert (found, code, details["index"]) == (409, "LEASE_EXPIRED", 1)
    assert api.get("jobs").json() == []


@pytest.mark.parametrize(
    "operations",
    [
        [],
        [JOB] * 101,
        [{**SEND, "body": None, "messages": [{"body": 1}] * 100}] * 11,
    ],
)
def test_a_batch_is_bounded(api: WatchedApi, operations: list[Any]) -> None:
    answer = api.post("batch", json={"operations": operations})

    assert answer.status_code == 400
    assert answer.json()["details"][0]["field"] == "operations"


def test_what_it_publishes_has_one_bound_for_all(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "COPIES_MAX", 2)

    assert refused(api, PUBLISH, PUBLISH, PUBLISH)[2]["index"] == 2
    assert messages(api) == []


def test_a_key_with_a_list_of_queues_uses_only_these(api: WatchedApi) -> None:
    key = api.issue(queues=["emails"])

    def status(*operations: Any) -> int:
        return api.post("batch", json={"operations": operations}, key=key).status_code

    assert status(JOB) == 200
    assert status(JOB, SEND) == 403
    assert status(JOB, PUBLISH) == 403
    assert len(api.get("jobs").json()) == 1
