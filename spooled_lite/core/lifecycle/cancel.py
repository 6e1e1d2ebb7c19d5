"""Cancelling waiting jobs, and jobs that have expired."""

from collections.abc import Sequence

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.choice import find_named
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.passes import PASS_MAX, Pass, first_of, next_pass
from spooled_lite.core.jobs.states import WAITING
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.fence import visible
from spooled_lite.core.lifecycle.remove_messages import remove_messages
from spooled_lite.core.steps.dependents import tell_dependents, tell_dependents_later
from spooled_lite.errors import Conflict
from spooled_lite.storage.transaction import Tx


def cancel(tx: Tx, org: int, job_id: str, scope: Scope) -> JobRow:
    """Cancel a waiting job; the jobs that wait for it are cancelled too.

    Raises:
        NotFound: no such job in this organization and scope.
        Conflict: the job is running or finished: neither can be taken back.

    Contract: jobs, J4 and J5.
    """
    before = visible(tx.row(job_statements.BY_ID, {"id": job_id, "org": org}), scope)
    row = _cancel(tx, org, job_id, was=before["status"], reason=None)
    if row is None:
        raise Conflict(f"Job cannot be cancelled: it is {before['status']}")
    tell_dependents(tx, row)
    return row


def cancel_several(tx: Tx, org: int, job_ids: Sequence[str], scope: Scope) -> int:
    """Cancel the waiting ones among a few jobs, in one pass; returns how many.

    A background loop cancels the jobs that wait for them.
    """
    count = 0
    for job in find_named(tx, org, job_ids, scope):
        if job["status"] not in WAITING:
            continue
        row = _cancel(tx, org, job["id"], was=job["status"], reason=None)
        assert row is not None, "nothing changes a job between two statements of an operation"
        tell_dependents_later(tx, row)
        count += 1
    return count


def expire_jobs(tx: Tx) -> Pass:
    """Cancel waiting jobs whose `expires_at` has passed: PASS_MAX, or PASS_BYTES_MAX. Messages go.

    Contract: jobs, section 13.
    """
    expired = tx.rows(statements.EXPIRED, {"now_ms": tx.now_ms, "limit": PASS_MAX})
    some = first_of(expired)
    remove_messages(tx, [job["seq"] for job in some if job["kind"] == "message"])
    for job in some:
        if job["kind"] == "message":
            continue
        row = _cancel(tx, job["org"], job["id"], was=job["status"], reason="expired")
        assert row is not None, "nothing changes a job between two statements of an operation"
        tell_dependents_later(tx, row)
    return next_pass(tx, len(some), statements.NEXT_EXPIRY, found=len(expired))


def _cancel(tx: Tx, org: int, job_id: str, *, was: str, reason: str | None) -> JobRow | None:
    row = tx.row(statements.CANCEL, {"id": job_id, "org": org, "now_ms": tx.now_ms})
    if row is not None:
        tx.emit("job.cancelled", org, row=row, was=was, facts={"reason": reason})
    return row
