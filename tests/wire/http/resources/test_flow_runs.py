"""Runs of flows over HTTP: catbird-capabilities, F7-F10, F20, G2-G5, V46 and V79."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.config import Settings
from tests.wire.http.job_calls import WatchedApi, refusal

FLOW: Final[dict[str, Any]] = {
    "steps": [{"key": "pick"}, {"key": "pack", "depends_on": ["pick"]}],
}
RUNS: Final = "flows/orders/runs"


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        it.shown("PUT", "flows/orders", json=FLOW)
        yield it


def begun(api: WatchedApi, status: int = 201, **fields: Any) -> dict[str, Any]:
    return api.shown("POST", RUNS, status, json=fields)


def listed(api: WatchedApi, query: str = "") -> list[dict[str, Any]]:
    found: Any = api.shown("GET", f"{RUNS}?{query}")
    return list(found)


def work(api: WatchedApi, **result: Any) -> dict[str, Any]:
    """A worker completes the next step."""
    [job] = api.claim("orders")
    body = {"worker_id": "w-1", "lease_id": job["lease_id"], "result": result}
    api.shown("POST", f"jobs/{job['id']}/complete", json=body)
    return job


def ended(api: WatchedApi, **fields: Any) -> dict[str, Any]:
    """A run all of whose steps are completed."""
    run = begun(api, **fields)
    for _ in FLOW["steps"]:
        work(api)
    return run


def jobs_left(api: WatchedApi) -> int:
    return int(api.row("SELECT count(*) AS n FROM jobs WHERE org = :org", org=api.org)["n"])


def count(api: WatchedApi, table: str) -> int:
    return int(api.row(f"SELECT count(*) AS n FROM {table}")["n"])  # noqa: S608


def test_a_run_is_a_workflow_and_its_steps_are_jobs(api: WatchedApi) -> None:
    run = begun(api, input={"order": 7})

    assert run == {
        "workflow_id": run["id"],
        "id": run["id"],
        "created": True,
        "status": "pending",
        "state": "started",
        "job_ids": run["job_ids"],
    }
    assert [each["key"] for each in run["job_ids"]] == ["pick", "pack"]
    detail = api.shown("GET", f"workflows/{run['id']}")
    assert [job["id"] for job in detail["jobs"]] == [each["job_id"] for each in run["job_ids"]]
    assert [work(api)["id"] for _ in range(2)] == [each["job_id"] for each in run["job_ids"]]
    assert api.shown("GET", f"workflows/{run['id']}/wait")["state"] == "completed"


def test_what_a_run_is_given_may_be_left_out(api: WatchedApi) -> None:
    run = api.shown("POST", RUNS, 201)

    [row] = listed(api)
    assert row["id"] == row["workflow_id"] == run["id"]
    assert (row["flow_name"], row["priority"], row["concurrency_key"]) == ("orders", 0, None)
    body = api.row("SELECT body FROM workflow_bodies WHERE which = 'input'")["body"]
    assert bytes(body) == b"null"


def test_an_unfinished_run_holds_its_key(api: WatchedApi) -> None:
    first = begun(api, concurrency_key="order-7", input=1)
    again = begun(api, 200, concurrency_key="order-7", input=2)

    assert again == {**first, "created": False}
    for _ in FLOW["steps"]:
        work(api)
    assert begun(api, concurrency_key="order-7")["id"] != first["id"]


def test_a_run_has_priority_headers_and_a_time_before_which_it_is_not_handed_out(
    api: WatchedApi,
) -> None:
    low = begun(api)
    high = begun(api, priority=2**31 - 1, headers={"trace": "t"})
    begun(api, priority=2**31 - 1, delay_ms=60_000)

    taken = api.claim("orders", limit=10)

    assert [job["workflow_id"] for job in taken] == [high["id"], low["id"]]
    assert taken[0]["headers"] == {"trace": "t"}
    assert [row["state"] for row in listed(api)] == ["started"] * 3


def test_lists_are_the_newest_first_and_by_state(api: WatchedApi) -> None:
    done = ended(api)
    open_one = begun(api, expires_in_ms=3_600_000)
    gone = begun(api)
    api.shown("POST", f"workflows/{gone['id']}/cancel", json={"reason": "not needed"})

    assert [row["id"] for row in listed(api)] == [gone["id"], open_one["id"], done["id"]]
    by_state = {
        state: [row["id"] for row in listed(api, f"state={state}")]
        for state in ("started", "completed", "failed", "canceling", "canceled", "expired")
    }
    assert by_state == {
        "started": [open_one["id"]],
        "completed": [done["id"]],
        "failed": [],
        "canceling": [],
        "canceled": [gone["id"]],
        "expired": [],
    }
    assert [row["id"] for row in listed(api, "limit=1&offset=1")] == [open_one["id"]]
    assert listed(api)[0]["cancel_reason"] == "not needed"
    assert listed(api)[1]["expires_at"] is not None
    assert refusal(api.get(f"{RUNS}?state=queued")) == (400, "BAD_REQUEST")


def test_a_flow_that_is_not_there_has_no_runs(api: WatchedApi) -> None:
    for method, query in (("GET", ""), ("POST", ""), ("DELETE", "?older_than_seconds=0")):
        answer = api.request(method, f"flows/other/runs{query}")
        assert refusal(answer) == (404, "NOT_FOUND")
        assert answer.json()["details"] == {"resource": "flow"}


def test_a_key_with_queues_runs_the_flows_all_of_whose_queues_it_has(api: WatchedApi) -> None:
    api.shown("PUT", "flows/orders", json={**FLOW, "on_fail": {}})
    key = api.issue(queues=["orders"])
    for method, query in (("GET", ""), ("POST", ""), ("DELETE", "?older_than_seconds=0")):
        assert refusal(api.request(method, RUNS + query, key=key)) == (403, "ACCESS_DENIED")

    both = api.issue(queues=["orders", "orders_on_fail"])
    assert api.request("POST", RUNS, key=both).status_code == 201


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"headers": []}, 422),
        ({"priority": 2**31}, 400),
        ({"expires_in_ms": 0}, 400),
        ({"visible_at": "soon"}, 422),
        ({"concurrency_key": "k" * 256}, 400),
    ],
)
def test_what_a_run_is_given_is_checked(api: WatchedApi, body: dict[str, Any], status: int) -> None:
    assert api.post(RUNS, json=body).status_code == status
    assert listed(api) == []


def test_old_runs_are_deleted_with_their_steps_and_open_ones_stay(api: WatchedApi) -> None:
    ended(api, input={"order": 1}, headers={"trace": "t"})
    api.skip(seconds=100)
    fresh, still = ended(api), begun(api)

    assert api.shown("DELETE", f"{RUNS}?older_than_seconds=50") == {"deleted": 1}

    assert [row["id"] for row in listed(api)] == [still["id"], fresh["id"]]
    assert jobs_left(api) == 4
    assert api.shown("DELETE", f"{RUNS}?older_than_seconds=50") == {"deleted": 0}


def test_all_runs_are_deleted_in_passes_whatever_they_do(
    api: WatchedApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spooled_lite.core.maintenance.remove_flow.REMOVE_MAX", 3)
    ended(api, input=[1, 2, 3])
    begun(api)
    assert api.claim("orders")
    for n in range(3):
        begun(api, concurrency_key=f"k-{n}")

    assert api.shown("DELETE", f"{RUNS}?all=true&confirm=true") == {"deleted": 5}

    assert jobs_left(api) == 0
    for table in ("workflows", "workflow_bodies", "job_dependencies"):
        assert count(api, table) == 0, table
    assert begun(api)["created"] is True
    assert refusal(api.request("DELETE", f"{RUNS}?all=true")) == (400, "BAD_REQUEST")


def test_deleting_a_flow_deletes_its_runs(api: WatchedApi) -> None:
    ended(api)
    begun(api)
    assert api.claim("orders")

    assert api.request("DELETE", "flows/orders").status_code == 204

    assert (count(api, "workflows"), jobs_left(api)) == (0, 0)
    api.shown("PUT", "flows/orders", json=FLOW)
    assert listed(api) == []


def test_steps_in_a_queue_with_a_long_name_are_claimed_and_the_queue_is_paused(
    api: WatchedApi,
) -> None:
    queue = "q" * 128
    api.shown("PUT", "flows/long", json={"steps": [{"key": "a", "queue_name": queue}]})
    api.shown("POST", "flows/long/runs", 201)

    claim = {"queue_name": queue, "worker_id": "w-1"}
    answer = api.post("jobs/claim", json=claim)

    [job] = answer.json()["jobs"]
    assert job["queue_name"] == queue
    assert api.request("POST", f"queues/{queue}/pause").status_code == 200
    assert refusal(api.post("jobs/claim", json={**claim, "queue_name": "q" * 129}))[0] == 400
