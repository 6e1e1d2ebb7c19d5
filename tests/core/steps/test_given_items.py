"""What workers of items, generators and reducers are given, and what is made of their results."""

import json
from typing import Any

import msgspec
from msgspec import Raw

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.step_items import NewItems, add_items
from spooled_lite.core.steps.envelope import payload_given
from spooled_lite.core.steps.given import DEPS_BYTES_MAX, given_to
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.core.workflows.runs import Run, a_node, started
from tests.factories import a_claim

ITEMS = "items"


def step(key: str, *depends_on: str, **more: Any) -> Any:
    return a_node(key, *depends_on, **{"payload_mode": "envelope", **more})


def a_map(key: str, source: str = "input", *depends_on: str, **more: Any) -> Any:
    return step(key, *depends_on, type="mapper", source=source, item_queue_name=ITEMS, **more)


def take(stage: JobStage, queue_name: str = ITEMS) -> list[JobRow]:
    return stage.run(claim, stage.org, a_claim(queue_name=queue_name, limit=100))


def seen(stage: JobStage, *jobs: JobRow) -> list[Any]:
    """The payloads that the workers of jobs see, as values."""
    found = stage.read(given_to, jobs)
    assert len(found) == len(jobs)
    whole = [stage.read(get_job, stage.org, job["id"], ALL_QUEUES) for job in jobs]
    payloads = [payload_given(job, given) for job, given in zip(whole, found, strict=True)]
    return [json.loads(payload or b"") for payload in payloads]


def work(run: Run, *, times: int = 2) -> None:
    for job in reversed(take(run.stage)):
        run.settle(job, msgspec.json.decode(job["payload"] or b"") * times)


def test_an_item_is_given_its_value_and_what_its_step_is_given(stage: JobStage) -> None:
    run = started(
        stage,
        step("rate"),
        step("lines"),
        a_map("each", "lines", "rate", "lines"),
        input={"order_id": 7},
    )
    run.give("rate", 3)
    run.give("lines", ["a", {"sku": "b"}])

    given: dict[str, Any] = {"input": {"order_id": 7}, "deps": {"rate": 3}}
    given |= {"skipped_deps": [], "signal": None}
    assert seen(stage, *take(stage)) == [
        {**given, "item": "a", "item_index": 0},
        {**given, "item": {"sku": "b"}, "item_index": 1},
    ]


def test_an_item_of_a_map_over_the_input_is_given_the_input_only_if_the_step_says_so(
    stage: JobStage,
) -> None:
    started(stage, a_map("each"), a_map("whole", needs_input=True), input=[5])

    by_key = {job["step_key"]: payload for job in take(stage) for payload in seen(stage, job)}

    assert by_key["each"] == {
        **{"input": None, "deps": {}, "skipped_deps": [], "signal": None},
        **{"item": 5, "item_index": 0},
    }
    assert by_key["whole"] == {**by_key["each"], "input": [5]}


def test_other_items_may_do_without_the_input(stage: JobStage) -> None:
    run = started(
        stage,
        step("lines"),
        a_map("each", "lines", "lines"),
        a_map("lean", "lines", "lines", needs_input=False),
        input={"order_id": 7},
    )
    run.give("lines", [5])

    by_key = {job["step_key"]: payload for job in take(stage) for payload in seen(stage, job)}

    assert by_key["each"]["input"] == {"order_id": 7}
    assert (by_key["lean"]["input"], by_key["lean"]["item"]) == (None, 5)


def test_a_claim_of_a_map_over_a_large_input_has_as_many_items_as_were_asked_for(
    stage: JobStage,
) -> None:
    values = [f"{number:068d}" for number in range(10_000)]
    started(stage, a_map("each"), input=values)

    jobs = take(stage)

    assert len(jobs) == 100
    assert [each["item"] for each in seen(stage, *jobs)] == values[:100]


def test_a_large_input_is_counted_for_items_that_are_given_it(stage: JobStage) -> None:
    started(stage, a_map("each", needs_input=True), input=["x" * 1000] * 1000)

    jobs = take(stage)

    assert len(jobs) == 2
    assert len(stage.read(given_to, jobs, copies=2)) == 2


