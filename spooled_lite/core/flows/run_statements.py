"""Every statement about runs of flows; running one is in core/steps."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.states import WORKFLOW_STATES, WorkflowStateWord
from spooled_lite.storage.statement import Statement

# As `state_of_workflow` says it of a row.
_OF_STATE: Final[Mapping[WorkflowStateWord, str]] = {
    "started": "status IN ('pending', 'running')",
    "completed": "status = 'completed'",
    "failed": "status = 'failed'",
    "canceling": "status = 'cancelled' AND ended_as IS NOT 'expired' AND processing_jobs > 0",
    "canceled": "status = 'cancelled' AND ended_as IS NOT 'expired' AND processing_jobs = 0",
    "expired": "status = 'cancelled' AND ended_as IS 'expired'",
}


def _list(state: WorkflowStateWord | None) -> Statement[WorkflowRow]:
    wanted = "" if state is None else f" AND {_OF_STATE[state]}"
    return Statement(
        WorkflowRow,
        f"SELECT * FROM workflows WHERE org = :org AND flow_name = :flow_name{wanted}"
        " ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset",
    )


# Index workflows_of_flow, the newest ones first. In a state that few have, others are passed over.
LISTS_OF_FLOW: Final[Mapping[WorkflowStateWord | None, Statement[WorkflowRow]]] = {
    state: _list(state) for state in (None, *WORKFLOW_STATES)
}
