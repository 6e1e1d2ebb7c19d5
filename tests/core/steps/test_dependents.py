"""What the end of a job means for the jobs that wait for it."""

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.enqueue import PARENT_FAILED
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.depend import depend
from spooled_lite.core.lifecycle.retry import retry_dead_letters
from spooled_lite.core.maintenance.remove import (
    EDGES_MAX,
    FROM_START,
    delete_queue,
    purge_dead_letters_pass,
    purge_queue_pass,
)
from spooled_lite.core.steps.dependents import (
    TELL_COST,
    TELL_MAX,
    work_off_cascades,
)
from spooled_lite.core.workflows.records import Mode
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage, rows_of
from tests.core.store import NOW_MS
from tests.factories import a_job

TOLD_MAX = EDGES_MAX // TELL_COST  # in one pass of a removal


def child_of(stage: JobStage, parent: JobRow, queue_name: str = "children") -> JobRow:
    return stage.enqueue(queue_name, parent_job_id=parent["id"])


def step(
    stage: JobStage, *parents: JobRow, mode: Mode = "all", condition: str = "success"
) -> JobRow:
    """A job with edges instead of a parent link."""
    job = stage.enqueue("children")
    ids = [parent["id"] for parent in parents]
    stage.run(depend, stage.org, job["id"], depends_on=ids, mode=mode, scope=ALL_QUEUES)
    stage.run(
        lambda tx: tx.execute(
            "UPDATE job_dependencies SET condition = :condition WHERE job = :job",
            {"condition": condition, "job": job["seq"]},
        )
    )
    return job


