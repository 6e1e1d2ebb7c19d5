"""What the holder of a lease may do with it while it works."""

from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.fence import guard, refusal, visible
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


def renew(tx: Tx, org: int, job_id: str, claimant: Claimant, lease_ms: int, scope: Scope) -> int:
    """Let the lease end `lease_ms` from now; the moment it ends. Announces nothing.

    A lease that is made shorter is reaped no later than at its old end.

    Raises: as `settle.complete`. Contract: jobs, J15.
    """
    ends_at_ms = tx.now_ms + lease_ms
    row = tx.row(
        statements.RENEW,
        {**guard(tx, org, job_id, claimant), "lease_expires_at_ms": ends_at_ms},
    )
    if row is None:
        raise refusal(tx, org, job_id, claimant, scope)
    visible(row, scope)
    tx.due(Deadline.LEASE_END, ends_at_ms)
    return ends_at_ms


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
