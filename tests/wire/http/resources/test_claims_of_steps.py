"""What a claim over HTTP says of steps: catbird-capabilities, section 19.6; amendments, G10."""

import json
from typing import Any

import httpx
import pytest
from msgspec import Raw

from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.steps.start import StartedRun
from spooled_lite.core.workflows.document import StepDocument
from spooled_lite.core.workflows.records import RunOptions
from tests.core.flows.defined import keep_flow
from tests.core.stage import OPEN
from tests.core.workflows.runs import a_node
from tests.wire.http.served import Api

LEASE = "2f0f1c8e-54a5-4d39-8f3b-0a4c9b7f6c11"
MIB = 1024 * 1024


def flow_step(key: str, *depends_on: str, **more: Any) -> StepDocument:
    return a_node(key, *depends_on, **{"queue_name": "q", "payload_mode": "envelope", **more})


def a_run(api: Api, *steps: StepDocument, name: str = "orders", **options: Any) -> StartedRun:
    """A run of a flow of these steps. `input` and `headers` are plain values."""
    for field in ("input", "headers"):
        if field in options:
            options[field] = json.dumps(options[field], separators=(",", ":")).encode()
    api.write(keep_flow, api.org, name, *steps)
    chosen = RunOptions(**options)
    started: StartedRun = api.write(run_flow, api.org, name, chosen, OPEN, ALL_QUEUES)
    return started


def claimed(api: Api, *handlers: Any, **fields: Any) -> list[dict[str, Any]]:
    body = {"step_handlers": handlers, "worker_id": "w-1", "limit": 10, **fields}
    answer = api.post("jobs/claim", json=body)
    assert answer.status_code == 200, answer.json()
    jobs: list[dict[str, Any]] = answer.json()["jobs"]
    return jobs


def complete(api: Api, job: dict[str, Any], result: Any = None) -> httpx.Response:
    body = {"lease_id": job["lease_id"], "result": result}
    answer = api.post(f"jobs/{job['id']}/complete", json=body)
    assert answer.status_code == 200, answer.json()
    return answer


def test_a_step_shows_what_it_is_and_what_its_worker_is_given(api: Api) -> None:
    run = a_run(
        api,
        flow_step("validate"),
        flow_step("approve", "validate", timeout_ms=30_000, max_retries=2),
        input={"order_id": 7},
        headers={"trace_id": "t-9"},
    )
    [first] = claimed(api, "orders.validate")
    complete(api, first, {"score": 91})

    [job] = claimed(api, {"flow_name": "orders", "step_name": "approve"})

    given = {"input": {"order_id": 7}, "deps": {"validate": {"score": 91}}}
    given |= {"skipped_deps": [], "signal": None}
    assert job["payload"] == given
    assert job["step"] == {
        "workflow_id": run.row["id"],
        "flow_name": "orders",
        "key": "approve",
        "type": "normal",
        "phase": "run",
        "item": None,
        "item_index": None,
        "attempts": 1,
        **given,
    }
    assert (job["kind"], job["state"], job["attempts"]) == ("step", "started", 1)
    assert (job["max_retries"], job["timeout_ms"], job["timeout_seconds"]) == (2, 30_000, 30)
    assert job["headers"] == {"trace_id": "t-9"}
    assert job["workflow_id"] == run.row["id"]


def test_a_raw_claim_says_it_once(api: Api) -> None:
    a_run(api, flow_step("a"), flow_step("b", payload_mode="static", payload=Raw(b'{"n":1}')))

    jobs = {job["step"]["key"]: job for job in claimed(api, "orders.a", "orders.b", raw=True)}

    assert "payload" not in jobs["a"]
    assert jobs["a"]["step"]["input"] is None
    assert jobs["b"]["payload"] == {"n": 1}  # which `step` does not say


def test_a_raw_claim_of_other_jobs_has_their_payloads(api: Api) -> None:
    api.post("jobs", json={"queue_name": "q", "payload": [1]})

    answer = api.post("jobs/claim", json={"queue_name": "q", "raw": True})

    assert answer.json()["jobs"][0]["payload"] == [1]


