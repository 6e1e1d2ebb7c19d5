"""A map, a generator and reducers over both: with few items, and with as many as matter."""

import gc
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import msgspec
import pytest

from spooled_lite.core.steps.item_outputs import page_of_items
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.steps.mapped import a_generator, a_map, add, double, take
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import Run, a_node, started

P = ParamSpec("P")
T = TypeVar("T")

HELD_SECONDS_MAX = 0.05  # the writing thread, by one operation
BATCH = 250


class Timed:
    """How long the longest operation of each kind took, of the processor."""

    def __init__(self) -> None:
        self.longest: dict[str, float] = {}

    def __call__(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        began = time.thread_time()
        done = act(*args, **kwargs)
        took = time.thread_time() - began
        name = getattr(act, "__name__", "?")
        self.longest[name] = max(took, self.longest.get(name, 0))
        return done


def a_run(stage: JobStage, timed: Timed, count: int) -> Run:
    steps = (
        a_map("mapped", item_queue_name="mapped_items"),
        a_generator("made"),
        a_node("sum_of_mapped", "mapped", type="reducer", source="mapped"),
        a_node("sum_of_made", "made", type="reducer", source="made"),
        a_node("both", "sum_of_mapped", "sum_of_made"),
    )
    return timed(started, stage, *steps, input=list(range(count)))


def work_off(run: Run, timed: Timed, queue_name: str) -> None:
    stage = run.stage
    while jobs := timed(take, stage, queue_name):
        for job in reversed(jobs):
            timed(double, run, job)
        while stage.due_at_ms.get(Deadline.ITEMS) is not None:
            timed(stage.run_pass, Deadline.ITEMS)
        stage.events.clear()


def reduced(run: Run, key: str) -> int:
    """What a reducer makes of it, which reads its source page by page."""
    total, after, has_more = 0, -1, True
    while has_more:
        page = run.stage.read(page_of_items, run.step(key), "completed", after=after, limit=500)
        assert [row["item_index"] for row in page.rows] == list(
            range(after + 1, page.next_after_index + 1)
        )
        total += sum(msgspec.json.decode(row["result"] or b"") for row in page.rows)
        after, has_more = page.next_after_index, page.has_more
    return total


def lived(stage: JobStage, count: int) -> Timed:
    """Hold a run with so many items of each kind to what it gives."""
    timed = Timed()
    run = a_run(stage, timed, count)
    producer = run.take("made")
    for first in range(0, count, BATCH):
        items: list[Any] = list(range(first, min(first + BATCH, count)))
        timed(add, run, producer, *items, offset=first)
        stage.events.clear()
    work_off(run, timed, "numbers")
    run.settle(producer)
    work_off(run, timed, "mapped_items")
    stage.run_due()
    assert run.claimable == {"sum_of_mapped", "sum_of_made"}

    for key, source in (("sum_of_mapped", "mapped"), ("sum_of_made", "made")):
        run.give(key, reduced(run, source))
    run.give("both", "done")

    sums = stage.rows("SELECT result FROM jobs WHERE step_key LIKE 'sum%'")
    assert [int(row[0]) for row in sums] == [count * (count - 1)] * 2
    assert run.state == "completed"
    return timed


def test_a_map_and_a_generator_are_reduced_in_their_order(stage: JobStage) -> None:
    lived(stage, BATCH + 10)

    check(stage)


@pytest.mark.long
def test_ten_thousand_items_hold_up_nobody(stage: JobStage) -> None:
    gc.disable()  # a server lets go of what a test holds on to
    try:
        timed = lived(stage, 10_000)
    finally:
        gc.enable()

    check(stage)
    assert max(timed.longest.values()) < HELD_SECONDS_MAX, timed.longest
