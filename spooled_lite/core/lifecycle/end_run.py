"""Ending a whole run by one of its steps, or by a call: completed early, or cancelled.

Contract: catbird-capabilities, sections 8.5 and 8.6; amendments, G12.
"""

from typing import Final

from msgspec import Struct

from spooled_lite.core.breakers.outcomes import attempt_succeeded
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.jobs.records import Claimant
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import end_run_statements as statements
from spooled_lite.core.lifecycle.cancel import Cancelling, cancel_now
from spooled_lite.core.lifecycle.held_by import HeldJob, check_held, workflow_of
from spooled_lite.core.lifecycle.settle import Failed, complete, fail
from spooled_lite.core.lifecycle.workflow import cancel_workflow
from spooled_lite.core.steps.activate_statements import SET_OUTPUT
from spooled_lite.core.steps.advance import set_status
from spooled_lite.core.steps.close import close_open_steps
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import document_of
from spooled_lite.core.workflows.query import get_workflow
from spooled_lite.core.workflows.records import ENDED
from spooled_lite.core.workflows.states import state_of_workflow
from spooled_lite.errors import BadRequest
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx

# Workers read this word in `details.reason`: catbird-capabilities, section 19.3.
COMPLETED_EARLY: Final = "workflow_completed_early"
NOT_BY_THESE: Final = "A {0} may not complete its run early"


class EarlyEnd(Struct, frozen=True, kw_only=True):
    """What a run gives that is completed before all its steps are."""

    output: bytes  # JSON
    reason: str | None = None


class RunEnded(Struct, frozen=True, kw_only=True):
    """How a run stands after it was to be ended."""

    status: str
    state: str
    was_applied: bool  # False: it had ended before, or may not be ended by this worker
    job_status: str | None = None  # of the job whose worker has asked for it
    failed: Failed | None = None  # it may not: that was a failure of its attempt


@in_lane(Lane.SETTLE)
def complete_early(
    tx: Tx, org: int, workflow_id: str, end: EarlyEnd, by: HeldJob | None, scope: Scope
) -> RunEnded:
    """Complete a run with this output, whatever its steps have done. The first call counts.

    Every open step and item is cancelled, that of the caller too, and whoever has one is told to
    stop. Nothing is changed of a run that has ended, or is being cancelled. A producer or a
    reducer may not do it: that is a failure of its attempt.

    Raises:
        NotFound, AccessDenied: as `get_workflow`.
        BadRequest: it is a workflow without a document; the job is no step or item of it.
        LeaseExpired, Conflict: the worker does not have the job.

    Contract: catbird-capabilities, F44 and F45.
    """
    workflow = get_workflow(tx, org, workflow_id, scope)
    if workflow["document"] is None:
        raise BadRequest("Only a run of a flow can be completed early; this workflow is none")
    if workflow["status"] in ENDED:
        return _told(workflow, was_applied=False)
    if by is not None:
        held = check_held(tx, org, workflow_id, by, scope)
        kind = _may_not(tx, workflow, get_job(tx, org, by.job_id, scope))
        if kind is not None:
            failed = fail(tx, org, by.job_id, by.claimant, NOT_BY_THESE.format(kind), scope)
            now = get_workflow(tx, org, workflow_id, scope)
            return _told(now, was_applied=False, job_status=failed.status, failed=failed)
        if held["tells_breaker"]:
            attempt_succeeded(tx, held, held["lease_id"])
        tx.execute(statements.KEEP_LEASE, {"seq": held["seq"]})
    _end(tx, workflow, end)
    now = get_workflow(tx, org, workflow_id, scope)
    return _told(now, was_applied=True, job_status=None if by is None else "cancelled")


