"""What workers of steps are given: their envelope, and how much of it an answer has room for."""

import json
from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.steps.envelope import payload_given
from spooled_lite.core.steps.given import (
    ANSWER_BYTES_MAX,
    DEPS_BYTES_MAX,
    DEPS_BYTES_MAX_OF_ANSWER,
    GivenToWorker,
    given_to,
)
from tests.core.job_stage import JobStage
from tests.core.workflows.graphs import a_step, stored
from tests.core.workflows.runs import a_node, started
from tests.factories import a_claim

MIB = 1024 * 1024


def an_envelope(key: str, *depends_on: str, **more: Any) -> Any:
    return a_node(key, *depends_on, payload_mode="envelope", **more)


def seen(stage: JobStage, job: JobRow) -> Any:
    """The payload that the worker of a job sees, as a value."""
    [given] = stage.read(given_to, [job])
    payload = payload_given(stage.read(get_job, stage.org, job["id"], ALL_QUEUES), given)
    assert payload is not None
    return json.loads(payload)


def given(stage: JobStage, jobs: Sequence[JobRow], *, copies: int = 1) -> list[GivenToWorker]:
    found = stage.read(given_to, jobs, copies=copies)
    return [each for each in found if each is not None]


def a_body(size_bytes: int) -> str:
    """A text whose JSON is so long."""
    return "x" * (size_bytes - 2)


def signal(stage: JobStage, job_id: str, body: bytes) -> None:
    stage.rows(
        "UPDATE step_states SET is_signalled = 1, signal = :body"
        " WHERE job = (SELECT seq FROM jobs WHERE id = :id)",
        body=body,
        id=job_id,
    )


def test_a_worker_is_given_the_input_and_what_the_steps_before_have_made(stage: JobStage) -> None:
    run = started(stage, an_envelope("a"), an_envelope("b", "a"), input={"order_id": 7})

    first = run.take("a")
    assert seen(stage, first) == {
        "input": {"order_id": 7}, "deps": {}, "skipped_deps": [], "signal": None
    }  # fmt: skip
    run.settle(first, {"score": 91})

    assert seen(stage, run.take("b"))["deps"] == {"a": {"score": 91}}


def test_what_a_worker_gave_none_of_is_null(stage: JobStage) -> None:
    run = started(stage, an_envelope("a"), an_envelope("b", "a"))
    run.give("a")

    assert seen(stage, run.take("b")) == {
        "input": None, "deps": {"a": None}, "skipped_deps": [], "signal": None
    }  # fmt: skip


def test_what_is_given_comes_in_the_order_in_which_a_step_names_its_parents(
    stage: JobStage,
) -> None:
    run = started(stage, a_node("a"), a_node("b"), a_node("c"), an_envelope("d", "c", "a", "b"))
    for key in "abc":
        run.give(key, key)

    assert list(seen(stage, run.take("d"))["deps"]) == ["c", "a", "b"]


def test_a_skipped_parent_is_named_and_an_ignored_one_is_not(stage: JobStage) -> None:
    run = started(
        stage,
        a_node("a"),
        a_node("off", condition="input.missing exists"),
        a_node("loud"),
        an_envelope("d", "a", "off", "loud", ignore_output=("loud",), optional_deps=("off",)),
        input={},
    )
    run.give("a", 1)
    run.give("loud", 2)

    found = seen(stage, run.take("d"))

    assert found["deps"] == {"a": 1}
    assert found["skipped_deps"] == ["off"]


def test_an_ignored_parent_that_was_skipped_is_not_named(stage: JobStage) -> None:
    off = a_node("off", condition="input.missing exists")
    run = started(stage, off, an_envelope("d", "off", ignore_output=("off",)), input={})

    assert seen(stage, run.take("d"))["skipped_deps"] == []


def test_the_signal_is_given_also_when_it_is_null(stage: JobStage) -> None:
    run = started(
        stage,
        a_node("go"),
        an_envelope("a", "go", signal=True),
        an_envelope("b", "go", signal=True),
    )
    signal(stage, run.ids["a"], b'{"by":"ann"}')
    signal(stage, run.ids["b"], b"null")
    run.give("go")

    assert seen(stage, run.take("a"))["signal"] == {"by": "ann"}
    assert seen(stage, run.take("b"))["signal"] is None


def test_a_static_payload_is_given_as_it_was_stored(stage: JobStage) -> None:
    run = started(stage, a_node("a", payload=Raw(b"[1, 2]")), input=5)

    job = run.take("a")

    assert seen(stage, job) == [1, 2]
    [found] = given(stage, [job])
    assert found.of_document is not None
    assert found.of_document.input == b"5"


def test_what_a_step_says_for_its_worker_is_in_the_envelope_too(stage: JobStage) -> None:
    run = started(stage, an_envelope("a", payload=Raw(b'{"limit":5}')))

    assert seen(stage, run.take("a"))["payload"] == {"limit": 5}


def test_the_payload_of_a_step_of_a_flow_is_an_object(stage: JobStage) -> None:
    run = started(stage, a_node("a", payload=Raw(b"[1]")), flow_name="orders")

    assert seen(stage, run.take("a")) == {"value": [1]}


