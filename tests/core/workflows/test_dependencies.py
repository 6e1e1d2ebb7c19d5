import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.depend import Depends, depend
from spooled_lite.core.workflows.dependencies import get_dependencies
from spooled_lite.core.workflows.records import PARENTS_MAX, Mode
from spooled_lite.errors import Conflict, NotFound, RuleBroken
from tests.core.job_stage import JobStage, rows_of
from tests.factories import a_job


def wait_for(
    stage: JobStage,
    job: JobRow,
    *parents: JobRow,
    mode: Mode = "all",
    scope: Scope = ALL_QUEUES,
) -> Depends:
    ids = [parent["id"] for parent in parents]
    return stage.run(depend, stage.org, job["id"], depends_on=ids, mode=mode, scope=scope)


def edges(stage: JobStage) -> int:
    count: int = stage.value("SELECT count(*) FROM job_dependencies")
    return count


# -- adding ----------------------------------------------------------------------------------


def test_a_job_waits_for_the_jobs_it_is_told_to_wait_for(stage: JobStage) -> None:
    job, a, b = (stage.enqueue() for _ in range(3))

    assert wait_for(stage, job, a, b) == Depends(added=2, dependencies_met=False)

    row = stage.job(job["id"])
    assert (row["claimable"], row["dependencies_met"], row["dependency_mode"]) == (0, 0, "all")
    stage.complete(stage.take())
    assert stage.job(job["id"])["claimable"] == 0
    stage.complete(stage.take())
    assert stage.job(job["id"])["claimable"] == 1


def test_with_any_one_of_them_is_enough(stage: JobStage) -> None:
    job, a, b = (stage.enqueue() for _ in range(3))
    wait_for(stage, job, a, b, mode="any")

    stage.complete(stage.take())

    assert stage.job(job["id"])["claimable"] == 1


def test_what_is_there_already_is_not_counted(stage: JobStage) -> None:
    job, a, b = (stage.enqueue() for _ in range(3))
    wait_for(stage, job, a)

    assert wait_for(stage, job, a, b, b).added == 1


def test_jobs_that_are_completed_let_it_run_at_once(stage: JobStage) -> None:
    done, job = stage.completed(), stage.enqueue()

    assert wait_for(stage, job, done) == Depends(added=1, dependencies_met=True)
    assert stage.job(job["id"])["claimable"] == 1


def test_a_job_that_has_failed_cancels_it_at_once(stage: JobStage) -> None:
    dead, job = stage.dead_letter(), stage.enqueue()

    assert wait_for(stage, job, dead) == Depends(added=1, dependencies_met=False)
    assert stage.status(job["id"]) == "cancelled"
    stage.check_books()


def test_the_mode_replaces_the_one_before(stage: JobStage) -> None:
    job, other, done = stage.enqueue(), stage.enqueue(), stage.completed()
    assert not wait_for(stage, job, done, other, mode="all").dependencies_met

    assert wait_for(stage, job, done, mode="any") == Depends(added=0, dependencies_met=True)


def test_a_scheduled_job_waits_for_both(stage: JobStage) -> None:
    parent, job = stage.enqueue(), stage.enqueue(delay_ms=5_000)
    wait_for(stage, job, parent)

    stage.wait(seconds=5)
    assert (stage.status(job["id"]), stage.job(job["id"])["claimable"]) == ("pending", 0)

    stage.complete(stage.take())
    assert stage.job(job["id"])["claimable"] == 1


# -- what is left out, and what is refused ---------------------------------------------------


def test_a_job_does_not_wait_for_itself(stage: JobStage) -> None:
    job, other = stage.enqueue(), stage.enqueue()

    assert wait_for(stage, job, job) == Depends(added=0, dependencies_met=True)
    assert wait_for(stage, job, job, other).added == 1


def test_an_edge_that_would_close_a_cycle_is_left_out(stage: JobStage) -> None:
    a, b, c, other = (stage.enqueue() for _ in range(4))
    wait_for(stage, b, a)
    wait_for(stage, c, b)

    assert wait_for(stage, a, c, b, other).added == 1
    assert edges(stage) == 3


def test_a_parent_link_counts_in_a_cycle(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = stage.enqueue(parent_job_id=parent["id"])

    assert wait_for(stage, parent, child).added == 0


def test_two_edges_of_one_call_do_not_close_a_cycle(stage: JobStage) -> None:
    a, b = stage.enqueue(), stage.enqueue()
    wait_for(stage, a, b)

    assert wait_for(stage, b, a).added == 0


@pytest.mark.parametrize("ends", ["processing", "completed", "deadletter", "cancelled"])
def test_only_a_waiting_job_can_be_told_to_wait(stage: JobStage, ends: str) -> None:
    other = stage.enqueue(delay_ms=9_000)
    job = stage.enqueue()
    if ends == "cancelled":
        stage.cancel(job)
    else:
        held = stage.take()
        if ends == "completed":
            stage.complete(held)
        elif ends == "deadletter":
            stage.fail(held, may_retry=False)

    with pytest.raises(Conflict):
        wait_for(stage, job, other)


def test_a_job_that_is_not_here_adds_nothing(stage: JobStage) -> None:
    job, good, hidden = stage.enqueue(), stage.enqueue(), stage.enqueue("hidden")
    scope = Scope(["emails"])

    for depends_on in ([good["id"], "unknown"], [good["id"], hidden["id"]]):
        with pytest.raises(NotFound):
            stage.run(depend, stage.org, job["id"], depends_on=depends_on, mode="all", scope=scope)
    with pytest.raises(NotFound):
        wait_for(stage, hidden, good, scope=scope)
    assert edges(stage) == 0
    assert stage.job(job["id"])["dependency_mode"] is None


def test_the_parents_of_a_job_are_bounded(stage: JobStage) -> None:
    job = stage.enqueue()
    parents = rows_of(stage.bulk(*(a_job() for _ in range(PARENTS_MAX))))
    assert wait_for(stage, job, *parents).added == PARENTS_MAX

    with pytest.raises(RuleBroken):
        wait_for(stage, job, stage.enqueue())
    assert edges(stage) == PARENTS_MAX


# -- looking ---------------------------------------------------------------------------------


def test_both_sides_of_a_job_are_shown(stage: JobStage) -> None:
    a, b, job, child = (stage.enqueue() for _ in range(4))
    wait_for(stage, job, b, a)
    wait_for(stage, child, job, mode="any")

    seen = stage.read(get_dependencies, stage.org, job["id"], ALL_QUEUES)

    assert [row["id"] for row in seen.parents] == [a["id"], b["id"]]
    assert [(row["id"], row["dependency_mode"]) for row in seen.children] == [(child["id"], "any")]
    assert seen.job["dependencies_met"] == 0


def test_a_parent_link_is_no_edge_that_is_shown(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = stage.enqueue(parent_job_id=parent["id"])

    seen = stage.read(get_dependencies, stage.org, child["id"], ALL_QUEUES)

    assert seen.parents == []


def test_a_job_outside_the_scope_is_not_found(stage: JobStage) -> None:
    job = stage.enqueue()

    with pytest.raises(NotFound):
        stage.read(get_dependencies, stage.org, job["id"], Scope(["others"]))
