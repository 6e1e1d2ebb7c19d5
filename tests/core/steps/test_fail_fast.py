"""Runs that fail as soon as one of their steps has, and their retries."""

from typing import Any

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.reap import ATTEMPTS_OVER
from spooled_lite.core.lifecycle.renew import renew
from spooled_lite.core.lifecycle.rerun import rerun_workflow
from spooled_lite.errors import BadRequest, Conflict, LeaseExpired
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage, holder
from tests.core.workflows.graphs import check, dlq_retry
from tests.core.workflows.runs import Run, a_document, a_node, begun, started

FORK = (a_node("a"), a_node("b"), a_node("c", "a"), a_node("d", "b", "c"))


def test_a_step_that_fails_for_good_ends_its_run_and_all_other_steps(stage: JobStage) -> None:
    run = started(stage, *FORK)

    run.fail("a")

    assert (run.status, run.state) == ("failed", "failed")
    assert (run.row["failed_step"], run.row["error_message"]) == ("a", "boom")
    assert run.states == dict.fromkeys("abcd", "failed")
    assert run.steps == {"a": "deadletter", "b": "cancelled", "c": "cancelled", "d": "cancelled"}
    assert {run.step(key)["last_error"] for key in "abcd"} == {"boom"}
    assert not run.has_output
    check(stage)


def test_a_step_that_may_still_be_retried_ends_nothing(stage: JobStage) -> None:
    run = started(stage, *FORK)

    run.fail("a", may_retry=True)

    assert (run.status, run.states["b"]) == ("running", "queued")
    assert run.states["a"] == "started"  # it waits for another attempt
    check(stage)


