"""What receivers are sent of each event: the data of the envelope, by the type of the event.

Contract: schedules-workflows-webhooks, section 3.4; of a completion webhook 3.8.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, TypedDict

from msgspec import Raw

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.kinds import is_announced
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.events import EVENTS, Event, EventOf, EventType
from spooled_lite.times import format_ms, format_optional_ms


class JobData(TypedDict):
    """Of every event of a job."""

    job_id: str
    queue_name: str
    status: str
    priority: int
    retry_count: int
    max_retries: int
    workflow_id: str | None
    parent_job_id: str | None
    created_at: str
    scheduled_at: str | None
    started_at: str | None
    completed_at: str | None
    tags: Raw | None


class StartedData(JobData):
    worker_id: str | None


class CompletedData(JobData):
    worker_id: str | None
    result: Raw | None
    duration_ms: int | None


class DeadletteredData(JobData):
    error: str | None
    will_retry: bool


class FailedData(DeadletteredData):
    worker_id: str | None


class PausedData(TypedDict):
    queue_name: str
    reason: str | None


class ResumedData(TypedDict):
    queue_name: str
    paused_duration_secs: int


class WorkerData(TypedDict):
    worker_id: str
    queue_name: str
    hostname: str
    version: str | None


class ScheduleData(TypedDict):
    schedule_id: str
    schedule_name: str
    job_id: str | None
    queue_name: str
    trigger: str | None


class WorkflowData(TypedDict):
    workflow_id: str
    name: str
    status: str
    total_jobs: int
    completed_jobs: int
    failed_jobs: int
    completed_at: str | None


class CompletionData(TypedDict):
    """Of a completion webhook: it stands in the body itself and once more under `data`."""

    event: EventType
    job_id: str
    queue_name: str
    status: str
    result: Raw | None
    error: str | None
    retry_count: int
    created_at: str
    completed_at: str | None


Render = Callable[[Event], Mapping[str, Any]]


def _job(event: EventOf[JobRow]) -> JobData:
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


def _started(event: EventOf[JobRow]) -> StartedData:
    return {**_job(event), "worker_id": event.row["assigned_worker_id"]}


def _completed(event: EventOf[JobRow]) -> CompletedData:
    row, started_at_ms = event.row, event.row["started_at_ms"]
    return {
        **_job(event),
        "worker_id": row["assigned_worker_id"],
        "result": _raw(row["result"]),
        "duration_ms": None if started_at_ms is None else max(0, event.at_ms - started_at_ms),
    }


def _failed(event: EventOf[JobRow]) -> FailedData:
    return {
        **_job(event),
        "worker_id": event.facts.get("worker_id"),
        "error": event.row["last_error"],
        "will_retry": event.type == "job.retrying",
    }


def _deadlettered(event: EventOf[JobRow]) -> DeadletteredData:
    return {**_job(event), "error": event.row["last_error"], "will_retry": False}


def _paused(event: EventOf[QueueRow]) -> PausedData:
    return {"queue_name": event.row["queue_name"], "reason": event.row["paused_reason"]}


def _resumed(event: EventOf[QueueRow]) -> ResumedData:
    return {
        "queue_name": event.row["queue_name"],
        "paused_duration_secs": event.facts.get("paused_duration_secs", 0),
    }


def _worker(event: EventOf[WorkerRow]) -> WorkerData:
    row = event.row
    return {
        "worker_id": row["id"],
        "queue_name": row["queue_name"],
        "hostname": row["hostname"],
        "version": row["version"],
    }


def _schedule(event: EventOf[ScheduleRow]) -> ScheduleData:
    row = event.row
    return {
        "schedule_id": row["id"],
        "schedule_name": row["name"],
        "job_id": event.facts.get("job_id"),
        "queue_name": row["queue_name"],
        "trigger": event.facts.get("trigger"),
    }


def _workflow(event: EventOf[WorkflowRow]) -> WorkflowData:
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


def completion_data(event: EventOf[JobRow]) -> CompletionData:
    row = event.row
    return {
        "event": event.type,
        "job_id": row["id"],
        "queue_name": row["queue_name"],
        "status": row["status"],
        "result": _raw(row["result"]),
        "error": row["last_error"],
        "retry_count": row["retry_count"],
        "created_at": format_ms(row["created_at_ms"]),
        "completed_at": format_optional_ms(row["completed_at_ms"]),
    }


def _raw(stored: bytes | None) -> Raw | None:
    return None if stored is None else Raw(stored)


# By the name of the event that receivers are told.
_BODY: Final[Mapping[str, Render]] = {
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
BODIES: Final[Mapping[EventType, Mapping[str, Render]]] = {
    event: {name: _BODY[name] for name in about.webhooks}
    for event, about in EVENTS.items()
    if about.webhooks
}


def is_silent(event: EventOf[JobRow]) -> bool:
    """Whether webhooks are not told of an event of a job."""
    if not is_announced(event):
        return True
    # A step whose condition skipped it: no worker ran it.
    return event.type == "job.completed" and event.was == "pending"
