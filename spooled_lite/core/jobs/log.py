"""What the event log keeps of each transition: enough to derive its frames from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypedDict

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.kinds import is_announced
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.events import Event, EventOf, EventType, those
from spooled_lite.storage.event_log import LogRow

_encode: Final = msgspec.json.Encoder().encode

ERROR_CHARACTERS_MAX: Final = 2_048  # contract realtime, section 3.5


class JobBody(Struct, omit_defaults=True):
    """A job after a transition; its id and queue stand in columns beside the body."""

    status: str
    was: str | None
    priority: int
    retry_count: int
    max_retries: int
    started_at_ms: int | None = None
    scheduled_at_ms: int | None = None
    completed_at_ms: int | None = None
    assigned_worker_id: str | None = None
    workflow_id: str | None = None
    last_error: str | None = None
    progress: float | None = None
    progress_message: str | None = None
    facts: Mapping[str, Any] = {}


def _job(event: EventOf[JobRow]) -> JobBody:
    row, error = event.row, event.row["last_error"]
    return JobBody(
        row["status"],
        event.was,
        row["priority"],
        row["retry_count"],
        row["max_retries"],
        row["started_at_ms"],
        row["scheduled_at_ms"],
        row["completed_at_ms"],
        row["assigned_worker_id"],
        row["workflow_id"],
        None if error is None else error[:ERROR_CHARACTERS_MAX],
        row["progress"],
        row["progress_message"],
        event.facts,
    )


def _queue(event: EventOf[QueueRow]) -> dict[str, Any]:
    return {"reason": event.row["paused_reason"], **event.facts}


def _worker(event: EventOf[WorkerRow]) -> dict[str, Any]:
    worker = event.row
    return {
        "hostname": worker["hostname"],
        "version": worker["version"],
        "status": worker["status"],
        "current_jobs": worker["current_jobs"],
        "last_heartbeat_ms": worker["last_heartbeat_ms"],
        **event.facts,
    }


def _workflow(event: EventOf[WorkflowRow]) -> dict[str, Any]:
    workflow = event.row
    return {
        "name": workflow["name"],
        "status": workflow["status"],
        "total_jobs": workflow["total_jobs"],
        "completed_jobs": workflow["completed_jobs"],
        "failed_jobs": workflow["failed_jobs"],
    }


def _schedule(event: Event) -> Mapping[str, Any]:
    return event.facts


# Transitions that have frames: contract README, section 7.1. A deleted job has none in the log.
_BODIES: Final[Mapping[EventType, Callable[[Event], Any]]] = {
    "job.created": _job,
    "job.promoted": _job,
    "job.claimed": _job,
    "job.expanded": _job,
    "job.released": _job,
    "job.progress": _job,
    "job.completed": _job,
    "job.skipped": _job,
    "job.retrying": _job,
    "job.deadlettered": _job,
    "job.stop_requested": _job,
    "job.cancelled": _job,
    "job.retried": _job,
    "queue.paused": _queue,
    "queue.resumed": _queue,
    "worker.registered": _worker,
    "worker.heartbeat": _worker,
    "worker.deregistered": _worker,
    "worker.offline": _worker,
    "workflow.started": _workflow,
    "workflow.completed": _workflow,
    "workflow.failed": _workflow,
    "workflow.cancelled": _workflow,
    "schedule.triggered": _schedule,
}
KINDS: Final = those(lambda about: about.is_logged)
WITHOUT_QUEUE: Final = frozenset(name for name in _BODIES if name.startswith("workflow."))


class LoggedSubjectRow(TypedDict):
    """What every row has whose events are logged; that of a workflow has no queue."""

    id: str
    queue_name: str


def log_rows(events: Sequence[Event]) -> tuple[list[Event], list[LogRow]]:
    """The events that the log keeps, and the row of each."""
    logged: list[Event] = []
    rows: list[LogRow] = []
    for event in events:
        body = _BODIES.get(event.type)
        if body is None or (body is _job and not is_announced(event)):
            continue
        subject: LoggedSubjectRow = event.row
        queue_name = None if event.type in WITHOUT_QUEUE else subject["queue_name"]
        shown = _encode(body(event))
        rows.append((event.org, event.type, queue_name, subject["id"], shown, event.at_ms))
        logged.append(event)
    return logged, rows
