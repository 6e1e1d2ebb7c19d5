"""One operation reads, writes or frees 4 MiB at most, however large the jobs are."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.records import TAGS_BYTES_MAX
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import CLAIM_BYTES_MAX
from spooled_lite.core.lifecycle.passes import PASS_BYTES_MAX
from spooled_lite.core.lifecycle.remove import (
    delete_queue,
    purge_dead_letters_pass,
    purge_queue_pass,
)
from spooled_lite.core.lifecycle.retry import retry_dead_letters
from spooled_lite.events import Deadline, Row
from tests.core.job_stage import JobStage
from tests.factories import a_job

# What a row keeps itself, whatever its size, as a change of its status writes it.
TAGS: Final = json.dumps(["x" * (TAGS_BYTES_MAX - 200)]).encode()
ROWS_MAX: Final = PASS_BYTES_MAX // len(TAGS)
COUNT: Final = ROWS_MAX + 10

MEGABYTE: Final = b'"' + b"x" * 1_000_000 + b'"'
BODIES_MAX: Final = PASS_BYTES_MAX // len(MEGABYTE)


def store(stage: JobStage, count: int = COUNT, **fields: Any) -> None:
    for start in range(0, count, 10):
        jobs = [a_job(**{"tags": TAGS, **fields})] * min(10, count - start)
        stage.bulk(*jobs)


def delayed(stage: JobStage) -> None:
    store(stage, delay_ms=1_000)
    stage.clock.advance(seconds=2)


def leased(stage: JobStage) -> None:
    store(stage)
    while stage.claim(limit=100):
        pass
    stage.clock.advance(seconds=60)


def expiring(stage: JobStage) -> None:
    store(stage, expires_at_ms=stage.clock.now_ms() + 1_000)
    stage.clock.advance(seconds=2)


@pytest.mark.parametrize(
    ("prepare", "kind", "left"),
    [
        (delayed, Deadline.PROMOTION, "SELECT count(*) FROM jobs WHERE run_at_ms IS NOT NULL"),
        (leased, Deadline.LEASE_END, "SELECT count(*) FROM jobs WHERE lease_id IS NOT NULL"),
        (expiring, Deadline.EXPIRY, "SELECT count(*) FROM jobs WHERE status = 'pending'"),
    ],
)
def test_a_pass_of_a_loop_changes_four_mebibytes_of_rows_and_goes_on_at_once(
    stage: JobStage, prepare: Callable[[JobStage], None], kind: Deadline, left: str
) -> None:
    prepare(stage)

    done = stage.run_pass(kind)

    assert done == ROWS_MAX
    assert stage.value(left) == COUNT - ROWS_MAX
    assert stage.due_at_ms[kind] == stage.clock.now_ms()
    stage.run_due()
    assert stage.value(left) == 0
    stage.check_books()


def test_a_promotion_before_a_claim_is_bounded_as_well(stage: JobStage) -> None:
    delayed(stage)

    stage.claim()

    assert stage.value("SELECT count(*) FROM jobs WHERE run_at_ms IS NULL") == ROWS_MAX


@pytest.mark.parametrize(("limit", "count"), [(1, 1), (2, 2), (100, BODIES_MAX)])
def test_a_claim_hands_out_fewer_jobs_when_they_are_large(
    stage: JobStage, limit: int, count: int
) -> None:
    store(stage, 8, payload=MEGABYTE, tags=None)

    assert len(stage.claim(limit=limit)) == count


def test_a_claim_hands_out_one_job_however_large_it_is(stage: JobStage) -> None:
    store(stage, 2, payload=b'"' + b"x" * (CLAIM_BYTES_MAX + 1) + b'"', tags=None)

    assert [len(stage.claim(limit=100)) for _ in range(3)] == [1, 1, 0]


def test_small_jobs_are_claimed_as_many_as_were_asked_for(stage: JobStage) -> None:
    store(stage, 120, tags=None)

    assert len(stage.claim(limit=100)) == 100


def dead_letters(stage: JobStage, count: int) -> list[Row]:
    return [stage.dead_letter(payload=MEGABYTE) for _ in range(count)]


def test_a_pass_of_a_purge_frees_four_mebibytes(stage: JobStage) -> None:
    dead_letters(stage, 6)

    purged = stage.run(purge_dead_letters_pass, stage.org, DeadLetters(limit=100), ALL_QUEUES)

    assert purged.count == BODIES_MAX
    assert purged.after is not None
    rest = stage.run(purge_dead_letters_pass, stage.org, DeadLetters(limit=96), ALL_QUEUES)
    assert (rest.count, rest.after) == (6 - BODIES_MAX, None)
    assert stage.value("SELECT count(*) FROM job_bodies") == 0


def test_a_pass_over_a_queue_frees_four_mebibytes(stage: JobStage) -> None:
    store(stage, 6, payload=MEGABYTE, tags=None)

    purged = stage.run(purge_queue_pass, stage.org, "emails")

    assert purged.count == BODIES_MAX
    assert purged.after is not None


def test_a_pass_over_a_deleted_queue_frees_four_mebibytes(stage: JobStage) -> None:
    store(stage, 6, payload=MEGABYTE, tags=None)
    stage.run(delete_queue, stage.org, "emails", delete_jobs=True)

    stage.run_pass(Deadline.DELETION)

    assert stage.value("SELECT count(*) FROM jobs") == 6 - BODIES_MAX
    stage.run_due()
    assert stage.value("SELECT count(*) FROM queues") == 0


def test_a_pass_over_old_jobs_frees_four_mebibytes(stage: JobStage) -> None:
    for _ in range(6):
        stage.completed(payload=MEGABYTE)
    stage.clock.advance(seconds=31 * 24 * 3600)

    while stage.value("SELECT count(*) FROM jobs") == 6:
        stage.run_pass(Deadline.RETENTION)

    assert stage.value("SELECT count(*) FROM jobs") == 6 - BODIES_MAX
    stage.run_due(Deadline.RETENTION)
    assert stage.value("SELECT count(*) FROM jobs") == 0


def test_a_pass_of_a_retry_changes_four_mebibytes_of_rows(stage: JobStage) -> None:
    for _ in range(COUNT):
        stage.dead_letter(tags=TAGS)

    first = stage.run(retry_dead_letters, stage.org, DeadLetters(limit=100), ALL_QUEUES, None)

    assert len(first.job_ids) < COUNT
    assert len(first.job_ids) + len(first.left) == COUNT
    rest = DeadLetters(job_ids=first.left, limit=len(first.left))
    second = stage.run(retry_dead_letters, stage.org, rest, ALL_QUEUES, None)
    assert (len(second.job_ids), second.left) == (len(first.left), [])


def test_a_retry_of_large_payloads_is_one_pass_because_it_touches_none(stage: JobStage) -> None:
    dead_letters(stage, 6)

    retried = stage.run(retry_dead_letters, stage.org, DeadLetters(limit=100), ALL_QUEUES, None)

    assert len(retried.job_ids) == 6