def test_large_bodies_are_given_as_small_ones_are(stage: JobStage) -> None:
    large = a_body(100_000)
    run = started(stage, an_envelope("a"), an_envelope("b", "a"), input=large)

    first = run.take("a")
    assert seen(stage, first)["input"] == large
    run.settle(first, large)

    found = seen(stage, run.take("b"))
    assert (found["input"], found["deps"]) == (large, {"a": large})


# -- bounds ----------------------------------------------------------------------------------


def test_results_over_the_bound_of_one_job_are_left_out(stage: JobStage) -> None:
    run = started(
        stage, a_node("a"), a_node("b"), an_envelope("fits", "a"), an_envelope("not", "a", "b")
    )
    run.give("a", a_body(DEPS_BYTES_MAX))
    run.give("b", 1)

    [fits], [not_] = given(stage, [run.take("fits")]), given(stage, [job := run.take("not")])

    assert fits.deps is not None
    assert not_.deps is None
    payload = seen(stage, job)
    assert "deps" not in payload
    assert payload["deps_omitted"] is True


def test_results_past_the_bound_of_an_answer_are_left_out_from_there_on(stage: JobStage) -> None:
    size = DEPS_BYTES_MAX_OF_ANSWER // 4
    runs = [started(stage, a_node("a"), an_envelope("b", "a")) for _ in range(6)]
    for number, run in enumerate(runs):
        run.give("a", "small" if number == 5 else a_body(size))

    found = given(stage, stage.claim("b", limit=10))

    assert [each.deps is not None for each in found] == [True] * 4 + [False] * 2


def test_an_answer_has_no_more_jobs_than_it_has_room_for(stage: JobStage) -> None:
    steps = [an_envelope(f"s{n}", queue_name="line") for n in range(20)]
    started(stage, *steps, input=a_body(MIB // 2 - 100))
    jobs = stage.run(claim, stage.org, a_claim(queue_name="line", limit=20))

    assert len(jobs) == 4  # a claim takes what it can hand out: the input stands in each twice
    assert len(given(stage, jobs, copies=2)) == 4


def test_jobs_for_which_an_answer_has_no_room_after_all_are_told_from_the_others(
    stage: JobStage,
) -> None:
    runs = [started(stage, a_node("a"), an_envelope("b", "a")) for _ in range(12)]
    for run in runs:
        run.give("a", a_body(DEPS_BYTES_MAX))
    jobs = stage.claim("b", limit=20)
    assert len(jobs) == 12

    assert len(given(stage, jobs)) == 12  # past the fourth, results are left out
    payloads = started(stage, *(an_envelope(f"s{n}", queue_name="c") for n in range(9)), input=0)
    stage.rows(
        "UPDATE workflow_bodies SET body = :body WHERE workflow = :workflow",
        body=json.dumps(a_body(MIB)).encode(),
        workflow=payloads.row["seq"],
    )
    jobs = stage.rows("SELECT * FROM jobs WHERE queue_name = 'c'")
    assert len(given(stage, jobs, copies=2)) == ANSWER_BYTES_MAX // MIB // 2 - 1


def test_one_job_is_handed_out_however_large_it_is(stage: JobStage) -> None:
    started(stage, an_envelope("a"), input=a_body(ANSWER_BYTES_MAX))

    assert len(given(stage, stage.claim("a", limit=5), copies=2)) == 1


def test_a_damaged_result_is_left_out(stage: JobStage) -> None:
    run = started(stage, a_node("a"), an_envelope("b", "a"))
    run.give("a", a_body(5_000))
    stage.rows("UPDATE job_bodies SET body = zeroblob(length(body))")

    assert seen(stage, run.take("b"))["deps_omitted"] is True


def test_equal_inputs_are_read_once_and_a_claim_costs_no_statement_for_each_job(
    stage: JobStage,
) -> None:
    steps = [an_envelope(f"s{n}", "a", queue_name="line") for n in range(30)]
    run = started(stage, a_node("a"), *steps, input={"n": 1})
    run.give("a", {"m": 2})
    jobs = stage.claim("line", limit=30)

    asked: list[str] = []
    stage._connection.set_trace_callback(asked.append)
    found = given(stage, jobs)
    stage._connection.set_trace_callback(None)

    assert len(found) == 30
    assert len(asked) <= 6, asked


def test_a_step_that_its_document_does_not_know_is_handed_out_as_a_plain_one(
    stage: JobStage,
) -> None:
    run = started(stage, an_envelope("a"), an_envelope("b", "a"), input=5)
    run.give("a", 1)
    stage.rows("UPDATE jobs SET step_key = 'other' WHERE step_key = 'b'")

    [found] = given(stage, [run.take("b")])

    assert (found.key, found.deps, found.of_document) == ("other", {"a": b"1"}, None)


# -- steps of workflows without a document ---------------------------------------------------


def test_steps_without_a_document_are_given_the_results_alone(stage: JobStage) -> None:
    graph = stored(stage, a_step("a", payload=b'"p"'), a_step("b", "a", payload=b'"q"'))
    run_a = graph.take("a")
    stage.complete(run_a)

    job = graph.take("b")
    [found] = given(stage, [job])

    assert found.of_document is None
    assert (found.workflow_id, found.key, found.deps) == (graph.id, "b", {"a": b"null"})
    assert seen(stage, job) == "q"


def test_plain_jobs_are_given_nothing(stage: JobStage) -> None:
    stage.enqueue()

    assert stage.read(given_to, [stage.take()]) == [None]
