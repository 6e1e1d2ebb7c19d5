"""The steps of workflows over HTTP: what is shown, and signals. Contract: catbird, section 8."""

from collections.abc import Iterator
from typing import Any

import pytest

from spooled_lite.config import Settings
from spooled_lite.core.jobs.policy import OnFail
from tests.wire.http.job_calls import NOW, UNKNOWN_ID, refusal
from tests.wire.http.run_calls import RunApi, a_node

MIB = 1024 * 1024


@pytest.fixture
def api() -> Iterator[RunApi]:
    with RunApi(":memory:", Settings()) as it:
        yield it


def listed(api: RunApi, path: str) -> list[dict[str, Any]]:
    rows: Any = api.shown("GET", path)
    return list(rows)


def reason(api: RunApi, run: str, key: str, body: Any) -> str:
    answer = api.post(f"workflows/{run}/steps/{key}/signal", json=body)
    assert answer.status_code == 409
    shown = answer.json()
    assert shown["code"] == "CONFLICT"
    return str(shown["details"]["reason"])


# -- what is shown -------------------------------------------------------------------------------


def test_a_step_of_a_plain_workflow_is_shown_with_every_field(api: RunApi) -> None:
    created = api.workflow()
    run = created["id"]

    assert api.step(run, "b") == {
        "id": api.ids(created)["b"],
        "key": "b",
        "step_name": "b",
        "step_type": "normal",
        "queue_name": "b",
        "status": "pending",
        "state": "waiting_for_dependencies",
        "priority": 0,
        "attempts": 0,
        "max_retries": 3,
        "depends_on": ["a"],
        "signal": False,
        "is_signalled": False,
        "error_message": None,
        "created_at": NOW,
        "visible_at": None,
        "started_at": None,
        "completed_at": None,
        "failed_at": None,
        "skipped_at": None,
        "canceled_at": None,
        "expired_at": None,
    }
    api.complete("a", result={"n": 1})
    shown = api.step(run, "a")
    assert (shown["state"], shown["output"], shown["attempts"]) == ("completed", {"n": 1}, 1)
    assert shown["completed_at"] == NOW
    assert [step["key"] for step in listed(api, f"workflows/{run}/steps")] == ["a", "b"]


def test_steps_are_listed_in_pages_in_their_order(api: RunApi) -> None:
    run = api.run(a_node("c"), a_node("a", "c"), a_node("b", "c"))

    first = api.get(f"workflows/{run}/steps?limit=2")
    assert [step["key"] for step in first.json()] == ["c", "a"]
    assert first.headers["x-has-more"] == "true"
    last = api.get(f"workflows/{run}/steps?limit=2&offset=2")
    assert [step["key"] for step in last.json()] == ["b"]
    assert last.headers["x-has-more"] == "false"


def test_each_kind_of_step_is_shown_as_it_is(api: RunApi) -> None:
    run = api.run(
        a_node("each", type="mapper", source="input"),
        a_node("made", type="generator"),
        a_node("sum", "each", type="reducer", source="each"),
        a_node("gate", signal=True),
        a_node("never", condition="input eq 0"),
        input=[1, 2],
    )

    steps = {step["key"]: step for step in listed(api, f"workflows/{run}/steps")}
    assert {key: (step["step_type"], step["state"]) for key, step in steps.items()} == {
        "each": ("mapper", "waiting_for_map_tasks"),
        "made": ("generator", "queued"),
        "sum": ("reducer", "waiting_for_dependencies"),
        "gate": ("normal", "waiting_for_signal"),
        "never": ("normal", "skipped"),
    }
    counts = {"total": 2, "stored": 2, "open": 2, "completed": 0, "failed": 0}
    assert steps["each"]["item_counts"] == counts
    assert (steps["gate"]["signal"], steps["gate"]["is_signalled"]) == (True, False)
    assert (steps["never"]["skipped_at"], steps["never"]["completed_at"]) == (NOW, None)
    assert "output" not in steps["never"]


