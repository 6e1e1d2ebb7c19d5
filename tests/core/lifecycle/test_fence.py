"""The table of the contract, row by row: jobs, section 6 (fencing)."""

from collections.abc import Callable
from typing import Any

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.renew import renew, report_progress
from spooled_lite.core.lifecycle.settle import complete, fail, release
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.errors import Conflict, LeaseExpired, NotFound
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS

Act = Callable[..., Any]


def _complete(stage: JobStage, job_id: str, who: Claimant, scope: Scope = ALL_QUEUES) -> Any:
    return stage.run(complete, stage.org, job_id, who, b"1", scope)


def _fail(stage: JobStage, job_id: str, who: Claimant, scope: Scope = ALL_QUEUES) -> Any:
    return stage.run(fail, stage.org, job_id, who, "boom", scope)


def _renew(stage: JobStage, job_id: str, who: Claimant, scope: Scope = ALL_QUEUES) -> Any:
    return stage.run(renew, stage.org, job_id, who, 60_000, scope)


def _progress(stage: JobStage, job_id: str, who: Claimant, scope: Scope = ALL_QUEUES) -> Any:
    return stage.run(report_progress, stage.org, job_id, who, 50.0, "half", scope)


ACTS = pytest.mark.parametrize("act", [_complete, _fail, _renew, _progress])
STRANGER = Claimant(lease_id="other", worker_id="other")
NOBODY = Claimant()


def taken(stage: JobStage, **fields: Any) -> JobRow:
    stage.enqueue(**fields)
    job = stage.take()
    stage.happened()
    return job


def refused(
    stage: JobStage, act: Act, job: JobRow, who: Claimant, scope: Scope = ALL_QUEUES
) -> Any:
    """The refusal, after a look that it changed nothing and announced nothing."""
    before = stage.rows("SELECT * FROM jobs ORDER BY seq")
    stage.happened()
    with pytest.raises((NotFound, Conflict, LeaseExpired)) as error:
        act(stage, job["id"], who, scope)
    assert [tuple(row) for row in stage.rows("SELECT * FROM jobs ORDER BY seq")] == [
        tuple(row) for row in before
    ]
    assert stage.happened() == []
    return error.value


# -- row 1 -----------------------------------------------------------------------------------


@ACTS
def test_row_1_a_job_that_is_not_here_is_not_found(stage: JobStage, act: Act) -> None:
    job = taken(stage)
    other = stage.other_org()
    us = stage.org

    for who in (NOBODY, STRANGER, Claimant(lease_id=job["lease_id"])):
        with pytest.raises(NotFound):
            act(stage, "unknown", who)
        assert isinstance(refused(stage, act, job, who, Scope(["others"])), NotFound)
        stage.org = other
        assert isinstance(refused(stage, act, job, who), NotFound)
        stage.org = us


@ACTS
def test_row_1_a_job_of_a_deleted_queue_is_not_found(stage: JobStage, act: Act) -> None:
    job = taken(stage)
    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)

    assert isinstance(refused(stage, act, job, Claimant(lease_id=job["lease_id"])), NotFound)


@ACTS
def test_row_1_a_finished_job_outside_the_scope_is_not_found(stage: JobStage, act: Act) -> None:
    job = stage.completed()

    assert isinstance(refused(stage, act, job, NOBODY, Scope(["others"])), NotFound)


# -- rows 2 and 3 ----------------------------------------------------------------------------


@pytest.fixture(params=["completed", "deadletter", "cancelled"])
def ended(request: pytest.FixtureRequest, stage: JobStage) -> tuple[str, str | None, JobRow]:
    """A finished job, with the lease that settled it."""
    status: str = request.param
    if status == "cancelled":
        job = stage.enqueue()
        stage.cancel(job)
        return status, None, job
    job = taken(stage)
    if status == "completed":
        stage.complete(job)
    else:
        stage.fail(job, may_retry=False)
    return status, job["lease_id"], job


@ACTS
def test_row_2_a_finished_job_says_what_it_is(
    stage: JobStage, act: Act, ended: tuple[str, str | None, JobRow]
) -> None:
    status, lease_id, job = ended

    for who in (NOBODY, Claimant(worker_id="other"), Claimant(lease_id=lease_id)):
        error = refused(stage, act, job, who)
        assert isinstance(error, Conflict)
        assert error.message == f"Job is already {status}"


