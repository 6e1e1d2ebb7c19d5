"""Flows and their runs are exported and imported half-way, and go on where they were."""

from collections.abc import Iterator

import pytest

from spooled_lite.core.flows.define import define_flow
from spooled_lite.core.flows.query import get_flow
from spooled_lite.core.flows.records import FlowDefinition
from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.workflows.records import RunOptions
from tests.core.export.stage import taken, whole
from tests.core.stage import OPEN
from tests.core.steps.mapped import a_map, double, double_all, take
from tests.core.webhooks.hook_stage import HookStage
from tests.core.workflows.runs import Run, a_document, a_node

DOCUMENT = a_document(
    a_map("each", description="of the input"),
    a_node("sum", "each", type="reducer", source="each"),
    a_node("approve", signal=True),
    a_node("end", "sum", "approve", condition="sum exists"),
)


@pytest.fixture
def stage() -> Iterator[HookStage]:
    it = HookStage()
    yield it
    it.close()


def test_a_run_that_is_half_done_goes_on_where_it_was(stage: HookStage) -> None:
    wanted = FlowDefinition(document=DOCUMENT, description="orders", retention_ms=5_000)
    stage.run(define_flow, stage.org, "orders", wanted, ALL_QUEUES, None)
    options = RunOptions(input=b"[1, 2, 3]", headers=b'{"a": 1}', priority=4, concurrency_key="k")
    started = stage.run(run_flow, stage.org, "orders", options, OPEN, ALL_QUEUES)
    keys = {each.key: each.job_id for each in started.steps}
    stage.run_due()
    run = Run(stage, started.row["id"], keys)
    [first] = take(stage, "each", limit=1)
    double(run, first)

    lines = whole(stage)
    there = taken(lines[1:-1])
    try:
        assert whole(there)[1:] == lines[1:]
        assert there.problems() == []
        found = there.read(get_flow, there.org, "orders", ALL_QUEUES)
        assert (found.document, found.row["description"]) == (DOCUMENT, "orders")
        again = there.run(run_flow, there.org, "orders", options, OPEN, ALL_QUEUES)
        assert (again.created, again.row["id"]) == (False, started.row["id"])

        moved = Run(there, started.row["id"], keys)
        assert moved.states == run.states
        assert double_all(moved, "each") == 2
        assert moved.step("each")["status"] == "completed"
        moved.give("sum", 12)
        assert (moved.states["approve"], moved.state) == ("waiting_for_signal", "started")
    finally:
        there.close()
