"""Breakers and `max_concurrency` of tasks whose runs share a queue with others."""

from typing import Any, Final

import pytest

from spooled_lite.core.breakers.columns import BreakerStanding
from spooled_lite.core.breakers.standing import standing
from spooled_lite.core.breakers.work_limits import HIDDEN_MS, SHOWN_MAX
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import CircuitBreaker, stored
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.cancel import Cancelling
from spooled_lite.core.lifecycle.claim_limited import WINDOW_ROWS, WINDOWS_MAX
from spooled_lite.core.lifecycle.settle import hand_back, release
from spooled_lite.core.maintenance.remove_task import delete_task
from spooled_lite.core.overview.explain import BreakerOpen, ConcurrencyFull, explain
from spooled_lite.core.tasks.define import define_task
from spooled_lite.core.tasks.records import NewTaskRun, TaskDefinition
from spooled_lite.core.tasks.run import cancel_run, run_task
from spooled_lite.events import Deadline
from tests.core.export.stage import exported, taken
from tests.core.job_stage import JobStage
from tests.core.overview.claims import KnownClaims
from tests.core.stage import OPEN
from tests.core.store import NOW_MS

LINE: Final = "emails"
OPEN_SECONDS: Final = 30
BREAKER: Final = stored(CircuitBreaker(failure_threshold=2, open_timeout_ms=OPEN_SECONDS * 1000))


def define(stage: JobStage, name: str = "mail", **fields: Any) -> int:
    wanted = TaskDefinition(**{"queue_name": LINE, "max_retries": 0, **fields})
    row = stage.run(define_task, stage.org, name, wanted, ALL_QUEUES, None).row
    return row["seq"]


def runs(stage: JobStage, count: int, name: str = "mail", **fields: Any) -> list[JobRow]:
    run = NewTaskRun(input=b"1", **fields)
    return [stage.run(run_task, stage.org, name, run, OPEN, ALL_QUEUES).row for _ in range(count)]


def names(jobs: list[JobRow]) -> list[str | None]:
    return [job["task_name"] for job in jobs]


def seen(stage: JobStage, task: int) -> BreakerStanding:
    return stage.read(standing, "task", task)


def opened(stage: JobStage, count: int = 10) -> int:
    task = define(stage, circuit_breaker=BREAKER)
    runs(stage, count + 2)
    for _ in range(2):
        stage.fail(stage.take())
    return task


# -- breakers --------------------------------------------------------------------------------


def test_the_breaker_of_a_task_denies_its_runs_and_no_others(stage: JobStage) -> None:
    task = opened(stage, count=3)
    define(stage, "other")
    runs(stage, 2, "other")
    stage.enqueue()

    assert seen(stage, task).state == "open"
    assert names(stage.claim(limit=10)) == ["other", "other", None]
    assert stage.claim(limit=10) == []


def test_half_open_lets_one_of_its_runs_through(stage: JobStage) -> None:
    task = opened(stage)
    stage.wait(seconds=OPEN_SECONDS)
    stage.enqueue()

    trial, plain = stage.claim(limit=10)
    assert names([trial, plain]) == ["mail", None]
    assert seen(stage, task).is_tried
    stage.complete(plain)
    assert seen(stage, task).is_tried
    stage.complete(trial)

    assert seen(stage, task) == BreakerStanding()
    assert len(stage.claim(limit=10)) == 9


def test_its_failure_opens_it_again(stage: JobStage) -> None:
    task = opened(stage)
    stage.wait(seconds=OPEN_SECONDS)

    stage.fail(stage.take())

    assert seen(stage, task).open_until_ms == NOW_MS + 2 * OPEN_SECONDS * 1000
    assert stage.claim() == []


def test_waiting_claims_are_woken_when_it_lets_something_through(stage: JobStage) -> None:
    opened(stage)
    stage.fed.clear()

    stage.wait(seconds=OPEN_SECONDS - 0.001)
    assert (stage.org, LINE) not in stage.fed
    stage.wait(seconds=0.001)

    assert (stage.org, LINE) in stage.fed


