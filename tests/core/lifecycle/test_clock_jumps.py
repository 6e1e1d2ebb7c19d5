"""Leases and waits when the clock jumps: many of them, in passes, each once."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.lifecycle.clock_jumps import (
    WaitPosition,
    keep_leases,
    set_back_creation,
    set_back_leases,
    set_back_waits,
)
from spooled_lite.core.lifecycle.reap import reap_expired_leases
from tests.core.job_stage import JobStage, a_job_stage
from tests.core.store import NOW_MS

HOUR_MS: Final = 3_600_000
MANY: Final = 2 * PASS_MAX + 1


@pytest.fixture
def stage() -> Iterator[JobStage]:
    yield from a_job_stage()


def leases(stage: JobStage) -> set[int]:
    rows = stage.rows("SELECT lease_expires_at_ms FROM jobs WHERE lease_id IS NOT NULL")
    return {row["lease_expires_at_ms"] for row in rows}


def hold(stage: JobStage, count: int, **fields: Any) -> None:
    for _ in range(count):
        stage.enqueue(**fields)
    for _ in range(0, count, 100):
        stage.claim(limit=100)


def test_every_live_lease_ends_later_by_the_jump_and_by_it_once(stage: JobStage) -> None:
    hold(stage, MANY, max_retries=0)
    jumps: list[int] = []

    def jump() -> None:
        assert leases(stage) == {NOW_MS + 30_000 + HOUR_MS}, "before anybody sees the new time"
        jumps.append(1)
        stage.clock.advance(seconds=HOUR_MS / 1000)

    passes = 1
    while not stage.run(keep_leases, HOUR_MS, NOW_MS + HOUR_MS, jump):
        passes += 1

    assert (passes, jumps) == (MANY // PASS_MAX + 1, [1])
    assert stage.run(reap_expired_leases).done == 0
    stage.clock.advance(seconds=30)
    assert stage.run(reap_expired_leases).done == PASS_MAX, "a worker that is gone is noticed"


def test_a_lease_that_was_over_stays_over(stage: JobStage) -> None:
    hold(stage, 1)
    stage.clock.advance(seconds=31)

    assert stage.run(keep_leases, HOUR_MS, stage.clock.now_ms() + HOUR_MS, lambda: None)

    assert leases(stage) == {NOW_MS + 30_000}


def test_leases_that_began_in_the_future_are_set_back_each_once(stage: JobStage) -> None:
    hold(stage, 1)
    stage.clock.set(NOW_MS + HOUR_MS)
    hold(stage, MANY)
    stage.clock.set(NOW_MS + 1_000)

    passes = 1
    while not stage.run(set_back_leases):
        passes += 1

    assert passes == MANY // PASS_MAX + 1
    assert leases(stage) == {NOW_MS + 30_000, NOW_MS + 31_000}
    assert stage.run(set_back_leases)


def test_among_many_that_wait_for_a_named_moment_a_delay_is_found(stage: JobStage) -> None:
    stage.clock.set(NOW_MS + HOUR_MS)
    for _ in range(1_100):
        stage.enqueue(scheduled_at_ms=NOW_MS + 2 * HOUR_MS)
    delayed = stage.enqueue(delay_ms=2 * HOUR_MS)
    stage.clock.set(NOW_MS)

    at: WaitPosition | None = WaitPosition()
    passes = 0
    while at is not None:
        at = stage.run(set_back_waits, at)
        passes += 1

    assert passes == 2
    moments = [row["run_at_ms"] for row in stage.rows("SELECT DISTINCT run_at_ms FROM jobs")]
    assert moments == [NOW_MS + 2 * HOUR_MS]
    assert stage.job(delayed["id"])["scheduled_at_ms"] == NOW_MS + 2 * HOUR_MS
    stage.check_claimable()


def test_jobs_created_in_the_future_are_set_back_in_their_order_each_once(stage: JobStage) -> None:
    old = stage.enqueue()
    stage.clock.set(NOW_MS + HOUR_MS)
    ahead = [stage.enqueue() for _ in range(MANY)]
    stage.clock.set(NOW_MS + 1_000)

    passes, org = 0, 0
    while (after := stage.run(set_back_creation, org)) is not None:
        passes, org = passes + 1, after

    assert passes == MANY // PASS_MAX
    stage.clock.advance(seconds=1)
    new = stage.enqueue()
    rows = stage.rows("SELECT id FROM jobs ORDER BY created_at_ms, seq")
    assert [row["id"] for row in rows] == [job["id"] for job in (old, *ahead, new)]
