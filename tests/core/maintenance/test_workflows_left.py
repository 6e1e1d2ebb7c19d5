"""What is deleted around a workflow: its queue, its dead letters, and itself when it is old."""

from collections.abc import Iterator

import pytest

from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.maintenance.prune import SWEEP_MS, Retention
from spooled_lite.core.maintenance.remove import (
    delete_queue,
    purge_dead_letters_pass,
    purge_queue_pass,
)
from spooled_lite.errors import BadRequest
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.workflows.graphs import DIAMOND, a_step, check, finish, stored

DAY = 86_400


# -- what is deleted under it --------------------------------------------------------------------


def purge(stage: JobStage, queue_name: str) -> None:
    assert stage.run(purge_queue_pass, stage.org, queue_name).after is None


def purge_dead(stage: JobStage) -> None:
    wanted = DeadLetters(limit=100)
    assert stage.run(purge_dead_letters_pass, stage.org, wanted, ALL_QUEUES).after is None


@pytest.mark.parametrize("key", ["a", "b", "d"])
@pytest.mark.parametrize("how", ["purged", "deleted"])
@pytest.mark.parametrize("is_running", [False, True])
def test_a_queue_that_goes_does_not_hold_the_workflow_up(
    stage: JobStage, how: str, key: str, is_running: bool
) -> None:
    graph = stored(stage, *DIAMOND)
    if is_running:
        graph.take("a")

    if how == "purged":
        purge(stage, key)
    else:
        stage.run(delete_queue, stage.org, key, delete_jobs=True)
    stage.run_due()
    stage.wait(seconds=30)
    finish(graph)

    is_whole = how == "purged" and is_running and key == "a"  # what runs stays
    assert graph.status == ("completed" if is_whole else "cancelled")
    assert sum(graph.counted[2:]) == 4
    check(stage)


def test_purging_finished_steps_changes_no_count(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    graph.complete("a")
    purge(stage, "a")

    finish(graph)

    assert (graph.status, graph.counted) == ("completed", (0, 0, 4, 0, 0))
    check(stage)


def test_a_workflow_whose_dead_letters_were_purged_stays_failed(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    graph.fail("a")
    stage.run_due()
    purge_dead(stage)

    assert (graph.status, graph.counted) == ("failed", (0, 0, 0, 1, 3))
    with pytest.raises(BadRequest, match="deleted"):
        graph.retry()
    graph.delete()
    check(stage)


def test_what_a_purged_job_had_cancelled_does_not_come_back(stage: JobStage) -> None:
    graph = stored(
        stage,
        *(a_step("a"), a_step("b", priority=1), a_step("both", "a", "b"), a_step("gone", "a")),
        a_step("any", "a", "b", mode="any"),
    )
    graph.fail("b")
    graph.fail("a")
    stage.run_due()
    assert graph.counted == (0, 0, 0, 2, 3)
    purge(stage, "a")

    graph.retry()

    assert graph.steps == {
        "b": "pending",
        "any": "pending",  # b may still do
        "both": "cancelled",
        "gone": "cancelled",
    }
    finish(graph)
    assert graph.steps["any"] == "completed"
    assert graph.status == "failed"  # a is deleted, and was never made good
    check(stage)


def test_nothing_comes_back_when_all_it_could_have_built_on_is_gone(stage: JobStage) -> None:
    graph = stored(
        stage, a_step("a"), a_step("b"), a_step("any", "a", "b", mode="any"), a_step("c")
    )
    for key in "abc":
        graph.fail(key)
    stage.run_due()
    purge(stage, "a")
    purge(stage, "b")

    graph.retry()

    assert graph.steps == {"any": "cancelled", "c": "pending"}


def test_what_the_purge_itself_has_cancelled_does_not_come_back(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"), a_step("c", "a", "b"))
    purge(stage, "a")
    assert graph.steps == {"b": "pending", "c": "cancelled"}
    graph.fail("b")

    graph.retry()

    assert graph.steps == {"b": "pending", "c": "cancelled"}


def test_a_job_that_got_what_it_needed_keeps_it_when_the_giver_is_deleted(stage: JobStage) -> None:
    graph = stored(stage, a_step("a"), a_step("b"), a_step("c", "a", "b", mode="any"))
    graph.complete("a")
    purge(stage, "a")

    graph.fail("b")
    stage.run_due()

    assert graph.claimable == {"c"}


# -- retention -----------------------------------------------------------------------------------


@pytest.fixture
def kept_a_day() -> Iterator[JobStage]:
    stage = JobStage(Retention(job_days=1))
    yield stage
    stage.close()


def sweep(stage: JobStage) -> None:
    stage.wait(seconds=SWEEP_MS / 1000)


def test_an_old_workflow_goes_after_its_jobs(kept_a_day: JobStage) -> None:
    stage = kept_a_day
    graph = stored(stage, *DIAMOND)
    finish(graph)
    young = stored(stage, a_step("x"))

    stage.wait(seconds=DAY - 60)
    assert len(graph.steps) == 4
    stage.wait(seconds=DAY)

    assert graph.steps == {}
    assert [row["id"] for row in stage.rows("SELECT id FROM workflows")] == [young.id]
    assert young.steps == {"x": "pending"}
    check(stage)


def test_steps_are_kept_while_their_workflow_is_not_finished(kept_a_day: JobStage) -> None:
    stage = kept_a_day
    graph = stored(stage, *DIAMOND)
    graph.complete("a")

    stage.wait(seconds=9 * DAY)
    assert len(graph.steps) == 4

    finish(graph)
    stage.wait(seconds=DAY + SWEEP_MS / 1000)
    sweep(stage)
    assert graph.steps == {}


def test_a_failed_workflow_is_kept_with_its_dead_letters(kept_a_day: JobStage) -> None:
    stage = kept_a_day
    graph = stored(stage, a_step("a"), a_step("b", "a"))
    graph.fail("a")
    stage.run_due()

    stage.wait(seconds=2 * DAY)
    assert (graph.steps, graph.status) == ({"a": "deadletter"}, "failed")

    graph.retry()
    finish(graph)
    assert graph.counted == (0, 0, 1, 0, 1)
    check(stage)


def test_every_loop_comes_to_rest(stage: JobStage) -> None:
    graph = stored(stage, *DIAMOND)
    finish(graph)

    assert stage.due_at_ms.get(Deadline.DEPENDENTS) is None
    assert stage.value("SELECT count(*) FROM job_cascades") == 0
