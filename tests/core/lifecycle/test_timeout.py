"""An attempt whose time the server keeps: its lease is not renewed beyond that."""

from typing import Any

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.renew import Renewal, renew
from spooled_lite.errors import Conflict, LeaseExpired
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS


def renewed(stage: JobStage, job: JobRow, *, seconds: int, worker_id: str | None = None) -> Renewal:
    holder = Claimant(lease_id=job["lease_id"], worker_id=worker_id)
    return stage.run(renew, stage.org, job["id"], holder, seconds * 1000, ALL_QUEUES)


def test_a_lease_ends_ten_seconds_after_the_timeout_at_the_latest(stage: JobStage) -> None:
    stage.enqueue(timeout_ms=60_000)
    job = stage.take()

    assert renewed(stage, job, seconds=30) == NOW_MS + 30_000
    stage.clock.advance(seconds=29)
    assert renewed(stage, job, seconds=60) == NOW_MS + 70_000
    stage.clock.advance(seconds=40)
    assert renewed(stage, job, seconds=30) == NOW_MS + 70_000


def test_the_job_is_free_again_when_the_attempt_has_hung(stage: JobStage) -> None:
    stage.enqueue(timeout_ms=5_000)
    job = stage.take()
    renewed(stage, job, seconds=30)

    stage.wait(seconds=14.999)
    assert stage.claim() == []
    stage.wait(seconds=0.001)

    assert stage.take()["retry_count"] == 1


def test_a_renewal_after_the_time_is_refused_with_its_reason(stage: JobStage) -> None:
    stage.enqueue(timeout_ms=5_000)
    job = stage.take()  # under a lease of thirty seconds
    stage.clock.advance(seconds=15)

    with pytest.raises(LeaseExpired) as refused:
        renewed(stage, job, seconds=30)

    assert refused.value.details["reason"] == "timeout"
    stage.complete(job)  # whose lease is still its own


def test_a_late_renewal_of_a_lease_that_ended_with_the_time_says_so_too(stage: JobStage) -> None:
    stage.enqueue(timeout_ms=5_000)
    job = stage.take()
    renewed(stage, job, seconds=30)
    stage.clock.advance(seconds=15)

    with pytest.raises(LeaseExpired) as refused:
        renewed(stage, job, seconds=30)

    assert refused.value.details["reason"] == "timeout"


def test_a_renewal_by_another_worker_is_refused_as_before(stage: JobStage) -> None:
    stage.enqueue(timeout_ms=5_000)
    job = stage.take()

    with pytest.raises(Conflict, match="another worker"):
        renewed(stage, job, seconds=30, worker_id="w-2")


@pytest.mark.parametrize("fields", [{}, {"timeout_seconds": 1}, {"timeout_ms": 0}])
def test_without_a_time_a_lease_is_renewed_for_ever(
    stage: JobStage, fields: dict[str, Any]
) -> None:
    stage.enqueue(**fields)
    job = stage.take()

    for _ in range(50):
        stage.wait(seconds=29)
        assert renewed(stage, job, seconds=30) == stage.clock.now_ms() + 30_000


def test_the_time_of_the_next_attempt_is_its_own(stage: JobStage) -> None:
    stage.enqueue(timeout_ms=5_000)
    stage.take()
    stage.wait(seconds=30)
    job = stage.take()

    stage.clock.advance(seconds=1)

    assert renewed(stage, job, seconds=30) == NOW_MS + 45_000