def test_the_output_of_a_step_with_items_is_their_array(api: RunApi) -> None:
    run = api.run(a_node("each", type="mapper", source="input"), input=[1, 2])
    for job in reversed(api.claim("each", limit=2)):
        api.shown("POST", f"jobs/{job['id']}/complete", json={"result": job["id"]})
    ids = api.step(run, "each")["output"]

    assert len(ids) == 2
    assert api.wait(run, "each")["output"] == ids
    assert api.wait(run) == {
        "id": run,
        "state": "completed",
        "status": "completed",
        "output": ids,
    }
    [row] = listed(api, f"workflows/{run}/steps")
    assert row["output_omitted"] is True


def test_large_outputs_are_whole_in_the_one_and_left_out_of_the_list(api: RunApi) -> None:
    keys = [f"s{n}" for n in range(5)]
    run = api.run(*(a_node(key) for key in keys))
    large = "x" * (MIB - 10)
    api.complete(*keys, result=large)

    steps = listed(api, f"workflows/{run}/steps")
    assert [step["key"] for step in steps if step.get("output_omitted")] == ["s4"]
    assert api.step(run, "s4")["output"] == large


def test_waiting_for_a_step_answers_how_it_stands_or_ended(api: RunApi) -> None:
    run = api.run(a_node("a", condition="input"), a_node("b"), input=False)

    assert api.wait(run, "a")["state"] == "skipped"
    assert api.wait(run, "b", 202)["state"] == "queued"
    api.fail("b")
    ended = api.wait(run, "b")
    assert (ended["state"], ended["error_message"]) == ("failed", "boom")
    assert ended["failed_at"] == NOW


@pytest.mark.parametrize("path", ["steps/x", "steps/x/wait", "steps"])
def test_unknown_and_foreign_steps_are_not_found(api: RunApi, path: str) -> None:
    run, other = api.run(a_node("a")), api.other_org()

    if path != "steps":
        assert refusal(api.get(f"workflows/{run}/{path}")) == (404, "NOT_FOUND")
    assert refusal(api.get(f"workflows/{UNKNOWN_ID}/{path}")) == (404, "NOT_FOUND")
    path = path.replace("x", "a")
    assert refusal(api.get(f"workflows/{run}/{path}", key=other)) == (404, "NOT_FOUND")


# -- signals -------------------------------------------------------------------------------------


def test_a_signal_is_delivered_and_read_by_the_step(api: RunApi) -> None:
    run = api.run(a_node("a", signal=True))

    assert api.signal(run, "a", {"by": "ann"}) == {"delivered": True, "state": "queued"}

    assert api.step(run, "a")["is_signalled"] is True
    assert reason(api, run, "a", {"input": 2}) == "already_delivered"
    assert len(api.claim("a")) == 1


def test_nothing_and_null_are_signals_too(api: RunApi) -> None:
    run = api.run(a_node("a", signal=True), a_node("b", signal=True), a_node("c", signal=True))

    assert api.shown("POST", f"workflows/{run}/steps/a/signal")["state"] == "queued"
    assert api.signal(run, "b", None)["state"] == "queued"
    assert api.shown("POST", f"workflows/{run}/steps/c/signal", json={})["state"] == "queued"


def test_each_refusal_has_its_reason(api: RunApi) -> None:
    run = api.run(a_node("a"), a_node("b", "a", signal=True))

    assert reason(api, run, "a", {}) == "not_a_signal_step"
    api.shown("POST", f"workflows/{run}/cancel")
    assert reason(api, run, "b", {}) == "workflow_terminal"
    for path in (f"workflows/{run}/steps/x/signal", f"workflows/{UNKNOWN_ID}/steps/a/signal"):
        assert refusal(api.post(path, json={"input": 1})) == (404, "NOT_FOUND")


def test_a_signal_made_again_with_its_key_gets_the_first_answer(api: RunApi) -> None:
    run = api.run(a_node("a", signal=True))
    named = {"headers": {"Idempotency-Key": "sig-1"}}

    first = api.signal(run, "a", 1, **named)
    again = api.post(f"workflows/{run}/steps/a/signal", json={"input": 1}, **named)

    assert (again.status_code, again.json()) == (200, first)
    assert again.headers["idempotency-replayed"] == "true"