def test_a_static_item_is_an_object_and_the_value_stands_in_the_step(stage: JobStage) -> None:
    started(stage, a_map("each", payload_mode="static"), input=[5, {"a": 1}])

    assert seen(stage, *take(stage)) == [{"value": 5}, {"a": 1}]


def test_what_comes_after_a_map_is_given_an_array_in_the_order_of_the_items(
    stage: JobStage,
) -> None:
    run = started(stage, a_map("each"), step("after", "each"), input=[1, 2, 3])
    work(run)

    [payload] = seen(stage, run.take("after"))

    assert payload["deps"] == {"each": [2, 4, 6]}


def test_an_empty_map_is_an_empty_array(stage: JobStage) -> None:
    run = started(stage, a_map("each"), step("after", "each"), input=[])
    stage.run_due()

    [payload] = seen(stage, run.take("after"))

    assert payload["deps"] == {"each": []}


def test_a_skipped_map_is_named_and_no_array(stage: JobStage) -> None:
    off = a_map("each", condition="input.missing exists")
    run = started(stage, off, step("after", "each", optional_deps=("each",)), input=[1])

    [payload] = seen(stage, run.take("after"))

    assert (payload["deps"], payload["skipped_deps"]) == ({}, ["each"])


def test_an_array_over_the_bound_is_left_out(stage: JobStage) -> None:
    run = started(stage, a_map("each"), step("after", "each"), input=[1, 2])
    for job in take(stage):
        run.settle(job, "x" * (DEPS_BYTES_MAX // 2))

    [payload] = seen(stage, run.take("after"))

    assert payload["deps_omitted"] is True


def test_large_results_of_items_are_put_together_too(stage: JobStage) -> None:
    run = started(stage, a_map("each"), step("after", "each"), input=["a", "b"])
    work(run, times=50_000)

    [payload] = seen(stage, run.take("after"))

    assert payload["deps"] == {"each": ["a" * 50_000, "b" * 50_000]}


def test_a_reducer_is_told_what_it_folds_and_not_given_it(stage: JobStage) -> None:
    fold = step("total", "each", "rate", type="reducer", source="each", initial=Raw(b"0"))
    run = started(stage, step("rate"), a_map("each"), fold, input=[1, 2, 3, 4])
    run.give("rate", 2)
    work(run)

    [payload] = seen(stage, run.take("total"))

    assert payload["reduce"] == {"source": "each", "count": 4, "initial": 0}
    assert payload["deps"] == {"rate": 2}


def test_a_reducer_of_a_skipped_map_has_nothing_to_fold(stage: JobStage) -> None:
    off = a_map("each", condition="input.missing exists")
    fold = step("total", "each", type="reducer", source="each")
    run = started(stage, off, fold, input=[1])

    [payload] = seen(stage, run.take("total"))

    assert payload["reduce"] == {"source": "each", "count": 0, "initial": None}


def test_a_producer_is_given_everything_and_its_items_their_value(stage: JobStage) -> None:
    make = step("make", "rate", type="generator", item_queue_name=ITEMS)
    run = started(stage, step("rate"), make, input={"n": 1})
    run.give("rate", 2)
    producer = run.take("make")

    [payload] = seen(stage, producer)
    assert (payload["input"], payload["deps"]) == ({"n": 1}, {"rate": 2})
    assert producer["phase"] == "generate"
    lease_id = producer["lease_id"]
    assert lease_id is not None
    new = NewItems(job_id=producer["id"], lease_id=lease_id, items=[b"5"], offset=None)
    stage.run(add_items, stage.org, run.row["id"], "make", new, OPEN, ALL_QUEUES)

    assert seen(stage, *take(stage)) == [
        {
            "input": {"n": 1},
            "deps": {},
            "skipped_deps": [],
            "signal": None,
            "item": 5,
            "item_index": 0,
        }
    ]


def test_a_hundred_items_are_read_with_as_many_statements_as_one(stage: JobStage) -> None:
    run = started(stage, step("rate"), a_map("each", "input", "rate"), input=list(range(100)))
    run.give("rate", 2)
    jobs = take(stage)
    assert len(jobs) == 100

    counts = []
    for some in (jobs[:1], jobs):
        asked: list[str] = []
        stage._connection.set_trace_callback(asked.append)
        stage.read(given_to, some)
        stage._connection.set_trace_callback(None)
        counts.append(len(asked))

    assert counts[0] == counts[1] <= 6
