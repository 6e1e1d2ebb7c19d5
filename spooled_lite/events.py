"""Every event and what it means to each listener, every kind of deadline, and the bus."""

import logging
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeVar

from msgspec import Struct

logger = logging.getLogger(__name__)

R_co = TypeVar("R_co", covariant=True)

# One name per transition. EVENTS says what each one means; how it is rendered for a stream, a
# webhook or the history of a job is a table of that listener.
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


class EventOf(Struct, Generic[R_co], frozen=True, gc=False):
    """A fact, told after it is true: the changed row, and what the row alone does not say.

    `EventOf[JobRow]` is an event of a job. Who is told of all events looks at the type first, and
    then names the row: `job: JobRow = event.row`. Tests hold the row of every event against what
    its readers expect.
    """

    type: EventType
    org: int
    at_ms: int
    row: R_co  # as it is after the change
    was: str | None = None  # the status before it
    facts: Mapping[str, Any] = {}
    log_seq: int = 0  # of its row in the event log, when it has one; known once it is committed


Event = EventOf[Any]  # of whatever it is about: its type says that, and with it what its row is


Status = str  # of a job, as it is stored: core/jobs/states.py
Moves = Mapping[Status | None, tuple[Status | None, ...]]


class About(Struct, frozen=True, kw_only=True):
    """What an event means to those who listen. What is left out does not happen.

    `moves`: which status of a job it ends, and which ones may follow. None before is a new job,
    None after a row that is gone. An event that moves nothing changes no count of jobs.
    """

    moves: Moves = {}
    counted: str = ""  # the counter of its queue for the minute
    usage: str = ""  # the counter of its organization for the day, the month, and for ever
    metrics: tuple[str, ...] = ()
    history: tuple[str, ...] = ()  # rows of the history of the job, in their order
    frames: tuple[str, ...] = ()  # of streams, in sending order; with any it is kept in the log
    webhooks: tuple[str, ...] = ()  # the names under which addresses are called
    asks_again: bool = False  # open streams and waiting calls must be checked again

    @property
    def is_logged(self) -> bool:
        """Whether the event log keeps it, for streams that come back."""
        return bool(self.frames)


# Contract: README, section 7.1. A new event without a row here is a failing test.
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
    "job.claimed": About(
        moves={"pending": ("processing",), "scheduled": ("processing",)},
        history=("claimed",),
        frames=("job.started", "job.status"),
        webhooks=("job.started",),
    ),
    "job.released": About(
        moves={"processing": ("pending",)},
        history=("released",),
        frames=("job.status",),
    ),
    "job.progress": About(frames=("job.progress",)),
    "job.completed": About(
        # From pending: a step that its condition skips.
        moves={"processing": ("completed",), "pending": ("completed",)},
        counted="completed",
        usage="jobs_completed",
        metrics=("spooled_jobs_completed_total",),
        history=("completed",),
        frames=("job.completed", "job.status"),
        webhooks=("job.completed",),
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
        moves={"processing": ("deadletter",)},
        counted="deadlettered",
        usage="jobs_failed",
        metrics=("spooled_jobs_failed_total", "spooled_jobs_deadlettered_total"),
        history=("failed", "deadlettered"),
        frames=("job.failed", "job.deadlettered", "job.status"),
        webhooks=("job.failed", "job.deadlettered"),
    ),
    "job.stop_requested": About(frames=("job.stop_requested",)),
    "job.cancelled": About(
        # From processing: it was told to stop.
        moves=dict.fromkeys(("pending", "scheduled", "processing"), ("cancelled",)),
        history=("cancelled",),
        frames=("job.cancelled", "job.status"),
        webhooks=("job.cancelled",),
    ),
    "job.retried": About(
        # From cancelled: a parent that is retried brings back what its failure had cancelled. From
        # completed: its workflow is run again.
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
    "worker.registered": About(frames=("worker.registered",), webhooks=("worker.registered",)),
    "worker.heartbeat": About(frames=("worker.heartbeat",)),
    "worker.deregistered": About(
        frames=("worker.deregistered",), webhooks=("worker.deregistered",)
    ),
    "worker.offline": About(frames=("worker.inactive",), webhooks=("worker.offline",)),
    "workflow.started": About(frames=("workflow.started",)),
    "workflow.completed": About(frames=("workflow.completed",), webhooks=("workflow.completed",)),
    "workflow.failed": About(frames=("workflow.failed",), webhooks=("workflow.failed",)),
    "workflow.cancelled": About(frames=("workflow.cancelled",)),
    "schedule.triggered": About(frames=("schedule.triggered",), webhooks=("schedule.triggered",)),
    "key.changed": About(asks_again=True),
    "org.changed": About(asks_again=True),
    "token.revoked": About(asks_again=True),
    "storage.reopened": About(),
}


def those(matches: Callable[[About], object]) -> frozenset[EventType]:
    """The names of the events whose row fulfils a condition."""
    return frozenset(event for event, about in EVENTS.items() if matches(about))


# After these somebody may not be allowed what was allowed before: who waits or listens is asked
# again.
OF_CREDENTIALS: Final = those(lambda about: about.asks_again)
# Of jobs: these change how many stand where.
MOVING: Final = those(lambda about: about.moves)
OF_WORKFLOWS: Final[frozenset[EventType]] = frozenset(
    {"workflow.started", "workflow.completed", "workflow.failed", "workflow.cancelled"}
)


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
