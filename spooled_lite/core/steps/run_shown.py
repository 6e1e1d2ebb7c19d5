"""A run of a document as it is shown: what it was given, what it gives, and how it failed."""

from collections.abc import Sequence

from msgspec import Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.following import following
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.steps.outputs import output_of_run
from spooled_lite.core.steps.shown import ShownStep, shown_steps
from spooled_lite.core.workflows import statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import FlowDocument, document_of
from spooled_lite.core.workflows.query import Detail, get_detail
from spooled_lite.storage.transaction import Reading


class OfRun(Struct, frozen=True):
    """What only a run of a document has. Bodies are JSON; None: there is none."""

    document: FlowDocument
    steps: Sequence[ShownStep]
    input: bytes | None
    headers: bytes | None
    output: bytes | None  # None also: it has not been completed, or that is too large
    follower: JobRow | None  # the job that follows its failure


class ShownRun(Struct, frozen=True):
    detail: Detail
    of_run: OfRun | None  # None: it is a workflow without a document


def get_shown_run(tx: Reading, org: int, workflow_id: str, scope: Scope) -> ShownRun:
    """A workflow with all its steps. Raises: as `get_workflow`."""
    detail = get_detail(tx, org, workflow_id, scope)
    row = detail.row
    if row["document"] is None:
        return ShownRun(detail, None)
    document = document_of(tx, row["document"])
    has_follower = document.on_fail is not None
    of_run = OfRun(
        document=document,
        steps=shown_steps(tx, row, detail.steps),
        input=_body(tx, row, "input"),
        headers=_body(tx, row, "headers"),
        output=output_of_run(tx, row),
        follower=following(tx, org, workflow_id, scope) if has_follower else None,
    )
    return ShownRun(detail, of_run)


def _body(tx: Reading, row: WorkflowRow, which: str) -> bytes | None:
    return tx.value(statements.BODY, {"workflow": row["seq"], "which": which})