def test_a_dequeue_of_a_step_shows_the_same(api: Api) -> None:
    a_run(api, flow_step("a"), input=5)

    job = api.post("jobs/dequeue", json={"queue_name": "q"}).json()

    assert job["payload"] == {"input": 5, "deps": {}, "skipped_deps": [], "signal": None}
    assert job["step"]["input"] == 5
    assert job["kind"] == "step"


def test_a_job_that_is_looked_at_shows_what_was_stored_and_not_what_its_worker_is_given(
    api: Api,
) -> None:
    run = a_run(api, flow_step("a"), flow_step("b", payload=Raw(b"[1]")), input=5)

    shown = {step.key: api.get(f"jobs/{step.job_id}").json() for step in run.steps}

    assert shown["a"]["payload"] == {}
    assert shown["b"]["payload"] == {"value": [1]}
    assert {each["kind"] for each in shown.values()} == {"step"}
    assert "step" not in shown["a"]


def test_the_result_of_a_step_of_a_flow_is_shown_as_an_object_and_its_output_as_it_is(
    api: Api,
) -> None:
    a_run(api, flow_step("a"))
    [job] = claimed(api, "orders.a")
    complete(api, job, [1, 2])

    shown = api.get(f"jobs/{job['id']}").json()

    assert (shown["result"], shown["output"]) == ({"value": [1, 2]}, [1, 2])


def test_an_answer_has_room_for_some_jobs_and_the_others_go_back_uncounted(api: Api) -> None:
    steps = [flow_step("a"), *(flow_step(f"b{n}", "a") for n in range(6))]
    a_run(api, *steps, input="x" * 300_000)
    [job] = claimed(api, "orders.a")
    complete(api, job, "y" * (MIB - 10))

    named = [f"orders.b{n}" for n in range(6)]
    answer = api.post("jobs/claim", json={"step_handlers": named, "limit": 10, "lease_id": LEASE})

    taken = answer.json()["jobs"]
    assert 1 <= len(taken) < 6
    assert len(answer.content) <= 8 * MIB
    rest = claimed(api, *named)
    assert [job["attempts"] for job in rest] == [1] * len(rest)
    assert len({job["id"] for job in (*taken, *rest)}) == len(taken) + len(rest)
    again = api.post("jobs/claim", json={"step_handlers": named, "limit": 10, "lease_id": LEASE})
    assert [job["id"] for job in again.json()["jobs"]] == [job["id"] for job in taken]


def test_a_step_of_a_plain_workflow_shows_what_it_always_did(api: Api) -> None:
    steps = [
        {"key": "a", "queue_name": "q", "payload": [1]},
        {"key": "b", "queue_name": "q", "payload": 2, "depends_on": ["a"]},
    ]
    made = api.post("workflows", json={"name": "w", "jobs": steps}).json()
    [first] = api.post("jobs/claim", json={"queue_name": "q"}).json()["jobs"]
    complete(api, first, {"id": 7})

    [job] = api.post("jobs/claim", json={"queue_name": "q"}).json()["jobs"]

    assert job["payload"] == 2
    assert "kind" not in job
    assert job["step"] == {
        "workflow_id": made["workflow_id"],
        "flow_name": None,
        "key": "b",
        "type": "normal",
        "phase": "run",
        "item": None,
        "item_index": None,
        "attempts": 1,
        "deps": {"a": {"id": 7}},
    }


@pytest.mark.parametrize("more", [{}, {"type": "mapper", "source": "input"}])
def test_the_bound_of_an_attempt_is_kept_for_a_step(api: Api, more: dict[str, Any]) -> None:
    a_run(api, flow_step("a", timeout_ms=5_000, **more), input=[1])
    [job] = claimed(api, "orders.a", lease_duration_secs=3_600)
    holder = {"lease_id": job["lease_id"], "lease_duration_secs": 3_600}

    api.clock.advance(seconds=5)
    renewed = api.post(f"jobs/{job['id']}/heartbeat", json=holder)

    # The worker's own failure comes first: ten seconds are left for it.
    assert renewed.json()["lease_expires_at"] == "2027-01-15T08:00:15.000Z"
    api.clock.advance(seconds=10)
    late = api.post(f"jobs/{job['id']}/heartbeat", json=holder)
    assert (late.status_code, late.json()["code"]) == (409, "LEASE_EXPIRED")
