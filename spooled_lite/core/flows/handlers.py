"""Where the steps of flows and their items are stored by the present definitions."""

from collections.abc import Sequence

from spooled_lite.core.flows.query import find_flow
from spooled_lite.core.lifecycle.handlers import StepName
from spooled_lite.core.workflows.document import StepDocument, document_of
from spooled_lite.storage.transaction import Reading


def find_step(tx: Reading, org: int, step: StepName) -> StepDocument | None:
    """The step as its flow has it now; None when there is no such flow, or no such step in it."""
    flow = find_flow(tx, org, step.flow_name)
    return None if flow is None else document_of(tx, flow["document"]).by_key.get(step.step_name)


def queues_of_step(step: StepDocument) -> tuple[str, ...]:
    """Where the step is stored, and where its items are if that is another queue."""
    items = step.item_queue_name
    has_other = step.has_items and items not in (None, step.queue_name)
    return (step.queue_name, items) if has_other and items is not None else (step.queue_name,)


def queues_of_steps(tx: Reading, org: int, steps: Sequence[StepName]) -> list[tuple[str, ...]]:
    """The queues of each step, also of one that is still to be defined."""
    found = (find_step(tx, org, step) for step in steps)
    return [
        (name.flow_name,) if step is None else queues_of_step(step)
        for name, step in zip(steps, found, strict=True)
    ]
