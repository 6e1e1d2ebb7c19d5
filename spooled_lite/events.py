"""Every event and what follows from it, every kind of deadline, and the event bus."""

import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeVar

from msgspec import Struct

logger = logging.getLogger(__name__)

R_co = TypeVar("R_co", covariant=True)

# One name per transition. EVENTS says what follows from each; how an event is rendered for streams,
# webhooks and the history of a job is in the tables of those listeners.
EventType = Literal[
    "job.created",
    "job.promoted",
    "job.hidden",
    "job.claimed",
    "job.expanded",
    "job.released",
    "job.progress",
    "job.completed",
    "job.skipped",
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
    "renderer.changed",
    "worker.registered",
    "worker.heartbeat",
    "worker.deregistered",
    "worker.offline",
    "workflow.created",
    "workflow.started",
    "workflow.completed",
    "workflow.failed",
    "workflow.cancelled",
    "schedule.triggered",
    "topic.notified",
    "task.created",
    "task.deleted",
    "flow.created",
    "flow.deleted",
    "key.changed",
    "org.changed",
    "token.revoked",
    "storage.reopened",
]


class EventOf(Struct, Generic[R_co], frozen=True, gc=False):
    """A change that has happened: the row after it, and facts that the row does not contain.

    `EventOf[JobRow]` is an event of a job. A listener to all events looks at the type first and
    then names the row: `job: JobRow = event.row`. Tests check the row of every event against what
    its listeners expect.
    """

    type: EventType
    org: int
    at_ms: int
    row: R_co  # after the change
    was: str | None = None  # the status before the change
    facts: Mapping[str, Any] = {}
    log_seq: int = 0  # the number of its row in the event log, set just before the commit; 0: none


Event = EventOf[Any]  # an event of any kind: its type says which row it has


Status = str  # of a job, as stored: see core/jobs/states.py
Moves = Mapping[Status | None, tuple[Status | None, ...]]


class About(Struct, frozen=True, kw_only=True):
    """What follows from an event. What is left out does not happen.

    `moves` says from which status of a job to which ones the event may lead: from None for a new
    job, to None for a deleted one. An event without moves changes no count of jobs by status.
    """

    moves: Moves = {}
    counted: str = ""  # the counter of its queue per minute
    usage: str = ""  # the counter of its organization per day, per month and in total
    metrics: tuple[str, ...] = ()
    history: tuple[str, ...] = ()  # rows added to the history of the job, in this order
    frames: tuple[str, ...] = ()  # sent to streams, in this order; also puts it into the event log
    webhooks: tuple[str, ...] = ()  # the names of the event in calls of webhooks
    asks_again: bool = False  # the rights of open streams and waiting calls are checked again

    @property
    def is_logged(self) -> bool:
        """Whether the event log keeps it, for clients of streams that come back."""
        return bool(self.frames)


