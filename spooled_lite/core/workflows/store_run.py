"""Storing a run of a document: its workflow, what it was given, its steps and their edges.

Which of the steps may run is decided in `steps.start`.
"""

from collections.abc import Sequence
from typing import Any, Final, cast

from msgspec import Struct

from spooled_lite.core.jobs.bodies import insert_job
from spooled_lite.core.jobs.columns import JobRow, NewJob
from spooled_lite.core.jobs.enqueue import new_row
from spooled_lite.core.jobs.policy import OwnPolicy, stored, timeout_seconds_of
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.orgs.usage import check_room, check_room_for_jobs
from spooled_lite.core.queues.ensure import ensure_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.workflows import statements
from spooled_lite.core.workflows.columns import ShownWorkflowRow, WorkflowRow
from spooled_lite.core.workflows.document import FlowDocument, StepDocument, store_document
from spooled_lite.core.workflows.edges import store_edges
from spooled_lite.core.workflows.guards import guards_for_run
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.storage.transaction import Tx

# Of a step whose worker is given everything beside its payload.
_NO_PAYLOAD: Final = b"{}"


class NewRun(Struct, frozen=True, kw_only=True):
    """A run that core is asked to store. The document has been checked."""

    name: str
    document: FlowDocument
    stored_as: int | None = None  # the number of the document; None: it is stored with the run
    description: str | None = None
    metadata: bytes | None = None
    options: RunOptions = RunOptions()


class StoredRun(Struct, frozen=True):
    row: ShownWorkflowRow
    jobs: Sequence[JobRow]  # of the steps, in the order of the document


def store_run(tx: Tx, org: int, new: NewRun, admission: Admission) -> StoredRun:
    """Store a run of up to STEPS_MAX steps. Only those can be claimed that wait for nothing at all;
    the caller decides about the others that have no parents (`needs_decision`).

    Raises QuotaExceeded: a cap would be passed.
    """
    steps = new.document.steps
    if admission.caps is not None:
        check_room_for_jobs(tx, org, admission.caps, more=len(steps))
        check_room(tx, org, admission.caps, "workflows", more=1)
    workflow = _store_workflow(tx, org, new)
    options = new.options
    bodies = (("input", options.input), ("headers", options.headers))
    for which, body in bodies:
        if body is not None:
            params = {"workflow": workflow["seq"], "which": which, "body": body}
            tx.execute(statements.ADD_BODY, params)
    if new.metadata is not None:
        params = {"workflow": workflow["seq"], "metadata": new.metadata}
        tx.execute(statements.ADD_METADATA, params)
    guards = guards_for_run(tx, workflow, new.document)
    jobs = [
        _store_step(tx, workflow, step, position, options, guards.get(step.key), admission)
        for position, step in enumerate(steps)
    ]
    conditions = [step.dependency_condition for step in steps]
    store_edges(tx, conditions, new.document.graph, [job["seq"] for job in jobs])
    return StoredRun({**workflow, "metadata": new.metadata}, jobs)


def needs_decision(step: StepDocument) -> bool:
    """Whether more than its parents decide what becomes of it."""
    return step.signal or step.condition is not None or step.has_items


def _store_workflow(tx: Tx, org: int, new: NewRun) -> WorkflowRow:
    options, document = new.options, new.stored_as
    expires_at_ms = options.expires_at_ms
    if options.expires_in_ms is not None:
        expires_at_ms = tx.now_ms + options.expires_in_ms
    if document is None:
        document = store_document(tx, org, new.document)
    row: dict[str, Any] = {
        **_BLANK,
        "id": tx.new_id(),
        "org": org,
        "name": new.name,
        "description": new.description,
        "total_jobs": len(new.document.steps),
        "waiting_jobs": len(new.document.steps),
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
        "document": document,
        "flow_name": options.flow_name,
        "priority": options.priority,
        "concurrency_key": options.concurrency_key,
        "expires_at_ms": expires_at_ms,
    }
    row["seq"] = tx.insert(statements.INSERT_RUN, row)
    return cast(WorkflowRow, row)


# Every value is known, so the row is not read back.
_BLANK: Final[dict[str, Any]] = {
    **dict.fromkeys(WorkflowRow.__annotations__),
    "status": "pending",
    "processing_jobs": 0,
    "completed_jobs": 0,
    "failed_jobs": 0,
    "cancelled_jobs": 0,
}


def _earliest(*times_ms: int | None) -> int | None:
    return min((each for each in times_ms if each is not None), default=None)


def _store_step(
    tx: Tx,
    workflow: WorkflowRow,
    step: StepDocument,
    position: int,
    options: RunOptions,
    guard: int | None,
    admission: Admission,
) -> JobRow:
    """Delayed is what begins with the run: catbird-capabilities, F8. What waits for a signal does
    not; what begins since steps before it are skipped is delayed when that is decided.
    """
    is_first = not step.depends_on
    begins = is_first and not step.signal
    job = NewJob(
        queue_name=step.queue_name,
        payload=_NO_PAYLOAD if step.payload is None else bytes(step.payload),
        priority=options.priority if step.priority is None else step.priority,
        max_retries=step.max_retries,
        timeout_seconds=None if step.timeout_ms is None else timeout_seconds_of(step.timeout_ms),
        scheduled_at_ms=options.visible_at_ms if begins else None,
        delay_ms=options.delay_ms if begins else None,
        expires_at_ms=_earliest(workflow["expires_at_ms"], step.expires_at_ms),
        tags=None if step.tags is None else bytes(step.tags),
        timeout_ms=step.timeout_ms,
        policy=None if step.backoff is None else stored(OwnPolicy(backoff=step.backoff)),
    )
    org = workflow["org"]
    row = new_row(tx, org, job, ensure_queue(tx, org, step.queue_name, admission))
    is_met = int(is_first and not needs_decision(step))
    row["kind"] = "step"
    row["workflow_id"] = workflow["id"]
    row["step_key"] = step.key
    row["step_position"] = position
    row["dependency_mode"] = step.dependency_mode
    row["dependencies_met"] = is_met
    row["claimable"] &= is_met
    row["flow_name"] = options.flow_name
    row["phase"] = "generate" if step.type == "generator" else "run"
    row["guard"] = guard
    row["headers"] = options.headers
    row["seq"] = insert_job(tx, statements.INSERT_STEP_OF_RUN, row)
    tx.emit("job.created", org, row=row)
    announce_times(tx, row)
    return row
