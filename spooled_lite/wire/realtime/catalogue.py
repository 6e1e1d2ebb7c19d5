"""Which frames each transition gives, in which order, and their contents.

All frames are made here from rows of the event log, for live events and for replays alike.
Contract: realtime, section 3; README, section 7.1.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.jobs.log import JobBody
from spooled_lite.core.jobs.replay import Logged
from spooled_lite.core.queues.levels import Levels
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.realtime.names import NameKind

# Of the data without a result, so that a frame with its data twice stays below the cap of 30 KiB.
DATA_BYTES_MAX: Final = 14 * 1024
CUT_TO: Final = 512  # characters left of each text when the data is larger

_decode_job: Final = msgspec.json.Decoder(JobBody).decode
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode: Final = msgspec.json.Encoder().encode

Data = dict[str, Any]


class Frame(Struct, frozen=True):
    """One event for clients, before it is written in a dialect."""

    kind: NameKind
    data: bytes  # a JSON object on one line, without `result`
    timestamp: str
    queue_name: str | None = None
    job_id: str | None = None
    worker_id: str | None = None
    result: bytes | None = None  # a JSON object on one line, added when there is room
    new_status: str | None = None


def frames_of(logged: Logged) -> tuple[Frame, ...]:
    """The frames of a logged transition; none for a type that only a newer version knows."""
    make = _MAKERS.get(logged.type)
    return () if make is None else make(logged)


def frame(
    kind: NameKind, at_ms: int, data: Data, *, result: bytes | None = None, is_null: str = ""
) -> Frame:
    """Make a frame. Fields without a value are left out, since clients expect texts and times.

    `is_null` names the one field that is sent as null instead.
    """
    timestamp = format_ms(at_ms)
    said = {name: value for name, value in data.items() if value is not None or name == is_null}
    said["timestamp"] = timestamp
    return Frame(
        kind,
        _bounded(said),
        timestamp,
        said.get("queue_name"),
        said.get("job_id"),
        said.get("worker_id"),
        result,
        said.get("new_status"),
    )


def queue_stats(queue_name: str, levels: Levels, at_ms: int) -> Frame:
    return frame("queue.stats", at_ms, {"queue_name": queue_name, **msgspec.structs.asdict(levels)})


def system_health(*, database: bool, at_ms: int) -> Frame:
    # There is no Redis: contract realtime, section 3.2.
    return frame("system.health", at_ms, {"database": database, "redis": False})


def ping(at_ms: int) -> Frame:
    return frame("ping", at_ms, {})


def error(message: str, at_ms: int, *, code: str) -> Frame:
    return frame("error", at_ms, {"message": message, "code": code})


def job_status(job_id: str, queue_name: str, status: str, at_ms: int) -> Frame:
    """The first frame of a job's stream: its status now."""
    return frame(
        "job.status",
        at_ms,
        {
            "job_id": job_id,
            "queue_name": queue_name,
            "old_status": "",
            "new_status": status,
            "status": status,
        },
    )


# -- jobs ------------------------------------------------------------------------------------------


class _Job(Struct, frozen=True):
    """A job after a transition, with the fields that all its frames have."""

    logged: Logged
    body: JobBody
    ids: Data
    worker_id: str | None

    @classmethod
    def of(cls, logged: Logged) -> "_Job":
        body = _decode_job(logged.body)
        # When the row no longer names the worker that held the job, the event does.
        worker_id = body.facts.get("worker_id") or body.assigned_worker_id
        return cls(
            logged, body, {"job_id": logged.subject_id, "queue_name": logged.queue_name}, worker_id
        )

    def frame(self, kind: NameKind, *, result: bytes | None = None, **data: Any) -> Frame:
        return frame(kind, self.logged.at_ms, {**self.ids, **data}, result=result)

    def status_change(self) -> Frame:
        body = self.body
        return self.frame(
            "job.status",
            old_status=body.was or "",
            new_status=body.status,
            status=body.status,
            worker_id=self.worker_id,
            workflow_id=body.workflow_id,
        )

    def failed(self, *, will_retry: bool) -> Frame:
        body = self.body
        return self.frame(
            "job.failed",
            error=body.last_error or "",
            retry_count=body.retry_count,
            max_retries=body.max_retries,
            will_retry=will_retry,
            status=body.status,
            worker_id=self.worker_id,
            failed_at=format_ms(self.logged.at_ms),
            workflow_id=body.workflow_id,
        )


def _created(logged: Logged) -> tuple[Frame, ...]:
    job = _Job.of(logged)
    body = job.body
    return (
        job.frame(
            "job.created",
            priority=body.priority,
            status=body.status,
            scheduled_at=format_optional_ms(body.scheduled_at_ms),
            workflow_id=body.workflow_id,
        ),
    )


def _status_only(logged: Logged) -> tuple[Frame, ...]:
    return (_Job.of(logged).status_change(),)


def _claimed(logged: Logged) -> tuple[Frame, ...]:
    job = _Job.of(logged)
    body = job.body
    started = job.frame(
        "job.started",
        worker_id=job.worker_id,
        status=body.status,
        started_at=format_optional_ms(body.started_at_ms),
    )
    return started, job.status_change()


def _progress(logged: Logged) -> tuple[Frame, ...]:
    job = _Job.of(logged)
    body = job.body
    return (job.frame("job.progress", progress=body.progress, message=body.progress_message),)


