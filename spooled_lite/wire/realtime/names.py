"""Every kind of frame and its name in every dialect. Contract: README, section 7.2."""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

from msgspec import Struct

NameKind = Literal[
    "job.created",
    "job.status",
    "job.started",
    "job.progress",
    "job.completed",
    "job.failed",
    "job.retrying",
    "job.deadlettered",
    "job.cancelled",
    "job.stop_requested",
    "queue.stats",
    "queue.paused",
    "queue.resumed",
    "worker.registered",
    "worker.heartbeat",
    "worker.deregistered",
    "worker.inactive",
    "schedule.triggered",
    "workflow.started",
    "workflow.completed",
    "workflow.failed",
    "workflow.cancelled",
    "system.health",
    "ping",
    "error",
]


class Names(Struct, frozen=True):
    variant: str  # the `type` of the enum dialect; the event line is the kind itself
    dotted: str  # the `type` of the dotted dialect
    unnamed: str  # the `type` of frames without an event line, of the profile "both"
    others: tuple[str, ...] = ()  # further names that clients use in filters


def _plain(kind: str) -> Names:
    return Names(kind, kind, kind.replace(".", "_"))


# fmt: off
NAMES: Final[Mapping[NameKind, Names]] = {
    "job.created":         Names("JobCreated",         "job.created",        "job_created"),
    "job.status":          Names("JobStatusChange",    "job.status_changed", "job_status_changed"),
    "job.started":         _plain("job.started"),
    "job.progress":        _plain("job.progress"),
    "job.completed":       Names("JobCompleted",       "job.completed",      "job_completed"),
    "job.failed":          Names("JobFailed",          "job.failed",         "job_failed"),
    "job.retrying":        _plain("job.retrying"),
    "job.deadlettered":    _plain("job.deadlettered"),
    "job.cancelled":       _plain("job.cancelled"),
    "job.stop_requested":  _plain("job.stop_requested"),
    "queue.stats":         Names("QueueStats",         "queue.stats",        "queue_stats_updated",
                                 ("queue_stats",)),
    "queue.paused":        _plain("queue.paused"),
    "queue.resumed":       _plain("queue.resumed"),
    "worker.registered":   Names("WorkerRegistered",   "worker.joined",      "worker_registered"),
    "worker.heartbeat":    Names("WorkerHeartbeat",    "worker.active",      "worker_heartbeat"),
    "worker.deregistered": Names("WorkerDeregistered", "worker.left",        "worker_deregistered"),
    "worker.inactive":     _plain("worker.inactive"),
    "schedule.triggered":  _plain("schedule.triggered"),
    "workflow.started":    _plain("workflow.started"),
    "workflow.completed":  _plain("workflow.completed"),
    "workflow.failed":     _plain("workflow.failed"),
    "workflow.cancelled":  _plain("workflow.cancelled"),
    "system.health":       Names("SystemHealth",       "system.health",      "system_health"),
    "ping":                Names("Ping",               "ping",               "ping"),
    "error":               Names("Error",              "server.error",       "error"),
}
# fmt: on

WORKER_KINDS: Final = frozenset(kind for kind in NAMES if kind.startswith("worker."))

_KINDS: Final[Mapping[str, NameKind]] = {
    name.lower(): kind
    for kind, names in NAMES.items()
    for name in (kind, names.variant, names.dotted, names.unnamed, *names.others)
}


def kinds_named(texts: Iterable[str]) -> frozenset[NameKind] | None:
    """The kinds with these names, in any dialect and case; None for all kinds.

    An unknown name adds no kind.
    """
    asked = [text.strip().lower() for text in texts]
    asked = [text for text in asked if text]
    if not asked or "*" in asked:
        return None
    return frozenset(_KINDS[text] for text in asked if text in _KINDS)
