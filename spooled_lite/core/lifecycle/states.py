"""Which status may follow which. Only this package changes a status."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class JobStatus(StrEnum):
    PENDING = "pending"
    SCHEDULED = "scheduled"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    DEADLETTER = "deadletter"
    CANCELLED = "cancelled"


S = JobStatus

# Two are guarded by the row's kind: PENDING -> COMPLETED (a skipped step) and PROCESSING ->
# CANCELLED (stopped by its workflow).
TRANSITIONS: Final[Mapping[S, frozenset[S]]] = {
    S.SCHEDULED: frozenset({S.PENDING, S.PROCESSING, S.CANCELLED}),
    S.PENDING: frozenset({S.PROCESSING, S.CANCELLED, S.COMPLETED}),
    S.PROCESSING: frozenset({S.COMPLETED, S.PENDING, S.DEADLETTER, S.CANCELLED}),
    S.FAILED: frozenset({S.PENDING}),
    S.DEADLETTER: frozenset({S.PENDING}),
    S.COMPLETED: frozenset(),
    # A retried parent brings back the children that its failure had cancelled.
    S.CANCELLED: frozenset({S.PENDING, S.SCHEDULED}),
}
assert set(TRANSITIONS) == set(S), "every status has a row"

ACTIVE: Final = frozenset({S.PENDING, S.SCHEDULED, S.PROCESSING})
TERMINAL: Final = frozenset(S) - ACTIVE
