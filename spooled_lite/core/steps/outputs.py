"""What steps and runs of documents give."""

from typing import Final

from spooled_lite.core.jobs.bodies import is_intact
from spooled_lite.core.steps import activate_statements as statements
from spooled_lite.core.steps.columns import NumberedRow, OutputStepRow
from spooled_lite.core.steps.item_outputs import array_of_items
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import (
    FlowDocument,
    StepDocument,
    document_of,
    known_document,
)
from spooled_lite.storage.transaction import Reading, Tx

NO_CANDIDATE: Final = "no output candidate produced output"  # catbird-capabilities, F17
_NULL: Final = b"null"


def output_of_step(tx: Reading, step: NumberedRow, document: StepDocument) -> bytes | None:
    """The JSON that a completed step gives, `null` when its worker gave none.

    Of one with items, their outputs as an array. None: it is damaged in the file, or its job is
    gone; or the array is longer than ARRAY_BYTES_MAX.
    """
    if document.has_items:
        return array_of_items(tx, step)
    found = tx.row(statements.RESULT, {"seq": step["seq"]})
    if found is None or not is_intact(found["result"], found["checksum"]):
        return None
    return _NULL if found["result"] is None else found["result"]


def output_of_run(tx: Reading, workflow: WorkflowRow) -> bytes | None:
    """The JSON that a completed run gives. None: it gives none, or has not ended."""
    if workflow["status"] != "completed":
        return None
    asked = {"workflow": workflow["seq"], "which": "output"}
    stored = tx.value(workflow_statements.BODY, asked)
    if stored is not None or workflow["ended_as"] is not None:
        return stored
    assert workflow["document"] is not None, "only a document says what is given"
    document = document_of(tx, workflow["document"])
    step = _candidate(tx, workflow, document)
    return None if step is None else output_of_step(tx, step, _about(document, step))


def keep_output(tx: Tx, workflow: WorkflowRow) -> bool:
    """Keep what a run gives whose steps have all ended well; whether there is anything.

    What is put together from items is not kept: `output_of_run` does that each time.

    Contract: catbird-capabilities, F16 and F17.
    """
    assert workflow["document"] is not None, "only a document says what is given"
    document = known_document(tx, workflow["document"])
    step = _candidate(tx, workflow, document)
    if step is None:
        return False
    about = _about(document, step)
    if not about.has_items:
        # The usual one stands in the row that was read.
        is_apart = step["result_bytes"] is not None
        output = output_of_step(tx, step, about) if is_apart else step["result"] or _NULL
        if output is not None:
            tx.execute(statements.SET_OUTPUT, {"workflow": workflow["seq"], "body": output})
    return True


def _candidate(tx: Reading, workflow: WorkflowRow, document: FlowDocument) -> OutputStepRow | None:
    """The step that gives the output: the first completed one in the order of the document."""
    asked = {"workflow_id": workflow["id"], "positions": document.output_positions}
    return tx.row(statements.CANDIDATE, asked)


def _about(document: FlowDocument, step: OutputStepRow) -> StepDocument:
    return document.steps[step["step_position"]]
