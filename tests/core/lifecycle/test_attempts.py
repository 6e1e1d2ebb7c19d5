"""How attempts end: failures, leases that run out, jobs that are handed back, retries by hand."""

import pytest

from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.reap import reap_expired_leases
from spooled_lite.core.lifecycle.retry import Retried, retry, retry_dead_letters
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.errors import Conflict, NotFound, QuotaExceeded
from spooled_lite.events import Deadline
from spooled_lite.plans import Caps
from tests.core.job_stage import JobStage
from tests.core.stage import capped
from tests.core.store import NOW_MS
from tests.factories import a_job

LEASE_OVER = "Lease expired (worker timeout)"
ATTEMPTS_OVER = "Max retries exceeded after lease expiration"


# -- failures --------------------------------------------------------------------------------


def test_a_failure_with_retries_left_waits_for_the_next_attempt(stage: JobStage) -> None:
    job = stage.enqueue()
    stage.clock.advance(seconds=1)

    failed = stage.fail(stage.take())

    assert (failed.status, failed.will_retry, failed.delay_ms) == ("pending", True, 1_000)
    row = stage.job(job["id"])
    assert (row["status"], row["retry_count"], row["last_error"]) == ("pending", 1, "boom")
    assert row["scheduled_at_ms"] == NOW_MS + 2_000
    assert (row["assigned_worker_id"], row["lease_id"], row["lease_expires_at_ms"]) == (None,) * 3
    assert (row["claimable"], row["completed_at_ms"]) == (0, None)
    assert stage.due_at_ms[Deadline.PROMOTION] == NOW_MS + 2_000


@pytest.mark.parametrize("max_retries", [0, 1, 3])
def test_a_job_runs_once_more_than_it_may_be_retried(stage: JobStage, max_retries: int) -> None:
    job = stage.enqueue(max_retries=max_retries)

    attempts = 0
    while taken := stage.claim():
        attempts += 1
        stage.fail(taken[0])
        stage.wait(seconds=60)

    assert attempts == max_retries + 1
    row = stage.job(job["id"])
    assert (row["status"], row["retry_count"]) == ("deadletter", max_retries)


def test_a_failure_for_good_is_a_dead_letter(stage: JobStage) -> None:
    job = stage.enqueue(max_retries=0)
    held = stage.take()
    stage.clock.advance(seconds=3)

    failed = stage.fail(held)

    assert (failed.status, failed.will_retry, failed.delay_ms) == ("deadletter", False, 0)
    row = stage.job(job["id"])
    assert (row["last_error"], row["completed_at_ms"]) == ("boom", NOW_MS + 3_000)
    assert (row["assigned_worker_id"], row["lease_id"], row["lease_expires_at_ms"]) == (None,) * 3
    assert row["settled_lease_id"] == held["lease_id"]


def test_a_worker_can_say_that_another_attempt_is_no_use(stage: JobStage) -> None:
    job = stage.enqueue(max_retries=5)

    failed = stage.fail(stage.take(), may_retry=False)

    assert failed.status == "deadletter"
    assert stage.job(job["id"])["retry_count"] == 0


def test_the_last_error_stays_when_a_later_attempt_succeeds(stage: JobStage) -> None:
    job = stage.enqueue()
    stage.fail(stage.take())
    stage.clock.advance(seconds=1)

    stage.complete(stage.take())

    assert stage.job(job["id"])["last_error"] == "boom"


# -- leases that run out ---------------------------------------------------------------------


def test_a_lease_is_over_at_its_very_moment(stage: JobStage) -> None:
    job = stage.enqueue()
    stage.take()
    stage.clock.advance(seconds=29.999)
    assert stage.run(reap_expired_leases).done == 0

    stage.clock.advance(seconds=0.001)
    done = stage.run(reap_expired_leases)

    assert (done.done, done.due_again_ms) == (1, None)
    assert stage.status(job["id"]) == "pending"


def test_a_reaped_job_is_claimable_at_once(stage: JobStage) -> None:
    job = stage.enqueue()
    stage.take()
    stage.fed.clear()

    stage.wait(seconds=30)

    row = stage.job(job["id"])
    assert (row["status"], row["claimable"], row["retry_count"]) == ("pending", 1, 1)
    assert (row["last_error"], row["scheduled_at_ms"]) == (LEASE_OVER, None)
    assert (row["assigned_worker_id"], row["lease_id"], row["lease_expires_at_ms"]) == (None,) * 3
    assert stage.fed == {(stage.org, "emails")}


