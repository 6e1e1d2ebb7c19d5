"""Workers over HTTP: contract jobs, section 12."""

import asyncio
from typing import Any

import httpx
import pytest

from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Tx
from tests.core.flows.defined import keep_flow
from tests.core.workflows.runs import a_node
from tests.wire.conftest import ServedFactory
from tests.wire.http.served import Api

NOW = "2027-01-15T08:00:00.000Z"
SET_LIMITS = Statement(
    OrgRow, "UPDATE organizations SET custom_limits = :limits WHERE seq = :org RETURNING *"
)
BY_ID = [
    ("GET", "workers/{id}"),
    ("GET", "workers/{id}/jobs"),
    ("POST", "workers/{id}/heartbeat"),
    ("POST", "workers/{id}/deregister"),
    ("DELETE", "workers/{id}"),
]


def register(api: Api, worker_id: str = "w-1", **fields: Any) -> httpx.Response:
    return api.post(
        "workers/register", json={"queue_name": "emails", "worker_id": worker_id, **fields}
    )


def test_registering_answers_how_to_stay_alive(api: Api) -> None:
    answer = register(api, queue_names=["emails", "reports"])

    assert answer.status_code == 201
    assert answer.json() == {
        "id": "w-1",
        "queue_name": "emails",
        "queue_names": ["emails", "reports"],
        "lease_duration_secs": 30,
        "heartbeat_interval_secs": 10,
        "heartbeat_interval_seconds": 10,
        "status": "healthy",
        "registered_at": NOW,
    }
    assert [each["name"] for each in api.get("queues").json()] == ["emails", "reports"]


def test_a_worker_is_shown_with_every_field(api: Api) -> None:
    register(
        api,
        hostname="web-1",
        worker_type="python",
        version="1.6.0",
        max_concurrency=9,
        metadata={"zone": "a"},
    )

    answer = api.get("workers/w-1")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": "w-1",
        "organization_id": api.served.org_id,
        "queue_name": "emails",
        "queue_names": ["emails"],
        "hostname": "web-1",
        "worker_type": "python",
        "version": "1.6.0",
        "max_concurrency": 9,
        "max_concurrent_jobs": 9,
        "current_jobs": 0,
        "current_job_count": 0,
        "status": "healthy",
        "last_heartbeat": NOW,
        "metadata": {"zone": "a"},
        "registered_at": NOW,
        "created_at": NOW,
        "updated_at": NOW,
        "jobs_processed": 0,
        "jobs_failed": 0,
        "last_settled_at": None,
        "busy_since": None,
    }
    assert api.get("workers").json() == [answer.json()]


def test_a_worker_that_says_little_gets_defaults(api: Api) -> None:
    made = api.post("workers/register", json={"queue_names": ["emails"], "metadata": []}).json()

    shown = api.get(f"workers/{made['id']}").json()
    assert len(made["id"]) == 36
    assert (shown["hostname"], shown["max_concurrency"]) == ("unknown", 5)
    assert (shown["worker_type"], shown["version"], shown["metadata"]) == (None, None, {})


def test_registering_a_known_id_again_is_still_a_201(api: Api) -> None:
    register(api)

    answer = register(api, hostname="web-2")

    assert answer.status_code == 201
    assert [each["hostname"] for each in api.get("workers").json()] == ["web-2"]


