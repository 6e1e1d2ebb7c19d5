"""Every event and every kind of deadline; the bus that tells live listeners after the commit."""

import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Literal, Protocol

from msgspec import Struct

logger = logging.getLogger(__name__)

# One name per transition. What each becomes on a stream, in a webhook and in the history of a job
# is a table of its listener: contract README, section 7.
EventType = Literal[
    "job.created",
    "job.promoted",
    "job.claimed",
    "job.released",
    "job.progress",
    "job.completed",
    "job.retrying",
    "job.deadlettered",
    "job.stop_requested",
    "job.cancelled",
    "job.retried",
    "job.deleted",
    "queue.created",
    "queue.changed",
    "queue.paused",
    "queue.resumed",
    "queue.deleted",
    "worker.registered",
    "worker.heartbeat",
    "worker.deregistered",
    "worker.offline",
    "workflow.started",
    "workflow.completed",
    "workflow.failed",
    "workflow.cancelled",
    "schedule.triggered",
    "key.changed",
    "org.changed",
    "token.revoked",
    "storage.reopened",
]

# After these somebody may not be allowed what was allowed before: who waits or listens is asked
# again.
OF_CREDENTIALS: Final[frozenset[EventType]] = frozenset(
    {"key.changed", "org.changed", "token.revoked"}
)


class Row(Protocol):
    """A row of the database, by column name."""

    def __getitem__(self, column: str, /) -> Any: ...


class Event(Struct, frozen=True, gc=False):
    """A fact, told after it is true: the changed row, and what the row alone does not say."""

    type: EventType
    org: int
    at_ms: int
    row: Row  # as it is after the change
    was: str | None = None  # the status before it
    facts: Mapping[str, Any] = {}
    log_seq: int = 0  # of its row in the event log, when it has one; known once it is committed


class Deadline(Enum):
    """The kinds of moments something is due at; one loop waits for each."""

    PROMOTION = "promotion"  # a delayed job or a retry becomes claimable
    LEASE_END = "lease end"
    EXPIRY = "expiry"  # expires_at of a job that waits
    ROOM = "room"  # the rate limit of a queue lets go of more jobs
    SLOT = "slot"  # a schedule fires
    DEPENDENTS = "dependents"  # children of a settled job are still to be told
    WORKER_SILENCE = "worker silence"
    DELETION = "deletion"  # rows of a deleted queue are still there
    DELIVERY = "delivery"  # a webhook call is owed
    SPREADING = "spreading"  # deliveries of an event that is owed to very many are to be written
    CLEARING = "clearing"  # deliveries of a webhook that is off or gone are still there
    RETENTION = "retention"  # the next sweep over what is old
    SAFETY = "safety"  # the next look for what every deadline has missed


Listener = Callable[[Sequence[Event]], None]


class EventBus:
    """Tells listeners of committed events, on the event loop's thread, in order of commit."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every batch of events; it must be quick and must not wait."""
        self._listeners.append(listener)

    def publish(self, events: Sequence[Event]) -> None:
        """Tell every listener. One that fails is logged: the rows are committed all the same."""
        for listener in self._listeners:
            try:
                listener(events)
            except Exception:
                logger.exception("a listener failed")