def test_a_reaped_job_without_retries_is_a_dead_letter(stage: JobStage) -> None:
    job = stage.enqueue(max_retries=0)
    held = stage.take()

    stage.wait(seconds=30)

    row = stage.job(job["id"])
    assert (row["status"], row["retry_count"]) == ("deadletter", 0)
    assert row["last_error"] == ATTEMPTS_OVER
    assert row["settled_lease_id"] == held["lease_id"]
    assert row["completed_at_ms"] == NOW_MS + 30_000


def test_leases_are_reaped_in_passes_and_all_of_them(stage: JobStage) -> None:
    for _ in range(6):
        stage.bulk(*(a_job() for _ in range(100)))
        stage.claim(limit=100)
    stage.clock.advance(seconds=30)

    first = stage.run(reap_expired_leases)
    assert (first.done, first.due_again_ms) == (PASS_MAX, stage.clock.now_ms())

    stage.run_due()
    assert stage.counter("status.pending") == 600
    stage.check_books()


def test_the_next_pass_is_due_when_the_next_lease_ends(stage: JobStage) -> None:
    stage.enqueue()
    stage.enqueue()
    stage.take()
    stage.clock.advance(seconds=10)
    stage.take()
    stage.clock.advance(seconds=20)

    done = stage.run(reap_expired_leases)

    assert (done.done, done.due_again_ms) == (1, NOW_MS + 40_000)


# -- handed back -----------------------------------------------------------------------------


def test_a_released_job_is_as_if_it_never_was_handed_out(stage: JobStage) -> None:
    before = dict(stage.job(stage.enqueue()["id"]))
    job = stage.take()
    stage.clock.advance(seconds=1)
    stage.fed.clear()

    assert stage.run(release, [job]) == 1

    after = dict(stage.job(job["id"]))
    assert after == {**before, "updated_at_ms": NOW_MS + 1_000}
    assert stage.fed == {(stage.org, "emails")}
    assert stage.story(job) == ["created", "claimed", "released"]


def test_only_what_is_still_held_is_released(stage: JobStage) -> None:
    for _ in range(3):
        stage.enqueue()
    jobs = stage.claim(limit=3)
    stage.complete(jobs[0])
    stage.clock.advance(seconds=30)
    stage.run(reap_expired_leases)
    [again] = stage.claim()
    stage.happened()

    assert stage.run(release, jobs) == 0
    assert stage.happened() == []
    assert stage.status(again["id"]) == "processing"


def test_a_job_of_a_deleted_queue_is_not_released(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take()
    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)

    assert stage.run(release, [job]) == 0


# -- retries by hand -------------------------------------------------------------------------


def test_a_dead_letter_is_retried_at_once_one_retry_further(stage: JobStage) -> None:
    dead = stage.dead_letter(max_retries=3)
    stage.fed.clear()
    stage.clock.advance(seconds=5)

    stage.retry(dead)

    row = stage.job(dead["id"])
    assert (row["status"], row["claimable"], row["retry_count"]) == ("pending", 1, 1)
    assert (row["last_error"], row["scheduled_at_ms"], row["completed_at_ms"]) == (None,) * 3
    assert (row["assigned_worker_id"], row["lease_id"], row["settled_lease_id"]) == (None,) * 3
    assert stage.fed == {(stage.org, "emails")}
    assert stage.take()["id"] == dead["id"]


def test_a_job_that_is_no_dead_letter_is_not_retried(stage: JobStage) -> None:
    completed, waiting = stage.completed(), stage.enqueue()
    cancelled = stage.enqueue()
    stage.cancel(cancelled)

    for job in (waiting, completed, cancelled):
        with pytest.raises(Conflict):
            stage.retry(job)


def test_a_dead_letter_that_is_not_here_is_not_found(stage: JobStage) -> None:
    dead = stage.dead_letter()
    other = stage.other_org()

    for org, job_id, scope in (
        (stage.org, "unknown", ALL_QUEUES),
        (other, dead["id"], ALL_QUEUES),
        (stage.org, dead["id"], Scope(["others"])),
    ):
        with pytest.raises(NotFound):
            stage.run(retry, org, job_id, scope, None)
    assert stage.status(dead["id"]) == "deadletter"


def retry_all(
    stage: JobStage, scope: Scope = ALL_QUEUES, caps: Caps | None = None, **wanted: object
) -> Retried:
    chosen = DeadLetters(**{"limit": 100, **wanted})  # type: ignore[arg-type]
    return stage.run(retry_dead_letters, stage.org, chosen, scope, caps)


