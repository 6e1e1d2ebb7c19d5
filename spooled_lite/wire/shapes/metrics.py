"""A summary of the metrics for people. Contract: platform, section 14."""

from typing import Annotated, Self

from msgspec import Struct

from spooled_lite.core.overview.totals import Totals
from spooled_lite.metrics import Lately
from spooled_lite.wire.shapes.about import a_count, about
from spooled_lite.wire.shapes.common import UptimeSeconds
from spooled_lite.wire.shapes.dashboard import Processed, Waited


class JobTotals(Struct, frozen=True, kw_only=True):
    """The jobs of an organization, in the answer of GET /metrics below /api/v1."""

    total_created: Annotated[int, a_count("Jobs stored", 1)]
    total_completed: Annotated[int, a_count("Jobs that are done")]
    total_failed: Annotated[int, a_count("Attempts that failed")]
    avg_wait_time_ms: Waited | None
    avg_processing_ms: Processed | None


class WorkerTotals(Struct, frozen=True, kw_only=True):
    """The workers of an organization, in the answer of GET /metrics below /api/v1."""

    total_registered: Annotated[int, a_count("Workers in all", 1)]
    total_active: Annotated[int, a_count("Healthy workers", 1)]
    total_idle: Annotated[int, a_count("Workers without a job", 1)]


class QueueTotals(Struct, frozen=True, kw_only=True):
    """The queues of an organization, in the answer of GET /metrics below /api/v1."""

    total_queues: Annotated[int, a_count("Queues in all", 1)]
    total_paused: Annotated[int, a_count("Paused queues")]
    total_pending: Annotated[int, a_count("Jobs that wait", 1)]
    total_processing: Annotated[int, a_count("Jobs under a lease")]


class SystemTotals(Struct, frozen=True, kw_only=True):
    """The whole server in the last minute, in the answer of GET /metrics below /api/v1."""

    uptime_seconds: UptimeSeconds
    requests_per_sec: Annotated[float, about("Requests of the last minute, per second", 2.5)]
    error_rate: Annotated[float, about("How many of them were answered with 5xx, 0 to 1", 0)]
    avg_latency_ms: Annotated[int, a_count("Mean time of an answer", 3)]


class MetricsView(Struct, frozen=True, kw_only=True):
    """Answer of GET /metrics below /api/v1."""

    jobs: Annotated[JobTotals, about("The jobs")]
    workers: Annotated[WorkerTotals, about("The workers")]
    queues: Annotated[QueueTotals, about("The queues")]
    system: Annotated[SystemTotals, about("The server")]

    @classmethod
    def of(cls, found: Totals, lately: Lately, *, uptime_seconds: int) -> Self:
        return cls(
            jobs=JobTotals(
                total_created=found.created,
                total_completed=found.completed,
                total_failed=found.failed,
                avg_wait_time_ms=found.jobs.mean_wait_ms,
                avg_processing_ms=found.jobs.mean_processing_ms,
            ),
            workers=WorkerTotals(
                total_registered=found.workers_registered,
                total_active=found.workers_active,
                total_idle=found.workers_idle,
            ),
            queues=QueueTotals(
                total_queues=found.queues,
                total_paused=found.queues_paused,
                total_pending=found.jobs.pending,
                total_processing=found.jobs.processing,
            ),
            system=SystemTotals(
                uptime_seconds=uptime_seconds,
                requests_per_sec=round(lately.requests_per_second, 3),
                error_rate=round(lately.error_rate, 6),
                avg_latency_ms=round(lately.latency_seconds * 1000),
            ),
        )