def test_an_id_of_another_organization_is_a_conflict(api: Api) -> None:
    register(api)

    answer = api.post(
        "workers/register", json={"queue_name": "a", "id": "w-1"}, key=api.other_org()
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize(
    ("body", "status", "field", "code"),
    [
        ({}, 422, "queue_name", "missing_field"),
        ({"queue_name": 5}, 422, "queue_name", "invalid_type"),
        ({"queue_name": ""}, 400, "queue_name", "length"),
        ({"queue_name": "a", "hostname": "a b"}, 400, "hostname", "invalid_hostname"),
        ({"queue_name": "a", "hostname": "a."}, 400, "hostname", "invalid_hostname_format"),
        ({"queue_name": "a", "hostname": ""}, 400, "hostname", "length"),
        ({"queue_name": "a", "worker_id": "a b"}, 400, "worker_id", "regex"),
        ({"queue_name": "a", "id": "x" * 129}, 400, "id", "length"),
        ({"queue_name": "a", "worker_type": "x" * 51}, 400, "worker_type", "length"),
        ({"queue_name": "a", "version": "x" * 51}, 400, "version", "length"),
        ({"queue_name": "a", "max_concurrency": 10_001}, 400, "max_concurrency", "range"),
        ({"queue_name": "a", "max_concurrency": "5"}, 422, "max_concurrency", "invalid_type"),
        ({"queue_name": "a", "metadata": "x" * 65_536}, 400, "metadata", "metadata_too_large"),
    ],
)
def test_a_bad_registration_is_refused_with_its_field(
    api: Api, body: dict[str, Any], status: int, field: str, code: str
) -> None:
    answer = api.post("workers/register", json=body)

    [problem] = answer.json()["details"]
    assert (answer.status_code, problem["field"], problem["code"]) == (status, field, code)
    assert api.get("workers").json() == []


def test_a_registration_needs_a_body(api: Api) -> None:
    answer = api.post("workers/register")

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_JSON")


@pytest.mark.parametrize(
    ("body", "jobs"), [({"current_jobs": 3}, 3), ({"current_jobs": ["a", "b"]}, 2), ({}, 0)]
)
def test_a_heartbeat_is_acknowledged(api: Api, body: dict[str, Any], jobs: int) -> None:
    register(api)
    api.clock.advance(seconds=10)

    answer = api.post("workers/w-1/heartbeat", json={**body, "cpu_percent": 12.5})

    assert answer.status_code == 200
    assert answer.json() == {
        "success": True,
        "acknowledged": True,
        "next_heartbeat_seconds": 10,
        "commands": [],
    }
    shown = api.get("workers/w-1").json()
    assert (shown["current_jobs"], shown["current_job_count"]) == (jobs, jobs)
    assert shown["last_heartbeat"] == "2027-01-15T08:00:10.000Z"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}"])
def test_a_heartbeat_may_say_nothing(api: Api, content: bytes) -> None:
    register(api)

    assert api.post("workers/w-1/heartbeat", content=content).status_code == 200


def test_a_heartbeat_may_drain_a_worker_and_registering_ends_it(api: Api) -> None:
    register(api)

    def status_after(body: dict[str, Any]) -> str:
        api.post("workers/w-1/heartbeat", json=body)
        status: str = api.get("workers/w-1").json()["status"]
        return status

    assert status_after({"status": "draining"}) == "draining"
    assert status_after({"status": "healthy"}) == "draining"
    assert status_after({}) == "draining"
    register(api)
    assert status_after({"status": "unheard of"}) == "healthy"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"current_jobs": -1}, 400, "range"),
        ({"current_jobs": 10_001}, 400, "range"),
        ({"current_jobs": ["x"] * 10_001}, 400, "range"),
        ({"current_jobs": "two"}, 422, "invalid_type"),
        ({"status": 5}, 422, "invalid_type"),
        ({"metadata": "x" * 65_536}, 400, "metadata_too_large"),
    ],
)
def test_a_bad_heartbeat_is_refused(api: Api, body: dict[str, Any], status: int, code: str) -> None:
    register(api)

    answer = api.post("workers/w-1/heartbeat", json=body)

    assert (answer.status_code, answer.json()["details"][0]["code"]) == (status, code)


def test_the_announced_intervals_are_settings(served: ServedFactory) -> None:
    async def main() -> None:
        async with served(
            worker_heartbeat_interval_secs=7,
            worker_lease_duration_secs=40,
            worker_max_concurrency=8,
        ) as it:
            body = {"queue_name": "emails", "worker_id": "w-1"}
            made = (await it.client.post("/api/v1/workers/register", json=body)).json()
            beat = (await it.client.post("/api/v1/workers/w-1/heartbeat")).json()
            shown = (await it.client.get("/api/v1/workers/w-1")).json()

        assert (made["lease_duration_secs"], made["heartbeat_interval_secs"]) == (40, 7)
        assert made["heartbeat_interval_seconds"] == beat["next_heartbeat_seconds"] == 7
        assert shown["max_concurrency"] == 8

    asyncio.run(main())


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "workers/w-1/deregister"), ("DELETE", "workers/w-1")]
)
def test_a_worker_leaves_and_stays_readable(api: Api, method: str, path: str) -> None:
    register(api)

    first, again = api.request(method, path), api.request(method, path)

    assert (first.status_code, first.content) == (204, b"")
    assert again.status_code == 204
    assert api.get("workers/w-1").json()["status"] == "offline"
    assert [each["status"] for each in api.get("workers").json()] == ["offline"]


