"""The statuses of a job, and which may follow which. Only `lifecycle` and `steps` change one."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.events import EVENTS


class JobStatus(StrEnum):
    """The statuses, in the order in which statistics list them."""

    PENDING = "pending"
    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    DEADLETTER = "deadletter"
    CANCELLED = "cancelled"


S = JobStatus

STATUSES: Final = tuple(each.value for each in S)
ACTIVE: Final = frozenset({S.PENDING, S.SCHEDULED, S.PROCESSING})
WAITING: Final = frozenset({S.PENDING, S.SCHEDULED})
TERMINAL: Final = frozenset(S) - ACTIVE
FAILED: Final = frozenset({S.FAILED, S.DEADLETTER})  # ended without success

# Which status may follow which, whatever the event: what `events.EVENTS` says, put together.
TRANSITIONS: Final[Mapping[S, frozenset[S]]] = {
    before: frozenset(
        S(after)
        for about in EVENTS.values()
        for after in about.moves.get(before, ())
        if after is not None
    )
    for before in S
}


def state_of(job: JobRow) -> str:
    """The finer word for where a job stands. Contract: catbird-capabilities, section 19.2."""
    match job["status"]:
        case S.PENDING | S.SCHEDULED:
            if job["dependencies_met"] == 0:
                is_for_signal = job["state"] == "waiting_for_signal"
                return "waiting_for_signal" if is_for_signal else "waiting_for_dependencies"
            is_of_flow = job["kind"] == "task_run" or job["phase"] is not None
            is_retried = job["retry_count"] and (is_of_flow or job["run_at_ms"] is not None)
            return "started" if is_retried else "queued"
        case S.PROCESSING:
            return "waiting_for_map_tasks" if job["lease_id"] is None else "started"
        case S.COMPLETED:
            return job["state"] or "completed"  # or `skipped`
        case S.CANCELLED if job["state"] == "canceled":  # closed with its run
            return "canceled"
        case S.CANCELLED if job["state"] != "failed":  # or a sibling's failure has ended it
            expires_at_ms, ended_at_ms = job["expires_at_ms"], job["completed_at_ms"]
            has_expired = expires_at_ms is not None and expires_at_ms <= (ended_at_ms or 0)
            return "expired" if has_expired or job["stop_reason"] == "expired" else "canceled"
    return "failed"