# Contract: README, section 7.1. A test fails when an event has no row here.
EVENTS: Final[Mapping[EventType, About]] = {
    "job.created": About(
        moves={None: ("pending", "scheduled", "cancelled")},
        counted="created",
        usage="jobs_created",
        metrics=("spooled_jobs_enqueued_total",),
        history=("created",),
        frames=("job.created",),
        webhooks=("job.created",),
    ),
    "job.promoted": About(
        moves={"scheduled": ("pending",)},
        frames=("job.status",),
    ),
    # A message that nobody holds is hidden from readers for a while.
    "job.hidden": About(moves={"pending": ("scheduled",), "scheduled": ("scheduled",)}),
    "job.claimed": About(
        moves={"pending": ("processing",), "scheduled": ("processing",)},
        history=("claimed",),
        frames=("job.started", "job.status"),
        webhooks=("job.started",),
    ),
    # Its items stand for it from now on. From processing: its worker has made the last one.
    "job.expanded": About(
        moves=dict.fromkeys(("pending", "scheduled", "processing"), ("processing",)),
        frames=("job.status",),
    ),
    "job.released": About(
        moves={"processing": ("pending",)},
        history=("released",),
        frames=("job.status",),
    ),
    "job.progress": About(frames=("job.progress",)),
    "job.completed": About(
        moves={"processing": ("completed",)},
        counted="completed",
        usage="jobs_completed",
        metrics=("spooled_jobs_completed_total",),
        history=("completed",),
        frames=("job.completed", "job.status"),
        webhooks=("job.completed",),
    ),
    # Its condition was not met, so that nobody works on it.
    "job.skipped": About(
        moves=dict.fromkeys(("pending", "scheduled"), ("completed",)),
        counted="completed",
        usage="jobs_completed",
        metrics=("spooled_jobs_completed_total",),
        history=("completed",),
        frames=("job.status",),
    ),
    "job.retrying": About(
        moves={"processing": ("pending",)},
        counted="failed",
        usage="jobs_failed",
        metrics=("spooled_jobs_failed_total",),
        history=("failed", "retried"),
        frames=("job.failed", "job.retrying", "job.status"),
        webhooks=("job.failed",),
    ),
    "job.deadlettered": About(
        # From pending: a step whose item has failed while it waited for another attempt.
        moves=dict.fromkeys(("pending", "scheduled", "processing"), ("deadletter",)),
        counted="deadlettered",
        usage="jobs_failed",
        metrics=("spooled_jobs_failed_total", "spooled_jobs_deadlettered_total"),
        history=("failed", "deadlettered"),
        frames=("job.failed", "job.deadlettered", "job.status"),
        webhooks=("job.failed", "job.deadlettered"),
    ),
    "job.stop_requested": About(frames=("job.stop_requested",)),
    "job.cancelled": About(
        # From processing: a job whose worker was told to stop.
        moves=dict.fromkeys(("pending", "scheduled", "processing"), ("cancelled",)),
        history=("cancelled",),
        frames=("job.cancelled", "job.status"),
        webhooks=("job.cancelled",),
    ),
    "job.retried": About(
        # From cancelled: a parent is retried, and with it the children that its failure had
        # cancelled. From completed: the workflow is run again.
        moves={
            "completed": ("pending",),
            "deadletter": ("pending",),
            "failed": ("pending",),
            "cancelled": ("pending", "scheduled"),
        },
        metrics=("spooled_jobs_retried_total",),
        history=("retried",),
        frames=("job.status",),
        webhooks=("job.retried",),
    ),
    "job.deleted": About(
        moves=dict.fromkeys(
            (
                *("pending", "scheduled", "processing", "completed"),
                *("failed", "deadletter", "cancelled"),
            ),
            (None,),
        )
    ),
    "queue.created": About(),
    "queue.changed": About(),
    "queue.paused": About(frames=("queue.paused",), webhooks=("queue.paused",)),
    "queue.resumed": About(frames=("queue.resumed",), webhooks=("queue.resumed",)),
    "queue.deleted": About(),
    "renderer.changed": About(),
    "worker.registered": About(frames=("worker.registered",), webhooks=("worker.registered",)),
    "worker.heartbeat": About(frames=("worker.heartbeat",)),
    "worker.deregistered": About(
        frames=("worker.deregistered",), webhooks=("worker.deregistered",)
    ),
    "worker.offline": About(frames=("worker.inactive",), webhooks=("worker.offline",)),
    "workflow.created": About(),
    "workflow.started": About(frames=("workflow.started",)),
    "workflow.completed": About(frames=("workflow.completed",), webhooks=("workflow.completed",)),
    "workflow.failed": About(frames=("workflow.failed",), webhooks=("workflow.failed",)),
    "workflow.cancelled": About(frames=("workflow.cancelled",)),
    "schedule.triggered": About(frames=("schedule.triggered",), webhooks=("schedule.triggered",)),
    # Nothing has changed: a caller has a message for whoever listens to a topic now.
    "topic.notified": About(),
    "task.created": About(),
    "task.deleted": About(),
    "flow.created": About(),
    "flow.deleted": About(),
    "key.changed": About(asks_again=True),
    "org.changed": About(asks_again=True),
    "token.revoked": About(asks_again=True),
    "storage.reopened": About(),
}


def those(matches: Callable[[About], object]) -> frozenset[EventType]:
    """The names of the events whose row in EVENTS matches a condition."""
    return frozenset(event for event, about in EVENTS.items() if matches(about))


# Events after which a caller may have lost its rights: open streams and waiting calls are checked.
OF_CREDENTIALS: Final = those(lambda about: about.asks_again)
# Events that change the counts of jobs by status.
MOVING: Final = those(lambda about: about.moves)
OF_WORKFLOWS: Final[frozenset[EventType]] = frozenset(
    {"workflow.started", "workflow.completed", "workflow.failed", "workflow.cancelled"}
)


class Deadline(Enum):
    """The kinds of deadlines. Each kind has a background loop that waits for it."""

    PROMOTION = "promotion"  # a delayed job or a retry becomes claimable
    LEASE_END = "lease end"
    EXPIRY = "expiry"  # `expires_at` of a waiting job
    RUN_EXPIRY = "run expiry"  # `expires_at` of a run of a flow
    ROOM = "room"  # the rate limit or the breaker of a queue lets more jobs through
    SLOT = "slot"  # a schedule fires
    DEPENDENTS = "dependents"  # children of a settled job still have to be updated
    ITEMS = "items"  # items of a step still have to be stored, released or closed
    WORKER_SILENCE = "worker silence"  # a worker has sent no heartbeat for too long
    DELETION = "deletion"  # rows of a deleted queue still have to be deleted
    DELIVERY = "delivery"  # a webhook call is due
    SPREADING = "spreading"  # deliveries of one event to very many webhooks are still to be written
    CLEARING = "clearing"  # deliveries of a disabled or deleted webhook are still to be removed
    RETENTION = "retention"  # the next sweep that deletes old rows
    BACKUP = "backup"  # the next backup of the file, or a check of the newest
    ARCHIVE = "archive"  # what was committed is cut into a window, or the log has to be read
    SHIPPING = "shipping"  # a window waits to be put into the archive
    BASE = "base"  # the archive needs a new base
    SAFETY = "safety"  # the next search for work that all other deadlines have missed

    # Looked up at every commit; that of `Enum` is a function of Python. Each is equal to itself.
    __hash__ = object.__hash__


Listener = Callable[[Sequence[Event]], None]


class EventBus:
    """Passes committed events to listeners, on the event loop's thread, in the order of commits."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Call `listener` with every batch of events. It must be quick and must not wait."""
        self._listeners.append(listener)

    def publish(self, events: Sequence[Event]) -> None:
        """Call every listener. When one fails, that is logged, and the others are still called."""
        for listener in self._listeners:
            try:
                listener(events)
            except Exception:
                logger.exception("a listener failed")