def test_another_breaker_begins_closed_and_it_goes_with_its_task(stage: JobStage) -> None:
    task = opened(stage)
    define(stage, circuit_breaker=BREAKER, description="as it was")
    assert seen(stage, task).state == "open"

    define(stage, circuit_breaker=None)
    assert len(stage.claim(limit=20)) == 10

    define(stage, circuit_breaker=BREAKER)
    runs(stage, 2)
    for _ in range(2):
        stage.fail(stage.take())
    stage.run(delete_task, stage.org, "mail", ALL_QUEUES)
    assert stage.value("SELECT count(*) FROM breakers") == 0


def test_jobs_of_the_queue_do_not_count_for_the_task(stage: JobStage) -> None:
    task = define(stage, circuit_breaker=BREAKER)
    for _ in range(5):
        stage.enqueue(max_retries=0)
        stage.fail(stage.take())

    assert seen(stage, task) == BreakerStanding()


# -- concurrency -----------------------------------------------------------------------------


def test_as_many_runs_as_the_task_allows_are_handed_out(stage: JobStage) -> None:
    define(stage, max_concurrency=2)
    runs(stage, 5)
    stage.enqueue()

    held = stage.claim(limit=10)

    assert names(held) == ["mail", "mail", None]
    assert stage.claim(limit=10) == []
    stage.complete(held[2])
    assert stage.claim() == []
    stage.complete(held[0])
    assert names(stage.claim(limit=10)) == ["mail"]


def end(stage: JobStage, job: JobRow, way: str) -> None:
    holder = Claimant(lease_id=job["lease_id"])
    if way == "completed":
        stage.complete(job)
    elif way == "failed":
        stage.fail(job)
    elif way == "released":
        stage.run(release, [job])
    elif way == "handed back":
        stage.run(hand_back, stage.org, job["id"], holder, 0, ALL_QUEUES)
    elif way == "cancelled":
        stage.run(cancel_run, stage.org, "mail", job["id"], Cancelling(), ALL_QUEUES)
    else:
        stage.wait(seconds=30)


WAYS: Final = ("completed", "failed", "released", "handed back", "cancelled", "lost")


@pytest.mark.parametrize("way", WAYS)
def test_the_end_of_a_run_makes_room_for_another(stage: JobStage, way: str) -> None:
    define(stage, max_concurrency=1)
    runs(stage, 3)
    first = stage.take()
    assert stage.claim() == []
    stage.fed.clear()

    end(stage, first, way)

    assert (stage.org, LINE) in stage.fed
    assert names(stage.claim(limit=5)) == ["mail"]


# -- many that are denied ---------------------------------------------------------------------


def test_many_denied_runs_in_front_do_not_keep_others_from_being_found(stage: JobStage) -> None:
    """They are hidden, as many as one claim looks at, until the breaker lets something through."""
    count = WINDOW_ROWS + 50
    task = opened(stage, count=count)
    plain = stage.enqueue()

    [found] = stage.claim()

    assert found["id"] == plain["id"]
    stage.complete(found)
    until_ms = seen(stage, task).open_until_ms
    hidden = "SELECT count(*) FROM jobs WHERE run_at_ms = :until_ms AND claimable = 0"
    assert stage.value(hidden, until_ms=until_ms) == WINDOW_ROWS
    assert stage.value("SELECT max(claims) FROM jobs") == 1
    stage.wait(seconds=OPEN_SECONDS)
    assert names(stage.claim(limit=5)) == ["mail"]


def test_a_claim_hides_so_many_and_those_that_wait_look_again(stage: JobStage) -> None:
    task = opened(stage, count=0)
    most = WINDOW_ROWS * WINDOWS_MAX
    runs(stage, most + 10)
    stage.enqueue()
    stage.fed.clear()

    assert stage.claim() == []
    stage.run_due()

    assert seen(stage, task).state == "open"
    assert (stage.org, LINE) in stage.fed
    assert names(stage.claim()) == [None]


@pytest.mark.parametrize("way", WAYS)
def test_hidden_runs_come_back_when_there_is_room(stage: JobStage, way: str) -> None:
    define(stage, max_concurrency=1)
    runs(stage, WINDOW_ROWS + 10)
    first = stage.take()
    stage.enqueue()
    [plain] = stage.claim()
    assert plain["task_name"] is None
    stage.complete(plain)
    hidden = "SELECT count(*) FROM jobs WHERE run_at_ms IS NOT NULL"
    before = stage.value(hidden)
    assert before == WINDOW_ROWS

    end(stage, first, way)

    assert stage.value(hidden) == before - 1
    assert names(stage.claim(limit=5)) == ["mail"]


