"""The circuit breaker of a queue: when it hands out nothing, one attempt, or everything."""

from typing import Final

import pytest

from spooled_lite.core.breakers.columns import BreakerStanding
from spooled_lite.core.breakers.set_back import set_back_breakers
from spooled_lite.core.breakers.standing import breaker_of
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import CircuitBreaker, stored
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import claim
from spooled_lite.core.lifecycle.settle import hand_back, release
from spooled_lite.core.maintenance.remove import delete_queue
from spooled_lite.core.messages.change import delete_messages
from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.messages.send import send
from spooled_lite.core.queues.query import get_queue
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS
from tests.factories import a_claim

OPEN_SECONDS: Final = 30
LINE: Final = "emails"


def guard(stage: JobStage, threshold: int = 3, queue_name: str = LINE) -> None:
    breaker = CircuitBreaker(failure_threshold=threshold, open_timeout_ms=OPEN_SECONDS * 1000)
    stage.configure(queue_name, circuit_breaker=stored(breaker))


def seen(stage: JobStage) -> BreakerStanding:
    found = stage.read(breaker_of, stage.read(get_queue, stage.org, LINE))
    assert found is not None
    return found


def fill(stage: JobStage, count: int = 20) -> None:
    for _ in range(count):
        stage.enqueue(max_retries=0)


def failed(stage: JobStage, count: int = 1) -> None:
    for _ in range(count):
        stage.fail(stage.take())


def opened(stage: JobStage) -> None:
    guard(stage)
    fill(stage)
    failed(stage, 3)


def tried(stage: JobStage) -> JobRow:
    """The trial of a breaker that opened and has waited."""
    opened(stage)
    stage.wait(seconds=OPEN_SECONDS)
    return stage.take()


# -- closed ----------------------------------------------------------------------------------


def test_failures_in_a_row_open_it(stage: JobStage) -> None:
    guard(stage)
    fill(stage)

    failed(stage, 2)
    assert seen(stage) == BreakerStanding(failures=2)
    failed(stage)

    assert seen(stage).state == "open"
    assert seen(stage).open_until_ms == NOW_MS + 30_000
    assert stage.claim(limit=10) == []


def test_a_success_begins_the_count_anew(stage: JobStage) -> None:
    guard(stage)
    fill(stage)

    failed(stage, 2)
    stage.complete(stage.take())
    failed(stage, 2)

    assert seen(stage) == BreakerStanding(failures=2)
    assert len(stage.claim(limit=5)) == 5


def test_a_threshold_of_one_lets_the_second_call_through_no_earlier(stage: JobStage) -> None:
    guard(stage, threshold=1)
    stage.enqueue(max_retries=5)
    stage.fail(stage.take())  # waits a second only

    stage.wait(seconds=OPEN_SECONDS - 0.001)
    assert stage.claim() == []
    stage.wait(seconds=0.001)

    stage.complete(stage.take())
    assert seen(stage) == BreakerStanding()


def test_what_it_denies_burns_no_attempt(stage: JobStage) -> None:
    opened(stage)
    for _ in range(50):
        assert stage.claim() == []
    stage.wait(seconds=OPEN_SECONDS)

    assert stage.take()["retry_count"] == 0
    assert stage.value("SELECT max(claims) FROM jobs") == 1


def test_a_queue_without_one_hands_out_whatever_fails(stage: JobStage) -> None:
    fill(stage)

    failed(stage, 19)

    assert len(stage.claim()) == 1
    assert stage.value("SELECT count(*) FROM breakers") == 0


@pytest.mark.parametrize("way", ["released", "handed back", "lost"])
def test_an_attempt_that_neither_worked_nor_failed_says_nothing(stage: JobStage, way: str) -> None:
    guard(stage)
    stage.enqueue(max_retries=50)
    for _ in range(5):
        end_otherwise(stage, stage.take(), way)

    assert seen(stage) == BreakerStanding()


def end_otherwise(stage: JobStage, job: JobRow, way: str) -> None:
    if way == "released":
        stage.run(release, [job])
    elif way == "handed back":
        holder = Claimant(lease_id=job["lease_id"])
        stage.run(hand_back, stage.org, job["id"], holder, 0, ALL_QUEUES)
    else:
        stage.wait(seconds=30)


# -- open and half open -------------------------------------------------------------------------


def test_waiting_claims_are_woken_when_it_lets_something_through(stage: JobStage) -> None:
    opened(stage)
    assert stage.due_at_ms[Deadline.ROOM] == NOW_MS + 30_000
    stage.fed.clear()

    stage.wait(seconds=OPEN_SECONDS - 0.001)
    assert (stage.org, LINE) not in stage.fed
    stage.wait(seconds=0.001)

    assert (stage.org, LINE) in stage.fed


def test_half_open_lets_one_attempt_through(stage: JobStage) -> None:
    opened(stage)
    stage.wait(seconds=OPEN_SECONDS)
    assert seen(stage).state == "half_open"

    assert len(stage.claim(limit=10)) == 1

    assert stage.claim(limit=10) == []
    assert seen(stage).is_tried


def test_its_success_closes_it(stage: JobStage) -> None:
    trial = tried(stage)
    stage.fed.clear()

    stage.complete(trial)

    assert seen(stage) == BreakerStanding()
    assert (stage.org, LINE) in stage.fed
    assert len(stage.claim(limit=10)) == 10


