"""Cancelling, retrying and deleting a workflow as a whole."""

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.stop import CANCELLED_WITH_WORKFLOW, request_stop
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.steps import statements as step_statements
from spooled_lite.core.steps.advance import counted_together, set_status
from spooled_lite.core.steps.dependents import (
    bring_back_steps,
    decide_again,
    hold_back,
    tell_dependents_later,
)
from spooled_lite.core.steps.reopen import reopen_run
from spooled_lite.core.workflows import edge_statements
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import ShownWorkflowRow
from spooled_lite.core.workflows.query import get_workflow, with_metadata
from spooled_lite.errors import BadRequest, Conflict
from spooled_lite.plans import Caps
from spooled_lite.storage.transaction import Tx


def cancel_workflow(
    tx: Tx,
    org: int,
    workflow_id: str,
    reason: str | None,
    scope: Scope,
    stop_running: bool = False,
) -> ShownWorkflowRow:
    """Cancel a workflow and all its steps that wait; those that run go on to their end.

    With `stop_running` the running ones are told to stop (`stop.request_stop`). Cancelling it again
    changes nothing, except that `stop_running` reaches steps that still run, or were retried since.

    Raises:
        NotFound, AccessDenied: as `get_workflow`.
        Conflict: it has completed or failed.

    Contract: schedules-workflows-webhooks, section 2.2 row 13; catbird-capabilities, section 8.6.
    """
    workflow = get_workflow(tx, org, workflow_id, scope)
    if workflow["status"] in ("completed", "failed"):
        raise Conflict(f"Workflow cannot be cancelled: it is {workflow['status']}")
    if workflow["status"] != "cancelled":
        tx.execute(
            workflow_statements.REQUEST_CANCEL,
            {"seq": workflow["seq"], "reason": reason, "now_ms": tx.now_ms},
        )
    elif not stop_running:
        return with_metadata(tx, workflow)
    with counted_together(tx, workflow_id):
        _cancel_waiting_steps(tx, org, workflow_id)
    if stop_running:
        request_stop(tx, workflow_id)
    now = get_workflow(tx, org, workflow_id, scope)
    if now["status"] != "cancelled":  # no step waited, so none has changed the status
        set_status(tx, now, "cancelled")
    return with_metadata(tx, get_workflow(tx, org, workflow_id, scope))


def _cancel_waiting_steps(tx: Tx, org: int, workflow_id: str) -> None:
    for step in tx.rows(workflow_statements.WAITING_STEPS, {"workflow_id": workflow_id}):
        asked = {"id": step["id"], "org": org, "cancel_reason": None, "now_ms": tx.now_ms}
        row = tx.row(statements.CANCEL, asked)
        assert row is not None, "nothing changes a job between two statements of an operation"
        facts = {"reason": CANCELLED_WITH_WORKFLOW}
        tx.emit("job.cancelled", org, row=row, was=step["status"], facts=facts)
        if step["is_needed_elsewhere"]:  # dependents in this workflow are cancelled here anyway
            tell_dependents_later(tx, row)


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
