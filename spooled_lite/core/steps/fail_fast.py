"""Runs that fail as soon as one of their steps has. Contract: catbird-capabilities, F18."""

from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.steps import close_statements as statements
from spooled_lite.core.steps.close import close_open_steps
from spooled_lite.core.workflows import statements as workflow_statements
from spooled_lite.core.workflows.document import known_document
from spooled_lite.storage.transaction import Tx

# Workers read this word in `details.reason`: catbird-capabilities, section 19.3.
WORKFLOW_FAILED: Final = "workflow_failed"
FAILED: Final = "failed"  # the state of what is closed with a run that has failed


def close_failed_run(tx: Tx, failed: JobRow) -> None:
    """A step of a run has failed for good: close all its other steps, if its document says so.

    Its run keeps which step that was, and the error, which the others get as well. A run that was
    cancelled, or has ended, stays what it is.
    """
    workflow = tx.row(workflow_statements.OF_ONE_STEP, {"id": failed["workflow_id"]})
    if workflow is None or workflow["document"] is None or workflow["failed_step"] is not None:
        return
    if workflow["status"] not in ("pending", "running"):
        return
    if known_document(tx, workflow["document"]).failure_policy != "fail_fast":
        return
    error = failed["last_error"] or ""
    named = {"seq": workflow["seq"], "failed_step": failed["step_key"], "error": error}
    tx.execute(statements.NAME_FAILED_STEP, named)
    close_open_steps(tx, workflow, state=FAILED, reason=WORKFLOW_FAILED, error=error)
