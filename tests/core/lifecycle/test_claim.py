import pytest

from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.promote import promote_due
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.core.queues.pause import pause, resume
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage, rows_of
from tests.core.stage import OPEN
from tests.core.store import NOW_MS
from tests.factories import a_claim, a_job


def ids(stage: JobStage, **asked: int) -> list[str]:
    return [row["id"] for row in stage.run(claim, stage.org, a_claim(**{"limit": 100, **asked}))]


# -- what is handed out ----------------------------------------------------------------------


def test_a_claimed_job_is_leased_to_its_worker(stage: JobStage) -> None:
    stage.enqueue()
    stage.clock.advance(seconds=5)

    job = stage.take(worker_id="w-7", lease_ms=60_000)

    assert (job["status"], job["claimable"], job["assigned_worker_id"]) == ("processing", 0, "w-7")
    assert job["lease_id"]
    assert job["lease_expires_at_ms"] == NOW_MS + 65_000
    assert job["started_at_ms"] == job["updated_at_ms"] == NOW_MS + 5_000
    assert stage.due_at_ms[Deadline.LEASE_END] == NOW_MS + 65_000


def test_the_jobs_of_one_call_share_a_lease_id_and_calls_do_not(stage: JobStage) -> None:
    for _ in range(4):
        stage.enqueue()

    first, second = stage.claim(limit=2), stage.claim(limit=2)

    assert len({row["lease_id"] for row in first}) == 1
    assert len({row["lease_id"] for row in [*first, *second]}) == 2


def test_a_call_takes_no_more_than_its_limit(stage: JobStage) -> None:
    for _ in range(3):
        stage.enqueue()

    assert len(stage.claim(limit=2)) == 2
    assert len(stage.claim(limit=2)) == 1
    assert stage.claim(limit=2) == []


def test_the_progress_of_the_attempt_before_is_gone(stage: JobStage) -> None:
    job = stage.enqueue()
    stage.run(lambda tx: tx.execute("UPDATE jobs SET progress = 50, progress_message = 'half'"))

    stage.take()

    row = stage.job(job["id"])
    assert (row["progress"], row["progress_message"]) == (None, None)


# -- order -----------------------------------------------------------------------------------


def test_the_higher_priority_goes_first_then_the_older_then_as_stored(stage: JobStage) -> None:
    low = stage.enqueue(priority=-5)
    same = rows_of(stage.bulk(a_job(), a_job()))
    stage.clock.advance(seconds=-10)  # wall time was set back
    older = stage.enqueue()
    high = stage.enqueue(priority=5)

    taken = ids(stage)

    expected = [high["id"], older["id"], *(row["id"] for row in same), low["id"]]
    assert taken == expected


def test_the_jobs_of_one_call_come_in_claim_order(stage: JobStage) -> None:
    made = [stage.enqueue(priority=priority)["id"] for priority in (1, 3, 2, 3, 1)]

    assert ids(stage) == [made[1], made[3], made[2], made[0], made[4]]


def test_a_retried_job_keeps_its_age_and_goes_ahead(stage: JobStage) -> None:
    old = stage.enqueue()
    stage.fail(stage.take())
    stage.clock.advance(seconds=1)
    young = stage.enqueue()

    assert ids(stage) == [old["id"], young["id"]]


def test_a_delayed_job_is_as_old_as_its_creation(stage: JobStage) -> None:
    delayed = stage.enqueue(delay_ms=5_000)
    stage.clock.advance(seconds=5)
    young = stage.enqueue()

    assert ids(stage) == [delayed["id"], young["id"]]


# -- what is not handed out ------------------------------------------------------------------


def test_a_due_job_is_claimable_before_the_sweep(stage: JobStage) -> None:
    stage.enqueue(delay_ms=5_000)
    assert ids(stage) == []
    stage.clock.advance(seconds=5)
    stage.happened()

    assert len(ids(stage)) == 1
    assert stage.happened() == ["job.promoted", "job.claimed"]


def test_a_due_job_is_due_from_its_very_moment(stage: JobStage) -> None:
    stage.enqueue(delay_ms=5_000)
    stage.clock.advance(seconds=4.999)
    assert ids(stage) == []

    stage.clock.advance(seconds=0.001)

    assert len(ids(stage)) == 1


def test_a_claim_promotes_a_bounded_number_and_finds_the_rest_next_time(stage: JobStage) -> None:
    for _ in range(6):
        stage.bulk(*(a_job(delay_ms=1_000) for _ in range(100)))
    stage.clock.advance(seconds=1)

    stage.claim()

    assert stage.counter("status.scheduled") == 100
    assert stage.run(promote_due).done == 100
    assert stage.counter("status.scheduled") == 0


def test_an_expired_job_is_passed_over(stage: JobStage) -> None:
    stage.enqueue(expires_at_ms=NOW_MS + 5_000, priority=9)
    good = stage.enqueue()
    stage.clock.advance(seconds=5)

    assert ids(stage) == [good["id"]]


