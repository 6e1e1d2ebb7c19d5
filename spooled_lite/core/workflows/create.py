"""Storing a workflow: itself, its steps and the edges between them, all or nothing."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.enqueue import new_row
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.orgs.usage import check_room, check_room_for_jobs
from spooled_lite.core.queues.ensure import ensure_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.workflows import statements
from spooled_lite.core.workflows.graph import check_graph
from spooled_lite.core.workflows.records import NewStep, NewWorkflow
from spooled_lite.storage.transaction import Tx


class StepCreated(Struct, frozen=True):
    key: str
    job_id: str


class WorkflowCreated(Struct, frozen=True):
    row: sqlite3.Row
    steps: Sequence[StepCreated]  # in the order of the request


def create_workflow(tx: Tx, org: int, new: NewWorkflow, admission: Admission) -> WorkflowCreated:
    """Store a workflow with up to a thousand steps; those that wait for nothing are claimable.

    Raises:
        BadRequest: a key stands there twice, an unknown one is named, or there is a cycle.
        QuotaExceeded: a cap would be passed.

    Contract: schedules-workflows-webhooks, section 2.2 row 11.
    """
    check_graph(new.steps)
    if admission.caps is not None:
        check_room(tx, org, admission.caps, "workflows", more=1)
        check_room_for_jobs(tx, org, admission.caps, more=len(new.steps))
    workflow = tx.row(
        statements.INSERT,
        {
            "id": tx.new_id(),
            "org": org,
            "name": new.name,
            "description": new.description,
            "metadata": new.metadata,
            "total_jobs": len(new.steps),
            "now_ms": tx.now_ms,
        },
    )
    assert workflow is not None, "INSERT ... RETURNING always yields a row"
    rows = {
        step.key: _store(tx, org, workflow["id"], step, position, admission)
        for position, step in enumerate(new.steps)
    }
    tx.execute_many(
        statements.INSERT_EDGES,
        [
            (rows[step.key]["seq"], step.condition, _numbers(rows, step.depends_on))
            for step in new.steps
            if step.depends_on
        ],
    )
    return WorkflowCreated(workflow, [StepCreated(key, row["id"]) for key, row in rows.items()])


def _numbers(rows: Mapping[str, Mapping[str, Any]], keys: Sequence[str]) -> str:
    return msgspec.json.encode([rows[key]["seq"] for key in keys]).decode()


def _store(
    tx: Tx, org: int, workflow_id: str, step: NewStep, position: int, admission: Admission
) -> dict[str, Any]:
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
    row["seq"] = tx.insert(statements.INSERT_STEP, row)
    tx.emit("job.created", org, row=row)
    announce_times(tx, row)
    return row
