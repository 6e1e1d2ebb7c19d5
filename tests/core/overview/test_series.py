"""The figures of a chart: what is counted of each minute, for a queue and for the organization."""

from typing import Any

import pytest

from spooled_lite.core.jobs.check import conservation
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.overview.series import Series, SeriesWanted, series
from spooled_lite.core.queues.pause import pause, resume
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.counters import MINUTE_MS
from tests.core.job_stage import JobStage
from tests.core.stage import OPEN


def charted(
    stage: JobStage, scope: Scope = ALL_QUEUES, minutes: int = 3, step: int = 1, **wanted: Any
) -> Series:
    """The last minutes, the one that runs last."""
    now_ms = stage.clock.now_ms()
    from_ms = now_ms - (minutes - 1) * MINUTE_MS
    asked = SeriesWanted(from_ms=from_ms, to_ms=now_ms, step_minutes=step, **wanted)
    return stage.read(series, stage.org, scope, asked)


def work(stage: JobStage, queue_name: str = "emails", *, seconds: float) -> None:
    """A job that waits for a second and takes so long."""
    stage.enqueue(queue_name, priority=9)
    stage.clock.advance(seconds=1)
    job = stage.take(queue_name)
    stage.clock.advance(seconds=seconds)
    stage.complete(job)


def test_each_minute_is_told_apart(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=600.0)
    stage.enqueue()
    stage.wait(seconds=60)
    stage.enqueue("other")
    stage.fail(stage.take())
    stage.dead_letter()
    stage.wait(seconds=60)
    stage.completed("other")

    found = charted(stage)

    assert found.counts == {
        "created": [1, 2, 1],
        "claimed": [0, 2, 1],
        "completed": [0, 0, 1],
        "failed": [0, 1, 0],
        "deadlettered": [0, 1, 0],
    }
    assert charted(stage, queue_name="other").counts["created"] == [0, 1, 1]
    assert charted(stage, queue_name="unknown").counts["created"] == [0, 0, 0]
    assert charted(stage, minutes=2, step=2).counts["created"] == [3]
    assert stage.read(conservation) == []


def test_times_are_told_by_their_share(stage: JobStage) -> None:
    for _ in range(18):
        work(stage, seconds=0.1)
    for _ in range(2):
        work(stage, "slow", seconds=10)

    found = charted(stage, minutes=60, step=60)
    [[p50], [p95], [p99]] = found.durations
    [[wait], _, _] = found.waits

    assert p50 is not None
    assert p95 is not None
    assert p99 is not None
    assert wait is not None
    assert 90 <= p50 <= 128
    assert 8_192 <= p95 <= p99 <= 11_586
    assert 724 <= wait <= 1_024
    assert charted(stage, queue_name="emails", minutes=60, step=60).durations[2][0] == 128


def test_where_nothing_was_completed_there_is_no_time(stage: JobStage) -> None:
    stage.enqueue()

    assert charted(stage).durations == ([None] * 3, [None] * 3, [None] * 3)


def test_a_key_with_a_queue_list_sees_its_queues(stage: JobStage) -> None:
    stage.enqueue("emails")
    stage.enqueue("charges")
    stage.enqueue("secret")
    scope = Scope(["emails", "charges"])

    assert charted(stage, scope).counts["created"] == [0, 0, 2]
    assert charted(stage, scope, queue_name="secret").counts["created"] == [0, 0, 0]
    assert len(charted(stage, scope, minutes=100, queue_name="emails").counts["created"]) == 100
    with pytest.raises(RuleBroken):
        charted(stage, scope, minutes=100)


def test_pauses_are_marked(stage: JobStage) -> None:
    stage.run(pause, stage.org, "emails", "night", OPEN)
    paused_ms = stage.clock.now_ms()
    stage.wait(seconds=30)
    stage.run(resume, stage.org, "emails")
    stage.run(pause, stage.org, "other", None, OPEN)

    marks = [(mark.at_ms, mark.kind, mark.text) for mark in charted(stage).marks]

    assert marks == [
        (paused_ms, "paused", "emails"),
        (paused_ms + 30_000, "paused", "other"),
        (paused_ms + 30_000, "resumed", "emails"),
    ]
    assert charted(stage, Scope(["none"])).marks == []
    assert len(charted(stage, queue_name="other").marks) == 1


def test_minutes_are_forgotten_after_a_day(stage: JobStage) -> None:
    work(stage, seconds=1)
    stage.wait(seconds=26 * 3_600)

    assert stage.rows("SELECT * FROM queue_counters WHERE minute > 0") == []
    assert stage.rows("SELECT * FROM minute_histograms") == []


def test_what_a_deleted_queue_did_stays_in_the_sums(stage: JobStage) -> None:
    stage.enqueue()
    stage.run(lambda tx: tx.execute("UPDATE queues SET deleted_at_ms = 1"))

    assert charted(stage).counts["created"] == [0, 0, 1]


def test_sums_that_are_too_small_are_found(stage: JobStage) -> None:
    stage.completed()
    stage.run(lambda tx: tx.execute("UPDATE queue_counters SET value = 0 WHERE queue < 0"))

    problems = stage.read(conservation)

    assert "organization acme: 0 created in a day by its sums, 1 by its queues" in problems
    assert len(problems) == 4
