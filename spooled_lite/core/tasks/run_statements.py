"""Every statement about runs of tasks; claiming and settling one is in core/lifecycle."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.jobs import columns
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.filter_statements import OF_STATE, StateWord
from spooled_lite.core.jobs.statements import VISIBLE, inserting
from spooled_lite.storage.statement import Statement

_OF_STEPS: Final = ("waiting_for_signal", "waiting_for_map_tasks")
RUN_STATES: Final[tuple[StateWord, ...]] = tuple(
    state for state in OF_STATE if state not in _OF_STEPS
)

INSERT: Final = inserting(columns.OF_RUN)


def _list(state: StateWord | None) -> Statement[JobRow]:
    wanted = "" if state is None else f" AND {OF_STATE[state]}"
    return Statement(
        JobRow,
        "SELECT * FROM jobs WHERE org = :org AND task_name = :task_name AND kind = 'task_run'"
        f"{wanted}{VISIBLE} ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset",
    )


# Index runs_of_task, the newest ones first. In a state that few have, the others are passed over.
LISTS: Final[Mapping[StateWord | None, Statement[JobRow]]] = {
    state: _list(state) for state in (None, *RUN_STATES)
}
