"""Storing a workflow with its steps and the edges between them, all or nothing."""

from collections.abc import Sequence

from msgspec import Struct

from spooled_lite.core.jobs.bodies import insert_job
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.enqueue import new_row
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.orgs.usage import check_room, check_room_for_jobs
from spooled_lite.core.queues.ensure import ensure_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.workflows import statements
from spooled_lite.core.workflows.columns import ShownWorkflowRow
from spooled_lite.core.workflows.edges import store_edges
from spooled_lite.core.workflows.graph import Graph
from spooled_lite.core.workflows.records import NewStep, NewWorkflow
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


class StoredStep(Struct, frozen=True):
    key: str
    job_id: str


class StoredWorkflow(Struct, frozen=True):
    row: ShownWorkflowRow
    steps: Sequence[StoredStep]  # in the order of the request


@in_lane(Lane.CREATE)
def create_workflow(
    tx: Tx, org: int, new: NewWorkflow, graph: Graph, admission: Admission
) -> StoredWorkflow:
    """Store a workflow of up to STEPS_MAX steps; those that wait for nothing can be claimed.

    `graph` is what `graph_of` gives for the steps.

    Raises:
        QuotaExceeded: a cap would be passed.

    Contract: schedules-workflows-webhooks, section 2.2 row 11.
    """
    if admission.caps is not None:
        check_room_for_jobs(tx, org, admission.caps, more=len(new.steps))
        check_room(tx, org, admission.caps, "workflows", more=1)
    workflow = tx.row(
        statements.INSERT,
        {
            "id": tx.new_id(),
            "org": org,
            "name": new.name,
            "description": new.description,
            "total_jobs": len(new.steps),
            "now_ms": tx.now_ms,
        },
    )
    assert workflow is not None, "INSERT ... RETURNING always yields a row"
    if new.metadata is not None:
        params = {"workflow": workflow["seq"], "metadata": new.metadata}
        tx.execute(statements.ADD_METADATA, params)
    rows = [
        _store(tx, org, workflow["id"], step, position, admission)
        for position, step in enumerate(new.steps)
    ]
    store_edges(tx, [step.condition for step in new.steps], graph, [row["seq"] for row in rows])
    shown: ShownWorkflowRow = {**workflow, "metadata": new.metadata}
    stored = zip(new.steps, rows, strict=True)
    return StoredWorkflow(shown, [StoredStep(step.key, row["id"]) for step, row in stored])


def _store(
    tx: Tx, org: int, workflow_id: str, step: NewStep, position: int, admission: Admission
) -> JobRow:
    is_met = int(not step.depends_on)
    row = new_row(tx, org, step.job, ensure_queue(tx, org, step.job.queue_name, admission))
    row |= {
        "kind": "step",
        "workflow_id": workflow_id,
        "step_key": step.key,
        "step_position": position,
        "dependency_mode": step.mode,
        "dependencies_met": is_met,
        "claimable": is_met,
    }
    row["seq"] = insert_job(tx, statements.INSERT_STEP, row)
    tx.emit("job.created", org, row=row)
    announce_times(tx, row)
    return row
