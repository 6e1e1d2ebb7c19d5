"""What is deleted around the items of a step, and what may not be done to one alone."""

import pytest

from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.cancel import Cancelling, cancel, cancel_now, cancel_several
from spooled_lite.core.lifecycle.retry import retry, retry_dead_letters
from spooled_lite.core.maintenance.remove import (
    delete_queue,
    purge_queue_pass,
    remove_finished,
)
from spooled_lite.errors import Conflict
from tests.core.job_stage import JobStage
from tests.core.steps.mapped import (
    a_generator,
    a_map,
    add,
    double_all,
    give_up,
    items_of,
    take,
)
from tests.core.workflows.graphs import check
from tests.core.workflows.runs import Run, started

MONTH = 31 * 86_400


def a_failed_run(stage: JobStage) -> Run:
    run = started(stage, a_map("double", max_retries=0), input=[1, 2])
    give_up(stage, take(stage, "double", 1)[0])
    stage.run_due()
    return run


def test_items_are_deleted_with_their_step_when_that_is_old(stage: JobStage) -> None:
    run = started(stage, a_map("double"), input=list(range(300)))
    stage.run_due()
    double_all(run, "double")

    stage.wait(seconds=MONTH)

    assert stage.value("SELECT count(*) FROM jobs") == 0
    assert stage.value("SELECT count(*) FROM step_states") == 0
    check(stage)


def test_items_are_kept_as_long_as_their_step_is_open(stage: JobStage) -> None:
    run = started(stage, a_generator("make", timeout_ms=0))
    producer = stage.take("make", lease_ms=2 * MONTH * 1_000)
    add(run, producer, 1, 2)
    double_all(run, "numbers")

    stage.wait(seconds=MONTH)
    run.settle(producer)

    assert run.output == [2, 4]
    check(stage)


def test_a_queue_that_is_deleted_under_its_items_fails_their_step(stage: JobStage) -> None:
    run = started(stage, a_map("double", item_queue_name="numbers"), input=[1, 2, 3])
    run.settle(take(stage, "numbers", 1)[0], 2)

    stage.run(delete_queue, stage.org, "numbers", delete_jobs=True)
    stage.run_due()
    stage.wait(seconds=30)

    assert run.state == "failed"
    assert "deleted" in (run.step("double")["last_error"] or "")
    check(stage)


def test_a_queue_that_is_deleted_with_a_step_takes_its_items_elsewhere_along(
    stage: JobStage,
) -> None:
    started(stage, a_map("double", item_queue_name="numbers"), input=[1, 2, 3])

    stage.run(delete_queue, stage.org, "double", delete_jobs=True)
    stage.run_due()
    stage.wait(seconds=30)

    assert stage.value("SELECT count(*) FROM jobs") == 0
    check(stage)


def test_a_purge_passes_over_items(stage: JobStage) -> None:
    run = started(stage, a_map("double", item_queue_name="numbers"), input=[1, 2])

    assert stage.run(purge_queue_pass, stage.org, "numbers").count == 0

    double_all(run, "numbers")
    assert run.output == [2, 4]


def test_an_item_is_neither_cancelled_nor_retried_nor_deleted_alone(stage: JobStage) -> None:
    run = a_failed_run(stage)
    dead, other = items_of(stage, run, "double")
    assert dead["status"] == "deadletter"

    with pytest.raises(Conflict, match="retry its workflow"):
        stage.run(retry, stage.org, dead["id"], ALL_QUEUES, None)
    with pytest.raises(Conflict, match="cancel its workflow"):
        stage.run(cancel, stage.org, other["id"], ALL_QUEUES)
    with pytest.raises(Conflict, match="cancel its workflow"):
        stage.run(cancel_now, stage.org, other["id"], Cancelling(is_forced=True), ALL_QUEUES)
    named = DeadLetters(limit=10, job_ids=[dead["id"]])
    assert stage.run(retry_dead_letters, stage.org, named, ALL_QUEUES, None).job_ids == []
    assert stage.run(cancel_several, stage.org, [other["id"]], ALL_QUEUES) == 0
    assert stage.run(remove_finished, stage.org, [dead["id"]], ALL_QUEUES).count == 0
    check(stage)


def test_a_step_that_is_retried_by_hand_brings_its_items_back(stage: JobStage) -> None:
    run = a_failed_run(stage)

    stage.run(retry, stage.org, run.ids["double"], ALL_QUEUES, None)
    stage.run_due()
    assert run.states == {"double": "waiting_for_map_tasks"}
    double_all(run, "double")

    assert run.output == [2, 4]
    check(stage)


def test_a_step_that_is_cancelled_by_force_takes_its_items_with_it(stage: JobStage) -> None:
    run = started(stage, a_map("double"), input=[1, 2])

    stage.run(cancel_now, stage.org, run.ids["double"], Cancelling(is_forced=True), ALL_QUEUES)

    assert {item["status"] for item in items_of(stage, run, "double")} == {"cancelled"}
    check(stage)
