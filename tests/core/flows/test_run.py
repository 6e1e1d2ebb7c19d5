import pytest

from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.steps.start import StartedRun
from spooled_lite.core.workflows.document import FlowDocument, store_document
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.errors import AccessDenied, NotFound
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN
from tests.core.workflows.runs import Run, a_document, a_node


def define(stage: JobStage, document: FlowDocument, name: str = "orders") -> None:
    number = stage.run(store_document, stage.org, document)
    stage.rows(
        "INSERT INTO flows (org, name, document, revision, created_at_ms, updated_at_ms)"
        " VALUES (:org, :name, :document, 1, 0, 0)"
        " ON CONFLICT (org, name) DO UPDATE SET document = :document",
        org=stage.org,
        name=name,
        document=number,
    )


def run(
    stage: JobStage, name: str = "orders", scope: Scope = ALL_QUEUES, **options: str
) -> StartedRun:
    return stage.run(run_flow, stage.org, name, RunOptions(**options), OPEN, scope)  # type: ignore[arg-type]


def of(stage: JobStage, started: StartedRun) -> Run:
    return Run(stage, started.row["id"], {each.key: each.job_id for each in started.steps})


def test_a_run_goes_by_the_document_that_its_flow_had_when_it_began(stage: JobStage) -> None:
    define(stage, a_document(a_node("a"), a_node("b", "a")))

    first = of(stage, run(stage))
    define(stage, a_document(a_node("a")))
    second = of(stage, run(stage))

    assert list(first.ids) == ["a", "b"]
    assert list(second.ids) == ["a"]
    first.give("a", 1)
    second.give("a", 2)
    assert (first.state, second.state) == ("started", "completed")
    first.give("b", 3)
    assert (first.output, second.output) == (3, 2)


def test_a_run_and_its_steps_know_their_flow(stage: JobStage) -> None:
    define(stage, a_document(a_node("a")))

    found = of(stage, run(stage))

    assert (found.row["flow_name"], found.row["name"]) == ("orders", "orders")
    assert found.step("a")["flow_name"] == "orders"


def test_a_flow_that_is_not_there_cannot_be_run(stage: JobStage) -> None:
    with pytest.raises(NotFound, match="Flow"):
        run(stage, "nothing")


def test_a_flow_with_a_queue_outside_of_the_scope_cannot_be_run(stage: JobStage) -> None:
    define(stage, a_document(a_node("a"), a_node("b", item_queue_name="secret")))

    with pytest.raises(AccessDenied):
        run(stage, scope=Scope(["a", "b"]))

    assert stage.rows("SELECT 1 FROM workflows") == []