@in_lane(Lane.SETTLE)
def complete_with_run(
    tx: Tx,
    org: int,
    job_id: str,
    claimant: Claimant,
    result: bytes | None,
    end: EarlyEnd,
    scope: Scope,
) -> RunEnded:
    """As `complete_early`, by the worker of one of the steps or items, in place of completing it.

    Where the run is being cancelled, the job is completed with its result.

    Raises: as `complete_early`. BadRequest: also, the job is no step or item.
    """
    job = get_job(tx, org, job_id, scope)
    workflow = get_workflow(tx, org, _workflow_named(tx, job), scope)
    if workflow["document"] is not None and workflow["status"] in ENDED:
        return _settled(tx, org, workflow["id"], job, claimant, result, scope)
    by = HeldJob(job_id=job_id, claimant=claimant)
    return complete_early(tx, org, workflow["id"], end, by, scope)


@in_lane(Lane.SETTLE)
def complete_and_cancel_run(
    tx: Tx,
    org: int,
    job_id: str,
    claimant: Claimant,
    result: bytes | None,
    reason: str | None,
    scope: Scope,
) -> RunEnded:
    """Cancel the workflow of a job, and complete the job. A run of a task is itself cancelled.

    Raises: as `complete`. BadRequest: the job is no step, no item and no run of a task.
    """
    job = get_job(tx, org, job_id, scope)
    if job["kind"] == "task_run":
        how = Cancelling(reason=reason, by=claimant)
        done = cancel_now(tx, org, job_id, how, scope)
        status = done.row["status"]
        state = "canceled" if status == "cancelled" else status
        return RunEnded(status=status, state=state, was_applied=done.was_applied, job_status=status)
    workflow = get_workflow(tx, org, _workflow_named(tx, job), scope)
    if workflow["status"] in ENDED:
        return _settled(tx, org, workflow["id"], job, claimant, result, scope)
    # The job is in flight when its run is cancelled: nothing that waits for it begins.
    by = HeldJob(job_id=job_id, claimant=claimant)
    cancel_workflow(tx, org, workflow["id"], reason, scope, by=by)
    complete(tx, org, job_id, claimant, result, scope)
    now = get_workflow(tx, org, workflow["id"], scope)
    return _told(now, was_applied=True, job_status="completed")


def _settled(
    tx: Tx,
    org: int,
    workflow_id: str,
    job: JobRow,
    claimant: Claimant,
    result: bytes | None,
    scope: Scope,
) -> RunEnded:
    """The run has ended before. A job that is still held is completed; another was closed with it,
    and its worker is told so without an error: there is nothing left to do."""
    status = job["status"]
    if status == "processing":
        complete(tx, org, job["id"], claimant, result, scope)
        status = "completed"
    return _told(get_workflow(tx, org, workflow_id, scope), was_applied=False, job_status=status)


def _end(tx: Tx, workflow: WorkflowRow, end: EarlyEnd) -> None:
    asked = {"seq": workflow["seq"], "reason": end.reason, "now_ms": tx.now_ms}
    tx.execute(statements.END_EARLY, asked)
    tx.execute(SET_OUTPUT, {"workflow": workflow["seq"], "body": end.output})
    close_open_steps(tx, workflow, state="canceled", reason=COMPLETED_EARLY)
    now = tx.row(workflow_statements.BY_ID, {"id": workflow["id"], "org": workflow["org"]})
    assert now is not None, "it was looked at in this operation"
    if now["status"] != "completed":  # no step was open, so none has changed the status
        set_status(tx, now, "completed")


def _may_not(tx: Tx, workflow: WorkflowRow, job: JobRow) -> str | None:
    """What the job is, if that may not complete its run."""
    if job["phase"] == "generate":
        return "generator"
    if job["kind"] == "item" or workflow["document"] is None:
        return None
    step = document_of(tx, workflow["document"]).by_key[job["step_key"] or ""]
    return "reducer" if step.type == "reducer" else None


def _workflow_named(tx: Tx, job: JobRow) -> str:
    workflow_id = workflow_of(tx, job)
    if workflow_id is None:
        raise BadRequest("The job is no step of a workflow, and no item of one")
    return workflow_id


def _told(
    row: WorkflowRow,
    *,
    was_applied: bool,
    job_status: str | None = None,
    failed: Failed | None = None,
) -> RunEnded:
    return RunEnded(
        status=row["status"],
        state=state_of_workflow(row),
        was_applied=was_applied,
        job_status=job_status,
        failed=failed,
    )
