"""Runs of documents: which of their steps may run, which are skipped, and what the run gives."""

from itertools import pairwise
from typing import Any

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.steps.outputs import NO_CANDIDATE
from spooled_lite.core.steps.signal import deliver_signal
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import a_document, a_node, begun, started


def test_a_run_of_one_step_gives_what_its_worker_gave(stage: JobStage) -> None:
    run = started(stage, a_node("only"), input={"n": 1})
    assert (run.status, run.state, run.states) == ("pending", "started", {"only": "queued"})

    run.give("only", {"n": 2})

    assert (run.status, run.state, run.output) == ("completed", "completed", {"n": 2})
    assert run.states == {"only": "completed"}
    check(stage)


def test_steps_run_one_after_the_other_and_side_by_side(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"), a_node("c", "a"), a_node("d", "b", "c"))
    assert run.claimable == {"a"}

    run.give("a", 1)
    assert run.claimable == {"b", "c"}
    run.give("b", 2)
    assert run.states["d"] == "waiting_for_dependencies"
    run.give("c", 3)
    run.give("d", [4])

    assert (run.state, run.output) == ("completed", [4])
    check(stage)


def test_all_that_wait_for_a_step_may_be_claimed_as_soon_as_it_is_completed(
    stage: JobStage,
) -> None:
    steps = [a_node(f"s{n}", "a", queue_name="many") for n in range(999)]
    run = started(stage, a_node("a"), *steps)

    run.give("a")

    assert stage.value("SELECT count(*) FROM jobs WHERE claimable = 1") == 999
    check(stage)


# -- conditions ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "result", "runs"),
    [
        ("a.score gt 5", {"score": 6}, True),
        ("a.score gt 5", {"score": 5}, False),
        ("a gt 5", 6, True),
        ("a.missing ne 1", {}, True),
        ("a.missing eq 1", {}, False),
        ("a.empty exists", {"empty": None}, True),
        ("a exists", None, True),  # a worker that gives nothing gives null
        ("a.deep.er[1] eq x", {"deep": {"er": ["y", "x"]}}, True),
        ("input.n eq 1", None, True),
        ("input.n eq 2", None, False),
        ("unknown exists", None, False),
        ("not unknown exists", None, True),
        ("signal exists", None, False),
    ],
)
def test_a_step_runs_if_its_condition_is_met(
    stage: JobStage, condition: str, result: Any, runs: bool
) -> None:
    run = started(stage, a_node("a"), a_node("b", "a", condition=condition), input={"n": 1})

    run.give("a", result)

    assert run.states["b"] == ("queued" if runs else "skipped")
    check(stage)


def test_a_condition_does_not_see_outputs_that_the_step_ignores(stage: JobStage) -> None:
    step = a_node("c", "a", "b", ignore_output=("a",), condition="a exists")
    run = started(stage, a_node("a"), a_node("b"), step)

    run.give("a", 1)
    run.give("b", 1)

    assert run.states["c"] == "skipped"


