"""Why an answer about a job was refused: the lease is the fence."""

from typing import Any, Final, TypedDict, TypeVar

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.policy import TIMEOUT_GRACE_MS
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.jobs.states import TERMINAL
from spooled_lite.core.keys.records import Scope
from spooled_lite.errors import Conflict, LeaseExpired, NotFound, SpooledError
from spooled_lite.storage.transaction import Reading, Tx

# Workers read these words in `details.reason`: catbird-capabilities, section 19.3.
JOB_CANCELED: Final = "job_canceled"
TIMEOUT: Final = "timeout"
LEASE_TIMEOUT: Final = "lease_timeout"  # it was over before they said anything
SUPERSEDED: Final = "superseded"  # another lease has taken its place


class OfQueueRow(TypedDict):
    queue_name: str


R = TypeVar("R", bound=OfQueueRow)
E = TypeVar("E", bound=SpooledError)


def guard(tx: Tx, org: int, job_id: str, claimant: Claimant) -> dict[str, Any]:
    """The parameters of every statement that only the holder of the lease may run."""
    return {
        "id": job_id,
        "org": org,
        "worker_id": claimant.worker_id or None,
        "lease_id": claimant.lease_id or None,
        "now_ms": tx.now_ms,
    }


def visible(row: R | None, scope: Scope) -> R:
    """The row, if there is one and the key may see its queue. Raises NotFound otherwise."""
    if row is None or not scope.allows(row["queue_name"]):
        raise NotFound.thing("Job")
    return row


def refusal(tx: Reading, org: int, job_id: str, claimant: Claimant, scope: Scope) -> SpooledError:
    """Explain why a guarded statement changed nothing, in the order of the contract's table.

    Unless the job is not there for this caller, the details say its status and whether the lease
    that was shown has settled it: then an earlier call came through whose answer was lost.

    Contract: jobs, section 6 ("Fencing of complete / fail / heartbeat"); amendments, G8.
    """
    job = tx.row(job_statements.BY_ID, {"id": job_id, "org": org})
    if job is None or not scope.allows(job["queue_name"]):
        return NotFound.thing("Job")
    lease_id = claimant.lease_id or None
    error = _refusal(tx, job, claimant)
    settled = lease_id is not None and lease_id == job["settled_lease_id"]
    return with_status(error, job["status"], by_this_lease=settled)


def with_status(error: E, status: str, *, by_this_lease: bool) -> E:
    """The error, with the status of its job in the details."""
    error.details = {"status": status, "by_this_lease": by_this_lease, **(error.details or {})}
    return error


def _refusal(tx: Reading, job: JobRow, claimant: Claimant) -> Conflict | LeaseExpired:
    lease_id = claimant.lease_id or None
    if job["status"] in TERMINAL:
        if lease_id is None or lease_id == job["settled_lease_id"]:
            return Conflict(f"Job is already {job['status']}")
        is_cancelled = job["status"] == "cancelled"
        gone = JOB_CANCELED if is_cancelled else SUPERSEDED
        return LeaseExpired(reason=job["stop_reason"] or gone)
    if job["status"] != "processing":
        if lease_id is None:
            return Conflict("Job is not being processed")
        return LeaseExpired(reason=LEASE_TIMEOUT)
    if lease_id is not None and lease_id != job["lease_id"]:
        said = "The lease id does not match the job's current lease"
        return LeaseExpired(said, reason=SUPERSEDED)
    if job["lease_expires_at_ms"] is None or job["lease_expires_at_ms"] <= tx.now_ms:
        reason = job["stop_reason"] or _out_of_time(tx, job)
        return LeaseExpired(reason=reason or LEASE_TIMEOUT)
    if claimant.worker_id and claimant.worker_id != job["assigned_worker_id"]:
        return Conflict("Job is held by another worker")
    # It is held, and its lease is not renewed any more.
    return LeaseExpired(reason=TIMEOUT)


def _out_of_time(tx: Reading, job: JobRow) -> str | None:
    """Whether the attempt of a job that is processing took as long as it may."""
    if not job["timeout_ms"] or job["started_at_ms"] is None:
        return None
    is_over = job["started_at_ms"] + job["timeout_ms"] + TIMEOUT_GRACE_MS <= tx.now_ms
    return TIMEOUT if is_over else None