def _completed(logged: Logged) -> tuple[Frame, ...]:
    job = _Job.of(logged)
    body = job.body
    if body.was != "processing":
        return (job.status_change(),)  # a step that was skipped, so no worker completed it
    started_at_ms = body.started_at_ms
    done = job.frame(
        "job.completed",
        duration_ms=None if started_at_ms is None else max(0, logged.at_ms - started_at_ms),
        status=body.status,
        worker_id=job.worker_id,
        completed_at=format_optional_ms(body.completed_at_ms),
        workflow_id=body.workflow_id,
        result=_object_on_one_line(logged.result),
    )
    return done, job.status_change()


def _retrying(logged: Logged) -> tuple[Frame, ...]:
    job = _Job.of(logged)
    body = job.body
    retrying = job.frame(
        "job.retrying",
        status=body.status,
        retry_count=body.retry_count,
        error=body.last_error,
        scheduled_at=format_optional_ms(body.scheduled_at_ms),
    )
    return job.failed(will_retry=True), retrying, job.status_change()


def _deadlettered(logged: Logged) -> tuple[Frame, ...]:
    job = _Job.of(logged)
    body = job.body
    dead = job.frame(
        "job.deadlettered",
        status=body.status,
        error=body.last_error,
        retry_count=body.retry_count,
    )
    return job.failed(will_retry=False), dead, job.status_change()


def _stop_requested(logged: Logged) -> tuple[Frame, ...]:
    job = _Job.of(logged)
    return (
        job.frame(
            "job.stop_requested", worker_id=job.worker_id, reason=job.body.facts.get("reason")
        ),
    )


def _cancelled(logged: Logged) -> tuple[Frame, ...]:
    job = _Job.of(logged)
    return job.frame("job.cancelled", status=job.body.status), job.status_change()


# -- queues, workers, workflows, schedules ---------------------------------------------------------


def _queue(kind: NameKind) -> Callable[[Logged], tuple[Frame, ...]]:
    def make(logged: Logged) -> tuple[Frame, ...]:
        reason = _decode(logged.body).get("reason")
        data = {"queue_name": logged.queue_name, "reason": reason}
        return (frame(kind, logged.at_ms, data),)

    return make


def _worker(kind: NameKind, *columns: str) -> Callable[[Logged], tuple[Frame, ...]]:
    def make(logged: Logged) -> tuple[Frame, ...]:
        body = _decode(logged.body)
        data: Data = {"worker_id": logged.subject_id, "queue_name": logged.queue_name}
        data.update((column, body.get(column)) for column in columns)
        if "last_seen_at" in data:
            data["last_seen_at"] = format_optional_ms(body.get("last_heartbeat_ms"))
        # A worker reports how many jobs it has and not which, so this field is always null.
        return (frame(kind, logged.at_ms, data, is_null="current_job_id"),)

    return make


def _workflow(kind: NameKind) -> Callable[[Logged], tuple[Frame, ...]]:
    def make(logged: Logged) -> tuple[Frame, ...]:
        data = {"workflow_id": logged.subject_id, **_decode(logged.body)}
        return (frame(kind, logged.at_ms, data),)

    return make


def _triggered(logged: Logged) -> tuple[Frame, ...]:
    facts = _decode(logged.body)
    data = {
        "schedule_id": logged.subject_id,
        "job_id": facts.get("job_id"),
        "queue_name": logged.queue_name,
    }
    return (frame("schedule.triggered", logged.at_ms, data),)


# By the type of the event that was logged.
_MAKERS: Final[Mapping[str, Callable[[Logged], tuple[Frame, ...]]]] = {
    "job.created": _created,
    "job.promoted": _status_only,
    "job.claimed": _claimed,
    "job.expanded": _status_only,
    "job.released": _status_only,
    "job.progress": _progress,
    "job.completed": _completed,
    "job.skipped": _status_only,
    "job.retrying": _retrying,
    "job.deadlettered": _deadlettered,
    "job.stop_requested": _stop_requested,
    "job.cancelled": _cancelled,
    "job.retried": _status_only,
    "queue.paused": _queue("queue.paused"),
    "queue.resumed": _queue("queue.resumed"),
    "worker.registered": _worker("worker.registered", "hostname", "version"),
    "worker.heartbeat": _worker("worker.heartbeat", "status", "current_job_id", "current_jobs"),
    "worker.deregistered": _worker("worker.deregistered"),
    "worker.offline": _worker("worker.inactive", "last_seen_at"),
    "workflow.started": _workflow("workflow.started"),
    "workflow.completed": _workflow("workflow.completed"),
    "workflow.failed": _workflow("workflow.failed"),
    "workflow.cancelled": _workflow("workflow.cancelled"),
    "schedule.triggered": _triggered,
}


# -- sizes -----------------------------------------------------------------------------------------


def _bounded(data: Data) -> bytes:
    encoded = _on_one_line(_encode(data))
    if len(encoded) <= DATA_BYTES_MAX:
        return encoded
    cut = {n: value[:CUT_TO] if isinstance(value, str) else value for n, value in data.items()}
    return _on_one_line(_encode(cut))


def _object_on_one_line(result: bytes | None) -> bytes | None:
    """A result that is an object, on one line; None for others: Go clients decode only objects."""
    if result is None or not result.lstrip().startswith(b"{"):
        return None
    return _on_one_line(bytes(msgspec.json.format(Raw(result), indent=-1)))


# Some readers end a line at these characters, as Python's `splitlines` does: the asynchronous
# stream of the official Python client would lose the frame.
_LINE_ENDS: Final = tuple((each.encode(), b"\\u%04x" % ord(each)) for each in "\x85\u2028\u2029")


def _on_one_line(text: bytes) -> bytes:
    """The JSON with these characters escaped; in JSON they occur only inside of strings."""
    for character, escaped in _LINE_ENDS:
        if character in text:
            text = text.replace(character, escaped)
    return text
