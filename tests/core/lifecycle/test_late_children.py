"""Children that are created when their parent is dead already."""

from collections.abc import Callable

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.enqueue import PARENT_FAILED
from tests.core.job_stage import JobStage, rows_of
from tests.factories import a_job


def work_of(stage: JobStage, act: Callable[[], None]) -> int:
    """Steps of SQLite's machine that an act takes, with all that it leaves to the loops."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    stage._connection.set_progress_handler(count, 100)
    act()
    stage.run_due()
    stage._connection.set_progress_handler(None, 0)
    return steps


def child_of(stage: JobStage, parent: JobRow) -> JobRow:
    return stage.enqueue(parent_job_id=parent["id"])


def ten_children_of(stage: JobStage, parent: JobRow) -> None:
    for _ in range(10):
        child_of(stage, parent)


def test_a_child_of_a_dead_parent_is_stored_and_answered_cancelled(stage: JobStage) -> None:
    parent = stage.dead_letter()
    stage.events.clear()

    child = child_of(stage, parent)

    assert (child["status"], child["last_error"]) == ("cancelled", PARENT_FAILED)
    assert dict(stage.job(child["id"])) == dict(child)
    assert [event.type for event in stage.events] == ["job.created", "job.cancelled"]
    assert stage.story(child) == ["created", "cancelled"]
    stage.check_books()


def test_a_delayed_child_of_a_cancelled_parent_is_never_promoted(stage: JobStage) -> None:
    parent = stage.enqueue()
    stage.cancel(parent)

    child = stage.enqueue(parent_job_id=parent["id"], delay_ms=60_000, payload=b'"' + b"x" * 9_000)
    stage.wait(seconds=120)

    assert stage.status(child["id"]) == "cancelled"
    stage.check_books()


def test_a_parent_that_is_retried_brings_such_a_child_back(stage: JobStage) -> None:
    parent = stage.dead_letter()
    child = child_of(stage, parent)

    stage.retry(parent)
    stage.run_due()
    assert stage.status(child["id"]) == "pending"
    stage.complete(stage.take())

    assert stage.take()["id"] == child["id"]
    stage.check_books()


def test_a_bulk_of_such_children_is_cancelled_too(stage: JobStage) -> None:
    parent = stage.dead_letter()

    children = rows_of(stage.bulk(*[a_job(parent_job_id=parent["id"])] * 3))

    assert {child["status"] for child in children} == {"cancelled"}
    stage.check_books()


def test_the_cost_of_a_child_does_not_grow_with_its_siblings(stage: JobStage) -> None:
    parent = stage.dead_letter()
    child_of(stage, parent)
    stage.run_due()
    few = work_of(stage, lambda: ten_children_of(stage, parent))

    for _ in range(10):
        stage.bulk(*[a_job(parent_job_id=parent["id"])] * 100)
    stage.run_due()
    many = work_of(stage, lambda: ten_children_of(stage, parent))

    assert many < 2 * few
