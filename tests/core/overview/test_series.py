"""The figures of a chart: what is counted of each minute, for a queue and for the organization."""

from typing import Any

import pytest

from spooled_lite.core.jobs.check import conservation
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.core.overview.hours import HOUR_MS, make_hours
from spooled_lite.core.overview.series import Series, SeriesWanted, series
from spooled_lite.core.overview.starts import STARTS_KEPT_MAX, note_start, starts
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


def test_hours_tell_what_the_minutes_no_longer_do(stage: JobStage) -> None:
    begun_ms = stage.clock.now_ms()
    work(stage, seconds=3)
    stage.dead_letter()
    stage.wait(seconds=3 * 3_600)
    work(stage, seconds=3)

    def told(queue_name: str | None) -> Series:
        wanted = SeriesWanted(
            queue_name=queue_name,
            from_ms=begun_ms // HOUR_MS * HOUR_MS,
            to_ms=stage.clock.now_ms(),
            step_minutes=60,
            is_by_hour=True,
        )
        return stage.read(series, stage.org, ALL_QUEUES, wanted)

    early = told(None), told("emails")
    stage.wait(seconds=4 * 24 * 3_600)
    late = told(None), told("emails")

    assert stage.rows("SELECT * FROM minute_histograms") == []
    assert early[0].counts["completed"] == [1, 0, 0, 1]
    assert early[0].counts["deadlettered"] == [1, 0, 0, 0]
    for before, after in zip(early, late, strict=True):
        for name, counts in before.counts.items():
            assert list(after.counts[name][:4]) == list(counts)
            assert sum(after.counts[name]) == sum(counts)
        for shares, shares_before in zip(after.durations, before.durations, strict=True):
            assert list(shares[:4]) == list(shares_before)
    assert charted(stage, Scope(["emails"]), minutes=3, queue_name="emails").counts["created"]


def test_hours_are_forgotten_after_five_weeks_and_with_their_queue(stage: JobStage) -> None:
    work(stage, seconds=1)
    stage.wait(seconds=34 * 24 * 3_600)
    assert len(stage.rows("SELECT * FROM hours")) == 2  # of the queue and of the organization
    stage.wait(seconds=2 * 24 * 3_600)
    assert stage.rows("SELECT * FROM hours") == []

    work(stage, seconds=1)
    stage.wait(seconds=3_600)
    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)
    stage.wait(seconds=1)

    assert len(stage.rows("SELECT * FROM hours")) == 1


def test_hours_are_made_a_pass_at_a_time(stage: JobStage) -> None:
    for _ in range(3):
        work(stage, seconds=1)
        stage.clock.advance(seconds=3_600)
    stage.run(lambda tx: tx.execute("DELETE FROM hours"))

    read = [stage.run(make_hours, -stage.org, 1) for _ in range(5)]

    assert [bool(each) for each in read] == [True, True, True, False, False]
    assert len(stage.rows("SELECT * FROM hours WHERE key < 0")) == 3


def test_starts_of_the_server_are_marked_and_the_last_are_kept(stage: JobStage) -> None:
    for n in range(STARTS_KEPT_MAX + 5):
        stage.run(note_start, f"1.{n}")
        stage.clock.advance(seconds=1)

    marks = charted(stage).marks

    assert len(stage.read(starts)) == STARTS_KEPT_MAX
    assert {mark.kind for mark in marks} == {"started"}
    assert marks[-1].text == f"1.{STARTS_KEPT_MAX + 4}"
    assert marks[-1].at_ms == stage.clock.now_ms() - 1_000


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