def test_a_job_is_not_expired_before_its_very_moment(stage: JobStage) -> None:
    stage.enqueue(expires_at_ms=NOW_MS + 5_000)
    stage.clock.advance(seconds=4.999)

    assert len(ids(stage)) == 1


def test_a_job_that_waits_for_another_is_passed_over(stage: JobStage) -> None:
    parent = stage.enqueue()
    stage.enqueue(parent_job_id=parent["id"], priority=9)

    assert ids(stage) == [parent["id"]]


def test_finished_and_running_jobs_are_not_handed_out(stage: JobStage) -> None:
    stage.completed()
    stage.dead_letter()
    stage.cancel(stage.enqueue())
    stage.enqueue()
    stage.take()

    assert ids(stage) == []


def test_an_unknown_a_foreign_and_a_deleted_queue_have_nothing(stage: JobStage) -> None:
    stage.enqueue("deleted")
    stage.enqueue("foreign")
    stage.run(delete_queue, stage.org, "deleted", delete_jobs=True)
    other = stage.other_org()

    assert stage.claim("unknown") == []
    assert stage.claim("deleted") == []
    assert stage.run(claim, other, a_claim(queue_name="foreign")) == []


def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(stage: JobStage) -> None:
    stage.enqueue()
    stage.run(pause, stage.org, "emails", None, OPEN)
    assert stage.claim() == []

    stage.run(resume, stage.org, "emails")

    assert len(stage.claim()) == 1


def test_a_worker_that_holds_a_job_of_a_paused_queue_goes_on(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take()
    stage.run(pause, stage.org, "emails", None, OPEN)

    stage.complete(job)

    assert stage.status(job["id"]) == "completed"


# -- limits of the queue ---------------------------------------------------------------------


def test_a_clock_that_was_set_back_does_not_shut_a_rate_limited_queue(stage: JobStage) -> None:
    stage.configure(rate_limit=1)
    stage.enqueue()
    stage.enqueue()
    stage.take()

    stage.clock.advance(seconds=-3_600)

    assert len(stage.claim(limit=5)) == 1
    assert stage.claim(limit=5) == []
    stage.clock.advance(seconds=1)
    assert stage.claim(limit=5) == []


def test_a_rate_limit_lets_so_many_out_in_a_second(stage: JobStage) -> None:
    stage.configure(rate_limit=3)
    for _ in range(8):
        stage.enqueue()

    assert len(stage.claim(limit=2)) == 2
    assert len(stage.claim(limit=2)) == 1
    assert stage.claim(limit=2) == []
    assert stage.due_at_ms[Deadline.ROOM] == NOW_MS + 1_000
    stage.clock.advance(seconds=0.999)
    assert stage.claim(limit=2) == []
    stage.clock.advance(seconds=0.001)
    assert len(stage.claim(limit=100)) == 3


def test_waiting_claims_are_woken_when_the_second_is_over(stage: JobStage) -> None:
    stage.configure(rate_limit=1)
    stage.enqueue()
    stage.enqueue()
    stage.take()
    assert stage.claim() == []
    stage.fed.clear()

    stage.wait(seconds=1)

    assert stage.fed == {(stage.org, "emails")}
    assert len(stage.claim()) == 1


def test_a_second_in_which_nothing_was_there_costs_nothing(stage: JobStage) -> None:
    stage.configure(rate_limit=1)
    assert stage.claim() == []
    stage.enqueue()

    assert len(stage.claim()) == 1


def test_max_concurrency_counts_what_is_processed(stage: JobStage) -> None:
    stage.configure(max_concurrency=2)
    for _ in range(4):
        stage.enqueue()

    first, second = stage.claim(limit=100)
    assert stage.claim() == []

    stage.complete(first)
    assert len(stage.claim(limit=100)) == 1
    stage.fail(second)
    assert len(stage.claim(limit=100)) == 1


@pytest.mark.parametrize("ends", ["complete", "retry", "bury", "expire", "release"])
def test_every_end_of_an_attempt_makes_room_and_wakes(stage: JobStage, ends: str) -> None:
    stage.configure(max_concurrency=1)
    stage.enqueue()
    stage.enqueue()
    job = stage.take()
    stage.fed.clear()

    if ends == "complete":
        stage.complete(job)
    elif ends == "expire":
        stage.clock.advance(seconds=30)
        stage.run_due(Deadline.LEASE_END)
    elif ends == "release":
        stage.run(release, [job])
    else:
        stage.fail(job, may_retry=ends == "retry")

    assert stage.fed == {(stage.org, "emails")}
    assert len(stage.claim()) == 1


def test_both_limits_count(stage: JobStage) -> None:
    stage.configure(max_concurrency=3, rate_limit=2)
    for _ in range(5):
        stage.enqueue()

    assert len(stage.claim(limit=100)) == 2
    stage.clock.advance(seconds=1)
    assert len(stage.claim(limit=100)) == 1