def test_a_worker_shows_what_it_did(api: Api) -> None:
    register(api)
    for number in range(2):
        api.post("jobs", json={"queue_name": "emails", "payload": number})
    claim = {"queue_name": "emails", "worker_id": "w-1", "limit": 2}
    done, failed = api.post("jobs/claim", json=claim).json()["jobs"]

    api.post(f"jobs/{done['id']}/complete", json={"worker_id": "w-1"})
    api.post(f"jobs/{failed['id']}/fail", json={"worker_id": "w-1", "error": "boom"})

    shown = api.get("workers/w-1").json()
    assert (shown["jobs_processed"], shown["jobs_failed"]) == (1, 1)
    assert shown["last_settled_at"] == NOW


@pytest.mark.parametrize(("method", "path"), BY_ID)
def test_an_unknown_a_foreign_and_a_hidden_worker_are_not_found(
    api: Api, method: str, path: str
) -> None:
    register(api)
    elsewhere = [
        api.request(method, path.format(id="nobody")),
        api.request(method, path.format(id="w-1"), key=api.other_org()),
        api.request(method, path.format(id="w-1"), key=api.issue(queues=("reports",))),
    ]

    for answer in elsewhere:
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert answer.json()["message"] == "Worker not found"
    assert api.get("workers/w-1").json()["status"] == "healthy"


def test_a_limited_key_registers_and_lists_for_its_queues_only(api: Api) -> None:
    key = api.issue(queues=("emails",))
    register(api, "w-1")
    register(api, "w-2", queue_name="reports")

    refused = api.post("workers/register", json={"queue_names": ["emails", "reports"]}, key=key)
    made = api.post("workers/register", json={"queue": "emails", "id": "w-3"}, key=key)

    assert (refused.status_code, refused.json()["code"]) == (403, "ACCESS_DENIED")
    assert made.status_code == 201
    assert {each["id"] for each in api.get("workers", key=key).json()} == {"w-1", "w-3"}


def test_the_list_takes_filters_and_pages(api: Api) -> None:
    register(api, "w-1", hostname="mail-1")
    register(api, "w-2", queue_name="reports")
    register(api, "w-3", queue_names=["emails", "reports"])
    api.post("workers/w-1/deregister")

    def ids(query: str) -> list[str]:
        return [each["id"] for each in api.get(f"workers?{query}").json()]

    assert ids("") == ids("queue=&status=&search=") == ["w-3", "w-2", "w-1"]
    assert ids("queue=reports") == ids("queue_name=reports") == ["w-3", "w-2"]
    assert ids("status=offline") == ids("search=MAIL") == ["w-1"]
    assert ids("limit=1&offset=1") == ["w-2"]
    assert api.get("workers?limit=2").headers["x-has-more"] == "true"
    assert api.get("workers").headers["x-has-more"] == "false"
    refused = api.get("workers?status=ill")
    assert (refused.status_code, refused.json()["code"]) == (400, "BAD_REQUEST")
    assert "`status`" in refused.json()["message"]


def test_what_a_worker_holds_is_listed_as_the_list_of_jobs_has_it(api: Api) -> None:
    register(api, queue_names=["emails", "reports"])
    api.post("jobs/bulk", json={"queue": "emails", "jobs": [{"payload": 1}] * 3})
    api.post("jobs/claim", json={"queue": "emails", "worker_id": "w-1", "limit": 2})
    api.post("jobs/claim", json={"queue": "emails", "worker_id": "w-2"})

    first = api.get("workers/w-1/jobs?limit=1")
    second = api.get("workers/w-1/jobs?limit=1&offset=1")

    assert [answer.headers["x-has-more"] for answer in (first, second)] == ["true", "false"]
    [row], [other] = first.json(), second.json()
    assert row["id"] != other["id"]
    [as_listed, _] = api.get("jobs?worker_id=w-1").json()
    assert row == as_listed
    assert (row["status"], row["worker_id"], row["dependencies_met"]) == ("processing", "w-1", None)


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "workers"), ("POST", "workers/register"), *BY_ID]
)
def test_a_call_without_a_key_is_not_let_in(api: Api, method: str, path: str) -> None:
    answer = api.request(method, path.format(id="w-1"), key=None)

    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize(
    ("words", "reads", "writes"),
    [
        (("workers:read",), 200, 403),
        (("workers:write",), 200, 201),
        (("jobs:read",), 200, 403),
        (("jobs:write",), 200, 201),
        (("queues:write",), 403, 403),
    ],
)
def test_a_limited_key_needs_the_word(
    api: Api, words: tuple[str, ...], reads: int, writes: int
) -> None:
    key = api.issue(permissions=words)

    assert api.get("workers", key=key).status_code == reads
    made = api.post("workers/register", json={"queue_name": "emails"}, key=key)
    assert made.status_code == writes


