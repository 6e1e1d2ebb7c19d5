"""The items of steps that have some: a mapper's, and those that a generator yields."""

from spooled_lite.core.steps.columns import NumberedRow, ResolvedStepRow
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.document import FlowDocument
from spooled_lite.storage.transaction import Tx


def begin_items(
    tx: Tx, workflow: WorkflowRow, step: ResolvedStepRow, document: FlowDocument
) -> bool:
    """A step with items, or one that reduces some, is activated; whether it can be claimed now.

    A mapper cannot: its items can. The caller makes the step claimable if this says so.
    """
    if document.steps[step["step_position"]].type == "mapper":
        raise NotImplementedError
    return True


def close_items(tx: Tx, step: NumberedRow, *, state: str, reason: str, error: str | None) -> None:
    """The step was closed while it was open: its open items are closed, too, none is handed out."""


def reopen_items(tx: Tx, step: NumberedRow, *, from_start: bool) -> None:
    """The step comes back, before it is activated again. `from_start`: as if it had none."""
