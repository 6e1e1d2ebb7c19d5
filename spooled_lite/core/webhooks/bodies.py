"""What a webhook is told of each event. Contract: schedules-workflows-webhooks, section 3.4."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from msgspec import Raw

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.kinds import is_announced
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.events import EVENTS, Event, EventOf, EventType
from spooled_lite.times import format_ms, format_optional_ms

Data = dict[str, Any]


def _job(event: EventOf[JobRow]) -> Data:
    row = event.row
    return {
        "job_id": row["id"],
        "queue_name": row["queue_name"],
        "status": row["status"],
        "priority": row["priority"],
        "retry_count": row["retry_count"],
        "max_retries": row["max_retries"],
        "workflow_id": row["workflow_id"],
        "parent_job_id": row["parent_job_id"],
        "created_at": format_ms(row["created_at_ms"]),
        "scheduled_at": format_optional_ms(row["scheduled_at_ms"]),
        "started_at": format_optional_ms(row["started_at_ms"]),
        "completed_at": format_optional_ms(row["completed_at_ms"]),
        "tags": _raw(row["tags"]),
    }


def _started(event: EventOf[JobRow]) -> Data:
    return {**_job(event), "worker_id": event.row["assigned_worker_id"]}


def _completed(event: EventOf[JobRow]) -> Data:
    row, started_at_ms = event.row, event.row["started_at_ms"]
    return {
        **_job(event),
        "worker_id": row["assigned_worker_id"],
        "result": _raw(row["result"]),
        "duration_ms": None if started_at_ms is None else max(0, event.at_ms - started_at_ms),
    }


def _failed(event: EventOf[JobRow]) -> Data:
    return {
        **_job(event),
        "worker_id": event.facts.get("worker_id"),
        "error": event.row["last_error"],
        "will_retry": event.type == "job.retrying",
    }


def _deadlettered(event: EventOf[JobRow]) -> Data:
    return {**_job(event), "error": event.row["last_error"], "will_retry": False}


def _paused(event: EventOf[QueueRow]) -> Data:
    return {"queue_name": event.row["queue_name"], "reason": event.row["paused_reason"]}


def _resumed(event: EventOf[QueueRow]) -> Data:
    return {
        "queue_name": event.row["queue_name"],
        "paused_duration_secs": event.facts.get("paused_duration_secs", 0),
    }


def _worker(event: EventOf[WorkerRow]) -> Data:
    row = event.row
    return {
        "worker_id": row["id"],
        "queue_name": row["queue_name"],
        "hostname": row["hostname"],
        "version": row["version"],
    }


def _schedule(event: EventOf[ScheduleRow]) -> Data:
    row = event.row
    return {
        "schedule_id": row["id"],
        "schedule_name": row["name"],
        "job_id": event.facts.get("job_id"),
        "queue_name": row["queue_name"],
        "trigger": event.facts.get("trigger"),
    }


def _workflow(event: EventOf[WorkflowRow]) -> Data:
    row = event.row
    return {
        "workflow_id": row["id"],
        "name": row["name"],
        "status": row["status"],
        "total_jobs": row["total_jobs"],
        "completed_jobs": row["completed_jobs"],
        "failed_jobs": row["failed_jobs"],
        "completed_at": format_optional_ms(row["completed_at_ms"]),
    }


def _raw(stored: bytes | None) -> Raw | None:
    return None if stored is None else Raw(stored)


# By the name under which an address is called.
_BODY: Final[Mapping[str, Callable[[Event], Data]]] = {
    "job.created": _job,
    "job.started": _started,
    "job.completed": _completed,
    "job.failed": _failed,
    "job.deadlettered": _deadlettered,
    "job.cancelled": _job,
    "job.retried": _job,
    "queue.paused": _paused,
    "queue.resumed": _resumed,
    "worker.registered": _worker,
    "worker.deregistered": _worker,
    "worker.offline": _worker,
    "schedule.triggered": _schedule,
    "workflow.completed": _workflow,
    "workflow.failed": _workflow,
}
# One transition may be several events of webhooks.
BODIES: Final[Mapping[EventType, Mapping[str, Callable[[Event], Data]]]] = {
    event: {name: _BODY[name] for name in about.webhooks}
    for event, about in EVENTS.items()
    if about.webhooks
}


def is_silent(event: EventOf[JobRow]) -> bool:
    """Whether an event of a job is none of a webhook's business."""
    if not is_announced(event):
        return True
    # A step that its condition skips: nobody ran it.
    return event.type == "job.completed" and event.was == "pending"