def test_custom_limits_hold_for_workers_and_queues(api: Api) -> None:
    limits = b'{"max_workers": 1, "max_queues": 1}'

    def limit(tx: Tx) -> None:
        row = tx.row(SET_LIMITS, {"limits": limits, "org": api.org})
        assert row is not None
        tx.emit("org.changed", api.org, row=row)

    api.write(limit)
    register(api, "w-1")

    worker, queue = register(api, "w-2"), api.post("queues", json={"name": "reports"})

    for answer, resource in ((worker, "workers"), (queue, "queues")):
        body = answer.json()
        assert (answer.status_code, body["code"]) == (429, "QUOTA_EXCEEDED")
        assert (body["resource"], body["current"], body["limit"]) == (resource, 1, 1)
        assert "limit reached" in body["message"]
        assert "retry-after" not in answer.headers
    assert register(api, "w-1").status_code == 201


# -- what it runs --------------------------------------------------------------------------------


def test_the_tasks_that_a_worker_runs_are_shown_with_hints_for_each(api: Api) -> None:
    api.put("tasks/send_email", json={"timeout_ms": 90_000})
    api.put("tasks/charge_card", json={"timeout_ms": 0, "max_concurrency": 2})

    made = register(api, task_handlers=["send_email", "charge_card", "send_email"])

    assert made.status_code == 201
    named = ["send_email", "charge_card"]
    assert made.json()["task_handlers"] == named
    assert made.json()["hints"] == {
        "send_email": {"concurrency": 4, "batch_size": 64, "timeout_ms": 90_000},
        "charge_card": {"concurrency": 2, "batch_size": 64, "timeout_ms": 0},
    }
    assert api.get("workers/w-1").json()["task_handlers"] == named
    assert api.get("workers").json()[0]["task_handlers"] == named

    again = register(api).json()

    assert "task_handlers" not in again
    assert "hints" not in again
    assert "task_handlers" not in api.get("workers/w-1").json()


@pytest.mark.parametrize(
    ("handlers", "field", "code"),
    [
        ({"task_handlers": ["send_email", "send_mail"]}, "task_handlers[1]", "unknown_task"),
        ({"task_handlers": ["send_email"] * 101}, "task_handlers", "length"),
        (
            {"step_handlers": [{"flow_name": "f", "step_name": "s"}]},
            "step_handlers[0]",
            "unknown_step",
        ),
    ],
)
def test_handlers_of_what_there_is_not_are_refused(
    api: Api, handlers: dict[str, Any], field: str, code: str
) -> None:
    api.put("tasks/send_email", json={})

    answer = register(api, **handlers)

    if code == "unknown_task":
        assert "there is no task `send_mail`; define it first" in answer.json()["message"]
    [problem] = answer.json()["details"]
    assert (answer.status_code, problem["field"], problem["code"]) == (400, field, code)
    assert api.get("workers").json() == []


def test_the_steps_that_a_worker_runs_are_shown_with_hints_for_each(api: Api) -> None:
    steps = (
        a_node("a", queue_name="emails", timeout_ms=30_000),
        a_node("b", queue_name="emails", timeout_ms=0, max_concurrency=2),
    )
    api.write(keep_flow, api.org, "orders", *steps)

    made = register(api, step_handlers=["orders.a", {"flow_name": "orders", "step_name": "b"}])

    assert made.status_code == 201, made.json()
    named = [{"flow_name": "orders", "step_name": each} for each in "ab"]
    assert made.json()["step_handlers"] == named
    assert made.json()["hints"] == {
        "orders.a": {"concurrency": 4, "batch_size": 64, "timeout_ms": 30_000},
        "orders.b": {"concurrency": 2, "batch_size": 64, "timeout_ms": 0},
    }
    assert api.get("workers/w-1").json()["step_handlers"] == named
    assert api.get("workers").json()[0]["step_handlers"] == named
    assert "step_handlers" not in register(api).json()
    assert "step_handlers" not in api.get("workers/w-1").json()

    unknown = register(api, step_handlers=["orders.c"])

    assert unknown.status_code == 400
    assert "there is no step `orders.c`; define its flow first" in unknown.json()["message"]
    key = api.issue(queues=["mails"])
    body = {"queue_name": "mails", "step_handlers": ["orders.a"]}
    assert api.post("workers/register", json=body, key=key).status_code == 403


def test_a_key_names_only_tasks_of_its_queues(api: Api) -> None:
    api.put("tasks/send_email", json={"queue_name": "others"})
    key = api.issue(queues=["emails"])

    body = {"queue_name": "emails", "task_handlers": ["send_email"]}

    assert api.post("workers/register", json=body, key=key).status_code == 403
