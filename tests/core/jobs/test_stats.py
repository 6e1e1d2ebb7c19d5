import pytest

from spooled_lite.core.jobs.stats import job_stats
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.errors import LeaseExpired
from tests.core.job_stage import JobStage, holder
from tests.core.store import NOW_MS


def one_of_each(stage: JobStage, queue_name: str = "emails") -> None:
    stage.completed(queue_name)
    stage.dead_letter(queue_name)
    stage.cancel(stage.enqueue(queue_name))
    stage.enqueue(queue_name, delay_ms=9_000)
    stage.enqueue(queue_name)
    stage.take(queue_name)
    stage.enqueue(queue_name)


def test_every_status_is_counted_once(stage: JobStage) -> None:
    one_of_each(stage)

    assert stage.read(job_stats, stage.org, ALL_QUEUES) == {
        "pending": 1,
        "scheduled": 1,
        "processing": 1,
        "completed": 1,
        "failed": 0,
        "deadletter": 1,
        "cancelled": 1,
        "total": 6,
        "claimed": 1,
        "by_queue": {"emails": 6},
    }
    stage.check_books()


def test_an_organization_without_jobs_has_zeros(stage: JobStage) -> None:
    stats = stage.read(job_stats, stage.org, ALL_QUEUES)

    assert (stats["total"], stats["pending"], stats["by_queue"]) == (0, 0, {})


def test_they_are_narrowed_by_queue_scope_and_organization(stage: JobStage) -> None:
    for queue_name in ("a", "b", "c"):
        one_of_each(stage, queue_name)
    other = stage.other_org()

    def total(org: int, scope: Scope, queue_name: str | None = None) -> int:
        count: int = stage.read(job_stats, org, scope, queue_name)["total"]
        return count

    assert total(stage.org, ALL_QUEUES) == 18
    assert total(stage.org, ALL_QUEUES, "b") == 6
    assert total(stage.org, Scope(["a", "b"])) == 12
    assert total(stage.org, Scope(["a"]), "b") == 0
    assert total(stage.org, ALL_QUEUES, "unknown") == 0
    assert total(other, ALL_QUEUES) == 0


def test_a_refused_operation_counts_nothing(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take()
    stage.clock.advance(seconds=30)

    with pytest.raises(LeaseExpired):
        stage.run(complete, stage.org, job["id"], holder(job), None, ALL_QUEUES)

    stage.check_books()


def test_what_happens_in_a_minute_is_counted_for_it(stage: JobStage) -> None:
    minute = NOW_MS // 60_000
    stage.enqueue(max_retries=1)
    stage.fail(stage.take())
    stage.clock.advance(seconds=61)
    job = stage.take()
    stage.clock.advance(seconds=2)
    stage.fail(job)
    stage.completed()

    def counted(name: str) -> list[int]:
        return [stage.counter(name, minute=minute + at) for at in range(2)]

    assert counted("created") == [1, 1]
    assert counted("failed") == [1, 0]
    assert counted("deadlettered") == [0, 1]
    assert counted("completed") == [0, 1]
    assert counted("durations") == [0, 1]


def test_how_long_jobs_took_is_summed(stage: JobStage) -> None:
    stage.enqueue()
    job = stage.take()
    stage.clock.advance(seconds=2.5)
    stage.complete(job)

    minute = stage.clock.now_ms() // 60_000
    assert stage.counter("duration_ms", minute=minute) == 2_500


def test_how_long_completed_jobs_had_waited_is_summed(stage: JobStage) -> None:
    stage.enqueue()
    stage.clock.advance(seconds=1.5)
    job = stage.take()
    stage.complete(job)

    minute = stage.clock.now_ms() // 60_000
    assert stage.counter("wait_ms", minute=minute) == 1_500


def test_a_clock_that_was_set_back_makes_no_wait_negative(stage: JobStage) -> None:
    stage.enqueue()
    stage.clock._now_ms -= 5_000
    stage.complete(stage.take())

    minute = stage.clock.now_ms() // 60_000
    assert stage.counter("wait_ms", minute=minute) == 0


def test_usage_is_summed_by_day_month_and_for_ever(stage: JobStage) -> None:
    stage.completed()
    stage.clock.advance(seconds=86_400)
    stage.completed()
    stage.dead_letter()

    assert [stage.usage("jobs_created", at) for at in ("2027-01-15", "2027-01-16")] == [1, 2]
    assert [stage.usage("jobs_created", at) for at in ("2027-01", "")] == [3, 3]
    assert stage.usage("jobs_completed") == 2
    assert stage.usage("jobs_failed") == 1
    assert stage.usage("active_jobs") == 0