def test_hidden_runs_come_back_after_a_while_in_any_case(stage: JobStage) -> None:
    define(stage, max_concurrency=1)
    runs(stage, WINDOW_ROWS + 10)
    stage.take()
    stage.enqueue()
    stage.claim()

    stage.clock.advance(seconds=HIDDEN_MS / 1000)
    stage.run_due()

    assert stage.value("SELECT count(*) FROM jobs WHERE run_at_ms IS NOT NULL") == 0


@pytest.mark.parametrize("limits", [{"circuit_breaker": BREAKER}, {"max_concurrency": 1}])
def test_all_hidden_runs_come_back_when_their_task_has_no_limits_any_more(
    stage: JobStage, limits: dict[str, Any]
) -> None:
    count = 2 * SHOWN_MAX + 50
    define(stage, **limits)
    runs(stage, count)
    stage.fail(stage.take())
    stage.fail(stage.take())
    if "max_concurrency" in limits:
        stage.take()
    stage.enqueue(priority=-1)
    assert names(stage.claim(limit=2)) == [None]
    assert stage.value("SELECT count(*) FROM jobs WHERE run_at_ms IS NOT NULL") >= WINDOW_ROWS

    define(stage)
    done = 0
    while jobs := stage.claim(limit=SHOWN_MAX):
        done += len(jobs)
        for job in jobs:
            stage.complete(job)

    assert stage.value("SELECT count(*) FROM jobs WHERE run_at_ms IS NOT NULL") == 0
    assert done >= count - 3


def test_many_that_end_together_bring_no_more_hidden_runs_back_than_one(stage: JobStage) -> None:
    hidden = "SELECT count(*) FROM jobs WHERE run_at_ms IS NOT NULL"
    define(
        stage,
        circuit_breaker=stored(CircuitBreaker(failure_threshold=2, open_timeout_ms=3_600_000)),
    )
    runs(stage, 4 * WINDOW_ROWS)
    held = stage.claim(limit=20)
    for job in held[:2]:
        stage.fail(job)
    stage.enqueue(priority=-1)
    stage.claim()
    before = stage.value(hidden)
    define(stage, max_concurrency=1_000)  # its breaker has gone
    after = stage.value(hidden)

    stage.clock.advance(seconds=31)
    assert stage.run_pass(Deadline.LEASE_END) > 10

    assert before - after == SHOWN_MAX
    assert after - stage.value(hidden) == SHOWN_MAX


def test_an_import_hides_no_runs(stage: JobStage) -> None:
    opened(stage, count=WINDOW_ROWS + 10)
    stage.enqueue(priority=-1)
    stage.claim()
    assert stage.value("SELECT count(*) FROM jobs WHERE run_at_ms IS NOT NULL") > 0

    there = taken(exported(stage))

    assert there.problems() == []
    assert there.value("SELECT count(*) FROM jobs WHERE run_at_ms IS NOT NULL") == 0
    assert there.value("SELECT count(*) FROM jobs WHERE NOT claimable AND status = 'pending'") == 0


def test_a_hidden_run_says_what_it_waits_for(stage: JobStage) -> None:
    task = opened(stage, count=WINDOW_ROWS + 10)
    stage.enqueue()
    stage.claim()
    waiting = stage.value("SELECT id FROM jobs WHERE run_at_ms IS NOT NULL LIMIT 1")

    found = stage.read(explain, stage.org, waiting, ALL_QUEUES, KnownClaims({LINE: 1}))

    reasons = dict(found.reasons)
    assert reasons["breaker_open"] == BreakerOpen(NOW_MS, seen(stage, task).open_until_ms, 2)
    assert "not_due" not in reasons


def test_a_run_beyond_the_concurrency_of_its_task_says_so(stage: JobStage) -> None:
    define(stage, max_concurrency=1)
    first, second = runs(stage, 2)
    assert stage.take()["id"] == first["id"]

    found = stage.read(explain, stage.org, second["id"], ALL_QUEUES, KnownClaims({LINE: 1}))

    assert dict(found.reasons)["concurrency_full"] == ConcurrencyFull(1, 1)
