"""Cancelling, retrying and deleting a workflow as a whole."""

from msgspec import Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import end_run_statements, statements
from spooled_lite.core.lifecycle.held_by import HeldJob, check_held
from spooled_lite.core.lifecycle.stop import CANCELLED_WITH_WORKFLOW, request_stop
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.steps import statements as step_statements
from spooled_lite.core.steps.advance import counted_together, set_status
from spooled_lite.core.steps.close_statements import OPEN_STEPS
from spooled_lite.core.steps.dependents import (
    bring_back_steps,
    decide_again,
    hold_back,
    tell_dependents_later,
)
from spooled_lite.core.steps.item_ends import WORKFLOW_CANCELED, settle_step
from spooled_lite.core.steps.item_statements import MARK_STOPPED
from spooled_lite.core.steps.items import close_items, expand_if_held, stop_items
from spooled_lite.core.steps.reopen import reopen_run
from spooled_lite.core.workflows import edge_statements
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import ShownWorkflowRow, WorkflowRow
from spooled_lite.core.workflows.document import document_of
from spooled_lite.core.workflows.query import get_workflow, with_metadata
from spooled_lite.core.workflows.states import state_of_workflow
from spooled_lite.errors import BadRequest, Conflict
from spooled_lite.plans import Caps
from spooled_lite.storage.transaction import Tx


class CancelledWorkflow(Struct, frozen=True):
    row: ShownWorkflowRow
    was_applied: bool  # False: it was cancelled before, and nothing of it runs any more


def cancel_workflow(
    tx: Tx,
    org: int,
    workflow_id: str,
    reason: str | None,
    scope: Scope,
    stop_running: bool | None = None,
    by: HeldJob | None = None,
) -> CancelledWorkflow:
    """Cancel a workflow and all its steps that wait.

    With `stop_running` those that run are told to stop (`stop.request_stop`), else they go on to
    their end; where nothing is said, those of runs of documents are told. Until the last of them
    has ended the workflow is `canceling`. Cancelling it again until then reaches steps that still
    run, or were retried since; for a run of a document the newest reason counts.

    `by` is the worker of one of its jobs, which has to have it.

    Raises:
        NotFound, AccessDenied: as `get_workflow`.
        Conflict: it has completed or failed.
        LeaseExpired, Conflict: the worker does not have the job.
        BadRequest: the job is none of this workflow.

    Contract: schedules-workflows-webhooks, section 2.2 row 13; catbird-capabilities, section 8.6.
    """
    workflow = get_workflow(tx, org, workflow_id, scope)
    is_run = workflow["document"] is not None
    if workflow["status"] in ("completed", "failed"):
        raise Conflict(f"Workflow cannot be cancelled: it is {workflow['status']}")
    was_applied = state_of_workflow(workflow) in ("started", "canceling")
    if by is not None and was_applied:
        check_held(tx, org, workflow_id, by, scope)
    if stop_running is None:
        stop_running = is_run
    if workflow["status"] != "cancelled":
        asked = {"seq": workflow["seq"], "reason": reason, "now_ms": tx.now_ms}
        tx.execute(workflow_statements.REQUEST_CANCEL, asked)
    elif is_run and not was_applied:
        return CancelledWorkflow(with_metadata(tx, workflow), was_applied)
    elif is_run and reason is not None:
        tx.execute(end_run_statements.GIVE_REASON, {"seq": workflow["seq"], "reason": reason})
    elif not stop_running:
        return CancelledWorkflow(with_metadata(tx, workflow), was_applied)
    with counted_together(tx, workflow_id):
        _cancel_waiting_steps(tx, org, workflow_id)
        if stop_running:
            request_stop(tx, workflow_id)
        if is_run:
            _stop_items(tx, workflow, tells_workers=stop_running)
    now = get_workflow(tx, org, workflow_id, scope)
    if now["status"] != "cancelled":  # no step waited, so none has changed the status
        set_status(tx, now, "cancelled")
    now = get_workflow(tx, org, workflow_id, scope)
    return CancelledWorkflow(with_metadata(tx, now), was_applied)


