"""Delete a flow, and runs of flows: all of one, those of an age, those that are kept no longer.

A run goes with its steps, their items and everything it was given. Always in passes.
"""

from typing import Final

from spooled_lite.core.flows import statements as flow_statements
from spooled_lite.core.flows.query import get_flow
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.lifecycle.workflow import cancel_workflow
from spooled_lite.core.maintenance import remove_flow_statements as removal_statements
from spooled_lite.core.maintenance.remove import REMOVE_MAX, Removed
from spooled_lite.core.maintenance.remove_task import Purge, remove_runs
from spooled_lite.core.schedules import statements as schedule_statements
from spooled_lite.core.topics.bind import unbind_all
from spooled_lite.core.workflows import edge_statements
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.guards import forget_breakers_of_gone, forget_guards_of_flow
from spooled_lite.core.workflows.records import ENDED
from spooled_lite.events import Deadline
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Params, Tx

DOCUMENTS_MAX: Final = 20  # up to 20 MB that are freed in one transaction


def delete_flow(tx: Tx, org: int, name: str, scope: Scope) -> None:
    """Delete a flow, its bindings and schedules; `remove_runs_of_leaving_flow` its runs.

    After a crash a background loop deletes what is left of them.

    Raises: as `get_flow`. Contract: catbird-capabilities, F2 and B10.
    """
    flow = get_flow(tx, org, name, scope).row
    tx.execute(flow_statements.MARK_DELETED, {"seq": flow["seq"], "now_ms": tx.now_ms})
    unbind_all(tx, org, ("flow", name))
    tx.emit("flow.deleted", org, row=flow)
    gone = {"org": org, "flow_name": name, "now_ms": tx.now_ms}
    tx.execute(schedule_statements.MARK_DELETED_WITH_FLOW, gone)
    tx.due(Deadline.DELETION, tx.now_ms)


def remove_runs_of_leaving_flow(tx: Tx, org: int, name: str) -> bool:
    """One pass over the runs of a deleted flow, in any state; whether nothing is left of it."""
    flow = tx.value(flow_statements.IS_LEAVING, {"org": org, "name": name})
    if flow is None:
        return True
    asked = {"org": org, "flow_name": name, "created_until_ms": tx.now_ms}
    done = _remove_runs(tx, removal_statements.OF_FLOW, asked)
    if done.is_through:
        tx.execute(flow_statements.DELETE, {"seq": flow})
        forget_guards_of_flow(tx, org, name)
    return done.is_through


def remove_runs_of_deleted_flows(tx: Tx) -> Pass:
    """One pass over the runs of any deleted flow."""
    flow = tx.row(flow_statements.NEXT_DELETED)
    if flow is None:
        return Pass(0, None)
    remove_runs_of_leaving_flow(tx, flow["org"], flow["name"])
    return Pass(1, tx.now_ms)


def purge_flow_runs_pass(tx: Tx, org: int, name: str, wanted: Purge, scope: Scope) -> Removed:
    """Delete some of the runs of a flow; call again until it is through.

    Raises: as `get_flow`. Contract: catbird-capabilities, G3 and G4.
    """
    get_flow(tx, org, name, scope)
    asked = {"org": org, "flow_name": name}
    if wanted.ended_before_ms is not None:
        before = {"completed_before_ms": wanted.ended_before_ms}
        return _remove_runs(tx, removal_statements.ENDED_OF_FLOW, {**asked, **before})
    until = {"created_until_ms": wanted.made_until_ms}
    return _remove_runs(tx, removal_statements.OF_FLOW, {**asked, **until})


def purge_old_flow_runs(tx: Tx, org: int) -> Removed:
    """One pass over runs that have ended and are older than their flow says.

    Contract: catbird-capabilities, G2.
    """
    return _remove_runs(tx, removal_statements.OLD_OF_FLOWS, {"org": org, "now_ms": tx.now_ms})


def prune_flow_runs(tx: Tx, org: int) -> int:
    """As `purge_old_flow_runs`; 0 when nothing is left to do."""
    done = purge_old_flow_runs(tx, org)
    return done.count or int(not done.is_through)


def forget_documents(tx: Tx, org: int) -> int:
    """Delete documents that neither a flow nor a workflow has any more; how many."""
    count = tx.execute(removal_statements.UNUSED_DOCUMENTS, {"org": org, "limit": DOCUMENTS_MAX})
    if count:
        forget_breakers_of_gone(tx, org)
    return count


def _remove_runs(tx: Tx, statement: Statement[WorkflowRow], asked: Params) -> Removed:
    """Runs that the statement finds, as many as REMOVE_MAX jobs make. `count` is that of runs."""
    left, count = REMOVE_MAX, 0
    while left > 0:
        run = tx.row(statement, asked)
        if run is None:
            return Removed(count, is_through=True)
        removed = _remove_steps(tx, run, left)
        if removed is None:
            break
        tx.execute(workflow_statements.DELETE, {"seq": run["seq"]})
        left -= removed + 1
        count += 1
    return Removed(count, is_through=False)


def _remove_steps(tx: Tx, run: WorkflowRow, limit: int) -> int | None:
    """The steps of a run, and before them their items; how many steps. None: some are left.

    None of them is told that one it waits for is gone: nothing of the run begins any more.
    """
    if run["status"] not in ENDED:
        cancel_workflow(tx, run["org"], run["id"], None, ALL_QUEUES, stop_running=True)
    tx.execute(edge_statements.DELETE_EDGES_OF_WORKFLOW, {"workflow_id": run["id"]})
    asked = {"workflow_id": run["id"], "limit": limit}
    rows = tx.rows(removal_statements.STEPS_OF_RUN, asked)
    count = remove_runs(tx, rows)
    return None if count < len(rows) or len(rows) == limit else count
