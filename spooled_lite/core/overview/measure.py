"""Counts committed events in the metrics. Contract: platform, section 14."""

from collections.abc import Mapping, Sequence
from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.states import state_of
from spooled_lite.core.lifecycle.reap import ATTEMPTS_OVER, LEASE_OVER
from spooled_lite.events import EVENTS, Event, EventOf, EventType, Listener
from spooled_lite.metrics import Metrics

_TAKEN_BACK: Final = frozenset({LEASE_OVER, ATTEMPTS_OVER})

# What counts of a run, and of a job that follows a failure, by event.
_OF_FOLLOWING: Final[Mapping[EventType, str]] = {
    "job.created": "queued",
    "job.completed": "completed",
    "job.deadlettered": "failed",
    "job.cancelled": "canceled",
    "job.skipped": "skipped",
}


def measured_by(metrics: Metrics) -> Listener:
    """A listener that counts every batch of events."""

    def listen(events: Sequence[Event]) -> None:
        counts: dict[EventType, int] = {}
        for event in events:
            kind = event.type
            counts[kind] = counts.get(kind, 0) + 1
            if kind in _OF_FOLLOWING:
                _count_kind(metrics, event)
            elif kind == "schedule.triggered" and event.facts["trigger"] == "cron":
                metrics.fired(event.row["catch_up"])
            if kind == "job.completed":
                completed: JobRow = event.row
                if completed["started_at_ms"] is not None:
                    seconds = (event.at_ms - completed["started_at_ms"]) / 1000
                    metrics.job_seconds.observe(seconds)
            elif kind == "job.retrying":
                retried: JobRow = event.row
                if retried["last_error"] in _TAKEN_BACK:
                    metrics.count("spooled_jobs_retried_total")
        for kind, count in counts.items():
            for name in EVENTS[kind].metrics:
                metrics.count(name, count)

    return listen


def _count_kind(metrics: Metrics, event: EventOf[JobRow]) -> None:
    """What has counters of its own: jobs that follow a failure, and runs of tasks."""
    job = event.row
    if job["kind"] == "on_fail":
        metrics.followed(_OF_FOLLOWING[event.type])
    elif job["kind"] == "task_run" and job["task_name"] is not None:
        is_end = event.type == "job.cancelled"  # which may be by its time
        metrics.ran(job["task_name"], state_of(job) if is_end else _OF_FOLLOWING[event.type])
