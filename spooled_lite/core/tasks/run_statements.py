"""Every statement about runs of tasks; claiming and settling one is in core/lifecycle."""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from spooled_lite.core.jobs import columns
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.statements import VISIBLE, inserting
from spooled_lite.storage.statement import Statement

RunState = Literal["queued", "started", "completed", "skipped", "failed", "canceled", "expired"]
RUN_STATES: Final[tuple[RunState, ...]] = get_args(RunState)

INSERT: Final = inserting(columns.OF_RUN)

# What `core.jobs.states.state_of` says of a run.
_OF_STATE: Final[Mapping[RunState, str]] = {
    "queued": "status IN ('pending', 'scheduled') AND retry_count = 0",
    "started": "(status = 'processing' OR status = 'pending' AND retry_count > 0)",
    "completed": "status = 'completed' AND state IS NULL",
    "skipped": "status = 'completed' AND state = 'skipped'",
    "failed": "status IN ('failed', 'deadletter')",
    "canceled": "status = 'cancelled' AND coalesce(expires_at_ms > completed_at_ms, 1)",
    "expired": "status = 'cancelled' AND expires_at_ms <= completed_at_ms",
}


def _list(state: RunState | None) -> Statement[JobRow]:
    wanted = "" if state is None else f" AND {_OF_STATE[state]}"
    return Statement(
        JobRow,
        "SELECT * FROM jobs WHERE org = :org AND task_name = :task_name AND kind = 'task_run'"
        f"{wanted}{VISIBLE} ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset",
    )


# Index runs_of_task, the newest ones first. In a state that few have, the others are passed over.
LISTS: Final[Mapping[RunState | None, Statement[JobRow]]] = {
    state: _list(state) for state in (None, *RUN_STATES)
}
