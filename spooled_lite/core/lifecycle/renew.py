"""Renewing a lease and reporting progress while a worker holds a job."""

from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.fence import guard, refusal, visible, with_status
from spooled_lite.core.lifecycle.stop import stop
from spooled_lite.errors import LeaseExpired
from spooled_lite.events import Deadline
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx

Renewal = int | LeaseExpired  # the moment it ends, or that its job was told to stop


@in_lane(Lane.SETTLE)
def renew(
    tx: Tx, org: int, job_id: str, claimant: Claimant, lease_ms: int, scope: Scope
) -> Renewal:
    """Let the lease end `lease_ms` from now; returns that moment. Announces nothing.

    An attempt that may take `timeout_ms` is not held longer than that and TIMEOUT_GRACE_MS: the
    lease ends then, and is not renewed after it.

    A lease that is made shorter is reaped no later than at its old end. If the job was told to
    stop, its lease ends at once and the job is cancelled. That refusal is returned and not raised,
    because what it has changed is kept; `end_of` takes it apart.

    Raises: as `settle.complete`.

    Contract: jobs, J15; catbird-capabilities, sections 7 (H4) and 8.6; amendments, G11.
    """
    ends_at_ms = tx.now_ms + lease_ms
    row = tx.row(
        statements.RENEW,
        {**guard(tx, org, job_id, claimant), "lease_expires_at_ms": ends_at_ms},
    )
    if row is None:
        raise refusal(tx, org, job_id, claimant, scope)
    visible(row, scope)
    if row["stop_reason"] is not None and stop(tx, row):
        stopped = LeaseExpired(reason=row["stop_reason"])
        return with_status(stopped, "cancelled", by_this_lease=False)
    ends_at_ms = row["lease_expires_at_ms"] or ends_at_ms
    tx.due(Deadline.LEASE_END, ends_at_ms)
    return ends_at_ms


def end_of(renewal: Renewal) -> int:
    """The moment a lease ends, in milliseconds. Raises LeaseExpired: its job was told to stop."""
    if isinstance(renewal, LeaseExpired):
        raise renewal
    return renewal


@in_lane(Lane.SETTLE)
def report_progress(
    tx: Tx,
    org: int,
    job_id: str,
    claimant: Claimant,
    progress: float,
    message: str | None,
    scope: Scope,
) -> None:
    """Keep the last progress of a leased job, in percent, and announce it.

    Raises: as `settle.complete`. Contract: jobs, J16.
    """
    row = tx.row(
        statements.REPORT_PROGRESS,
        {**guard(tx, org, job_id, claimant), "progress": progress, "message": message},
    )
    if row is None:
        raise refusal(tx, org, job_id, claimant, scope)
    visible(row, scope)
    tx.emit("job.progress", org, row=row, was="processing")