@ACTS
def test_row_3_another_lease_is_lost_when_the_job_is_finished(
    stage: JobStage, act: Act, ended: tuple[str, str | None, JobRow]
) -> None:
    error = refused(stage, act, ended[2], STRANGER)

    assert isinstance(error, LeaseExpired)


@ACTS
def test_row_3_the_lease_of_an_earlier_attempt_is_lost(stage: JobStage, act: Act) -> None:
    first = taken(stage)
    stage.fail(first)
    stage.clock.advance(seconds=60)
    stage.complete(stage.take())

    assert isinstance(
        refused(stage, act, first, Claimant(lease_id=first["lease_id"])), LeaseExpired
    )


@ACTS
def test_a_finished_job_tells_whether_the_lease_that_is_shown_has_settled_it(
    stage: JobStage, act: Act, ended: tuple[str, str | None, JobRow]
) -> None:
    status, lease_id, job = ended

    for who in (NOBODY, STRANGER, Claimant(lease_id=lease_id)):
        error = refused(stage, act, job, who)
        settled = lease_id is not None and who.lease_id == lease_id
        gone = "job_canceled" if status == "cancelled" else "superseded"
        reason = {"reason": gone} if who is STRANGER else {}
        assert error.details == {"status": status, "by_this_lease": settled, **reason}


@ACTS
def test_a_job_that_goes_on_without_the_caller_tells_its_status(stage: JobStage, act: Act) -> None:
    first = taken(stage)
    stage.fail(first)
    shown = Claimant(lease_id=first["lease_id"])
    error = refused(stage, act, first, shown)
    assert error.details == {
        "status": "pending", "by_this_lease": False, "reason": "lease_timeout",
    }  # fmt: skip

    stage.clock.advance(seconds=60)
    stage.take()

    held = {"status": "processing", "by_this_lease": False}
    error = refused(stage, act, first, shown)
    assert error.details == {**held, "reason": "superseded"}
    error = refused(stage, act, first, Claimant(worker_id="other"))
    assert error.details == held


# -- rows 4 and 5 ----------------------------------------------------------------------------


@pytest.fixture(params=["pending", "scheduled", "retrying", "released", "reaped"])
def waiting(request: pytest.FixtureRequest, stage: JobStage) -> JobRow:
    if request.param in ("pending", "scheduled"):
        return stage.enqueue(delay_ms=9_000 if request.param == "scheduled" else None)
    job = taken(stage)
    if request.param == "retrying":
        stage.fail(job)
    elif request.param == "released":
        stage.run(release, [job])
    else:
        stage.wait(seconds=30)
    return job


@ACTS
def test_row_4_a_lease_of_a_waiting_job_is_lost(stage: JobStage, act: Act, waiting: JobRow) -> None:
    for who in (STRANGER, Claimant(lease_id=waiting["lease_id"] or "some")):
        error = refused(stage, act, waiting, who)
        assert isinstance(error, LeaseExpired)
        assert error.message == "Lease expired"


@ACTS
def test_row_5_a_waiting_job_is_not_being_processed(
    stage: JobStage, act: Act, waiting: JobRow
) -> None:
    for who in (NOBODY, Claimant(worker_id="w-1"), Claimant(lease_id="", worker_id="")):
        assert isinstance(refused(stage, act, waiting, who), Conflict)


# -- rows 6, 7 and 8 -------------------------------------------------------------------------


@ACTS
@pytest.mark.parametrize("seconds", [0, 29.999, 30, 60])
def test_row_6_another_lease_is_told_before_anything_else(
    stage: JobStage, act: Act, seconds: float
) -> None:
    job = taken(stage)
    stage.clock.advance(seconds=seconds)

    for worker_id in (None, "w-1", "other"):
        error = refused(stage, act, job, Claimant(lease_id="other", worker_id=worker_id))
        assert isinstance(error, LeaseExpired)
        assert "does not match the job's current lease" in error.message