def test_a_condition_sees_a_large_result_that_stands_apart(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a", condition="a.text contains needle"))

    run.give("a", {"text": "x" * 10_000 + "needle"})

    assert run.states["b"] == "queued"


def test_conditions_that_look_at_very_much_are_left_to_a_loop(stage: JobStage) -> None:
    steps = [a_node(f"s{n}", "a", condition=f"a.n eq {n}") for n in range(6)]
    first = [a_node(f"f{n}", condition=f"input.n eq {n}") for n in range(4)]
    large = {"text": "x" * 600_000, "n": 3}

    run = started(stage, a_node("a"), *steps, *first, input=large)
    assert [run.states[f"f{n}"] for n in range(4)] == [
        *("skipped", "skipped", "waiting_for_dependencies", "waiting_for_dependencies"),
    ]
    run.give("a", large)
    assert list(run.states.values()).count("waiting_for_dependencies") == 6
    stage.run_due()

    queued = [key for key, state in run.states.items() if state == "queued"]
    assert queued == ["s3", "f3"]
    run.complete(*queued)
    assert run.state == "completed"
    check(stage)


def test_a_skipped_step_counts_as_completed_and_says_so(stage: JobStage) -> None:
    run = started(stage, a_node("a", condition="input.go"), a_node("b"), input={"go": False})

    step = run.step("a")
    assert (step["status"], step["state"], step["result"]) == ("completed", "skipped", None)
    assert step["completed_at_ms"] == NOW_MS
    assert run.counted == (1, 0, 1, 0, 0)
    assert stage.happened().count("job.skipped") == 1
    run.give("b", 1)
    assert (run.status, run.output) == ("completed", 1)
    check(stage)


def test_a_chain_of_skipped_steps_settles_in_one_transaction(stage: JobStage) -> None:
    keys = [f"s{n}" for n in range(300)]
    steps = [a_node("s0", condition="input.go")]
    for before, key in pairwise(keys):
        steps.append(a_node(key, before, condition=f"{before} exists"))

    run = started(stage, *steps, a_node("end", keys[-1]), input={"go": False})

    assert set(run.states.values()) == {"skipped", "queued"}
    assert run.claimable == {"end"}
    run.give("end", "there")
    assert run.output == "there"
    check(stage)


def test_all_ways_through_a_fork_are_decided_at_once(stage: JobStage) -> None:
    run = started(
        stage,
        a_node("check"),
        a_node("yes", "check", condition="check.ok"),
        a_node("no", "check", condition="not check.ok"),
        a_node("after_yes", "yes", condition="yes exists"),
        a_node("join", "after_yes", "no", optional_deps=("after_yes", "no")),
    )

    run.give("check", {"ok": False})

    assert run.states == {
        "check": "completed",
        "yes": "skipped",
        "no": "queued",
        "after_yes": "skipped",
        "join": "waiting_for_dependencies",
    }
    run.give("no", 0)
    run.give("join", "done")
    assert run.output == "done"
    check(stage)


def test_a_run_all_of_whose_steps_are_skipped_has_ended_when_it_is_answered(
    stage: JobStage,
) -> None:
    steps = (a_node("a", condition="input.go"), a_node("b", "a", condition="a exists"))

    answered = begun(stage, *steps, input={"go": False})

    row = answered.row
    assert (row["status"], row["ended_as"]) == ("failed", "failed")
    assert row["error_message"] == NO_CANDIDATE
    assert row["failed_step"] is None
    check(stage)


# -- dependencies --------------------------------------------------------------------------------


def test_any_dependency_that_was_completed_is_enough(stage: JobStage) -> None:
    steps = [a_node("a"), a_node("b"), a_node("c", "a", "b", dependency_mode="any")]
    run = started(stage, *steps)

    run.give("a", 1)

    assert run.claimable == {"b", "c"}


def test_of_any_dependency_a_skipped_one_is_not_enough_while_others_are_open(
    stage: JobStage,
) -> None:
    run = started(
        stage,
        a_node("a", condition="input exists"),
        a_node("b"),
        a_node("c", "a", "b", dependency_mode="any"),
        a_node("d", "a", dependency_mode="any"),
    )

    assert run.states["a"] == "skipped"
    assert run.claimable == {"b", "d"}  # all that d waits for are skipped
    run.give("b", 1)
    assert run.claimable == {"c", "d"}
    check(stage)


def test_plain_jobs_that_wait_for_a_skipped_step_run(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a", condition="a eq 1"))
    child = stage.enqueue("children", parent_job_id=run.ids["b"])

    run.give("a", 2)
    stage.run_due()

    assert stage.job(child["id"])["claimable"] == 1
    check(stage)


# -- signals -------------------------------------------------------------------------------------


def test_a_step_with_a_signal_waits_for_it_after_its_dependencies(stage: JobStage) -> None:
    run = started(stage, a_node("first", signal=True), a_node("a"), a_node("b", "a", signal=True))
    assert run.states == {
        "first": "waiting_for_signal",
        "a": "queued",
        "b": "waiting_for_dependencies",
    }

    run.give("a", 1)

    assert run.states["b"] == "waiting_for_signal"
    assert run.claimable == set()
    assert run.step("b")["dependencies_met"] == 0
    check(stage)


# -- outputs -------------------------------------------------------------------------------------


def test_the_first_completed_step_in_the_order_of_the_document_gives_the_output(
    stage: JobStage,
) -> None:
    steps = (a_node("a"), a_node("b"), a_node("c", condition="input.go"))
    document = a_document(*steps, output_priority=("c", "b", "a"))

    run = started(stage, document=document, input={"go": False})
    run.give("b", "from b")
    run.give("a", "from a")

    assert run.output == "from b"


def test_null_is_an_output(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b"))

    run.give("b", 1)
    run.give("a")

    assert run.state == "completed"
    assert run.output is None


def test_a_run_without_a_step_that_gives_an_output_fails(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a", condition="a eq 1"))

    run.give("a", 2)

    assert (run.status, run.row["error_message"]) == ("failed", NO_CANDIDATE)
    assert not run.has_output
    assert stage.happened()[-1] == "workflow.failed"
    check(stage)


def test_a_large_output_is_kept_whole(stage: JobStage) -> None:
    run = started(stage, a_node("a"))

    run.give("a", "x" * 100_000)

    assert run.output == "x" * 100_000


# -- what a run is given -------------------------------------------------------------------------


def test_a_delayed_run_has_begun_and_its_first_steps_wait(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"), delay_ms=5_000)
    assert (run.state, run.states["a"], run.claimable) == ("started", "queued", set())
    assert run.step("a")["scheduled_at_ms"] == NOW_MS + 5_000

    stage.wait(seconds=5)
    run.give("a", 1)

    assert run.claimable == {"b"}  # what comes later is not delayed
    run.give("b", 2)
    assert run.output == 2


def test_a_delay_is_for_what_is_activated_when_the_run_is_stored(stage: JobStage) -> None:
    run = started(
        stage,
        a_node("never", condition="input.ok"),
        a_node("next", "never", optional_deps=("never",)),
        a_node("gate", signal=True),
        input=5,
        delay_ms=5_000,
    )
    stage.run(deliver_signal, stage.org, run.id, "gate", b"1", ALL_QUEUES)

    assert (run.states["never"], run.states["next"]) == ("skipped", "queued")
    assert run.claimable == {"gate"}
    stage.wait(seconds=5)
    assert run.claimable == {"next", "gate"}
    check(stage)


def test_steps_have_the_priority_of_the_run_unless_they_have_their_own(stage: JobStage) -> None:
    run = started(stage, a_node("a"), a_node("b", "a"), a_node("c", priority=1), priority=7)

    assert [run.step(key)["priority"] for key in "abc"] == [7, 7, 1]


def test_steps_have_the_policy_of_their_document(stage: JobStage) -> None:
    run = started(stage, a_node("a", max_retries=0, timeout_ms=1_500), a_node("b"))

    a, b = run.step("a"), run.step("b")
    assert (a["max_retries"], a["timeout_ms"], a["timeout_seconds"]) == (0, 1_500, 2)
    assert (b["max_retries"], b["timeout_ms"]) == (3, None)


def test_headers_and_input_are_kept_with_the_run(stage: JobStage) -> None:
    run = started(stage, a_node("a"), input=[1], headers={"trace": "t"})

    bodies = stage.rows("SELECT which, body FROM workflow_bodies ORDER BY which")
    assert [tuple(row) for row in bodies] == [("headers", b'{"trace":"t"}'), ("input", b"[1]")]
    assert run.step("a")["headers"] == b'{"trace":"t"}'


# -- concurrency keys ----------------------------------------------------------------------------


def test_an_unfinished_run_with_the_key_is_answered_instead(stage: JobStage) -> None:
    first = begun(stage, a_node("a"), concurrency_key="k")
    again = begun(stage, a_node("a"), concurrency_key="k", input=1)
    other = begun(stage, a_node("a"), concurrency_key="k", flow_name="f")

    assert (first.created, again.created, other.created) == (True, False, True)
    assert again.row["id"] == first.row["id"]
    assert list(again.steps) == list(first.steps)
    assert len(stage.rows("SELECT 1 FROM workflows")) == 2


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_a_run_that_has_ended_lets_its_key_go(stage: JobStage, end: str) -> None:
    run = started(stage, a_node("a"), concurrency_key="k")
    if end == "complete":
        run.complete("a")
    else:
        run.fail("a")

    assert begun(stage, a_node("a"), concurrency_key="k").created


def test_a_run_whose_time_is_over_lets_its_key_go_and_expires(stage: JobStage) -> None:
    run = started(stage, a_node("a"), concurrency_key="k", expires_in_ms=1_000)
    stage.clock.advance(seconds=1)

    assert begun(stage, a_node("a"), concurrency_key="k").created
    assert run.state == "expired"
    check(stage)


def test_a_run_with_a_time_is_known_to_the_loop(stage: JobStage) -> None:
    started(stage, a_node("a"), expires_in_ms=1_000)

    assert stage.due_at_ms[Deadline.RUN_EXPIRY] == NOW_MS + 1_000
