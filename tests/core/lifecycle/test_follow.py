"""What follows when all attempts of a job have failed: contract catbird-capabilities, T21-T26."""

import json
from collections import Counter
from typing import Any

import pytest

from spooled_lite.core.jobs.bodies import whole
from spooled_lite.core.jobs.check import conservation
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.enqueue import enqueue
from spooled_lite.core.jobs.following import BACKOFF, following
from spooled_lite.core.jobs.kinds import payload_shown
from spooled_lite.core.jobs.passes import PASS_BYTES_MAX, PASS_MAX
from spooled_lite.core.jobs.policy import Backoff, OnFail, OwnPolicy, read_policy, stored
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.cancel import Cancelling, cancel_now
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.retry import retry_dead_letters
from spooled_lite.core.lifecycle.settle import give_up
from spooled_lite.core.maintenance.remove import purge_dead_letters_pass
from spooled_lite.errors import QuotaExceeded
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.stage import capped
from tests.factories import a_claim, a_job

FOLLOWED = stored(OwnPolicy(on_fail=OnFail()))
LARGE = b'{"text":"%s"}' % (b"x" * 1_000_000)


def asking(**said: Any) -> bytes | None:
    return stored(OwnPolicy(on_fail=OnFail(**said)))


def dead(stage: JobStage, policy: bytes | None = FOLLOWED, **fields: Any) -> JobRow:
    """A job that has failed for good."""
    return stage.dead_letter(policy=policy, **fields)


def followers(stage: JobStage) -> list[JobRow]:
    return stage.rows("SELECT * FROM jobs WHERE kind = 'on_fail' ORDER BY seq")


def told(stage: JobStage, row: JobRow) -> Any:
    """The payload as a worker gets it."""
    found = stage.read(whole, row)
    assert found is not None
    shown = payload_shown(found)
    assert shown is not None
    return json.loads(shown)


def test_it_is_told_the_input_and_how_the_other_failed(stage: JobStage) -> None:
    job = dead(stage, payload=b'[1, {"a": null}]', priority=7)

    follower = stage.take("emails_on_fail")

    assert (follower["kind"], follower["on_fail_of"]) == ("on_fail", job["id"])
    assert (follower["priority"], follower["max_retries"]) == (7, 2)
    assert (follower["timeout_seconds"], follower["timeout_ms"]) == (30, 30_000)
    failure = {
        "task_name": None,
        "task_run_id": job["id"],
        "job_id": job["id"],
        "queue_name": "emails",
        "error_message": "boom",
        "error_type": None,
        "attempts": 1,
        "started_at": "2027-01-15T08:00:00.000Z",
        "failed_at": "2027-01-15T08:00:00.000Z",
        "concurrency_key": None,
        "on_fail_attempts": 1,
    }
    assert told(stage, follower) == {"input": [1, {"a": None}], "failure": failure}


def test_it_has_retries_of_its_own_and_then_is_a_dead_letter_that_nothing_follows(
    stage: JobStage,
) -> None:
    job = dead(stage, asking(max_retries=1))

    attempts = []
    for _ in range(2):
        follower = stage.take("emails_on_fail")
        attempts.append(told(stage, follower)["failure"]["on_fail_attempts"])
        stage.fail(follower, "worse")
        stage.wait(seconds=5)

    assert attempts == [1, 2]
    [follower] = followers(stage)
    assert (follower["status"], follower["last_error"]) == ("deadletter", "worse")
    assert stage.job(job["id"]) == job  # it changes nothing there
    assert stage.story(job) == ["created", "claimed", "failed", "deadlettered"]


@pytest.mark.parametrize("end", ["complete", "fail for good"])
def test_its_end_does_not_change_the_job(stage: JobStage, end: str) -> None:
    job = dead(stage)
    follower = stage.take("emails_on_fail")

    if end == "complete":
        stage.complete(follower)
    else:
        stage.fail(follower, may_retry=False)

    assert stage.job(job["id"]) == job


def test_it_waits_by_full_jitter_from_250_ms_unless_something_else_is_said(
    stage: JobStage,
) -> None:
    backoff = Backoff(strategy="fixed", base_delay_ms=7_000)
    dead(stage)
    dead(stage, asking(backoff=backoff))

    policies = [read_policy(row["policy"] or b"") for row in followers(stage)]

    assert policies == [OwnPolicy(backoff=BACKOFF), OwnPolicy(backoff=backoff)]
    stage.take("emails_on_fail")
    second = stage.take("emails_on_fail")
    assert stage.fail(second).delay_ms == 7_000


def test_queue_retries_and_time_are_as_they_were_asked_for(stage: JobStage) -> None:
    dead(stage, asking(queue_name="alerts", max_retries=5, timeout_ms=0))

    follower = stage.take("alerts")

    assert (follower["max_retries"], follower["timeout_ms"]) == (5, 0)


def by_lease_end(stage: JobStage) -> None:
    stage.take(lease_ms=5_000)
    stage.wait(seconds=6)


def by_giving_up(stage: JobStage) -> None:
    stage.run(give_up, [stage.take()], "damaged")


def by_failing(stage: JobStage) -> None:
    stage.fail(stage.take())


@pytest.mark.parametrize("bury", [by_lease_end, by_giving_up, by_failing])
def test_every_way_into_the_dead_letters_is_followed(stage: JobStage, bury: Any) -> None:
    stage.enqueue(policy=FOLLOWED, max_retries=0)

    bury(stage)

    [follower] = followers(stage)
    assert told(stage, follower)["failure"]["attempts"] == 1
    stage.check_books()
    stage.check_claimable()
    assert stage.read(conservation) == []


