import logging

import pytest

from spooled_lite.core.maintenance.safety import EVERY_MS, OVERDUE_MS, SafetySweep
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS


def busy(stage: JobStage) -> None:
    stage.enqueue(delay_ms=1_000)
    stage.enqueue(expires_at_ms=NOW_MS + 2_000, delay_ms=9_000)
    stage.enqueue()
    stage.take(lease_ms=5_000)


def test_it_finds_nothing_while_the_loops_do_their_work(stage: JobStage) -> None:
    busy(stage)

    for _ in range(30):
        stage.wait(seconds=10)

    assert stage.repaired == []


def test_it_looks_once_a_minute(stage: JobStage) -> None:
    assert stage.due_at_ms[Deadline.SAFETY] == NOW_MS + EVERY_MS

    stage.wait(seconds=EVERY_MS / 1000)

    assert stage.due_at_ms[Deadline.SAFETY] == NOW_MS + 2 * EVERY_MS


def test_it_repairs_what_lost_its_deadline(
    stage: JobStage, caplog: pytest.LogCaptureFixture
) -> None:
    busy(stage)
    for kind in (Deadline.PROMOTION, Deadline.LEASE_END, Deadline.EXPIRY):
        del stage.due_at_ms[kind]

    with caplog.at_level(logging.WARNING):
        stage.wait(seconds=EVERY_MS / 1000)

    assert stage.repaired == [3]
    assert len(caplog.records) == 3
    assert stage.counter("status.pending") == 2
    assert stage.counter("status.cancelled") == 1
    stage.wait(seconds=EVERY_MS / 1000)
    assert stage.repaired == [3]


def test_what_may_be_on_its_way_is_not_missed_yet(stage: JobStage) -> None:
    stage.enqueue(delay_ms=EVERY_MS - OVERDUE_MS)
    del stage.due_at_ms[Deadline.PROMOTION]
    stage.clock.advance(seconds=EVERY_MS / 1000)

    stage.run_due()

    assert stage.repaired == []


def test_what_came_due_while_no_server_ran_is_not_missed(stage: JobStage) -> None:
    stage.enqueue(delay_ms=1_000)
    stage.clock.advance(seconds=3_600)

    first = stage.run(SafetySweep(stage.repaired.append).run_once)

    assert (first.done, first.due_again_ms) == (0, stage.clock.now_ms() + EVERY_MS)
    assert stage.repaired == []


def test_a_job_that_waits_again_after_its_expiry_is_not_missed(stage: JobStage) -> None:
    stage.enqueue(expires_at_ms=NOW_MS + 1_000)
    stage.take(lease_ms=EVERY_MS)

    stage.wait(seconds=EVERY_MS / 1000)

    assert stage.counter("status.cancelled") == 1
    assert stage.repaired == []


def test_what_a_clock_set_forward_made_overdue_was_not_forgotten(stage: JobStage) -> None:
    busy(stage)
    safety = SafetySweep(stage.repaired.append)
    stage.run(safety.run_once)

    stage.clock.advance(seconds=3_600)
    stage.run(safety.run_once)  # before the loops have come to it
    assert stage.repaired == []

    stage.clock.advance(seconds=EVERY_MS / 1000)
    stage.run(safety.run_once)
    assert stage.repaired != [], "a minute later it was"
