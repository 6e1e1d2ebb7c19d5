import json
import time
from typing import Any

import pytest

from spooled_lite.core.jobs.policy import Backoff, OwnPolicy, stored
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.backoff import backoff_ms
from spooled_lite.core.lifecycle.settle import fail
from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.messages.send import send
from tests.core.job_stage import JobStage
from tests.core.store import NOW_MS

COUNTS = range(9)
NUMBERS = 10_000


def a_queue(settings: Any = None, **columns: float) -> Any:
    return {
        "retry_delay_seconds": None,
        "backoff_base_seconds": None,
        "backoff_multiplier": None,
        "backoff_max_seconds": None,
        "settings": b"{}" if settings is None else json.dumps(settings).encode(),
        **columns,
    }


def seconds(queue: Any, counts: Any = COUNTS) -> list[float]:
    return [backoff_ms(queue, count) / 1000 for count in counts]


def test_it_doubles_up_to_a_minute() -> None:
    assert seconds(a_queue()) == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert seconds(a_queue(), [100, 10_000]) == [60, 60]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"backoff_base_seconds": 10}, [10, 20, 40, 80]),
        ({"backoff_base_seconds": 0.25}, [0.25, 0.5, 1, 2]),
        ({"backoff_base_seconds": 0}, [0, 0, 0, 0]),
        ({"backoff_multiplier": 3}, [1, 3, 9, 27]),
        ({"backoff_multiplier": 1}, [1, 1, 1, 1]),
        ({"backoff_multiplier": 1.5}, [1, 1.5, 2.25, 3.375]),
        ({"backoff_max_seconds": 3}, [1, 2, 3, 3]),
        (
            {"backoff_base_seconds": 5, "backoff_multiplier": 10, "backoff_max_seconds": 100},
            [5, 50, 100, 100],
        ),
    ],
)
def test_the_columns_of_a_queue_count(columns: dict[str, float], expected: list[float]) -> None:
    assert seconds(a_queue(**columns), range(4)) == expected


def test_a_queue_that_names_a_part_has_an_hour_at_most() -> None:
    assert seconds(a_queue(backoff_base_seconds=1000), range(4)) == [1000, 2000, 3600, 3600]
    assert seconds(a_queue(retry_delay_seconds=1000), range(4)) == [1000, 2000, 3600, 3600]


def test_a_retry_delay_is_the_base() -> None:
    assert seconds(a_queue(retry_delay_seconds=7), range(3)) == [7, 14, 28]
    assert seconds(a_queue(retry_delay_seconds=0), range(3)) == [0, 0, 0]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"retry_delay_ms": 500}, [0.5, 1, 2, 4]),
        ({"backoff_multiplier": 3}, [1, 3, 9, 27]),
        ({"max_retry_delay_ms": 2500}, [1, 2, 2.5, 2.5]),
        (
            {"retry_delay_ms": 2000, "backoff_multiplier": 10, "max_retry_delay_ms": 30_000},
            [2, 20, 30, 30],
        ),
        ({"retry_delay_ms": 40_000}, [40, 60, 60, 60]),
        ({"retry_delay_ms": 0}, [0, 0, 0, 0]),
        ({"concurrency": 5}, [1, 2, 4, 8]),
    ],
)
def test_the_settings_of_the_dashboard_count(settings: Any, expected: list[float]) -> None:
    assert seconds(a_queue(settings), range(4)) == expected


def test_what_else_the_settings_hold_costs_the_writing_thread_nothing() -> None:
    queue = a_queue({"more": [1e308] * NUMBERS, "retry_delay_ms": 500})

    began = time.thread_time()
    assert backoff_ms(queue, 0) == 500
    took = time.thread_time() - began

    began = time.thread_time()
    made = json.loads(queue["settings"])
    assert took < (time.thread_time() - began) * 4
    assert made["more"]


@pytest.mark.parametrize(
    "value", [None, "5", -1, True, [], {}, 1e300, 10**400, 0.5, 11]
)  # the last two are numbers, and no multipliers
def test_a_setting_that_is_no_number_in_its_range_is_as_if_it_was_not_there(value: Any) -> None:
    assert seconds(a_queue({"backoff_multiplier": value}), COUNTS) == seconds(a_queue(), COUNTS)
    if value not in (0.5, 11):
        settings = {"retry_delay_ms": value, "max_retry_delay_ms": value}
        assert seconds(a_queue(settings), COUNTS) == seconds(a_queue(), COUNTS)