def test_a_failure_that_is_retried_is_not_followed(stage: JobStage) -> None:
    stage.enqueue(policy=FOLLOWED)
    by_failing(stage)
    stage.wait(seconds=100)
    by_lease_end(stage)

    assert followers(stage) == []


def test_what_was_cancelled_or_has_expired_is_not_followed(stage: JobStage) -> None:
    cancelled = stage.enqueue(policy=FOLLOWED)
    stage.cancel(cancelled)
    forced = stage.enqueue(policy=FOLLOWED)
    stage.take()
    how = Cancelling(is_forced=True)
    stage.run(cancel_now, stage.org, forced["id"], how, ALL_QUEUES)
    stage.enqueue(policy=FOLLOWED, expires_at_ms=stage.clock.now_ms() + 1_000)
    stage.wait(seconds=2)

    assert followers(stage) == []


def test_a_job_that_says_nothing_of_it_is_not_followed(stage: JobStage) -> None:
    dead(stage, None)
    dead(stage, stored(OwnPolicy(backoff=BACKOFF)))

    assert followers(stage) == []


def test_a_worker_that_dies_with_it_leaves_it_to_another(stage: JobStage) -> None:
    dead(stage)
    stage.take("emails_on_fail", lease_ms=5_000)
    stage.wait(seconds=6)

    assert told(stage, stage.take("emails_on_fail"))["failure"]["on_fail_attempts"] == 2


# -- bodies and bounds ----------------------------------------------------------------------------


def test_a_large_input_is_copied_and_outlives_the_dead_letter(stage: JobStage) -> None:
    dead(stage, payload=LARGE)
    wanted = DeadLetters(limit=10)
    stage.run(purge_dead_letters_pass, stage.org, wanted, ALL_QUEUES)

    [follower] = followers(stage)

    assert told(stage, follower)["input"] == json.loads(LARGE)


def test_an_input_that_is_damaged_is_null_and_the_failure_is_told_of(stage: JobStage) -> None:
    stage.enqueue(policy=FOLLOWED, payload=LARGE)
    stage.rows("UPDATE job_bodies SET body = x'7b7d'")
    by_giving_up(stage)

    [follower] = followers(stage)

    assert told(stage, follower)["input"] is None
    assert told(stage, follower)["failure"]["error_message"] == "damaged"


def test_a_pass_over_ended_leases_counts_the_inputs_that_it_copies(stage: JobStage) -> None:
    count = 2 * PASS_BYTES_MAX // len(LARGE)
    for _ in range(count):
        stage.enqueue(policy=FOLLOWED, payload=LARGE, max_retries=0)
        stage.take(lease_ms=5_000)
    stage.clock.advance(seconds=6)

    passes = []
    while followers(stage) == [] or len(followers(stage)) < count:
        passes.append(stage.run_pass(Deadline.LEASE_END))

    assert max(passes) * len(LARGE) <= PASS_BYTES_MAX


def test_many_leases_that_end_at_once_are_followed_in_bounded_passes(stage: JobStage) -> None:
    count = PASS_MAX + 100
    for _ in range(count // 100):
        stage.bulk(*[a_job(policy=FOLLOWED, max_retries=0)] * 100)
        assert len(stage.run(claim, stage.org, a_claim(limit=100, lease_ms=5_000))) == 100
    stage.clock.advance(seconds=6)

    first = stage.run_pass(Deadline.LEASE_END)

    assert (first, len(followers(stage))) == (PASS_MAX // 2, PASS_MAX // 2)
    stage.run_due()
    assert len(followers(stage)) == count
    stage.check_books()


def test_a_cap_loses_no_failure_and_counts_what_follows(stage: JobStage) -> None:
    capped_to_one = capped(jobs_per_day=1, active_jobs=1, queues=1)
    new = a_job(policy=FOLLOWED, max_retries=0)
    stage.run(enqueue, stage.org, new, capped_to_one, ALL_QUEUES)

    by_failing(stage)

    assert len(followers(stage)) == 1
    assert (stage.usage("jobs_created"), stage.usage("active_jobs")) == (2, 1)
    with pytest.raises(QuotaExceeded):
        stage.run(enqueue, stage.org, new, capped(active_jobs=1), ALL_QUEUES)


# -- retrying the dead letter ---------------------------------------------------------------------


def test_a_retry_takes_back_what_nobody_has_begun_with(stage: JobStage) -> None:
    job = dead(stage)
    stage.retry(job)

    [follower] = followers(stage)
    assert (follower["status"], follower["cancel_reason"]) == (
        "cancelled",
        "the job it follows was retried",
    )
    assert stage.story(follower) == ["created", "cancelled"]
    stage.check_books()


def test_what_a_worker_has_begun_with_goes_on(stage: JobStage) -> None:
    first, second = dead(stage), dead(stage)
    stage.take("emails_on_fail")
    stage.fail(stage.take("emails_on_fail"))  # and it waits for its next attempt
    wanted = DeadLetters(job_ids=[first["id"], second["id"]], limit=10)
    stage.run(retry_dead_letters, stage.org, wanted, ALL_QUEUES, None)

    assert Counter(row["status"] for row in followers(stage)) == {"processing": 1, "pending": 1}


def test_another_failure_after_it_is_followed_again_and_the_newest_is_shown(
    stage: JobStage,
) -> None:
    job = dead(stage)
    stage.retry(job)
    stage.fail(stage.take(), may_retry=False)

    first, second = followers(stage)
    shown = stage.read(following, stage.org, job["id"], ALL_QUEUES)

    assert shown is not None
    assert (first["status"], shown["id"]) == ("cancelled", second["id"])