def many_children(stage: JobStage, parent: JobRow, count: int) -> None:
    for _ in range(count // 50):
        stage.bulk(*(a_job(queue_name="children", parent_job_id=parent["id"]) for _ in range(50)))


def statuses(stage: JobStage, *jobs: JobRow) -> list[str]:
    return [stage.status(job["id"]) for job in jobs]


# -- the end of a parent ---------------------------------------------------------------------


def test_a_child_can_be_claimed_when_its_parent_is_completed(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = child_of(stage, parent)
    held = stage.take()
    assert stage.claim("children") == []
    stage.fed.clear()

    stage.complete(held)

    row = stage.job(child["id"])
    assert (row["status"], row["dependencies_met"], row["claimable"]) == ("pending", 1, 1)
    assert (stage.org, "children") in stage.fed
    assert stage.take("children")["id"] == child["id"]


def test_a_failure_that_is_retried_changes_nothing_for_the_child(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = child_of(stage, parent)

    stage.fail(stage.take())
    stage.run_due()

    row = stage.job(child["id"])
    assert (row["status"], row["dependencies_met"]) == ("pending", 0)


@pytest.mark.parametrize("end", ["dead letter", "lease end", "cancel", "expiry"])
def test_a_child_is_cancelled_when_its_parent_ends_otherwise(stage: JobStage, end: str) -> None:
    parent = stage.enqueue(max_retries=0, expires_at_ms=NOW_MS + 90_000)
    child = child_of(stage, parent)
    stage.clock.advance(seconds=1)

    if end == "cancel":
        stage.cancel(parent)
    elif end == "expiry":
        stage.wait(seconds=90)
    else:
        held = stage.take()
        if end == "lease end":
            stage.wait(seconds=30)
        else:
            stage.fail(held)
    stage.run_due()

    row = stage.job(child["id"])
    assert (row["status"], row["claimable"], row["last_error"]) == ("cancelled", 0, PARENT_FAILED)
    assert row["completed_at_ms"] == stage.clock.now_ms()
    assert stage.history(child)[-1] == ("cancelled", None, {"reason": PARENT_FAILED})
    stage.check_books()


def test_a_scheduled_child_is_cancelled_too(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = stage.enqueue("children", parent_job_id=parent["id"], delay_ms=60_000)

    stage.cancel(parent)

    row = stage.job(child["id"])
    assert (row["status"], row["run_at_ms"]) == ("cancelled", None)


def test_all_waits_for_all_and_any_for_one(stage: JobStage) -> None:
    a, b = stage.enqueue("a"), stage.enqueue("b")
    both, one = step(stage, a, b), step(stage, a, b, mode="any")

    stage.complete(stage.take("a"))
    assert [stage.job(job["id"])["claimable"] for job in (both, one)] == [0, 1]

    stage.complete(stage.take("b"))
    assert [stage.job(job["id"])["claimable"] for job in (both, one)] == [1, 1]


def test_all_fails_with_one_and_any_with_all(stage: JobStage) -> None:
    a, b = stage.enqueue("a"), stage.enqueue("b")
    both, one = step(stage, a, b), step(stage, a, b, mode="any")

    stage.cancel(a)
    assert statuses(stage, both, one) == ["cancelled", "pending"]

    stage.cancel(b)
    assert statuses(stage, both, one) == ["cancelled", "cancelled"]


def test_a_parent_link_has_to_be_met_beside_any_edge(stage: JobStage) -> None:
    parent, other = stage.enqueue("a"), stage.enqueue("b")
    child = child_of(stage, parent)
    stage.run(
        depend, stage.org, child["id"], depends_on=[other["id"]], mode="any", scope=ALL_QUEUES
    )

    stage.complete(stage.take("b"))
    assert stage.job(child["id"])["claimable"] == 0

    stage.complete(stage.take("a"))
    assert stage.job(child["id"])["claimable"] == 1


@pytest.mark.parametrize(
    ("condition", "expected"),
    [("success", "cancelled"), ("completion", "pending"), ("failure", "pending")],
)
def test_an_edge_can_wait_for_a_failure(stage: JobStage, condition: str, expected: str) -> None:
    parent = stage.enqueue()
    job = step(stage, parent, condition=condition)

    stage.fail(stage.take(), may_retry=False)

    assert stage.status(job["id"]) == expected
    assert stage.job(job["id"])["claimable"] == (expected == "pending")


# -- chains and fans -------------------------------------------------------------------------


def test_a_failure_goes_down_a_chain(stage: JobStage) -> None:
    chain = [stage.enqueue()]
    for _ in range(30):
        chain.append(child_of(stage, chain[-1]))

    stage.cancel(chain[0])
    assert statuses(stage, *chain[:3]) == ["cancelled", "cancelled", "pending"]

    stage.run_due()
    assert set(statuses(stage, *chain)) == {"cancelled"}
    assert stage.value("SELECT count(*) FROM job_cascades") == 0
    stage.check_books()


def test_many_children_are_told_in_passes(stage: JobStage) -> None:
    parent = stage.enqueue()
    many_children(stage, parent, 2 * TELL_MAX + 50)
    claimable = "SELECT count(*) FROM jobs WHERE queue_name = 'children' AND claimable = 1"

    stage.complete(stage.take())
    assert stage.value(claimable) == TELL_MAX

    assert stage.run(work_off_cascades).due_again_ms == stage.clock.now_ms()
    assert stage.value(claimable) == 2 * TELL_MAX
    assert stage.run(work_off_cascades).due_again_ms is None
    assert stage.value(claimable) == 2 * TELL_MAX + 50


def test_many_children_are_cancelled_in_passes_with_their_own(stage: JobStage) -> None:
    parent = stage.enqueue()
    many_children(stage, parent, 250)
    [last] = stage.rows("SELECT * FROM jobs ORDER BY seq DESC LIMIT 1")
    grandchild = child_of(stage, last)

    stage.cancel(parent)
    assert 0 < stage.counter("status.cancelled", "children") < 250
    assert Deadline.DEPENDENTS in stage.due_at_ms

    stage.run_due()
    assert stage.counter("status.cancelled", "children") == 251
    assert stage.status(grandchild["id"]) == "cancelled"
    stage.check_books()


def test_a_crash_between_two_passes_forgets_nobody(stage: JobStage) -> None:
    parent = stage.enqueue()
    many_children(stage, parent, 250)
    stage.cancel(parent)
    stage.due_at_ms.clear()  # what was in memory is gone

    stage.run_pass(Deadline.DEPENDENTS)  # a server that starts runs every loop once
    stage.run_due()

    assert stage.counter("status.cancelled", "children") == 250


def test_a_pass_that_ends_many_jobs_leaves_their_dependents_to_the_loop(stage: JobStage) -> None:
    parents = rows_of(stage.bulk(*(a_job(max_retries=0) for _ in range(20))))
    children = [child_of(stage, parent) for parent in parents]
    stage.claim(limit=20)
    stage.clock.advance(seconds=30)

    stage.run_pass(Deadline.LEASE_END)
    assert set(statuses(stage, *children)) == {"pending"}

    stage.run_due()
    assert set(statuses(stage, *children)) == {"cancelled"}


# -- a parent that starts anew ---------------------------------------------------------------


@pytest.mark.parametrize("by", ["retry", "dead letters"])
def test_a_retried_parent_brings_back_what_its_failure_cancelled(stage: JobStage, by: str) -> None:
    parent = stage.enqueue()
    child = child_of(stage, parent)
    grandchild = child_of(stage, child)
    later = stage.enqueue("children", parent_job_id=parent["id"], delay_ms=60_000)
    stage.fail(stage.take(), may_retry=False)
    stage.run_due()
    assert set(statuses(stage, child, grandchild, later)) == {"cancelled"}

    if by == "retry":
        stage.retry(parent)
    else:
        wanted = DeadLetters(limit=9)
        stage.run(retry_dead_letters, stage.org, wanted, ALL_QUEUES, None)
    stage.run_due()

    assert statuses(stage, child, grandchild, later) == ["pending", "pending", "scheduled"]
    for job in (child, grandchild, later):
        row = stage.job(job["id"])
        assert (row["claimable"], row["dependencies_met"]) == (0, 0)
        assert (row["last_error"], row["completed_at_ms"]) == (None, None)
    assert stage.history(child)[-1] == (
        "retried",
        None,
        {
            "retry_count": 0,
            "next_run": "2027-01-15T08:00:00.000Z",
            "reason": "Parent job was retried",
        },
    )
    assert stage.due_at_ms[Deadline.PROMOTION] == NOW_MS + 60_000
    stage.check_books()
    stage.complete(stage.take())
    assert stage.take("children")["id"] == child["id"]


def test_a_child_that_was_cancelled_by_hand_stays_so(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = child_of(stage, parent)
    stage.cancel(child)
    stage.fail(stage.take(), may_retry=False)

    stage.retry(parent)
    stage.run_due()

    assert stage.status(child["id"]) == "cancelled"


def test_one_failed_parent_is_enough_to_stay_cancelled(stage: JobStage) -> None:
    a, b = stage.enqueue("a"), stage.enqueue("b")
    job = step(stage, a, b)
    for queue in ("a", "b"):
        stage.fail(stage.take(queue), may_retry=False)

    stage.retry(a)
    assert stage.status(job["id"]) == "cancelled"

    stage.retry(b)
    assert (stage.status(job["id"]), stage.job(job["id"])["claimable"]) == ("pending", 0)


def test_a_child_that_waited_for_a_failure_waits_again(stage: JobStage) -> None:
    parent = stage.enqueue()
    job = step(stage, parent, condition="failure")
    stage.fail(stage.take(), may_retry=False)
    assert stage.job(job["id"])["claimable"] == 1

    stage.retry(parent)

    row = stage.job(job["id"])
    assert (row["claimable"], row["dependencies_met"]) == (0, 0)


# -- a parent that is deleted ----------------------------------------------------------------


def purge(stage: JobStage, queue_name: str = "emails") -> int:
    count, after = 0, FROM_START
    while True:
        purged = stage.run(purge_queue_pass, stage.org, queue_name, after)
        count += purged.count
        if purged.after is None:
            return count
        after = purged.after


def test_a_child_is_cancelled_when_its_waiting_parent_is_purged(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = child_of(stage, parent)
    grandchild = child_of(stage, child)

    assert purge(stage) == 1
    stage.run_due()

    assert statuses(stage, child, grandchild) == ["cancelled", "cancelled"]
    assert stage.job(child["id"])["last_error"] == PARENT_FAILED
    stage.check_books()


def test_a_family_in_one_queue_is_purged_as_a_whole(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = child_of(stage, parent, "emails")
    child_of(stage, child, "emails")
    stage.happened()

    assert purge(stage) == 3

    assert stage.happened() == ["job.deleted"] * 3
    stage.check_books()


def test_any_goes_on_without_a_deleted_parent(stage: JobStage) -> None:
    gone, other = stage.enqueue(), stage.enqueue("b")
    job = step(stage, gone, other, mode="any")

    purge(stage)
    assert (stage.status(job["id"]), stage.job(job["id"])["claimable"]) == ("pending", 0)

    stage.complete(stage.take("b"))
    assert stage.job(job["id"])["claimable"] == 1


def test_who_waits_for_the_end_only_can_run_when_the_parent_is_deleted(stage: JobStage) -> None:
    job = step(stage, stage.enqueue(), condition="completion")

    purge(stage)

    assert stage.job(job["id"])["claimable"] == 1


def test_children_that_were_not_told_yet_hear_of_the_end_before_the_parent_goes(
    stage: JobStage,
) -> None:
    parent = stage.enqueue()
    many_children(stage, parent, 250)
    stage.complete(stage.take())

    purge(stage)
    stage.run_due()

    assert stage.value("SELECT count(*) FROM jobs WHERE claimable = 1") == 250


def test_a_parent_of_many_goes_after_all_of_them_were_told(stage: JobStage) -> None:
    parent = stage.enqueue()
    many_children(stage, parent, TOLD_MAX + 50)
    stage.enqueue()

    first = stage.run(purge_queue_pass, stage.org, "emails")
    assert (first.count, first.after) == (0, FROM_START)
    told = stage.counter("status.cancelled", "children")
    assert 0 < told < TOLD_MAX
    assert stage.value("SELECT count(*) FROM job_dependencies") == TOLD_MAX + 50 - told

    assert purge(stage) == 2
    stage.run_due()
    assert stage.counter("status.cancelled", "children") == TOLD_MAX + 50
    assert stage.value("SELECT count(*) FROM job_dependencies") == 0
    stage.check_books()


def test_a_parent_of_many_that_have_ended_goes_after_most_of_its_edges(stage: JobStage) -> None:
    parent = stage.enqueue()
    many_children(stage, parent, EDGES_MAX + 100)
    stage.complete(stage.take())
    stage.run_due()
    stage.run(lambda tx: tx.execute("UPDATE jobs SET claimable = 0, status = 'completed'"))

    first = stage.run(purge_queue_pass, stage.org, "emails")

    assert (first.count, first.after) == (0, FROM_START)
    assert stage.value("SELECT count(*) FROM job_dependencies") == 100
    assert purge(stage) == 1
    assert stage.value("SELECT count(*) FROM job_dependencies") == 0


def test_children_in_other_queues_are_cancelled_when_a_queue_is_deleted(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = child_of(stage, parent)
    sibling = child_of(stage, parent, "emails")

    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)
    stage.run_due()

    assert stage.status(child["id"]) == "cancelled"
    assert stage.rows("SELECT 1 FROM jobs WHERE id = :id", id=sibling["id"]) == []
    stage.check_books()


def test_what_a_dead_letter_cancelled_stays_so_when_it_is_purged(stage: JobStage) -> None:
    parent = stage.enqueue()
    child = child_of(stage, parent)
    stage.fail(stage.take(), may_retry=False)

    purged = stage.run(purge_dead_letters_pass, stage.org, DeadLetters(limit=9), ALL_QUEUES)

    assert purged.count == 1
    assert stage.status(child["id"]) == "cancelled"