def test_its_failure_opens_it_for_the_whole_time(stage: JobStage) -> None:
    trial = tried(stage)
    stage.wait(seconds=7)

    stage.fail(trial)

    assert seen(stage).state == "open"
    stage.wait(seconds=OPEN_SECONDS - 0.001)
    assert stage.claim() == []
    stage.wait(seconds=0.001)
    assert len(stage.claim(limit=10)) == 1


@pytest.mark.parametrize("way", ["released", "handed back", "lost"])
def test_a_trial_that_ends_otherwise_frees_its_slot(stage: JobStage, way: str) -> None:
    trial = tried(stage)
    stage.fed.clear()

    end_otherwise(stage, trial, way)

    assert seen(stage).state == "half_open"
    assert not seen(stage).is_tried
    assert (stage.org, LINE) in stage.fed
    stage.complete(stage.take())
    assert seen(stage) == BreakerStanding()


def test_attempts_from_before_it_opened_decide_nothing(stage: JobStage) -> None:
    guard(stage)
    fill(stage)
    early = stage.claim(limit=5)
    for job in early[:3]:
        stage.fail(job)

    stage.fail(early[3])
    assert seen(stage).open_until_ms == NOW_MS + 30_000
    stage.complete(early[4])
    assert seen(stage).state == "open"


def test_an_attempt_from_before_decides_nothing_beside_the_trial(stage: JobStage) -> None:
    guard(stage)
    fill(stage)
    for job in (early := stage.run(claim, stage.org, a_claim(limit=5, lease_ms=600_000)))[:3]:
        stage.fail(job)
    stage.wait(seconds=OPEN_SECONDS)
    trial = stage.take()

    stage.complete(early[3])
    stage.fail(early[4])

    assert seen(stage).is_tried
    stage.complete(trial)
    assert seen(stage) == BreakerStanding()


def test_a_job_that_was_the_trial_before_decides_nothing_later(stage: JobStage) -> None:
    guard(stage, threshold=1)
    stage.enqueue(max_retries=50)
    stage.fail(stage.take())
    stage.wait(seconds=OPEN_SECONDS)
    first = stage.take()
    stage.wait(seconds=30)  # its lease is lost
    second = stage.take()

    assert second["id"] == first["id"]
    stage.complete(second)
    assert seen(stage) == BreakerStanding()


def test_a_trial_is_no_more_than_the_rate_limit_allows(stage: JobStage) -> None:
    opened(stage)
    stage.configure(max_concurrency=1)
    stage.enqueue("other")
    stage.wait(seconds=OPEN_SECONDS)

    assert len(stage.claim(limit=5)) == 1
    assert len(stage.claim("other")) == 1


# -- what it is kept through --------------------------------------------------------------------


def test_another_breaker_begins_closed_and_the_same_one_stays(stage: JobStage) -> None:
    opened(stage)

    guard(stage)  # as it was
    stage.configure(max_retries=7)
    assert seen(stage).state == "open"
    guard(stage, threshold=4)

    assert seen(stage) == BreakerStanding()


def test_a_queue_whose_breaker_is_taken_away_hands_out_everything(stage: JobStage) -> None:
    opened(stage)
    stage.fed.clear()

    stage.configure(circuit_breaker=None)

    assert (stage.org, LINE) in stage.fed
    assert len(stage.claim(limit=10)) == 10
    assert stage.value("SELECT count(*) FROM breakers") == 0


def test_it_goes_with_its_queue(stage: JobStage) -> None:
    opened(stage)

    stage.run(delete_queue, stage.org, LINE, delete_jobs=True)

    assert stage.value("SELECT count(*) FROM breakers") == 0


def test_a_clock_that_is_set_back_leaves_it_open_for_as_long(stage: JobStage) -> None:
    opened(stage)
    stage.clock.advance(seconds=-3_600)
    now_ms = NOW_MS - 3_600_000

    stage.run(set_back_breakers)

    assert seen(stage).open_until_ms == now_ms + 30_000
    stage.run(set_back_breakers)  # a second look changes nothing
    assert (seen(stage).opened_at_ms, seen(stage).open_until_ms) == (now_ms, now_ms + 30_000)


def test_a_claim_that_is_undone_leaves_its_slot_free(stage: JobStage) -> None:
    opened(stage)
    stage.wait(seconds=OPEN_SECONDS)

    with pytest.raises(ZeroDivisionError):
        stage.run(_claim_and_break, stage.org)

    assert not seen(stage).is_tried
    assert len(stage.claim()) == 1


def _claim_and_break(tx: Tx, org: int) -> None:
    assert claim(tx, org, a_claim(limit=1))
    raise ZeroDivisionError


# -- messages -----------------------------------------------------------------------------------


def test_deleting_a_message_that_is_read_counts_as_its_success(stage: JobStage) -> None:
    guard(stage)
    stage.run(send, stage.org, LINE, [NewMessage(body=b"1")] * 9, None)
    failed(stage, 3)
    stage.wait(seconds=OPEN_SECONDS)
    trial = stage.take()

    stage.run(delete_messages, stage.org, LINE, [trial["id"]], trial["lease_id"])

    assert seen(stage) == BreakerStanding()
