from typing import Any

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.cancel import cancel
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.core.queues import statements
from spooled_lite.core.queues.configure import configure
from spooled_lite.core.queues.pause import pause
from spooled_lite.core.queues.query import get_queue, list_queues, queue_stats
from spooled_lite.core.queues.records import QueueChanges, QueueStanding
from spooled_lite.core.workers import statements as worker_statements
from spooled_lite.core.workers.records import NewWorker
from spooled_lite.core.workers.register import register
from spooled_lite.errors import NotFound
from spooled_lite.storage.statement import Statement, Value
from spooled_lite.wire.shapes.queues import QueueStats
from tests.core.stage import OPEN, Stage


def make(stage: Stage, *names: str) -> None:
    for name in names:
        stage.run(configure, stage.org, name, QueueChanges(), OPEN)


def stats(stage: Stage, queue_name: str = "emails") -> QueueStats:
    return QueueStats.of(queue_name, stage.read(queue_stats, stage.org, queue_name))


def test_queues_are_listed_by_name(stage: Stage) -> None:
    make(stage, "b", "c", "a")

    rows = stage.read(list_queues, stage.org, ALL_QUEUES)

    assert [row["queue_name"] for row in rows] == ["a", "b", "c"]


def test_a_list_is_the_first_hundred(stage: Stage) -> None:
    make(stage, *(f"q{number:03}" for number in range(103)))

    rows = stage.read(list_queues, stage.org, ALL_QUEUES)

    assert (len(rows), rows[-1]["queue_name"]) == (100, "q099")


def test_a_list_is_limited_to_the_scope_however_many_others_there_are(stage: Stage) -> None:
    make(stage, *(f"q{number:03}" for number in range(250)), "zebra")

    rows = stage.read(list_queues, stage.org, Scope(["q007", "zebra"]))

    assert [row["queue_name"] for row in rows] == ["q007", "zebra"]


def test_deleted_and_foreign_queues_are_not_there(stage: Stage) -> None:
    make(stage, "emails")
    other = stage.other_org()
    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)

    assert stage.read(list_queues, stage.org, ALL_QUEUES) == []
    assert stage.read(list_queues, other, ALL_QUEUES) == []
    with pytest.raises(NotFound):
        stage.read(get_queue, stage.org, "emails")


def test_an_unknown_queue_has_zeros(stage: Stage) -> None:
    assert stage.read(queue_stats, stage.org, "emails") == QueueStanding()
    assert (stats(stage).total, stats(stage).avg_processing_time_ms) == (0, None)


def test_statistics_count_by_status(stage: Stage) -> None:
    waiting, retrying, dead, done, cancelled = (stage.enqueue(priority=-n) for n in range(5))
    stage.run(cancel, stage.org, cancelled["id"], ALL_QUEUES)
    stage.enqueue(delay_ms=60_000)
    jobs = {job["id"]: job for job in stage.claim(limit=4)}
    stage.fail(jobs[retrying["id"]])
    stage.fail(jobs[dead["id"]], may_retry=False)
    stage.complete(jobs[done["id"]])

    found = stats(stage)

    assert found.processing == found.processing_jobs == found.claimed == 1
    assert found.processing_count == 1
    assert stage.status(waiting["id"]) == "processing"
    assert found.pending == found.pending_jobs == found.pending_count == 1
    assert found.scheduled == 1
    assert found.completed == found.completed_count == found.completed_jobs_24h == 1
    assert found.deadletter == found.dead_letter == found.failed_jobs_24h == 1
    assert (found.failed, found.failed_count, found.cancelled) == (0, 1, 1)
    assert found.total == 6


def test_the_mean_time_is_a_whole_number_of_milliseconds(stage: Stage) -> None:
    for seconds in (1, 2.001):
        stage.enqueue()
        [job] = stage.claim()
        stage.clock.advance(seconds=seconds)
        stage.complete(job)

    assert stats(stage).avg_processing_time_ms == stats(stage).avg_processing_time == 1_500


def test_what_was_done_a_day_ago_is_not_counted_any_more(stage: Stage) -> None:
    stage.enqueue()
    [job] = stage.claim()
    stage.complete(job)
    assert stats(stage).throughput == 1

    stage.clock.advance(seconds=3_600)
    assert (stats(stage).throughput, stats(stage).completed_jobs_24h) == (0, 1)
    stage.clock.advance(seconds=22 * 3_600 + 3_599)
    assert stats(stage).completed_jobs_24h == 1
    stage.clock.advance(seconds=1)

    found = stats(stage)
    assert (found.completed_jobs_24h, found.avg_processing_time_ms) == (0, None)
    assert found.completed == 1


def test_the_age_is_that_of_the_oldest_job_that_waits(stage: Stage) -> None:
    stage.enqueue(delay_ms=3_600_000)
    stage.clock.advance(seconds=10)
    stage.enqueue(priority=-100)
    stage.clock.advance(seconds=10)
    stage.enqueue(priority=100)
    stage.clock.advance(seconds=10.5)

    assert stats(stage).max_job_age_seconds == stats(stage).oldest_job_age_seconds == 30


def test_the_oldest_job_is_found_below_every_priority(stage: Stage) -> None:
    stage.enqueue(priority=-100)
    stage.clock.advance(seconds=60)
    for priority in range(-99, 101):
        stage.enqueue(priority=priority)

    assert stats(stage).max_job_age_seconds == 60


def test_a_job_that_runs_does_not_wait(stage: Stage) -> None:
    stage.enqueue()
    stage.claim()
    stage.clock.advance(seconds=10)

    assert stats(stage).max_job_age_seconds is None


def test_active_workers_are_the_healthy_ones_of_the_queue(stage: Stage) -> None:
    stage.run(register, stage.org, NewWorker(queue_names=("emails",)), OPEN)
    stage.run(register, stage.org, NewWorker(queue_names=("first", "emails")), OPEN)
    stage.run(register, stage.org, NewWorker(queue_names=("reports",)), OPEN)

    assert stats(stage).active_workers == 2
    stage.clock.advance(seconds=120)
    assert stats(stage).active_workers == 0


def test_statistics_say_that_a_queue_is_paused(stage: Stage) -> None:
    stage.run(pause, stage.org, "emails", None, OPEN)

    assert stats(stage).paused


def test_statistics_and_lists_read_indexes_only(stage: Stage) -> None:
    read: list[Statement[Any] | Value[Any]] = [
        statements.FIND,
        statements.PAGE,
        statements.COUNTERS_NOW,
        statements.COUNTERS_OF_MINUTES,
        statements.OLDEST_HELD_BACK,
        statements.OLDEST_CLAIMABLE,
        worker_statements.COUNT_HEALTHY_OF_QUEUE,
    ]
    params = dict.fromkeys(
        (
            "org",
            "queue",
            "queue_name",
            "after",
            "limit",
            "minute",
            "day_from",
            "hour_from",
            "status",
        ),
        1,
    )

    steps = [step for each in read for step in stage.plan(each, **params, silent_since_ms=1)]

    assert not [step for step in steps if "TEMP B-TREE" in step]
    scanned = [step for step in steps if step.startswith("SCAN")]
    # The recursion itself, the row of its start, and the queue names of one worker.
    assert all("levels" in step or "CONSTANT" in step or "each" in step for step in scanned)
