"""What becomes of runs whose items are deleted with their queue."""

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.workflow import cancel_workflow, retry_workflow
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.steps.mapped import a_generator, a_map, add, double, take
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import Run, a_node, started


def begun(stage: JobStage) -> Run:
    """Its items are in a queue of their own; one is completed, and one is held."""
    step = a_map("double", item_queue_name="numbers")
    run = started(stage, step, a_node("other"), input=list(range(220)))
    stage.run_due()
    completed, _ = take(stage, "numbers", 2)
    double(run, completed)
    return run


def test_the_active_jobs_are_counted_once_when_items_go_with_their_queue(stage: JobStage) -> None:
    begun(stage)

    stage.run(delete_queue, stage.org, "numbers", delete_jobs=True)
    stage.run_due()

    assert stage.value("SELECT count(*) FROM jobs WHERE kind = 'item'") == 0
    check(stage)


def test_a_retry_of_a_run_whose_items_are_gone_fails_again(stage: JobStage) -> None:
    run = begun(stage)
    stage.run(delete_queue, stage.org, "numbers", delete_jobs=True)
    stage.run_due()
    assert run.state == "failed"

    stage.run(retry_workflow, stage.org, run.row["id"], ALL_QUEUES, None)
    stage.run_due()

    assert run.state == "failed"
    check(stage)


def test_a_generator_whose_items_are_gone_fails_when_it_is_through(stage: JobStage) -> None:
    run = started(stage, a_generator("count"), a_node("other"))
    add(run, run.take("count"), 1, 2)
    stage.run(delete_queue, stage.org, "numbers", delete_jobs=True)
    stage.run_due()
    stage.run(retry_workflow, stage.org, run.row["id"], ALL_QUEUES, None)

    run.give("count")

    assert run.states["count"] == "failed"
    assert run.state == "failed"


@pytest.mark.parametrize("passes", [0, 1])
def test_a_run_ends_that_is_cancelled_while_its_items_are_deleted(
    stage: JobStage, passes: int
) -> None:
    run = begun(stage)
    stage.run(delete_queue, stage.org, "numbers", delete_jobs=True)
    for _ in range(passes):
        stage.run_pass(Deadline.DELETION)
    if passes:
        stage.run(retry_workflow, stage.org, run.row["id"], ALL_QUEUES, None)

    stage.run(cancel_workflow, stage.org, run.row["id"], None, ALL_QUEUES)
    stage.run_due()

    assert run.state == "canceled"
    check(stage)
