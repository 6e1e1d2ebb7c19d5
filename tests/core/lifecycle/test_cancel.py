import pytest

from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.cancel import cancel, expire_jobs
from spooled_lite.errors import Conflict, NotFound
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS
from tests.factories import a_job


@pytest.mark.parametrize("delay_ms", [None, 9_000])
def test_a_waiting_job_is_cancelled(stage: JobStage, delay_ms: int | None) -> None:
    job = stage.enqueue(delay_ms=delay_ms)
    stage.happened()
    stage.clock.advance(seconds=1)

    row = stage.run(cancel, stage.org, job["id"], ALL_QUEUES)

    assert (row["status"], row["claimable"], row["run_at_ms"]) == ("cancelled", 0, None)
    assert row["completed_at_ms"] == NOW_MS + 1_000
    assert row["last_error"] is None
    assert stage.happened() == ["job.cancelled"]
    stage.wait(seconds=60)
    assert stage.claim() == []


def test_a_job_that_waits_for_its_retry_is_cancelled(stage: JobStage) -> None:
    job = stage.enqueue()
    stage.fail(stage.take())

    stage.cancel(job)

    assert stage.job(job["id"])["run_at_ms"] is None
    stage.check_books()


def test_a_running_or_finished_job_cannot_be_cancelled(stage: JobStage) -> None:
    cancelled = stage.enqueue()
    stage.cancel(cancelled)
    ended = [stage.completed(), stage.dead_letter(), cancelled]
    running = stage.enqueue()
    stage.take()

    for job in (running, *ended):
        with pytest.raises(Conflict):
            stage.cancel(job)


def test_a_job_that_is_not_here_is_not_found(stage: JobStage) -> None:
    job = stage.enqueue()
    other = stage.other_org()

    for org, job_id, scope in (
        (stage.org, "unknown", ALL_QUEUES),
        (other, job["id"], ALL_QUEUES),
        (stage.org, job["id"], Scope(["others"])),
    ):
        with pytest.raises(NotFound):
            stage.run(cancel, org, job_id, scope)
    assert stage.status(job["id"]) == "pending"


# -- expiry ----------------------------------------------------------------------------------


@pytest.mark.parametrize("delay_ms", [None, 90_000])
def test_a_waiting_job_is_cancelled_when_it_expires(stage: JobStage, delay_ms: int | None) -> None:
    job = stage.enqueue(expires_at_ms=NOW_MS + 5_000, delay_ms=delay_ms)
    stage.wait(seconds=4.999)
    assert stage.status(job["id"]) != "cancelled"

    stage.wait(seconds=0.001)

    assert stage.status(job["id"]) == "cancelled"
    assert stage.history(job)[-1] == ("cancelled", None, {"reason": "expired"})
    stage.check_books()


def test_a_job_can_be_born_expired(stage: JobStage) -> None:
    job = stage.enqueue(expires_at_ms=NOW_MS - 1)

    stage.run_due()

    assert stage.status(job["id"]) == "cancelled"


def test_running_and_finished_jobs_do_not_expire(stage: JobStage) -> None:
    stage.enqueue(expires_at_ms=NOW_MS + 5_000)
    running = stage.take(lease_ms=60_000)
    done = stage.completed(expires_at_ms=NOW_MS + 5_000)
    dead = stage.dead_letter(expires_at_ms=NOW_MS + 5_000)

    stage.wait(seconds=10)

    assert [stage.status(job["id"]) for job in (running, done, dead)] == [
        "processing",
        "completed",
        "deadletter",
    ]


def test_jobs_expire_in_passes_and_all_of_them(stage: JobStage) -> None:
    for _ in range(6):
        stage.bulk(*(a_job(expires_at_ms=NOW_MS + 1_000) for _ in range(100)))
    stage.clock.advance(seconds=1)

    first = stage.run(expire_jobs)
    assert (first.done, first.due_again_ms) == (PASS_MAX, stage.clock.now_ms())

    stage.run_due()
    assert stage.counter("status.cancelled") == 600


def test_what_waits_for_an_expired_job_is_cancelled(stage: JobStage) -> None:
    parent = stage.enqueue(expires_at_ms=NOW_MS + 1_000)
    child = stage.enqueue(parent_job_id=parent["id"])

    stage.wait(seconds=1)

    assert stage.status(child["id"]) == "cancelled"
