"""Why a job is not running: each reason, made and ended."""

from typing import Any

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.overview import explain as explaining
from spooled_lite.core.overview.explain import Explanation, explain
from spooled_lite.core.queues.pause import pause, resume
from spooled_lite.core.workers.records import NewWorker
from spooled_lite.core.workers.register import register
from spooled_lite.errors import NotFound
from tests.core.job_stage import JobStage
from tests.core.overview.claims import KnownClaims
from tests.core.stage import OPEN
from tests.factories import a_job

THERE = KnownClaims({"emails": 1})


def explained(stage: JobStage, job: JobRow, claims: KnownClaims = THERE) -> Explanation:
    return stage.read(explain, stage.org, job["id"], ALL_QUEUES, claims)


def reasons(stage: JobStage, job: JobRow, claims: KnownClaims = THERE) -> dict[str, Any]:
    found = explained(stage, job, claims)
    if found.state == "waiting":
        of_breakers = {"breaker_open"}  # its queue has none
        assert {*found.clear, *dict(found.reasons)} == set(explaining.CHECKED) - of_breakers
    return dict(found.reasons)


def test_a_job_that_is_next_has_no_reason_to_wait(stage: JobStage) -> None:
    job = stage.enqueue()

    found = explained(stage, job)

    assert (found.state, found.reasons, found.runnable_at_ms) == ("waiting", [], None)
    assert (found.starts_in_seconds, found.waiting_claims) == (0, 1)


def test_nobody_is_there(stage: JobStage) -> None:
    job = stage.enqueue()
    now_ms = stage.clock.now_ms()

    assert list(reasons(stage, job, KnownClaims())) == ["no_worker"]
    assert explained(stage, job, KnownClaims()).starts_in_seconds is None
    assert reasons(stage, job, KnownClaims(last_ms=now_ms - 59_999)) == {}
    assert list(reasons(stage, job, KnownClaims(last_ms=now_ms - 60_000))) == ["no_worker"]
    stage.run(register, stage.org, NewWorker(queue_names=("emails",)), OPEN)
    assert reasons(stage, job, KnownClaims()) == {}
    assert explained(stage, job, KnownClaims()).workers == 1


def test_its_queue_is_paused(stage: JobStage) -> None:
    job = stage.enqueue()
    stage.run(pause, stage.org, "emails", "night", OPEN)
    since_ms = stage.clock.now_ms()
    stage.clock.advance(seconds=5)

    assert reasons(stage, job) == {"queue_paused": explaining.PausedQueue(since_ms, "night")}
    assert explained(stage, job).starts_in_seconds is None
    stage.run(resume, stage.org, "emails")
    assert reasons(stage, job) == {}


def test_it_is_not_due(stage: JobStage) -> None:
    job = stage.enqueue(delay_ms=90_000)
    due_ms = stage.clock.now_ms() + 90_000

    found = explained(stage, job)

    assert dict(found.reasons) == {"not_due": explaining.NotDue(due_ms, "delay")}
    assert (found.runnable_at_ms, found.starts_in_seconds) == (due_ms, 90)
    stage.wait(seconds=90)
    assert reasons(stage, job) == {}


def test_it_waits_for_its_next_attempt(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=60.0)
    job = stage.enqueue()
    stage.fail(stage.take())

    found = reasons(stage, job)

    assert found["not_due"].why == "backoff"
    assert found["not_due"].until_ms == stage.job(job["id"])["run_at_ms"]


def test_it_waits_for_parents(stage: JobStage) -> None:
    parent = stage.enqueue("parents")
    job = stage.enqueue(parent_job_id=parent["id"])

    found = reasons(stage, job)["waits_for_parents"]

    assert (found.mode, found.count) == ("all", 1)
    assert [dict(each) for each in found.parents] == [
        {
            "id": parent["id"],
            "queue_name": "parents",
            "status": "pending",
            "condition": "success",
        }
    ]
    assert explained(stage, job).starts_in_seconds is None
    stage.complete(stage.take("parents"))
    assert reasons(stage, job) == {}


def test_the_rate_limit_of_its_queue_is_full(stage: JobStage) -> None:
    stage.configure(rate_limit=1)
    stage.enqueue()
    job = stage.enqueue()
    stage.take()
    ends_at_ms = stage.clock.now_ms() + 1_000

    assert reasons(stage, job) == {"rate_limit_full": explaining.RateLimitFull(1, ends_at_ms)}
    stage.clock.advance(seconds=1)
    assert reasons(stage, job) == {}


def test_its_queue_runs_as_many_as_it_may(stage: JobStage) -> None:
    stage.configure(max_concurrency=1)
    stage.enqueue()
    job = stage.enqueue()
    held = stage.take()

    assert reasons(stage, job) == {"concurrency_full": explaining.ConcurrencyFull(1, 1)}
    stage.complete(held)
    assert reasons(stage, job) == {}


def test_others_are_before_it(stage: JobStage) -> None:
    stage.bulk(a_job(priority=3), a_job(priority=1), a_job(priority=1))
    job = stage.enqueue(priority=1)
    stage.bulk(a_job(priority=1), a_job(priority=0))

    found = explained(stage, job)

    assert dict(found.reasons) == {"behind_others": explaining.BehindOthers(1, 2, False)}
    assert found.starts_in_seconds is None
    for each in stage.claim(limit=2):
        stage.complete(each)
    stage.clock.advance(seconds=60)
    assert explained(stage, job).per_minute == 0.5
    assert explained(stage, job).starts_in_seconds == 120
    stage.claim(limit=1)
    assert reasons(stage, job) == {}


def test_more_than_are_counted_are_told_as_more(
    stage: JobStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "AHEAD_MAX", 3)
    stage.bulk(a_job(), a_job())
    third = stage.enqueue()
    fourth = stage.enqueue()
    stage.complete(stage.take("emails"))
    stage.enqueue("emails", priority=1)

    assert reasons(stage, third)["behind_others"] == explaining.BehindOthers(1, 1, False)
    stage.bulk(a_job(priority=1), a_job(priority=1))
    assert reasons(stage, fourth)["behind_others"] == explaining.BehindOthers(2, 2, True)
    assert explained(stage, fourth).starts_in_seconds is None


def test_it_is_cancelled_before_it_would_start(stage: JobStage) -> None:
    now_ms = stage.clock.now_ms()
    job = stage.enqueue(delay_ms=60_000, expires_at_ms=now_ms + 60_000)
    in_time = stage.enqueue(delay_ms=60_000, expires_at_ms=now_ms + 60_001)

    assert reasons(stage, job)["expires_before"] == explaining.ExpiresBefore(now_ms + 60_000)
    assert list(reasons(stage, in_time)) == ["not_due"]


def test_it_is_running(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take()

    found = explained(stage, job)

    held = explaining.Held("w-1", stage.clock.now_ms(), stage.clock.now_ms() + 30_000)
    assert (found.state, dict(found.reasons), found.clear) == ("running", {"held": held}, [])


def test_it_has_come_to_an_end(stage: JobStage) -> None:
    job = stage.completed()

    found = explained(stage, job)

    assert (found.state, found.starts_in_seconds) == ("finished", None)
    at_ms = stage.clock.now_ms()
    assert dict(found.reasons) == {"finished": explaining.Finished("completed", at_ms)}


def test_it_is_of_another_organization_or_outside_the_scope(stage: JobStage) -> None:
    job = stage.enqueue()
    other = stage.other_org()

    for org, scope in ((other, ALL_QUEUES), (stage.org, Scope(["other"]))):
        with pytest.raises(NotFound):
            stage.read(explain, org, job["id"], scope, THERE)