def test_a_signal_may_be_as_large_as_a_payload(api: RunApi) -> None:
    run = api.run(a_node("a", signal=True), a_node("b", signal=True))
    most = Settings().queue_max_payload_size_bytes

    assert api.signal(run, "a", "x" * (most - 2))["delivered"] is True
    answer = api.post(f"workflows/{run}/steps/b/signal", json={"input": "x" * most})
    assert answer.status_code == 413


def test_a_signal_is_an_act_of_the_log(api: RunApi) -> None:
    run = api.run(a_node("a", signal=True))
    api.signal(run, "a")

    [act] = listed(api, "acts?kind=workflow")
    assert (act["act"], act["subject"]) == ("signal", run)


# -- the run as a whole --------------------------------------------------------------------------


def test_a_run_is_shown_with_what_it_was_given_and_how_it_failed(api: RunApi) -> None:
    run = api.run(
        a_node("a"),
        a_node("b", "a"),
        on_fail=OnFail(),
        flow_name="orders",
        input={"n": 1},
        headers={"t": "x"},
        priority=4,
        concurrency_key="k",
    )
    api.fail("a")

    shown = api.detail(run)
    assert {key: shown[key] for key in ("state", "flow_name", "input", "headers", "priority")} == {
        "state": "failed",
        "flow_name": "orders",
        "input": {"n": 1},
        "headers": {"t": "x"},
        "priority": 4,
    }
    assert (shown["failed_step"], shown["error_message"]) == ("a", "boom")
    assert (shown["failed_at"], shown["canceled_at"], shown["expired_at"]) == (NOW, None, None)
    assert (shown["output_priority"], shown["concurrency_key"]) == (["b"], "k")
    assert (shown["on_fail"]["status"], shown["on_fail"]["attempts"]) == ("queued", 0)
    assert [(job["key"], job["state"], job["step_type"]) for job in shown["jobs"]] == [
        ("a", "failed", "normal"),
        ("b", "failed", "normal"),
    ]
    assert api.wait(run) == {
        "id": run,
        "state": "failed",
        "status": "failed",
        "failed_step": "a",
        "error_message": "boom",
    }
    [job] = api.claim("orders_on_fail")
    assert job["payload"]["failure"]["on_fail_attempts"] == 1


def test_a_run_completed_early_says_so_and_why(api: RunApi) -> None:
    run = api.run(a_node("a"), a_node("b"))
    body = {"output": {"ok": True}, "reason": "known"}

    ended = api.shown("POST", f"workflows/{run}/complete", json=body)
    assert ended == {"applied": True, "status": "completed", "state": "completed"}
    again = api.shown("POST", f"workflows/{run}/complete", json={"output": 2})
    assert again == {"applied": False, "status": "completed", "state": "completed"}

    shown = api.detail(run)
    assert (shown["output"], shown["completion_reason"]) == ({"ok": True}, "known")
    assert api.wait(run) == {
        "id": run,
        "state": "completed",
        "status": "completed",
        "output": {"ok": True},
        "completion_reason": "known",
    }
    acts = listed(api, "acts?kind=workflow")
    assert [(act["act"], act["reason"]) for act in acts] == [("complete", "known")]


def test_a_worker_completes_its_run_with_its_job(api: RunApi) -> None:
    run = api.run(a_node("a"), a_node("b"))
    job = api.take("a")
    body = {
        "lease_id": job["lease_id"],
        "complete_workflow": {"output": 7, "reason": "enough"},
        "then": [{"op": "create_job", "queue_name": "emails", "payload": 1}],
    }

    done = api.shown("POST", f"jobs/{job['id']}/complete", json=body)

    applied = {"applied": True, "status": "completed", "state": "completed"}
    assert done["complete_workflow"] == {**applied, "job_status": "cancelled"}
    assert done["then"][0]["created"] is True
    assert api.wait(run)["output"] == 7
    late = api.post(f"jobs/{job['id']}/heartbeat", json={"lease_id": "other"})
    assert late.json()["details"]["reason"] == "workflow_completed_early"