def test_the_worker_of_a_sibling_is_told_to_stop_and_refused_from_then_on(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b"))
    held = run.take("b")
    stage.happened()

    run.fail("a")

    told = [event for event in stage.events if event.type == "job.stop_requested"]
    assert [(event.row["id"], event.facts["reason"]) for event in told] == [
        (held["id"], "workflow_failed")
    ]
    assert told[0].row["assigned_worker_id"] == held["assigned_worker_id"]
    with pytest.raises(LeaseExpired) as refused:
        run.settle(held, "late")
    assert refused.value.details is not None
    assert refused.value.details["reason"] == "workflow_failed"
    with pytest.raises(LeaseExpired):
        stage.run(renew, stage.org, held["id"], holder(held), 30_000, ALL_QUEUES)
    assert (run.status, run.steps["b"]) == ("failed", "cancelled")
    check(stage)


def test_the_failure_comes_first_and_the_end_of_the_run_last(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b"), a_node("c"))
    held = run.take("a")
    stage.happened()

    stage.fail(held, may_retry=False)

    assert stage.happened() == [
        *("job.deadlettered", "job.cancelled", "job.cancelled", "workflow.failed"),
    ]


def test_a_run_that_goes_on_closes_only_what_waits_for_the_failed_step(stage: JobStage) -> None:
    run = started(stage, document=a_document(*FORK, failure_policy="continue"))

    run.fail("a")
    stage.run_due()
    assert run.states == {"a": "failed", "b": "queued", "c": "canceled", "d": "canceled"}
    assert run.status == "running"
    run.give("b")

    assert (run.status, run.row["failed_step"]) == ("failed", None)
    check(stage)


def test_a_step_whose_lease_runs_out_for_the_last_time_ends_its_run(stage: JobStage) -> None:
    run = started(stage, a_node("a", max_retries=0), a_node("b", max_retries=0), a_node("c", "b"))
    run.take("a")
    run.take("b")

    stage.wait(seconds=60)

    assert (run.status, run.row["error_message"]) == ("failed", ATTEMPTS_OVER)
    assert sorted(run.steps.values()) == ["cancelled", "cancelled", "deadletter"]
    check(stage)


def test_a_pass_over_leases_ends_few_large_runs(stage: JobStage) -> None:
    waiting = [a_node(f"w{n}", "a", queue_name="waiting") for n in range(400)]
    runs = [started(stage, a_node("a", max_retries=0), *waiting) for _ in range(4)]
    for run in runs:
        run.take("a")
    stage.clock.advance(seconds=60)

    stage.run_pass(Deadline.LEASE_END)

    assert [run.status for run in runs].count("failed") == 3
    stage.run_due()
    assert [run.status for run in runs].count("failed") == 4
    check(stage)


def test_a_step_that_fails_while_its_run_is_being_cancelled_fails_nothing(
    stage: JobStage,
) -> None:
    run = started(stage, a_node("a"), a_node("b"))
    held = run.take("a")
    run.cancel()

    stage.fail(held, may_retry=False)

    assert (run.status, run.state, run.row["failed_step"]) == ("cancelled", "canceled", None)
    check(stage)


def test_a_large_run_is_closed_at_once(stage: JobStage) -> None:
    steps = [a_node(f"s{n}", "a", queue_name="later") for n in range(999)]
    run = started(stage, a_node("a"), *steps)

    run.fail("a")

    assert run.counted == (0, 0, 0, 1, 999)
    check(stage)


# -- beginning again -----------------------------------------------------------------------------


def finished(run: Run, results: dict[str, Any]) -> None:
    for key, result in results.items():
        run.give(key, result)


def test_a_retried_run_goes_on_where_it_failed(stage: JobStage) -> None:
    run = started(stage, *FORK)
    run.give("a", 1)
    held = run.take("b")
    run.fail("c")
    assert run.states == {"a": "completed", "b": "failed", "c": "failed", "d": "failed"}

    run.retry()
    stage.run_due()

    assert (run.status, run.row["failed_step"], run.row["error_message"]) == ("running", None, None)
    assert run.claimable == {"b", "c"}
    assert (run.step("b")["stop_reason"], run.step("b")["last_error"]) == (None, None)
    with pytest.raises(LeaseExpired):
        run.settle(held)
    finished(run, {"b": 1, "c": 2, "d": 3})
    assert (run.state, run.output) == ("completed", 3)
    check(stage)


def one_by_one(stage: JobStage, job: JobRow) -> None:
    stage.retry(job)


def by_the_list(stage: JobStage, job: JobRow) -> None:
    assert dlq_retry(stage, job["id"]).job_ids == [job["id"]]


@pytest.mark.parametrize("again", [one_by_one, by_the_list])
def test_retrying_the_step_that_failed_retries_its_run(stage: JobStage, again: Any) -> None:
    run = started(stage, *FORK)
    run.fail("a")

    again(stage, run.step("a"))
    stage.run_due()

    assert (run.status, run.claimable) == ("running", {"a", "b"})
    assert run.row["failed_step"] is None
    finished(run, {"a": 1, "b": 2, "c": 3, "d": 4})
    assert run.output == 4
    check(stage)


def test_what_was_skipped_stays_skipped_in_a_retried_run(stage: JobStage) -> None:
    run = started(stage, a_node("a", condition="input.go"), a_node("b"), input={"go": False})
    run.fail("b")

    run.retry()
    run.give("b", 1)

    assert (run.states, run.output) == ({"a": "skipped", "b": "completed"}, 1)


def test_a_step_that_waited_for_its_signal_does_so_again(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", signal=True), a_node("c", condition="input"))
    run.fail("a")
    assert run.states["b"] == "failed"

    run.retry()

    assert run.states == {"a": "queued", "b": "waiting_for_signal", "c": "skipped"}
    check(stage)


def test_nothing_brings_steps_of_a_failed_run_back_but_its_retry(stage: JobStage) -> None:
    many = [a_node(f"s{n}", "a", queue_name="later") for n in range(3)]
    run = started(stage, a_node("a"), *many, a_node("z"))
    run.give("a")
    stage.rows(
        "INSERT INTO job_cascades (job) SELECT seq FROM jobs WHERE step_key = 'a'"
    )  # as when it has very many dependents

    run.fail("z")
    stage.run_pass(Deadline.DEPENDENTS)

    assert (run.status, run.counted) == ("failed", (0, 0, 1, 1, 3))
    check(stage)


def test_a_run_that_gave_nothing_is_not_retried_but_run_again(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a", condition="a.ok"))
    run.give("a", {"ok": False})
    assert run.state == "failed"

    with pytest.raises(BadRequest, match="none has given an output"):
        run.retry()
    stage.run(rerun_workflow, stage.org, run.id, ["a"], ALL_QUEUES, None)
    stage.run_due()

    assert (run.state, run.row["error_message"]) == ("started", None)
    assert run.states == {"a": "queued", "b": "waiting_for_dependencies"}
    run.give("a", {"ok": True})
    run.give("b", "now")
    assert run.output == "now"
    check(stage)


def test_a_run_that_ends_as_before_when_it_is_run_again_ends_again(stage: JobStage) -> None:
    run = started(stage, a_node("a", condition="input.go"), input={"go": False})
    stage.happened()

    stage.run(rerun_workflow, stage.org, run.id, ["a"], ALL_QUEUES, None)

    assert (run.state, run.states) == ("failed", {"a": "skipped"})
    assert stage.happened()[-1] == "workflow.failed"
    check(stage)


def test_a_map_over_nothing_runs_again(stage: JobStage) -> None:
    run = started(stage, a_node("a", type="mapper", source="input"), input=[])
    stage.run_due()
    assert run.output == []

    stage.run(rerun_workflow, stage.org, run.id, ["a"], ALL_QUEUES, None)
    stage.run_due()

    assert (run.state, run.output) == ("completed", [])
    check(stage)


def test_a_step_with_items_does_not_run_again(stage: JobStage) -> None:
    run = started(stage, a_node("a", type="mapper", source="input"), input=[1])
    run.give("a")
    assert run.state == "completed"

    with pytest.raises(BadRequest, match="has items"):
        stage.run(rerun_workflow, stage.org, run.id, ["a"], ALL_QUEUES, None)


def test_a_run_that_goes_on_brings_back_what_waited_for_the_retried_step(stage: JobStage) -> None:
    document = a_document(*FORK, failure_policy="continue")
    run = started(stage, document=document)
    run.fail("a")
    stage.run_due()
    run.give("b")
    assert run.states == {"a": "failed", "b": "completed", "c": "canceled", "d": "canceled"}

    stage.retry(run.step("a"))
    stage.run_due()
    finished(run, {"a": 1, "c": 2, "d": 3})

    assert (run.state, run.output) == ("completed", 3)
    check(stage)


def test_steps_that_run_again_are_decided_about_again(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a", condition="a eq 1"), a_node("c", "b"))
    finished(run, {"a": 1, "b": 2, "c": 3})
    assert run.output == 3

    stage.run(rerun_workflow, stage.org, run.id, ["a"], ALL_QUEUES, None)
    stage.run_due()
    assert not run.has_output
    run.give("a", 2)

    assert run.states == {"a": "completed", "b": "skipped", "c": "queued"}
    run.give("c", 4)
    assert run.output == 4
    check(stage)


def test_a_run_whose_key_another_has_by_now_does_not_begin_again(stage: JobStage) -> None:
    run = started(stage, a_node("a"), concurrency_key="k")
    run.fail("a")
    other = begun(stage, a_node("a"), concurrency_key="k")

    with pytest.raises(Conflict) as refused:
        run.retry()
    assert refused.value.details == {"workflow_id": other.row["id"]}
    with pytest.raises(Conflict):
        stage.retry(run.step("a"))
    with pytest.raises(Conflict):
        stage.run(rerun_workflow, stage.org, run.id, ["a"], ALL_QUEUES, None)
    assert dlq_retry(stage, run.ids["a"]).skipped == [run.ids["a"]]
    assert run.status == "failed"
    check(stage)


def test_a_run_whose_time_is_over_does_not_begin_again(stage: JobStage) -> None:
    run = started(stage, a_node("a"), expires_in_ms=1_000)
    run.fail("a")
    stage.clock.advance(seconds=1)

    with pytest.raises(Conflict, match="expires_at"):
        run.retry()


def test_a_step_whose_run_was_deleted_is_retried_as_an_ordinary_job(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b"))
    run.fail("a")
    run.delete()

    stage.retry(run.step("a"))

    assert run.claimable == {"a"}
    run.give("a")
    assert run.steps["a"] == "completed"
    stage.check_books()
