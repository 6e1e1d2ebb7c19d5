"""The table of queues: what is counted, what is wrong, and in which order."""

from typing import Any

import pytest

from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.overview import queue_board as board
from spooled_lite.core.overview.pace import Pace
from spooled_lite.core.overview.queue_board import QueueOnBoard, Wanted, queue_board
from spooled_lite.core.queues.pause import pause
from spooled_lite.core.workers.records import NewWorker
from spooled_lite.core.workers.register import register
from tests.core.job_stage import JobStage
from tests.core.overview.claims import KnownClaims
from tests.core.stage import OPEN
from tests.factories import a_job


def listed(
    stage: JobStage,
    scope: Scope = ALL_QUEUES,
    claims: KnownClaims | None = None,
    **wanted: Any,
) -> list[QueueOnBoard]:
    asked = Wanted(**{"rows_max": 100, **wanted})
    return stage.read(queue_board, stage.org, scope, asked, claims or KnownClaims())


def names(found: list[QueueOnBoard]) -> list[str]:
    return [each.row["queue_name"] for each in found]


def one(stage: JobStage, claims: KnownClaims | None = None) -> QueueOnBoard:
    [found] = listed(stage, claims=claims, search="emails")
    return found


def attend(stage: JobStage, *queue_names: str) -> None:
    stage.run(register, stage.org, NewWorker(queue_names=queue_names), OPEN)


def ends(stage: JobStage, *, well: int, badly: int) -> None:
    """So many attempts end now."""
    stage.bulk(*(a_job(priority=50) for _ in range(well + badly)))
    for number, job in enumerate(stage.claim(limit=well + badly)):
        if number < well:
            stage.complete(job)
        else:
            stage.fail(job, may_retry=False)


def test_pending_jobs_are_told_apart_by_what_they_wait_for(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=600.0)
    parent = stage.enqueue()
    stage.enqueue(parent_job_id=parent["id"])
    stage.enqueue(delay_ms=60_000)
    stage.enqueue(priority=9)
    stage.fail(stage.take())
    stage.enqueue(priority=9)
    stage.take()

    found = one(stage)

    assert (found.waiting, found.retrying, found.blocked) == (1, 1, 1)
    assert (found.figures["scheduled"], found.figures["processing"]) == (1, 1)
    assert found.oldest_at_ms == parent["created_at_ms"]


def test_more_than_can_be_counted_of_those_held_back_are_told_as_more(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "HELD_BACK_MAX", 3)
    parent = stage.enqueue("parents")
    stage.bulk(*(a_job(parent_job_id=parent["id"]) for _ in range(5)), a_job(), a_job())

    [found, _] = listed(stage, order="name")
    monkeypatch.setattr(board, "CLAIMABLE_MAX", 2)
    [beyond, _] = listed(stage, order="name")

    assert (found.blocked, found.waiting) == (3, 2)
    assert (beyond.blocked, beyond.waiting) == (3, 4)


def test_rates_are_those_of_the_last_five_minutes(stage: JobStage) -> None:
    stage.clock.advance(seconds=30)
    ends(stage, well=9, badly=9)
    stage.enqueue()

    now = one(stage)
    stage.clock.advance(seconds=300)
    later = one(stage)

    assert (now.pace.created, now.pace.completed, now.pace.failed) == (4.2, 2.0, 2.0)
    assert later.pace == Pace(created=0, completed=0, failed=0, ended=0)
    assert now.spark == [0] * 29 + [9]
    assert later.spark == [0] * 24 + [9] + [0] * 5


def test_a_queue_that_shrinks_is_empty_some_time(stage: JobStage) -> None:
    assert Pace(created=10, completed=69, failed=0, ended=70).drain_seconds(120) == 120
    assert Pace(created=70, completed=70, failed=0, ended=70).drain_seconds(1) is None
    assert Pace(created=70, completed=0, failed=0, ended=0).drain_seconds(0) == 0


