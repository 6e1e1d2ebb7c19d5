"""The end of an attempt: completed, failed, dead-lettered, or handed back."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import Struct

from spooled_lite.core.breakers.outcomes import attempt_failed, attempt_succeeded
from spooled_lite.core.breakers.work_limits import work_ended
from spooled_lite.core.jobs.bodies import (
    add_result,
    add_traceback,
    detail_columns,
    result_columns,
)
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.error_groups import key_for
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.jobs.records import NO_DETAIL, Claimant, ErrorDetail
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.backoff import has_backoff, wait_ms
from spooled_lite.core.lifecycle.fence import guard, refusal, visible
from spooled_lite.core.lifecycle.follow import follow, may_be_followed
from spooled_lite.core.lifecycle.named_leases import not_claimed_again
from spooled_lite.core.lifecycle.statements import HeldRow
from spooled_lite.core.lifecycle.stop import stop
from spooled_lite.core.queues.ensure import known_queue
from spooled_lite.core.steps.dependents import tell_dependents
from spooled_lite.core.steps.fail_fast import WORKFLOW_FAILED
from spooled_lite.core.steps.item_ends import item_ended, producer_ended, settle_step
from spooled_lite.core.steps.items import FAILED_WITH_STEP, close_items
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


class Failed(Struct, frozen=True):
    """The outcome of a failed attempt: a retry or the dead letters."""

    status: Literal["pending", "deadletter", "cancelled"]
    will_retry: bool
    delay_ms: int


@in_lane(Lane.SETTLE)
def complete(
    tx: Tx, org: int, job_id: str, claimant: Claimant, result: bytes | None, scope: Scope
) -> None:
    """Settle a leased job as completed, and release what waits for it.

    Raises:
        NotFound: no such job in this organization and scope.
        LeaseExpired: the lease ran out (named or not), or the job has been claimed again since.
        Conflict: the job is not being processed, or another worker holds it.

    Contract: jobs, J13 and section 6.
    """
    row = tx.row(
        statements.COMPLETE, {**guard(tx, org, job_id, claimant), **result_columns(result)}
    )
    if row is None:
        raise refusal(tx, org, job_id, claimant, scope)
    visible(row, scope)  # a refusal takes the change back
    row = producer_ended(tx, row) if row["phase"] == "generate" else add_result(tx, row, result)
    is_over = row["status"] == "completed"
    tx.emit("job.completed" if is_over else "job.expanded", org, row=row, was="processing")
    if row["tells_breaker"]:
        attempt_succeeded(tx, row, row["settled_lease_id"])
    _attempt_ended(tx, org, row)
    if row["step_job"] is not None:
        item_ended(tx, row)
    elif is_over:
        tell_dependents(tx, row)
    else:
        settle_step(tx, row["seq"])


@in_lane(Lane.SETTLE)
def fail(
    tx: Tx,
    org: int,
    job_id: str,
    claimant: Claimant,
    error: str,
    scope: Scope,
    may_retry: bool = True,
    retry_after_ms: int | None = None,
    detail: ErrorDetail = NO_DETAIL,
) -> Failed:
    """End the attempt of a leased job: a retry after its backoff, or the dead letters.

    `retry_after_ms` is used instead of the backoff.

    A job that was told to stop is cancelled. A message never dies: it stays hidden until its lease
    would have ended, unless it or its queue has a backoff.

    Raises: as `complete`.

    Contract: jobs, J14 and section 6.
    """
    held = tx.row(statements.HELD, guard(tx, org, job_id, claimant))
    if held is None:
        raise refusal(tx, org, job_id, claimant, scope)
    visible(held, scope)
    if held["stop_reason"] is not None and stop(tx, held, error, detail):
        return Failed("cancelled", will_retry=False, delay_ms=0)
    return _retry_or_bury(tx, held, error, may_retry, retry_after_ms, detail)


@in_lane(Lane.SETTLE)
def fail_unread(tx: Tx, jobs: Sequence[tuple[HeldRow, str]]) -> None:
    """Fail claimed jobs that the client cannot decode, each with its reason, as `fail` does.

    Jobs that are no longer held under their lease are skipped.
    """
    for job, error in jobs:
        held = tx.value(statements.STILL_HELD, {"seq": job["seq"], "lease_id": job["lease_id"]})
        if held is not None and not stop(tx, job, error):
            _retry_or_bury(tx, job, error, may_retry=True)


def _retry_or_bury(
    tx: Tx,
    held: HeldRow,
    error: str,
    may_retry: bool,
    retry_after_ms: int | None = None,
    detail: ErrorDetail = NO_DETAIL,
) -> Failed:
    if held["tells_breaker"]:
        attempt_failed(tx, held, held["lease_id"])
    never_dies = not RULES[held["kind"]].dies
    if never_dies or (may_retry and held["retry_count"] < held["max_retries"]):
        queue = known_queue(tx, held["org"], held["queue_name"])
        assert queue is not None, "a visible job has a live queue"
        delay_ms = wait_ms(tx, queue, held)
        if never_dies and not has_backoff(tx, queue, held):
            delay_ms = (held["lease_expires_at_ms"] or tx.now_ms) - tx.now_ms
        if retry_after_ms is not None:
            delay_ms = retry_after_ms
        is_due = retry_after_ms == 0
        run_at_ms = None if is_due else tx.now_ms + delay_ms
        retry_later(tx, held, error, detail, run_at_ms=run_at_ms)
        return Failed("pending", will_retry=True, delay_ms=delay_ms)
    tell_dependents(tx, bury(tx, held, error, detail))
    return Failed("deadletter", will_retry=False, delay_ms=0)


def retry_later(
    tx: Tx,
    held: HeldRow,
    error: str,
    detail: ErrorDetail = NO_DETAIL,
    *,
    run_at_ms: int | None,
) -> None:
    """End the attempt of a held job and let it run again, at once without a time."""
    failed = _failed(tx, held, error, detail)
    row = tx.row(statements.RETRY_LATER, {**failed, "run_at_ms": run_at_ms})
    assert row is not None, "the lease was looked at in this operation"
    add_traceback(tx, row, detail.traceback)
    tx.emit(
        "job.retrying",
        row["org"],
        row=row,
        was="processing",
        facts={"worker_id": held["assigned_worker_id"]},
    )
    _attempt_ended(tx, row["org"], row)
    announce_times(tx, row)


def bury(tx: Tx, held: HeldRow, error: str, detail: ErrorDetail = NO_DETAIL) -> JobRow:
    """Move a held job to the dead letters, and store the job that follows its failure, if any.

    The caller must notify its dependents.
    """
    row = tx.row(statements.BURY, _failed(tx, held, error, detail))
    assert row is not None, "the lease was looked at in this operation"
    add_traceback(tx, row, detail.traceback)
    tx.emit(
        "job.deadlettered",
        row["org"],
        row=row,
        was="processing",
        facts={"worker_id": held["assigned_worker_id"]},
    )
    _attempt_ended(tx, row["org"], row)
    if row["step_job"] is not None:
        item_ended(tx, row)
    elif row["phase"] == "generate":
        close_items(tx, row, state=FAILED_WITH_STEP, reason=WORKFLOW_FAILED, error=error)
    if may_be_followed(row):
        follow(tx, row)
    return row


def _failed(tx: Tx, held: HeldRow, error: str, detail: ErrorDetail) -> dict[str, Any]:
    """The parameters of every statement that ends an attempt with an error."""
    return {
        "seq": held["seq"],
        "lease_id": held["lease_id"],
        "error": error,
        "error_key": key_for(tx, held["queue"], error),
        **detail_columns(detail),
        "now_ms": tx.now_ms,
    }


@in_lane(Lane.SETTLE)
def hand_back(
    tx: Tx, org: int, job_id: str, claimant: Claimant, retry_after_ms: int, scope: Scope
) -> Failed:
    """End the attempt of a leased job as if there had been none, and let it wait that long.

    A job that was told to stop is cancelled.

    Raises: as `complete`.

    Contract: catbird-capabilities, W7; amendments, G7 (`released`).
    """
    held = tx.row(statements.HELD, guard(tx, org, job_id, claimant))
    if held is None:
        raise refusal(tx, org, job_id, claimant, scope)
    visible(held, scope)
    run_at_ms = tx.now_ms + retry_after_ms if retry_after_ms else None
    if not _release(tx, held, run_at_ms):
        stop(tx, held)
        return Failed("cancelled", will_retry=False, delay_ms=0)
    return Failed("pending", will_retry=True, delay_ms=retry_after_ms)


@in_lane(Lane.SETTLE)
def release(tx: Tx, jobs: Sequence[HeldRow]) -> int:
    """Take back jobs that never reached their caller, which went away; returns how many.

    This counts as no attempt: `retry_count` stays. A job that was told to stop is cancelled. One
    that was given once more to a claim that was made again stays with it.

    Contract: jobs, section 4 ("released"); amendments, G2.
    """
    free = not_claimed_again(tx, jobs)
    return sum(_release(tx, job, None) or stop(tx, job) for job in free)


@in_lane(Lane.SETTLE)
def release_rest(tx: Tx, jobs: Sequence[HeldRow]) -> int:
    """Take back claimed jobs for which the answer had no room; returns how many.

    As `release`, but the caller is there and knows the others: where its lease has a name, that
    stays with them, and a claim that is made again gets those that are still held.
    """
    return sum(_release(tx, job, None) or stop(tx, job) for job in jobs)


def _release(tx: Tx, job: HeldRow, run_at_ms: int | None) -> bool:
    """False: it is no longer held under this lease, or was told to stop."""
    asked = {"seq": job["seq"], "lease_id": job["lease_id"], "run_at_ms": run_at_ms}
    row = tx.row(statements.RELEASE, {**asked, "now_ms": tx.now_ms})
    if row is None:
        return False
    facts = {"worker_id": job["assigned_worker_id"], "lease_id": job["lease_id"]}
    tx.emit("job.released", row["org"], row=row, was="processing", facts=facts)
    _attempt_ended(tx, row["org"], row)
    announce_times(tx, row)
    return True


@in_lane(Lane.SETTLE)
def give_up(tx: Tx, jobs: Sequence[HeldRow], error: str) -> None:
    """Move claimed jobs to the dead letters, even if they have retries left: none would help.

    Jobs that are no longer held under their lease are skipped.
    """
    for job in jobs:
        held = tx.value(statements.STILL_HELD, {"seq": job["seq"], "lease_id": job["lease_id"]})
        if held is None or stop(tx, job):
            continue
        if RULES[job["kind"]].dies:
            tell_dependents(tx, bury(tx, job, error))
        else:
            _retry_or_bury(tx, job, error, may_retry=False)


def _attempt_ended(tx: Tx, org: int, row: JobRow) -> None:
    # The job itself may be claimable again, and a queue with a concurrency limit has room now.
    tx.feed((org, row["queue_name"]))
    if row["tells_breaker"]:
        work_ended(tx, row)