def dead_letters(stage: JobStage, *queues: str) -> list[str]:
    made = []
    for queue in queues:
        made.append(stage.dead_letter(queue)["id"])
        stage.clock.advance(seconds=1)
    return made


def test_dead_letters_are_retried_oldest_first_with_a_fresh_count(stage: JobStage) -> None:
    young = stage.enqueue(max_retries=1)
    stage.clock.advance(seconds=-10)
    old = stage.enqueue(max_retries=1)
    for _ in range(2):
        for held in stage.claim(limit=2):
            stage.fail(held)
        stage.clock.advance(seconds=60)

    retried = retry_all(stage)

    assert retried.job_ids == [old["id"], young["id"]]
    assert retried.skipped == []
    for job in (old, young):
        row = stage.job(job["id"])
        assert (row["status"], row["claimable"], row["retry_count"]) == ("pending", 1, 0)
        assert (row["last_error"], row["scheduled_at_ms"], row["completed_at_ms"]) == (None,) * 3


def test_a_limit_takes_the_oldest(stage: JobStage) -> None:
    made = dead_letters(stage, "a", "b", "c")

    assert retry_all(stage, limit=2).job_ids == made[:2]
    assert retry_all(stage, limit=2).job_ids == made[2:]


def test_a_queue_narrows_and_named_ids_win_over_it(stage: JobStage) -> None:
    made = dead_letters(stage, "a", "b", "a", "b")

    assert retry_all(stage, queue_name="b").job_ids == [made[1], made[3]]
    assert retry_all(stage, queue_name="b", job_ids=[made[2]]).job_ids == [made[2]]
    assert retry_all(stage, queue_name="unknown").job_ids == []


def test_ids_that_are_no_dead_letters_are_passed_over(stage: JobStage) -> None:
    [dead] = dead_letters(stage, "a")
    waiting, done = stage.enqueue("a"), stage.completed("a")
    other = stage.other_org()

    retried = retry_all(
        stage, job_ids=["unknown", waiting["id"], done["id"], dead, dead], queue_name="a"
    )

    assert retried.job_ids == [dead]
    assert stage.run(
        retry_dead_letters, other, DeadLetters(job_ids=[dead], limit=9), ALL_QUEUES, None
    ) == Retried([], [])


def test_no_ids_at_all_name_no_job(stage: JobStage) -> None:
    dead_letters(stage, "a")

    assert retry_all(stage, job_ids=[]).job_ids == []


def test_a_scope_covers_its_queues_only(stage: JobStage) -> None:
    made = dead_letters(stage, "mine", "theirs", "mine")

    assert retry_all(stage, Scope(["mine"])).job_ids == [made[0], made[2]]
    assert retry_all(stage, Scope(["mine"]), job_ids=[made[1]]).job_ids == []
    assert retry_all(stage, Scope(["mine"]), queue_name="theirs").job_ids == []


def test_a_retry_over_the_cap_changes_nothing(stage: JobStage) -> None:
    made = dead_letters(stage, "a", "b")
    stage.enqueue()

    with pytest.raises(QuotaExceeded, match="active jobs limit reached"):
        retry_all(stage, caps=capped(active_jobs=2).caps)

    assert {stage.status(job_id) for job_id in made} == {"deadletter"}
    assert len(retry_all(stage, caps=capped(active_jobs=3).caps).job_ids) == 2
    stage.check_books()


# -- jobs that expire, at every way back into the queue ----------------------------------------


@pytest.mark.parametrize("way", ["failure", "lease end", "release", "retry", "dead letters"])
def test_a_job_that_waits_again_expires_at_its_moment(stage: JobStage, way: str) -> None:
    job = stage.enqueue(expires_at_ms=NOW_MS + 100_000, max_retries=1)
    held = stage.take()
    stage.run_due()
    stage.wait(seconds=1)  # the loop has looked while nothing waited
    stage.run_pass(Deadline.EXPIRY)
    assert Deadline.EXPIRY not in stage.due_at_ms

    if way == "failure":
        stage.fail(held)
    elif way == "lease end":
        stage.wait(seconds=29)
    elif way == "release":
        stage.run(release, [held])
    else:
        stage.fail(held, may_retry=False)
        if way == "retry":
            stage.retry(job)
        else:
            retry_all(stage)

    assert stage.due_at_ms[Deadline.EXPIRY] == NOW_MS + 100_000
    stage.wait(seconds=100)
    assert stage.status(job["id"]) == "cancelled"
