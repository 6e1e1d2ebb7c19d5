"""The steps of a workflow as they are shown by their keys: one, or all of them in order.

Contract: catbird-capabilities, F20-F22.
"""

from collections.abc import Sequence

from msgspec import Struct

from spooled_lite.core.jobs.bodies import whole
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.steps import signal_statements
from spooled_lite.core.steps.find import get_step_of_run
from spooled_lite.core.steps.item_outputs import ItemCounts, item_counts
from spooled_lite.core.steps.outputs import output_of_step
from spooled_lite.core.workflows.columns import ShownEdgeRow, WorkflowRow
from spooled_lite.core.workflows.document import StepDocument, document_of
from spooled_lite.core.workflows.query import Steps, get_step, get_steps, get_workflow
from spooled_lite.storage.transaction import Reading


class ShownStep(Struct, frozen=True):
    row: JobRow
    edges: Sequence[ShownEdgeRow]  # what it waits for
    document: StepDocument | None  # None: its workflow has none
    items: ItemCounts | None = None  # None: it has none
    is_signalled: bool = False
    output: bytes | None = None  # by itself, once it is completed; None also: too large, or damaged


def get_shown_steps(
    tx: Reading, org: int, workflow_id: str, scope: Scope, *, limit: int, offset: int
) -> list[ShownStep]:
    """A page of the steps in the order of the request, without their outputs.

    Raises: as `get_workflow`.
    """
    workflow = get_workflow(tx, org, workflow_id, scope)
    found = get_steps(tx, org, workflow_id, scope, limit=limit, offset=offset)
    return shown_steps(tx, workflow, found)


def shown_steps(tx: Reading, workflow: WorkflowRow, found: Steps[JobRow]) -> list[ShownStep]:
    """Steps of this workflow, with what else is shown of them."""
    edges = found.edges
    if workflow["document"] is None:
        return [ShownStep(step, edges.get(step["seq"], ()), None) for step in found.rows]
    by_key = document_of(tx, workflow["document"]).by_key
    return [
        _featured(tx, step, edges.get(step["seq"], ()), by_key[step["step_key"] or ""])
        for step in found.rows
    ]


def get_shown_step(tx: Reading, org: int, workflow_id: str, key: str, scope: Scope) -> ShownStep:
    """One step with its output, which is put together for a step with items.

    Raises: as `get_step_of_run`; BodyDamaged: its result is not what was stored.
    """
    found = get_step_of_run(tx, org, workflow_id, key, scope)
    row = found.row
    edges = get_step(tx, org, workflow_id, row["id"], scope).edges.get(row["seq"], ())
    step = ShownStep(row, edges, None)
    if found.document is not None:
        step = _featured(tx, row, edges, found.document)
    if row["status"] != "completed" or row["state"] is not None:
        return step
    if found.document is not None and found.document.has_items:
        output = output_of_step(tx, row, found.document)
    else:
        job = whole(tx, row)
        output = None if job is None else job["result"] or b"null"
    return ShownStep(row, step.edges, step.document, step.items, step.is_signalled, output)


def _featured(
    tx: Reading, row: JobRow, edges: Sequence[ShownEdgeRow], document: StepDocument
) -> ShownStep:
    is_signalled = False
    if document.signal:
        is_signalled = tx.value(signal_statements.IS_SIGNALLED, {"step": row["seq"]}) == 1
    items = item_counts(tx, row) if document.has_items else None
    return ShownStep(row, edges, document, items, is_signalled)
