"""A step of a workflow by its key, and what the document of its run says of it."""

from msgspec import Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.steps import find_statements as statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import StepDocument, document_of
from spooled_lite.core.workflows.query import get_workflow
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading


class StepOfRun(Struct, frozen=True):
    workflow: WorkflowRow
    row: JobRow
    document: StepDocument | None  # None: its workflow has none


def get_step_of_run(tx: Reading, org: int, workflow_id: str, key: str, scope: Scope) -> StepOfRun:
    """The step of a workflow with this key, without its large payload and result.

    Raises: as `get_workflow`; NotFound: it has no such step.
    """
    workflow = get_workflow(tx, org, workflow_id, scope)
    if workflow["document"] is None:
        row = tx.row(statements.BY_KEY, {"workflow_id": workflow_id, "key": key})
        if row is None:
            raise NotFound.thing("Step")
        return StepOfRun(workflow, row, None)
    document = document_of(tx, workflow["document"])
    position = document.positions.get(key)
    asked = {"workflow_id": workflow_id, "position": position}
    row = None if position is None else tx.row(statements.AT, asked)
    if row is None or position is None:
        raise NotFound.thing("Step")
    return StepOfRun(workflow, row, document.steps[position])