def test_many_are_settled_with_their_runs(api: RunApi) -> None:
    runs = [api.run(a_node("a"), a_node("b", "a")) for _ in range(3)]
    jobs = api.claim("a", limit=3)
    said: list[dict[str, Any]] = [
        {"complete_workflow": {"output": 1}},
        {"cancel_run": {"reason": "no"}},
        {"complete_workflow": {"output": 1}, "error": "e"},
    ]
    items = [{"id": job["id"], **more} for job, more in zip(jobs, said, strict=True)]

    results = api.shown("POST", "jobs/settle", json={"jobs": items})["results"]

    assert [each["success"] for each in results] == [True, True, False]
    assert results[0]["status"] == "cancelled"
    assert results[0]["complete_workflow"]["state"] == "completed"
    assert results[1]["status"] == "completed"
    assert results[1]["cancel_run"]["state"] == "canceled"
    assert sorted(api.detail(run)["state"] for run in runs) == ["canceled", "completed", "started"]


def test_a_batch_signals_completes_and_cancels_runs(api: RunApi) -> None:
    runs = [api.run(a_node("a", signal=True)) for _ in range(3)]
    operations = [
        {"op": "signal", "workflow_id": runs[0], "key": "a", "input": 1},
        {"op": "complete_workflow", "workflow_id": runs[1], "output": 2, "reason": "enough"},
        {"op": "cancel_run", "workflow_id": runs[2], "reason": "no"},
        {"op": "complete_workflow", "workflow_id": runs[2], "output": 3},
    ]

    results = api.shown("POST", "batch", json={"operations": operations})["results"]

    assert results == [
        {"delivered": True, "state": "queued"},
        {"applied": True, "status": "completed", "state": "completed"},
        {"id": runs[2], "applied": True},
        {"applied": False, "status": "cancelled", "state": "canceled"},
    ]
    refused = api.post("batch", json={"operations": operations[:1]})
    assert refused.json()["details"]["reason"] == "already_delivered"
    unnamed = api.post("batch", json={"operations": [{"op": "cancel_run"}]})
    assert unnamed.status_code == 422


def test_outside_of_a_run_a_worker_completes_none(api: RunApi) -> None:
    api.workflow()
    job, step = api.claimed(), api.take("a")

    for each in (job, step):
        body = {"complete_workflow": {"output": 1}}
        answer = api.post(f"jobs/{each['id']}/complete", json=body)
        assert refusal(answer) == (400, "BAD_REQUEST")
    both = {"complete_workflow": {"output": 1}, "cancel_run": {}}
    assert api.post(f"jobs/{job['id']}/complete", json=both).status_code == 400


def test_a_cancelled_run_says_in_which_phase_it_is(api: RunApi) -> None:
    run = api.run(a_node("a"), a_node("b"))
    job = api.take("a")

    first = api.shown("POST", f"workflows/{run}/cancel", json={"reason": "customer"})
    assert (first["status"], first["state"], first["applied"]) == ("cancelled", "canceling", True)
    assert (first["cancel_reason"], first["cancel_requested_at"]) == ("customer", NOW)
    body = {"lease_id": job["lease_id"], "error": "stopped"}
    assert api.shown("POST", f"jobs/{job['id']}/fail", json=body)["status"] == "cancelled"
    again = api.shown("POST", f"workflows/{run}/cancel", json={"reason": "late"})

    assert (again["state"], again["applied"]) == ("canceled", False)
    assert again["cancel_reason"] == "customer"
    assert api.detail(run)["canceled_at"] == NOW


def test_a_plain_workflow_is_shown_and_cancelled_as_ever(api: RunApi) -> None:
    run = api.workflow()["id"]
    ours = {"state", "flow_name", "input", "output", "applied", "on_fail"}

    assert not ours & set(api.detail(run))
    assert not ours & set(api.shown("POST", f"workflows/{run}/cancel"))
