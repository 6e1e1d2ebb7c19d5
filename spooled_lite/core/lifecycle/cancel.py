"""Cancelling jobs by a call, and jobs that have expired."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.breakers.work_limits import work_ended
from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.choice import find_named
from spooled_lite.core.jobs.columns import JobRow, Kind
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.jobs.passes import PASS_MAX, Pass, first_of, next_pass
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.jobs.states import TERMINAL, WAITING
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.fence import JOB_CANCELED, guard, refusal, visible
from spooled_lite.core.lifecycle.remove_messages import remove_messages
from spooled_lite.core.lifecycle.statements import ExpiredRow
from spooled_lite.core.steps.dependents import tell_dependents, tell_dependents_later
from spooled_lite.core.steps.items import close_items
from spooled_lite.errors import Conflict
from spooled_lite.storage.transaction import Tx

# Workers read this word in `details.reason`: catbird-capabilities, section 19.3.
EXPIRED: Final = "expired"


class Cancelling(Struct, frozen=True, kw_only=True):
    """How a caller wants a job to be cancelled."""

    reason: str | None = None
    is_forced: bool = False  # also while a worker has it, whatever its kind
    by: Claimant | None = None  # the worker that has it, which proves that


class Cancelled(Struct, frozen=True):
    row: JobRow
    was_applied: bool  # False: it had ended before


def cancel(tx: Tx, org: int, job_id: str, scope: Scope) -> JobRow:
    """Cancel a waiting job; the jobs that wait for it are cancelled too.

    Raises:
        NotFound: no such job in this organization and scope.
        Conflict: the job is running or finished: neither can be taken back.

    Contract: jobs, J4 and J5.
    """
    before = visible(tx.row(job_statements.BY_ID, {"id": job_id, "org": org}), scope)
    _check_is_no_item(before)
    return _cancel_waiting(tx, before, None)


def cancel_now(tx: Tx, org: int, job_id: str, how: Cancelling, scope: Scope) -> Cancelled:
    """As `cancel`, and what is being processed, too, if its kind allows it or it is forced.

    Its worker is refused from now on, and told why; what it has done is discarded. Of kinds that
    are cancelled at once one that has ended stays as it is, and that is no error.

    Raises:
        NotFound: no such job in this organization and scope.
        Conflict: the job has ended, or is being processed and not to be taken.
        LeaseExpired: the worker that asks does not hold it.

    Contract: catbird-capabilities, T13 and T14.
    """
    before = visible(tx.row(job_statements.BY_ID, {"id": job_id, "org": org}), scope)
    _check_is_no_item(before)
    is_at_once = RULES[before["kind"]].is_cancelled_at_once
    if is_at_once and before["status"] in TERMINAL:
        return Cancelled(before, was_applied=False)
    if how.by is not None and tx.row(statements.HELD, guard(tx, org, job_id, how.by)) is None:
        raise refusal(tx, org, job_id, how.by, scope)
    if before["status"] == "processing" and (is_at_once or how.is_forced):
        return Cancelled(_cancel_held(tx, before, how.reason, JOB_CANCELED), was_applied=True)
    return Cancelled(_cancel_waiting(tx, before, how.reason), was_applied=True)


def cancel_several(tx: Tx, org: int, job_ids: Sequence[str], scope: Scope) -> int:
    """Cancel the waiting ones among a few jobs, in one pass; returns how many.

    A background loop cancels the jobs that wait for them.
    """
    count = 0
    for job in find_named(tx, org, job_ids, scope):
        if job["status"] not in WAITING:
            continue
        row = _cancel(tx, org, job["id"], was=job["status"])
        assert row is not None, "nothing changes a job between two statements of an operation"
        tell_dependents_later(tx, row)
        count += 1
    return count


def expire_jobs(tx: Tx) -> Pass:
    """Cancel jobs whose `expires_at` has passed: PASS_MAX, or PASS_BYTES_MAX. Messages go.

    Only runs of tasks expire while a worker has them.

    Contract: jobs, section 13; catbird-capabilities, section 6.2.
    """
    expired = tx.rows(statements.EXPIRED, {"now_ms": tx.now_ms, "limit": PASS_MAX})
    some = _expire_some(tx, expired)
    return next_pass(tx, len(some), statements.NEXT_EXPIRY, found=len(expired))


def expire_jobs_of(tx: Tx, org: int) -> Counter[Kind]:
    """As a pass of `expire_jobs`, in one organization; how many of each kind."""
    asked = {"org": org, "now_ms": tx.now_ms, "limit": PASS_MAX}
    expired = tx.rows(statements.EXPIRED_OF_ORG, asked)
    return Counter(job["kind"] for job in _expire_some(tx, expired))


def _expire_some(tx: Tx, expired: Sequence[ExpiredRow]) -> Sequence[ExpiredRow]:
    some = first_of(expired)
    remove_messages(tx, [job["seq"] for job in some if job["kind"] == "message"])
    for job in some:
        if job["kind"] != "message":
            expire(tx, job)
    return some


def expire(tx: Tx, job: JobRow | ExpiredRow) -> None:
    """Cancel a job that waits or is being processed, since its time is over."""
    if job["status"] == "processing":
        _cancel_held(tx, job, None, EXPIRED)
        return
    row = _cancel(tx, job["org"], job["id"], was=job["status"], told=EXPIRED)
    assert row is not None, "nothing changes a job between two statements of an operation"
    tell_dependents_later(tx, row)


def _check_is_no_item(job: JobRow) -> None:
    if job["step_job"] is not None:
        raise Conflict("An item is not cancelled alone: cancel its workflow")


def _cancel_waiting(tx: Tx, before: JobRow, reason: str | None) -> JobRow:
    row = _cancel(tx, before["org"], before["id"], was=before["status"], reason=reason, told=reason)
    if row is None:
        raise Conflict(f"Job cannot be cancelled: it is {before['status']}")
    tell_dependents(tx, row)
    return row


def _cancel(
    tx: Tx, org: int, job_id: str, *, was: str, reason: str | None = None, told: str | None = None
) -> JobRow | None:
    asked = {"id": job_id, "org": org, "cancel_reason": reason, "now_ms": tx.now_ms}
    row = tx.row(statements.CANCEL, asked)
    if row is not None:
        tx.emit("job.cancelled", org, row=row, was=was, facts={"reason": told})
    return row


def _cancel_held(tx: Tx, held: JobRow | ExpiredRow, reason: str | None, stop_reason: str) -> JobRow:
    asked = {"seq": held["seq"], "cancel_reason": reason, "stop_reason": stop_reason}
    row = tx.row(statements.CANCEL_HELD, {**asked, "now_ms": tx.now_ms})
    assert row is not None, "nothing changes a job between two statements of an operation"
    facts = {"reason": reason or stop_reason, "worker_id": held["assigned_worker_id"]}
    tx.emit("job.cancelled", row["org"], row=row, was="processing", facts=facts)
    tx.feed((row["org"], row["queue_name"]))  # a queue with a concurrency limit has room now
    if row["tells_breaker"]:
        work_ended(tx, row)
    if row["phase"] is not None:  # it may have items
        close_items(tx, row, state="canceled", reason=stop_reason, error=None)
    tell_dependents_later(tx, row)
    return row
