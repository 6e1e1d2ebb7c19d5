"""Reading workflows and their steps."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.bodies import Whole, filled, is_intact
from spooled_lite.core.jobs.dead_letters import queues_in_scope
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.workflows import statements
from spooled_lite.core.workflows.records import ENDED, STEPS_MAX
from spooled_lite.errors import AccessDenied, NotFound
from spooled_lite.events import Row
from spooled_lite.storage.transaction import Reading

DEPS_BYTES_MAX: Final = 1024 * 1024  # of the parents' results of one job
DEPS_BYTES_MAX_OF_ANSWER: Final = 4 * 1024 * 1024

Edges = Mapping[int, Sequence[sqlite3.Row]]  # what each step waits for, by its number


class Workflow(Struct, frozen=True):
    """A workflow, some or all of its steps in the order of the request, and their edges."""

    row: Row
    steps: Sequence[Row]
    edges: Edges


class Outcome(Struct, frozen=True):
    """A workflow, and the first of its steps that failed, in the order of the request."""

    row: Row
    failed_step: Row | None  # when it has ended because of it

    @property
    def is_canceling(self) -> bool:
        """Cancelled, and some of its jobs still run."""
        return bool(self.row["status"] == "cancelled" and self.row["processing_jobs"])

    @property
    def has_ended(self) -> bool:
        return self.row["status"] in ENDED and not self.is_canceling

    @property
    def state(self) -> str:
        """The finer word for where it stands. Contract: catbird-capabilities, section 19.2."""
        match self.row["status"]:
            case "pending" | "running":
                return "started"
            case "cancelled":
                return "canceling" if self.is_canceling else "canceled"
        status: str = self.row["status"]
        return status


def get_workflow(tx: Reading, org: int, workflow_id: str, scope: Scope) -> sqlite3.Row:
    """One workflow, without its metadata: `with_metadata` reads them.

    Raises:
        NotFound: there is no such workflow.
        AccessDenied: one of its steps is outside the key's queues.
    """
    row = tx.row(statements.BY_ID, {"id": workflow_id, "org": org})
    if row is None:
        raise NotFound.thing("Workflow")
    if not scope.is_unrestricted:
        queues = queues_in_scope(tx, org, scope)
        outside = tx.row(statements.IS_OUTSIDE, {"id": workflow_id, "queues": queues})
        if outside is not None and outside[0]:
            raise AccessDenied("This key may not use a queue of this workflow")
    return row


def get_outcome(tx: Reading, org: int, workflow_id: str, scope: Scope) -> Outcome:
    """How a workflow stands. Raises: as `get_workflow`."""
    row = get_workflow(tx, org, workflow_id, scope)
    has_failed = row["status"] == "failed"
    step = tx.row(statements.FAILED_STEP, {"workflow_id": workflow_id}) if has_failed else None
    return Outcome(row, step)


def with_metadata(tx: Reading, workflow: Row) -> Row:
    """A workflow as it is shown."""
    metadata = tx.value(statements.METADATA, {"seq": workflow["seq"]})
    return Whole(workflow, {"metadata": metadata})


def list_workflows(
    tx: Reading, org: int, scope: Scope, *, status: str | None, limit: int, offset: int
) -> list[Row]:
    """Newest first; those with a step outside the key's queues are left out.

    Large metadata are left out of the last ones, past PAGE_BYTES_MAX of them.

    Contract: schedules-workflows-webhooks, section 2.2 row 10.
    """
    queues = None if scope.is_unrestricted else queues_in_scope(tx, org, scope)
    params = {"org": org, "queues": queues, "limit": limit, "offset": offset}
    if status is None:
        rows = tx.rows(statements.LIST, params)
    else:
        rows = tx.rows(statements.LIST_OF_STATUS, {**params, "status": status})
    return filled(tx, rows, "metadata", statements.METADATA)


def list_all_workflows(tx: Reading, *, status: str | None, limit: int, offset: int) -> list[Row]:
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
) -> Workflow:
    """A workflow with its steps, without what stands apart from their rows.

    Raises: as `get_workflow`. Contract: schedules-workflows-webhooks, section 2.2 rows 12 and 16.
    """
    row = get_workflow(tx, org, workflow_id, scope)
    asked = {"workflow_id": workflow_id, "limit": limit, "offset": offset}
    steps = tx.rows(statements.STEPS, asked)
    return Workflow(row, steps, _edges_of(tx, workflow_id, steps))


def get_detail(tx: Reading, org: int, workflow_id: str, scope: Scope) -> Workflow:
    """As `get_steps`, all of them, with the metadata of the workflow."""
    found = get_steps(tx, org, workflow_id, scope)
    return msgspec.structs.replace(found, row=with_metadata(tx, found.row))


def get_step_statuses(tx: Reading, org: int, workflow_id: str, scope: Scope) -> Workflow:
    """As `get_steps`, with nothing of a step but where it stands.

    Contract: schedules-workflows-webhooks, section 2.2 row 18.
    """
    row = get_workflow(tx, org, workflow_id, scope)
    steps = tx.rows(statements.STEP_STATUSES, {"workflow_id": workflow_id, "limit": STEPS_MAX})
    return Workflow(row, steps, _edges_of(tx, workflow_id, steps))


def get_step(tx: Reading, org: int, workflow_id: str, job_id: str, scope: Scope) -> Workflow:
    """A workflow with one of its steps.

    Raises: as `get_workflow`, and NotFound when the job is no step of it.

    Contract: schedules-workflows-webhooks, section 2.2 row 17.
    """
    row = get_workflow(tx, org, workflow_id, scope)
    asked = {"id": job_id, "org": org, "workflow_id": workflow_id}
    step = tx.row(statements.STEP, asked)
    if step is None:
        raise NotFound.thing("Job")
    return Workflow(row, [step], _edges_of(tx, workflow_id, [step]))


def _edges_of(tx: Reading, workflow_id: str, steps: Sequence[Row]) -> Edges:
    numbers = msgspec.json.encode([step["seq"] for step in steps]).decode()
    asked = {"workflow_id": workflow_id, "steps": numbers}
    edges: dict[int, list[sqlite3.Row]] = {}
    for edge in tx.rows(statements.EDGES_OF_STEPS, asked):
        edges.setdefault(edge["job"], []).append(edge)
    return edges


def results_of_parents(tx: Reading, jobs: Sequence[Row]) -> dict[int, Sequence[sqlite3.Row] | None]:
    """For each job that is a step the results it builds on.

    None where they are too many bytes, counted in the order of the jobs, or damaged.

    Contract: schedules-workflows-webhooks, section 2.3.
    """
    found: dict[int, Sequence[sqlite3.Row] | None] = {}
    left = DEPS_BYTES_MAX_OF_ANSWER
    for job in jobs:
        if job["workflow_id"] is None:
            continue
        around = {"job": job["seq"], "workflow_id": job["workflow_id"]}
        row = tx.row(statements.RESULTS_BYTES, around)
        assert row is not None, "an aggregate always yields a row"
        size: int = row["bytes"]
        if size > min(left, DEPS_BYTES_MAX):
            found[job["seq"]] = None
        else:
            left -= size
            rows = tx.rows(statements.RESULTS, around)
            is_good = all(is_intact(row["result"], row["checksum"]) for row in rows)
            found[job["seq"]] = rows if is_good else None
    return found
