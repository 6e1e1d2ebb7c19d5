"""Reading workflows and their steps."""

from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.bodies import filled
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.dead_letters import queues_in_scope
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.workflows import edge_statements, statements
from spooled_lite.core.workflows.columns import (
    FailedStepRow,
    ListedWorkflowRow,
    ShownEdgeRow,
    ShownWorkflowRow,
    StepStatusRow,
    WorkflowOfAnyOrgRow,
    WorkflowRow,
)
from spooled_lite.core.workflows.records import ENDED, STEPS_MAX
from spooled_lite.core.workflows.states import WorkflowStateWord, state_of_workflow
from spooled_lite.errors import AccessDenied, NotFound
from spooled_lite.storage.transaction import Reading

S = TypeVar("S")

Edges = Mapping[int, Sequence[ShownEdgeRow]]  # what each step waits for, by its number


class Steps(Struct, Generic[S], frozen=True):
    """Some or all steps of a workflow in the order of the request, and what they wait for."""

    rows: Sequence[S]
    edges: Edges


class Detail(Struct, frozen=True):
    """A workflow with all its steps."""

    row: ShownWorkflowRow
    steps: Steps[JobRow]


class FoundOutcome(Struct, frozen=True):
    """A workflow, and the first of its failed steps in the order of the request."""

    row: WorkflowRow
    failed_step: FailedStepRow | None  # None unless the workflow has failed

    @property
    def state(self) -> WorkflowStateWord:
        return state_of_workflow(self.row)

    @property
    def is_canceling(self) -> bool:
        """Cancelled, and some of its jobs still run."""
        return self.state == "canceling"

    @property
    def has_ended(self) -> bool:
        return self.row["status"] in ENDED and not self.is_canceling


def get_workflow(tx: Reading, org: int, workflow_id: str, scope: Scope) -> WorkflowRow:
    """One workflow without its metadata, which `with_metadata` reads.

    Raises:
        NotFound: there is no such workflow.
        AccessDenied: one of its steps is outside the key's queues.
    """
    row = tx.row(statements.BY_ID, {"id": workflow_id, "org": org})
    if row is None:
        raise NotFound.thing("Workflow")
    if not scope.is_unrestricted:
        queues = queues_in_scope(tx, org, scope)
        if tx.value(statements.IS_OUTSIDE, {"id": workflow_id, "queues": queues}):
            raise AccessDenied("This key may not use a queue of this workflow")
    return row


def get_outcome(tx: Reading, org: int, workflow_id: str, scope: Scope) -> FoundOutcome:
    """A workflow, and which step it failed at. Raises: as `get_workflow`."""
    row = get_workflow(tx, org, workflow_id, scope)
    has_failed = row["status"] == "failed"
    step = tx.row(statements.FAILED_STEP, {"workflow_id": workflow_id}) if has_failed else None
    return FoundOutcome(row, step)


def with_metadata(tx: Reading, workflow: WorkflowRow) -> ShownWorkflowRow:
    """The workflow with its metadata."""
    metadata = tx.value(statements.METADATA, {"seq": workflow["seq"]})
    return {**workflow, "metadata": metadata}


def list_workflows(
    tx: Reading, org: int, scope: Scope, *, status: str | None, limit: int, offset: int
) -> list[ListedWorkflowRow]:
    """Newest first, without those that have a step outside the key's queues.

    Once the metadata of a page reach PAGE_BYTES_MAX, the remaining large ones are left out.

    Contract: schedules-workflows-webhooks, section 2.2 row 10.
    """
    queues = None if scope.is_unrestricted else queues_in_scope(tx, org, scope)
    params = {"org": org, "queues": queues, "limit": limit, "offset": offset}
    if status is None:
        rows = tx.rows(statements.LIST, params)
    else:
        rows = tx.rows(statements.LIST_OF_STATUS, {**params, "status": status})
    return filled(tx, rows, "metadata", statements.METADATA)


def list_all_workflows(
    tx: Reading, *, status: str | None, limit: int, offset: int
) -> list[WorkflowOfAnyOrgRow]:
    """The workflows of all organizations, newest first. Contract: platform, section 17."""
    rows = tx.rows(statements.OF_ALL_ORGS, {"status": status, "limit": limit, "offset": offset})
    return filled(tx, rows, "metadata", statements.METADATA)


def get_steps(
    tx: Reading,
    org: int,
    workflow_id: str,
    scope: Scope,
    *,
    limit: int = STEPS_MAX,
    offset: int = 0,
) -> Steps[JobRow]:
    """A page of the steps of a workflow, without their large payloads and results.

    Raises: as `get_workflow`. Contract: schedules-workflows-webhooks, section 2.2 rows 12 and 16.
    """
    get_workflow(tx, org, workflow_id, scope)
    return _steps(tx, workflow_id, limit=limit, offset=offset)


def get_detail(tx: Reading, org: int, workflow_id: str, scope: Scope) -> Detail:
    """A workflow with its metadata and all its steps. Raises: as `get_workflow`."""
    row = with_metadata(tx, get_workflow(tx, org, workflow_id, scope))
    return Detail(row, _steps(tx, workflow_id, limit=STEPS_MAX, offset=0))


def get_step_statuses(
    tx: Reading, org: int, workflow_id: str, scope: Scope
) -> Steps[StepStatusRow]:
    """All steps of a workflow, only with their statuses. Raises: as `get_workflow`.

    Contract: schedules-workflows-webhooks, section 2.2 row 18.
    """
    get_workflow(tx, org, workflow_id, scope)
    steps = tx.rows(statements.STEP_STATUSES, {"workflow_id": workflow_id, "limit": STEPS_MAX})
    return Steps(steps, _edges_of(tx, workflow_id, [step["seq"] for step in steps]))


def get_step(tx: Reading, org: int, workflow_id: str, job_id: str, scope: Scope) -> Steps[JobRow]:
    """One step of a workflow, by itself.

    Raises: as `get_workflow`, and NotFound when the job is not a step of it.

    Contract: schedules-workflows-webhooks, section 2.2 row 17.
    """
    get_workflow(tx, org, workflow_id, scope)
    asked = {"id": job_id, "org": org, "workflow_id": workflow_id}
    step = tx.row(statements.STEP, asked)
    if step is None:
        raise NotFound.thing("Job")
    return Steps([step], _edges_of(tx, workflow_id, [step["seq"]]))


def _steps(tx: Reading, workflow_id: str, *, limit: int, offset: int) -> Steps[JobRow]:
    asked = {"workflow_id": workflow_id, "limit": limit, "offset": offset}
    steps = tx.rows(statements.STEPS, asked)
    return Steps(steps, _edges_of(tx, workflow_id, [step["seq"] for step in steps]))


def _edges_of(tx: Reading, workflow_id: str, numbers: Sequence[int]) -> Edges:
    asked = {"workflow_id": workflow_id, "steps": msgspec.json.encode(numbers).decode()}
    edges: dict[int, list[ShownEdgeRow]] = {}
    for edge in tx.rows(edge_statements.EDGES_OF_STEPS, asked):
        edges.setdefault(edge["job"], []).append(edge)
    return edges