def test_a_queue_that_nobody_attends_needs_attention(stage: JobStage) -> None:
    stage.enqueue()
    at_once = one(stage)
    stage.clock.advance(seconds=60)

    assert at_once.attention == []
    assert one(stage).attention == ["no_worker"]
    assert one(stage, KnownClaims({"emails": 1})).attention == []
    assert one(stage, KnownClaims(last_ms=stage.clock.now_ms() - 59_999)).attention == []
    assert one(stage, KnownClaims(last_ms=stage.clock.now_ms() - 60_000)).attention == ["no_worker"]
    attend(stage, "other", "emails")
    assert (one(stage).attention, one(stage).workers) == ([], 1)


def test_a_worker_that_fell_silent_attends_no_queue(stage: JobStage) -> None:
    attend(stage, "emails")
    stage.enqueue()
    stage.clock.advance(seconds=121)

    assert (one(stage).attention, one(stage).workers) == (["no_worker"], 0)


def test_a_queue_that_does_not_move_is_stalled(stage: JobStage) -> None:
    stage.enqueue()
    stage.clock.advance(seconds=600)
    attend(stage, "emails")

    assert one(stage).attention == ["stalled"]
    ends(stage, well=1, badly=0)
    assert one(stage).attention == []


def test_a_queue_that_fails_more_than_usual_is_failing(stage: JobStage) -> None:
    ends(stage, well=80, badly=20)
    stage.wait(seconds=600)
    ends(stage, well=60, badly=40)
    as_usual = one(stage)
    stage.wait(seconds=4_000)
    ends(stage, well=95, badly=5)
    few = one(stage)
    ends(stage, well=1, badly=15)

    assert as_usual.attention == ["dead_letters"]
    assert few.attention == ["dead_letters"]
    assert one(stage).attention == ["failing", "dead_letters"]


def test_half_of_the_attempts_failing_is_too_many_however_usual_it_is(stage: JobStage) -> None:
    ends(stage, well=50, badly=50)
    stage.wait(seconds=600)
    ends(stage, well=4, badly=5)
    nine = one(stage)
    ends(stage, well=1, badly=0)

    assert "failing" not in nine.attention
    assert one(stage).attention == ["failing", "dead_letters"]


def test_a_paused_queue_needs_attention_when_jobs_wait_in_it(stage: JobStage) -> None:
    stage.run(pause, stage.org, "emails", "night", OPEN)
    empty = one(stage)
    stage.enqueue()
    stage.clock.advance(seconds=1_000)

    assert empty.attention == []
    assert one(stage).attention == ["paused"]
    assert one(stage).row["paused_reason"] == "night"


def test_the_worst_queue_comes_first_then_the_fullest(stage: JobStage) -> None:
    stage.dead_letter("d-dead")
    stage.enqueue("b-few")
    for _ in range(2):
        stage.enqueue("c-more")
    stage.clock.advance(seconds=60)
    attend(stage, "b-few", "c-more", "e-idle")
    stage.enqueue("a-alone")
    stage.clock.advance(seconds=60)

    found = listed(stage)

    assert names(found) == ["a-alone", "d-dead", "c-more", "b-few", "e-idle"]
    assert names(listed(stage, order="name")) == ["a-alone", "b-few", "c-more", "d-dead", "e-idle"]
    assert names(listed(stage, rows_max=2, offset=1)) == ["d-dead", "c-more"]
    assert names(listed(stage, search="-MO")) == ["c-more"]
    assert names(listed(stage, Scope(["b-*", "d-dead"]))) == ["d-dead", "b-few"]


def test_very_many_queues_are_listed_by_name(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(board, "SORTED_MAX", 2)
    for name in ("a", "b", "c"):
        stage.enqueue(name)
    stage.dead_letter("c")

    assert names(listed(stage, rows_max=2)) == ["a", "b"]
    assert names(listed(stage, rows_max=2, offset=2)) == ["c"]


def test_queues_of_others_and_deleted_ones_are_not_there(stage: JobStage) -> None:
    stage.enqueue()
    other = stage.other_org()

    found = stage.read(queue_board, other, ALL_QUEUES, Wanted(rows_max=9), KnownClaims())

    assert found == []


def test_the_slowest_of_the_last_minutes_are_told(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take()
    stage.clock.advance(seconds=8)
    stage.complete(job)

    lately = one(stage).p95_ms
    stage.clock.advance(seconds=900)

    assert lately is not None
    assert 5_793 <= lately <= 8_192
    assert one(stage).p95_ms is None
