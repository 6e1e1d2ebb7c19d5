"""One operation reads, writes or frees 4 MiB at most, however large the jobs are."""

import json
from collections.abc import Callable
from typing import Any, Final

import pytest

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import DeadLetters
from spooled_lite.core.jobs.passes import PASS_BYTES_MAX
from spooled_lite.core.jobs.records import TAGS_BYTES_MAX
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.lifecycle.claim import CLAIM_BYTES_MAX
from spooled_lite.core.lifecycle.retry import retry_dead_letters
from spooled_lite.core.lifecycle.settle import complete
from spooled_lite.core.maintenance.remove import (
    delete_queue,
    purge_dead_letters_pass,
    purge_queue_pass,
)
from spooled_lite.core.maintenance.remove_org import delete_organization
from spooled_lite.core.schedules.columns import DueScheduleRow
from spooled_lite.core.schedules.missed import decide
from spooled_lite.core.webhooks.records import NewWebhook, WebhookChanges
from spooled_lite.core.webhooks.subscribe import (
    change_webhook,
    create_webhook,
    delete_webhook,
)
from spooled_lite.events import Deadline
from tests.core.job_stage import JobStage, holder
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


def dead_letters(stage: JobStage, count: int) -> list[JobRow]:
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


def deliveries(stage: JobStage, count: int) -> Any:
    """Of a webhook that is told of large results."""
    wanted = NewWebhook(name="h", url="http://example.com/", events=("job.completed",))
    webhook = stage.run(create_webhook, stage.org, wanted, None)
    for _ in range(count):
        stage.enqueue()
        job = stage.take()
        stage.run(complete, stage.org, job["id"], holder(job), MEGABYTE, ALL_QUEUES)
    return webhook


def delivery_count(stage: JobStage, **asked: str) -> int:
    count: int = stage.value("SELECT count(*) FROM deliveries WHERE status = :status", **asked)
    return count


def test_a_pass_over_what_was_owed_to_a_webhook_that_is_off_is_bounded(stage: JobStage) -> None:
    webhook = deliveries(stage, 6)
    off = WebhookChanges({"enabled": 0})
    stage.run(change_webhook, stage.org, webhook["id"], off, None)

    stage.run_pass(Deadline.CLEARING)

    assert delivery_count(stage, status="failed") == BODIES_MAX
    stage.run_due()
    assert delivery_count(stage, status="failed") == 6


def test_a_pass_over_the_deliveries_of_a_deleted_webhook_is_bounded(stage: JobStage) -> None:
    webhook = deliveries(stage, 6)
    stage.run(delete_webhook, stage.org, webhook["id"])

    stage.run_pass(Deadline.CLEARING)

    assert stage.value("SELECT count(*) FROM deliveries") == 6 - BODIES_MAX
    stage.run_due()
    assert stage.value("SELECT count(*) FROM webhooks") == 0


def test_a_pass_over_old_deliveries_is_bounded(stage: JobStage) -> None:
    deliveries(stage, 6)
    stage.rows("UPDATE deliveries SET status = 'failed', next_attempt_at_ms = NULL")
    stage.clock.advance(seconds=8 * 24 * 3600)

    while stage.value("SELECT count(*) FROM deliveries") == 6:
        stage.run_pass(Deadline.RETENTION)

    assert stage.value("SELECT count(*) FROM deliveries") == 6 - BODIES_MAX


def test_a_pass_over_a_deleted_organization_is_bounded(stage: JobStage) -> None:
    deliveries(stage, 6)
    stage.run(delete_organization, stage.org, even_if_busy=True)

    stage.run_pass(Deadline.DELETION)

    assert stage.value("SELECT count(*) FROM deliveries") == 6 - BODIES_MAX


def test_schedules_that_make_up_for_slots_make_four_mebibytes_at_a_time() -> None:
    row: DueScheduleRow = {
        "seq": 1,
        "cron_expression": "* * * * *",
        "timezone": "UTC",
        "catch_up": "all",
        "misfire_grace_seconds": 60,
        "next_run_at_ms": 60_000,
        "caught_up": 0,
        "size_bytes": len(MEGABYTE),
    }

    [firing] = decide([row], 6_000_000)

    assert len(firing.slots) == BODIES_MAX
    assert firing.next_run_at_ms == 60_000 * (BODIES_MAX + 1)
