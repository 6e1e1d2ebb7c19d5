"""Runs that are kept no longer, and documents that nothing has: catbird-capabilities, G2."""

from spooled_lite.core.flows.define import define_flow
from spooled_lite.core.flows.query import get_flow
from spooled_lite.core.flows.records import FlowDefinition
from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.maintenance.collect import collect_pass
from spooled_lite.core.maintenance.remove_flow import (
    delete_flow,
    forget_documents,
    prune_flow_runs,
    remove_runs_of_leaving_flow,
)
from spooled_lite.core.workflows.document import FlowDocument
from spooled_lite.core.workflows.records import RunOptions
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.core.workflows.runs import Run, a_document, a_node

ONE = a_document(a_node("a"))
ITEMS = a_document(a_node("a", type="mapper", source="input"))


def define(stage: JobStage, document: FlowDocument = ONE, retention_ms: int | None = 500) -> None:
    wanted = FlowDefinition(document=document, retention_ms=retention_ms)
    stage.run(define_flow, stage.org, "orders", wanted, ALL_QUEUES, None)


def begin(stage: JobStage, given: bytes = b"null") -> Run:
    started = stage.run(run_flow, stage.org, "orders", RunOptions(input=given), OPEN, ALL_QUEUES)
    return Run(stage, started.row["id"], {each.key: each.job_id for each in started.steps})


def count(stage: JobStage, table: str) -> int:
    return len(stage.rows(f"SELECT 1 AS one FROM {table}"))  # noqa: S608


def test_runs_that_ended_go_when_they_are_older_than_their_flow_says(stage: JobStage) -> None:
    define(stage)
    begin(stage).give("a", 1)
    begin(stage)
    assert stage.run(prune_flow_runs, stage.org) == 0

    stage.clock.advance(seconds=1)

    assert stage.run(prune_flow_runs, stage.org) == 1
    assert stage.run(prune_flow_runs, stage.org) == 0
    assert (count(stage, "workflows"), count(stage, "jobs")) == (1, 1)


def test_runs_of_a_flow_that_says_nothing_stay_with_other_workflows(stage: JobStage) -> None:
    define(stage, retention_ms=None)
    begin(stage).give("a", 1)

    stage.clock.advance(seconds=86_400)

    assert stage.run(prune_flow_runs, stage.org) == 0


def test_the_collection_counts_runs_that_it_purged(stage: JobStage) -> None:
    define(stage)
    for _ in range(3):
        begin(stage).give("a", 1)
    stage.clock.advance(seconds=1)

    assert stage.run(collect_pass, stage.org, True).purged_flow_runs == 3
    assert stage.run(collect_pass, stage.org, True).is_through


def test_items_go_with_their_run(stage: JobStage) -> None:
    define(stage, ITEMS)
    begin(stage, b"[1, 2, 3]")
    assert count(stage, "jobs") == 4

    stage.run(delete_flow, stage.org, "orders", ALL_QUEUES)
    while not stage.run(remove_runs_of_leaving_flow, stage.org, "orders"):
        pass

    for table in ("flows", "workflows", "workflow_bodies", "jobs", "step_states"):
        assert count(stage, table) == 0, table


def test_a_document_stays_as_long_as_a_flow_or_a_run_has_it(stage: JobStage) -> None:
    define(stage)
    run = begin(stage)
    define(stage, a_document(a_node("b")))
    assert stage.run(forget_documents, stage.org) == 0

    run.give("a", 1)
    stage.clock.advance(seconds=1)
    stage.run(prune_flow_runs, stage.org)

    assert stage.run(forget_documents, stage.org) == 1
    assert stage.read(get_flow, stage.org, "orders", ALL_QUEUES).document is not None
    assert count(stage, "flow_documents") == 1
