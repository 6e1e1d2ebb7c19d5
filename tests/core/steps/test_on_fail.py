"""The job that follows the failure of a run of a document."""

import json
from typing import Any

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.following import following
from spooled_lite.core.jobs.kinds import payload_shown
from spooled_lite.core.jobs.policy import Backoff, OnFail
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.statements import LEASES_OVER
from spooled_lite.core.steps.on_fail import SAME_INPUT_BYTES_MAX
from spooled_lite.core.steps.signal import deliver_signal
from spooled_lite.times import format_ms
from tests.core.job_stage import JobStage
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import Run, a_document, a_node, started


def watched(stage: JobStage, *steps: Any, on_fail: OnFail | None = None, **options: Any) -> Run:
    """A run whose failure is followed."""
    document = a_document(*steps, on_fail=on_fail or OnFail(), failure_policy="continue")
    return started(stage, document=document, **{"flow_name": "orders", **options})


def follower(run: Run) -> JobRow | None:
    return run.stage.read(following, run.stage.org, run.id, ALL_QUEUES)


def told(run: Run, queue_name: str = "orders_on_fail") -> Any:
    """What the worker that takes it is given."""
    payload = payload_shown(run.stage.take(queue_name))
    assert payload is not None
    return json.loads(payload)


def test_it_is_told_the_input_and_how_the_run_failed(stage: JobStage) -> None:
    run = watched(
        stage,
        a_node("validate"),
        a_node("charge", "validate", signal=True),
        input={"order": 7},
        concurrency_key="order-7",
        headers={"trace": "t-9"},
    )
    started_at = format_ms(stage.clock.now_ms())
    run.give("validate", "fine")
    stage.run(deliver_signal, stage.org, run.id, "charge", b'"by ann"', ALL_QUEUES)
    stage.clock.advance(seconds=5)
    stage.fail(run.take("charge"), "no money", may_retry=False)

    assert (run.status, run.state) == ("failed", "failed")
    assert told(run) == {
        "input": {"order": 7},
        "failure": {
            "flow_name": "orders",
            "workflow_id": run.id,
            "flow_run_id": run.id,
            "failed_step_name": "charge",
            "error_message": "no money",
            "attempts": 1,
            "on_fail_attempts": 1,
            "started_at": started_at,
            "failed_at": format_ms(stage.clock.now_ms()),
            "concurrency_key": "order-7",
            "failed_step_input": {"order": 7},
            "failed_step_signal_input": "by ann",
            "completed_steps": ["validate"],
        },
    }
    shown = follower(run)
    assert shown is not None
    assert (shown["kind"], shown["headers"]) == ("on_fail", b'{"trace":"t-9"}')
    check(stage)


def test_without_input_and_signal_it_is_told_of_none(stage: JobStage) -> None:
    run = watched(stage, a_node("a"))
    run.fail("a")

    given = told(run)
    assert given["input"] is None
    assert given["failure"]["failed_step_input"] is None
    assert "failed_step_signal_input" not in given["failure"]


def test_a_large_input_is_told_once(stage: JobStage) -> None:
    large = "x" * SAME_INPUT_BYTES_MAX
    run = watched(stage, a_node("a"), input=large)
    run.fail("a")

    job = stage.take("orders_on_fail")
    assert job["payload_bytes"] is not None
    assert len(large) < job["payload_bytes"] < 2 * len(large)


def test_a_run_that_gives_no_output_is_followed_and_no_step_is_named(stage: JobStage) -> None:
    run = watched(stage, a_node("a", condition="input.ok"), input={"ok": False})

    failure = told(run)["failure"]
    assert run.status == "failed"
    assert failure["error_message"] == "no output candidate produced output"
    assert (failure["failed_step_name"], failure["attempts"]) == (None, 0)
    assert "failed_step_input" not in failure
    assert failure["completed_steps"] == []


def test_queue_retries_and_time_are_as_they_were_asked_for(stage: JobStage) -> None:
    wanted = OnFail(
        queue_name="alerts",
        max_retries=5,
        timeout_ms=1_500,
        backoff=Backoff(strategy="fixed", base_delay_ms=7_000),
    )
    run = watched(stage, a_node("a"), on_fail=wanted, priority=3)
    run.fail("a")

    job = stage.take("alerts")
    assert (job["max_retries"], job["timeout_ms"], job["priority"]) == (5, 1_500, 3)
    assert stage.fail(job).delay_ms == 7_000


def test_its_own_end_changes_nothing_of_the_run(stage: JobStage) -> None:
    run = watched(stage, a_node("a"))
    run.fail("a")

    stage.fail(stage.take("orders_on_fail"), may_retry=False)

    assert (run.status, run.counted) == ("failed", (0, 0, 0, 1, 0))
    check(stage)


def test_a_run_that_says_nothing_or_does_not_fail_is_not_followed(stage: JobStage) -> None:
    silent = started(stage, a_node("a"), flow_name="orders")
    silent.fail("a")
    done, cancelled = watched(stage, a_node("b")), watched(stage, a_node("c"))
    done.complete("b")
    cancelled.cancel()

    assert [follower(run) for run in (silent, done, cancelled)] == [None] * 3


@pytest.mark.parametrize("is_begun", [False, True])
def test_a_retry_takes_back_what_nobody_has_begun_with(stage: JobStage, is_begun: bool) -> None:
    run = watched(stage, a_node("a"), a_node("b"))
    run.complete("b")
    run.fail("a")
    if is_begun:
        stage.take("orders_on_fail")

    run.retry()

    first = follower(run)
    assert first is not None
    assert first["status"] == ("processing" if is_begun else "cancelled")
    run.fail("a")
    again = follower(run)
    assert again is not None
    assert (again["id"] != first["id"], again["status"]) == (True, "pending")
    check(stage)


def test_a_workflow_that_is_no_run_of_a_flow_has_a_queue_for_it_too(stage: JobStage) -> None:
    run = watched(stage, a_node("a"), flow_name=None)
    run.fail("a")

    assert told(run, "workflow_on_fail")["failure"]["flow_name"] is None


def test_of_a_failed_item_it_is_told_the_item(stage: JobStage) -> None:
    document = a_document(
        a_node("each", type="mapper", source="input", item_queue_name="items"), on_fail=OnFail()
    )
    run = started(stage, document=document, flow_name="orders", input=[{"sku": "a"}, {"sku": "b"}])
    jobs = {job["item_index"]: job for job in stage.claim("items", limit=2)}

    stage.fail(jobs[1], "gateway timeout", may_retry=False)

    failure = told(run)["failure"]
    assert (failure["failed_step_name"], failure["attempts"]) == ("each", 0)
    assert failure["failed_step_input"] == {"sku": "b"}
    assert failure["error_message"] == "gateway timeout"
    check(stage)


def test_a_lease_that_ends_takes_what_its_run_was_given_into_account(stage: JobStage) -> None:
    run = watched(stage, a_node("a"), input="x" * 1_000)
    run.take("a")
    stage.clock.advance(seconds=60)

    [over] = stage.run(
        lambda tx: tx.rows(LEASES_OVER, {"now_ms": stage.clock.now_ms(), "limit": 10})
    )
    assert over["size_bytes"] > 1_000
