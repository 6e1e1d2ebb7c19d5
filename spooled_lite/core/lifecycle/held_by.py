"""The worker of a step or an item that acts on the whole run of its job."""

from msgspec import Struct

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import end_run_statements
from spooled_lite.core.lifecycle.fence import guard, refusal, visible
from spooled_lite.core.lifecycle.statements import HELD, HeldRow
from spooled_lite.errors import BadRequest
from spooled_lite.storage.transaction import Reading, Tx


class HeldJob(Struct, frozen=True, kw_only=True):
    """The step or the item that a worker has, and what shows that."""

    job_id: str
    claimant: Claimant


def check_held(tx: Tx, org: int, workflow_id: str, by: HeldJob, scope: Scope) -> HeldRow:
    """What the worker has.

    Raises:
        NotFound: there is no such job.
        BadRequest: it is no step or item of this workflow.
        LeaseExpired, Conflict: the worker does not have it.
    """
    job = visible(tx.row(job_statements.BY_ID, {"id": by.job_id, "org": org}), scope)
    if workflow_of(tx, job) != workflow_id:
        raise BadRequest("The job is no step or item of this workflow")
    held = tx.row(HELD, guard(tx, org, by.job_id, by.claimant))
    if held is None:
        raise refusal(tx, org, by.job_id, by.claimant, scope)
    return held


def workflow_of(tx: Reading, job: JobRow) -> str | None:
    """The id of the workflow whose step or item the job is."""
    if job["step_job"] is None:
        return job["workflow_id"]
    return tx.value(end_run_statements.WORKFLOW_OF_STEP, {"seq": job["step_job"]})
