"""Counts committed events in the metrics. Contract: platform, section 14."""

from collections.abc import Mapping, Sequence
from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.states import state_of
from spooled_lite.core.lifecycle.reap import ATTEMPTS_OVER, LEASE_OVER
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.states import state_of_workflow
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
_OF_WORKFLOW: Final[frozenset[EventType]] = frozenset(
    {"workflow.started", "workflow.completed", "workflow.failed", "workflow.cancelled"}
)


def measured_by(metrics: Metrics) -> Listener:
    """A listener that counts every batch of events."""

    def listen(events: Sequence[Event]) -> None:
        counts: dict[EventType, int] = {}
        for event in events:
            kind = event.type
            counts[kind] = counts.get(kind, 0) + 1
            if kind in _OF_FOLLOWING:
                _count_kind(metrics, event)
            elif kind in _OF_WORKFLOW:
                _count_run(metrics, event)
            elif kind == "schedule.triggered" and event.facts["trigger"] == "cron":
                metrics.fired(event.row["catch_up"])
            if kind == "job.completed":
                completed: JobRow = event.row
                if completed["started_at_ms"] is not None:
                    seconds = (event.at_ms - completed["started_at_ms"]) / 1000
                    metrics.job_seconds.observe(seconds)
                    if completed["kind"] == "step" and completed["flow_name"] is not None:
                        metrics.step_seconds.observe(seconds)
            elif kind == "job.retrying":
                retried: JobRow = event.row
                if retried["last_error"] in _TAKEN_BACK:
                    metrics.count("spooled_jobs_retried_total")
        for kind, count in counts.items():
            for name in EVENTS[kind].metrics:
                metrics.count(name, count)

    return listen


def _count_run(metrics: Metrics, event: EventOf[WorkflowRow]) -> None:
    run = event.row
    if run["flow_name"] is not None:
        metrics.flows.run(run["flow_name"], state_of_workflow(run))


def _count_kind(metrics: Metrics, event: EventOf[JobRow]) -> None:
    """What has counters of its own: jobs that follow a failure, runs of tasks, steps of flows."""
    job = event.row
    is_end = event.type == "job.cancelled"  # which may be by its time, or with others
    state = state_of(job) if is_end else _OF_FOLLOWING[event.type]
    if job["kind"] == "on_fail":
        metrics.followed(_OF_FOLLOWING[event.type])
    elif job["kind"] == "task_run" and job["task_name"] is not None:
        metrics.ran(job["task_name"], state)
    elif job["kind"] == "step" and job["flow_name"] is not None and job["step_key"] is not None:
        metrics.flows.step(job["flow_name"], job["step_key"], state)
