"""What the event log keeps of each transition: enough to derive its frames from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from spooled_lite.events import Event, EventType
from spooled_lite.storage.event_log import LogRow

_encode: Final = msgspec.json.Encoder().encode

ERROR_CHARACTERS_MAX: Final = 2_048  # contract realtime, section 3.5

_JOB_COLUMNS: Final = (
    "id",
    "queue_name",
    "status",
    "priority",
    "retry_count",
    "max_retries",
    "workflow_id",
    "assigned_worker_id",
    "started_at_ms",
    "scheduled_at_ms",
    "completed_at_ms",
)


def _job(event: Event) -> dict[str, Any]:
    row = event.row
    body: dict[str, Any] = {column: row[column] for column in _JOB_COLUMNS}
    body["was"] = event.was
    if row["last_error"] is not None:
        body["last_error"] = row["last_error"][:ERROR_CHARACTERS_MAX]
    if event.type == "job.progress":
        body["progress"], body["message"] = row["progress"], row["progress_message"]
    return body


def _queue(event: Event) -> dict[str, Any]:
    return {"queue_name": event.row["queue_name"], "reason": event.row["paused_reason"]}


def _worker(event: Event) -> dict[str, Any]:
    row = event.row
    columns = ("id", "queue_name", "hostname", "version", "status", "current_jobs")
    return {**{column: row[column] for column in columns}, "seen_at_ms": row["last_heartbeat_ms"]}


# Transitions that have frames: contract README, section 7.1. A deleted job has none in the log.
_BODIES: Final[Mapping[EventType, Callable[[Event], dict[str, Any]]]] = {
    "job.created": _job,
    "job.promoted": _job,
    "job.claimed": _job,
    "job.released": _job,
    "job.progress": _job,
    "job.completed": _job,
    "job.retrying": _job,
    "job.deadlettered": _job,
    "job.cancelled": _job,
    "job.retried": _job,
    "queue.paused": _queue,
    "queue.resumed": _queue,
    "worker.registered": _worker,
    "worker.heartbeat": _worker,
    "worker.deregistered": _worker,
    "worker.offline": _worker,
}


def log_rows(events: Sequence[Event]) -> list[LogRow]:
    return [
        (
            event.org,
            event.type,
            event.row["queue_name"],
            event.row["id"],
            _encode({**body(event), **event.facts}),
            event.at_ms,
        )
        for event in events
        if (body := _BODIES.get(event.type)) is not None
    ]
