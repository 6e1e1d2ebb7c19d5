"""The finer word for where a workflow stands. Contract: catbird-capabilities, section 19.2."""

from collections.abc import Mapping
from typing import Final, Literal, TypedDict

WorkflowStateWord = Literal["started", "completed", "failed", "canceling", "canceled", "expired"]
WORKFLOW_STATES: Final[tuple[WorkflowStateWord, ...]] = (
    *("started", "completed", "failed", "canceling", "canceled", "expired"),
)
_OF_STATUS: Final[Mapping[str, WorkflowStateWord]] = {
    "pending": "started",
    "running": "started",
    "completed": "completed",
    "failed": "failed",
}


class OfStateRow(TypedDict):
    """What says in which state a workflow is."""

    status: str
    ended_as: str | None
    processing_jobs: int
    waiting_jobs: int


def state_of_workflow(row: OfStateRow) -> WorkflowStateWord:
    if row["status"] != "cancelled":
        return _OF_STATUS[row["status"]]
    if row["ended_as"] == "expired":
        return "expired"
    # One that was left to run may wait for another attempt.
    is_open = row["processing_jobs"] or row["waiting_jobs"]
    return "canceling" if is_open else "canceled"