def _cancel_waiting_steps(tx: Tx, org: int, workflow_id: str) -> None:
    for step in tx.rows(workflow_statements.WAITING_STEPS, {"workflow_id": workflow_id}):
        if step["phase"] == "generate" and expand_if_held(tx, step):
            continue  # its producer was to begin again; `_stop_items` does the rest
        asked = {"id": step["id"], "org": org, "cancel_reason": None, "now_ms": tx.now_ms}
        row = tx.row(statements.CANCEL, asked)
        assert row is not None, "nothing changes a job between two statements of an operation"
        facts = {"reason": CANCELLED_WITH_WORKFLOW}
        tx.emit("job.cancelled", org, row=row, was=step["status"], facts=facts)
        if row["phase"] == "generate":  # it may have items that wait, too
            close_items(tx, row, state="canceled", reason=WORKFLOW_CANCELED, error=None)
        if step["is_needed_elsewhere"]:  # dependents in this workflow are cancelled here anyway
            tell_dependents_later(tx, row)


def _stop_items(tx: Tx, workflow: WorkflowRow, *, tells_workers: bool) -> None:
    """No item begins any more; with the last one that somebody has its step ends, at once where
    nobody has any."""
    assert workflow["document"] is not None, "only a document has steps with items"
    document = document_of(tx, workflow["document"])
    if not document.fan_out_count:
        return
    asked = {"workflow_id": workflow["id"], "but_not": None}
    for step in tx.rows(OPEN_STEPS, asked):
        if not document.by_key[step["step_key"] or ""].has_items:
            continue
        if step["lease_id"] is None:
            said = {"step": step["seq"], "reason": WORKFLOW_CANCELED, "now_ms": tx.now_ms}
            tx.execute(MARK_STOPPED, said)
        stop_items(tx, step, WORKFLOW_CANCELED, tells_workers=tells_workers)
        settle_step(tx, step["seq"])


def retry_workflow(
    tx: Tx, org: int, workflow_id: str, scope: Scope, caps: Caps | None
) -> ShownWorkflowRow:
    """Start the failed steps of a failed workflow over, and bring back those cancelled for them.

    What was skipped stays so: what it was decided by has ended well, and does not change.

    Raises:
        NotFound, AccessDenied: as `get_workflow`.
        BadRequest: it has not failed, or no step of it has, or they are gone.
        Conflict: as `reopen_run`.
        QuotaExceeded: a cap would be passed; nothing is changed.

    Contract: schedules-workflows-webhooks, section 2.2 row 14.
    """
    workflow = get_workflow(tx, org, workflow_id, scope)
    if workflow["status"] != "failed":
        raise BadRequest(f"Only failed workflows can be retried; this one is {workflow['status']}")
    failed = tx.rows(workflow_statements.FAILED_STEPS, {"workflow_id": workflow_id})
    if not failed and workflow["ended_as"] is not None:
        raise BadRequest(
            "No job of this workflow has failed, but none has given an output: run it again instead"
        )
    if not failed:
        raise BadRequest("The failed jobs of this workflow were deleted: nothing can be retried")
    if caps is not None:
        back = tx.rows(step_statements.CANCELLED_STEPS, {"workflow_id": workflow_id})
        check_room(tx, org, caps, "active_jobs", more=len(failed) + len(back))
        check_room(tx, org, caps, "workflows", more=1)
    with counted_together(tx, workflow_id):
        reopen_run(tx, workflow)
        restarted: list[JobRow] = []
        for step in failed:
            row = tx.row(statements.START_STEP_OVER, {"seq": step["seq"], "now_ms": tx.now_ms})
            assert row is not None, "nothing changes a job between two statements of an operation"
            tx.emit("job.retried", org, row=row, was=step["status"])
            announce_times(tx, row)
            tell_dependents_later(tx, row)
            restarted.append(row)
        hold_back(tx, failed)
        bring_back_steps(tx, workflow_id)
        decide_again(tx, restarted)
    return with_metadata(tx, get_workflow(tx, org, workflow_id, scope))


def delete_workflow(tx: Tx, org: int, workflow_id: str, scope: Scope) -> None:
    """Delete a workflow that has ended; its jobs stay, as ordinary jobs.

    Raises:
        NotFound, AccessDenied: as `get_workflow`.
        Conflict: it has not ended.

    Contract: schedules-workflows-webhooks, section 2.2 row 15.
    """
    workflow = get_workflow(tx, org, workflow_id, scope)
    if workflow["status"] in ("pending", "running"):
        raise Conflict(f"Only finished workflows can be deleted; this one is {workflow['status']}")
    tx.execute(edge_statements.DELETE_EDGES_OF_WORKFLOW, {"workflow_id": workflow_id})
    tx.execute(workflow_statements.LET_STEPS_GO, {"workflow_id": workflow_id})
    tx.execute(workflow_statements.DELETE, {"seq": workflow["seq"]})