def test_the_first_form_that_names_anything_counts() -> None:
    settings = {"retry_delay_ms": 9_000}
    everything = a_queue(settings, retry_delay_seconds=5, backoff_multiplier=3)

    assert seconds(everything, range(2)) == [1, 3]
    assert seconds(a_queue(settings, retry_delay_seconds=5), range(2)) == [5, 10]
    assert seconds(a_queue(settings), range(2)) == [9, 18]


def test_no_number_is_too_large_for_a_time() -> None:
    queue = a_queue(
        backoff_base_seconds=3_155_760_000.0,
        backoff_multiplier=10.0,
        backoff_max_seconds=3_155_760_000.0,
    )

    assert seconds(queue, [100]) == [3_155_760_000]


def test_a_failed_job_waits_as_long_as_its_queue_says(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=1.5, backoff_multiplier=2.0)
    job = stage.enqueue(max_retries=2)

    first = stage.fail(stage.take())

    assert (first.status, first.will_retry, first.delay_ms) == ("pending", True, 1_500)
    row = stage.job(job["id"])
    assert row["scheduled_at_ms"] == row["run_at_ms"] == NOW_MS + 1_500
    stage.wait(seconds=1.499)
    assert stage.claim() == []
    stage.wait(seconds=0.001)
    assert stage.fail(stage.take()).delay_ms == 3_000


def test_a_wait_of_nothing_is_none(stage: JobStage) -> None:
    stage.configure(retry_delay_seconds=0.0)
    stage.enqueue()
    stage.fail(stage.take())

    assert len(stage.claim()) == 1


# -- with a strategy --------------------------------------------------------------------------

FIXED = Backoff(strategy="fixed", base_delay_ms=7)
LINEAR = Backoff(strategy="linear", base_delay_ms=300, max_delay_ms=800)
JITTER = Backoff(strategy="full_jitter", min_delay_ms=100, max_delay_ms=2_000)


def of_job(backoff: Backoff) -> bytes | None:
    return stored(OwnPolicy(backoff=backoff))


def test_the_backoff_of_a_queue_goes_before_its_older_columns(stage: JobStage) -> None:
    stage.configure(backoff_base_seconds=5.0, backoff=stored(LINEAR))
    stage.enqueue(max_retries=3)

    waited = []
    for _ in range(3):
        waited.append(stage.fail(stage.take()).delay_ms)
        stage.wait(seconds=1)

    assert waited == [300, 600, 800]


def test_the_backoff_of_a_job_goes_before_that_of_its_queue(stage: JobStage) -> None:
    stage.configure(backoff=stored(LINEAR))
    stage.enqueue(policy=of_job(FIXED))

    assert stage.fail(stage.take()).delay_ms == 7


def test_what_the_failure_says_goes_before_everything(stage: JobStage) -> None:
    job = stage.enqueue(policy=of_job(FIXED))
    held = stage.take()

    failed = stage.run(
        fail,
        stage.org,
        held["id"],
        Claimant(lease_id=held["lease_id"]),
        "boom",
        ALL_QUEUES,
        retry_after_ms=12_345,
    )

    assert failed.delay_ms == 12_345
    assert stage.job(job["id"])["run_at_ms"] == NOW_MS + 12_345


def test_a_job_that_fails_twice_waits_for_what_was_drawn(stage: JobStage) -> None:
    job = stage.enqueue(max_retries=3, policy=of_job(JITTER))

    calls, bounds = 0, [100, 200]
    for bound in bounds:
        drawn = stage.fail(stage.take()).delay_ms
        calls += 1
        assert 1 <= drawn < bound
        stage.wait(seconds=(drawn - 1) / 1000)
        assert stage.claim() == []
        stage.wait(seconds=0.001)
    stage.complete(stage.take())

    assert calls + 1 == 3
    assert stage.job(job["id"])["retry_count"] == 2


def test_the_same_seed_waits_as_long() -> None:
    def waited() -> list[int]:
        stage = JobStage()
        for _ in range(20):
            stage.enqueue(policy=of_job(JITTER))
        drawn = [stage.fail(stage.take()).delay_ms for _ in range(20)]
        stage.close()
        return drawn

    first = waited()

    assert first == waited()
    assert len(set(first)) > 5


def test_a_message_waits_as_its_queue_says(stage: JobStage) -> None:
    stage.configure(backoff=stored(FIXED))
    stage.run(send, stage.org, "emails", [NewMessage(body=b"1")], None)

    assert stage.fail(stage.take()).delay_ms == 7
