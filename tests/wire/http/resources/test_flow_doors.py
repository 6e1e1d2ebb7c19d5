"""Flows that topics and batches run: catbird-capabilities, B2-B6, V23 and section 19.9."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.flows import run
from tests.wire.http.job_calls import WatchedApi, refusal

BINDING: dict[str, Any] = {
    "target_type": "flow",
    "target_name": "orders",
    "pattern": "order.#",
}


@pytest.fixture
def api() -> Iterator[WatchedApi]:
    with WatchedApi(":memory:", Settings()) as it:
        it.shown("PUT", "flows/orders", json={"steps": [{"key": "pick"}, {"key": "pack"}]})
        yield it


def runs(api: WatchedApi) -> list[dict[str, Any]]:
    found: Any = api.shown("GET", "flows/orders/runs")
    return list(found)


def inputs(api: WatchedApi) -> list[bytes]:
    ids = [row["id"] for row in runs(api)]
    found = (
        "SELECT body FROM workflow_bodies JOIN workflows ON workflows.seq = workflow WHERE id = :id"
    )
    rows = [api.row(f"{found} AND which = 'input'", id=each) for each in ids]
    return [bytes(row["body"]) for row in rows]


def test_a_flow_that_is_bound_gets_a_run_about_what_is_published(api: WatchedApi) -> None:
    api.shown("POST", "bindings", 201, json=BINDING)
    body = {
        "topic": "order.placed",
        "body": {"order": 7},
        "concurrency_key": "o-7",
        "headers": {"trace": "t"},
        "priority": 3,
    }

    first = api.shown("POST", "publish", json=body)
    again = api.shown("POST", "publish", json={**body, "body": 8})

    [row] = runs(api)
    target = {"target_type": "flow", "target_name": "orders", "id": row["id"]}
    assert first == {"matched": 1, "targets": [{**target, "created": True}]}
    assert again == {"matched": 1, "targets": [{**target, "created": False}]}
    assert (row["concurrency_key"], row["priority"]) == ("o-7", 3)
    assert inputs(api) == [b'{"order":7}']


def test_a_flow_is_bound_only_if_it_is_there_and_takes_its_bindings_with_it(
    api: WatchedApi,
) -> None:
    missing = api.post("bindings", json={**BINDING, "target_name": "other"})
    assert refusal(missing) == (404, "NOT_FOUND")
    api.shown("POST", "bindings", 201, json=BINDING)

    api.request("DELETE", "flows/orders")

    assert api.shown("GET", "bindings") == []  # type: ignore[comparison-overlap]
    published = api.shown("POST", "publish", json={"topic": "order.a", "body": 1})
    assert published["matched"] == 0


def test_what_one_call_makes_is_bounded(api: WatchedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "FLOW_JOBS_MAX", 5)
    api.shown("POST", "bindings", 201, json=BINDING)
    published = api.post("publish", json={"topic": "order.a", "bodies": [1, 2, 3]})
    batch = [{"op": "run_flow", "flow_name": "orders"}] * 3

    assert refusal(published) == (400, "VALIDATION_ERROR")
    assert "makes runs of flows with 6 steps; one call may make 5" in published.json()["message"]
    refused = api.post("batch", json={"operations": batch})
    assert refusal(refused) == (400, "VALIDATION_ERROR")
    assert refused.json()["details"]["index"] == 2
    assert runs(api) == []
    api.shown("POST", "publish", json={"topic": "order.a", "bodies": [1, 2]})
    assert len(runs(api)) == 2


def test_a_batch_runs_flows_or_nothing_of_it(api: WatchedApi) -> None:
    one = {"op": "run_flow", "flow_name": "orders", "input": 1, "concurrency_key": "k"}
    job = {"op": "create_job", "queue_name": "emails", "payload": {}}

    done = api.shown("POST", "batch", json={"operations": [one, job, one]})["results"]

    [row] = runs(api)
    assert [done[0]["workflow_id"], done[2]["id"]] == [row["id"]] * 2
    assert [done[0]["created"], done[2]["created"]] == [True, False]
    assert [each["key"] for each in done[0]["job_ids"]] == ["pick", "pack"]
    lost = api.post("batch", json={"operations": [{**one, "flow_name": "x"}]})
    assert (refusal(lost), lost.json()["details"]["index"]) == ((404, "NOT_FOUND"), 0)


def test_a_completion_may_run_a_flow_in_the_same_commit(api: WatchedApi) -> None:
    job = api.claimed()
    body = {
        "worker_id": "w-1",
        "lease_id": job["lease_id"],
        "then": [{"op": "run_flow", "flow_name": "orders", "input": [1]}],
    }

    done = api.shown("POST", f"jobs/{job['id']}/complete", json=body)

    assert [row["id"] for row in runs(api)] == [done["then"][0]["workflow_id"]]