@ACTS
@pytest.mark.parametrize("seconds", [30, 31, 600])
def test_row_7_a_lease_that_is_over_is_refused_named_or_not(
    stage: JobStage, act: Act, seconds: float
) -> None:
    job = taken(stage)
    stage.clock.advance(seconds=seconds)

    for lease_id in (None, "", job["lease_id"]):
        for worker_id in (None, "w-1", "other"):
            error = refused(stage, act, job, Claimant(lease_id=lease_id, worker_id=worker_id))
            assert isinstance(error, LeaseExpired)
            assert error.message == "Lease expired"


@ACTS
def test_row_8_another_worker_is_refused(stage: JobStage, act: Act) -> None:
    job = taken(stage)

    for lease_id in (None, job["lease_id"]):
        who = Claimant(lease_id=lease_id, worker_id="other")
        assert isinstance(refused(stage, act, job, who), Conflict)


# -- row 9 -----------------------------------------------------------------------------------


@ACTS
@pytest.mark.parametrize("names_lease", [True, False])
@pytest.mark.parametrize("worker_id", [None, "", "w-1"])
def test_row_9_the_holder_is_heard(
    stage: JobStage, act: Act, names_lease: bool, worker_id: str | None
) -> None:
    job = taken(stage)
    stage.clock.advance(seconds=29.999)

    act(stage, job["id"], Claimant(lease_id=job["lease_id"] if names_lease else None,
                                   worker_id=worker_id), Scope(["emails"]))  # fmt: skip

    expected = {_complete: "completed", _fail: "pending", _renew: "processing"}
    assert stage.status(job["id"]) == expected.get(act, "processing")
    stage.check_books()


def test_the_holder_before_is_refused_after_the_job_was_claimed_again(stage: JobStage) -> None:
    slow = taken(stage)
    stage.wait(seconds=30)
    quick = stage.take(worker_id="w-2")

    for act in (_complete, _fail, _renew, _progress):
        error = refused(stage, act, slow, Claimant(lease_id=slow["lease_id"]))
        assert "does not match" in error.message
        assert isinstance(refused(stage, act, slow, Claimant(worker_id="w-1")), Conflict)

    _complete(stage, quick["id"], Claimant(lease_id=quick["lease_id"]))
    assert stage.status(quick["id"]) == "completed"


# -- what they do ----------------------------------------------------------------------------


def test_a_completed_job_keeps_its_result_and_the_lease_that_settled_it(stage: JobStage) -> None:
    job = taken(stage)
    stage.clock.advance(seconds=2)

    _complete(stage, job["id"], Claimant(lease_id=job["lease_id"]))

    row = stage.job(job["id"])
    assert (row["status"], row["result"], row["completed_at_ms"]) == (
        "completed",
        b"1",
        NOW_MS + 2_000,
    )
    assert (row["lease_id"], row["lease_expires_at_ms"]) == (None, None)
    assert (row["settled_lease_id"], row["assigned_worker_id"]) == (job["lease_id"], "w-1")


def test_a_renewed_lease_ends_so_long_from_now(stage: JobStage) -> None:
    job = taken(stage)
    stage.clock.advance(seconds=10)

    ends_at_ms = _renew(stage, job["id"], NOBODY)

    row = stage.job(job["id"])
    assert ends_at_ms == row["lease_expires_at_ms"] == NOW_MS + 70_000
    assert row["lease_id"] == job["lease_id"]
    assert stage.happened() == []
    stage.wait(seconds=59.999)
    assert stage.status(job["id"]) == "processing"
    stage.wait(seconds=0.001)
    assert stage.status(job["id"]) == "pending"


def test_a_lease_can_be_made_shorter(stage: JobStage) -> None:
    job = taken(stage)

    stage.run(renew, stage.org, job["id"], NOBODY, 5_000, ALL_QUEUES)

    stage.wait(seconds=5)
    assert stage.status(job["id"]) == "pending"


def test_the_last_progress_is_kept_and_announced(stage: JobStage) -> None:
    job = taken(stage)

    _progress(stage, job["id"], NOBODY)

    row = stage.job(job["id"])
    assert (row["progress"], row["progress_message"]) == (50.0, "half")
    assert stage.happened() == ["job.progress"]
    assert stage.story(job) == ["created", "claimed"]
