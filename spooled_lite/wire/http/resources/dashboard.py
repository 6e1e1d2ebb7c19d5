"""The figures of the home page of a dashboard. Contract: platform, section 12."""

from typing import Self

from msgspec import Struct

import spooled_lite
from spooled_lite.core.overview.figures import (
    JobFigures,
    Overview,
    QueueFigures,
    RecentActivity,
    WorkerFigures,
)
from spooled_lite.core.overview.figures import overview as overview_of
from spooled_lite.times import format_ms
from spooled_lite.wire.http.call import Call, Reply, reply


class SystemFigures(Struct, frozen=True, kw_only=True):
    version: str
    uptime_seconds: int
    started_at: str
    database_status: str
    cache_status: str = "healthy"  # one process: there is nothing that could be unreachable
    environment: str

    @classmethod
    def of(cls, call: Call) -> Self:
        started_at_ms = call.services.state.started_at_ms
        return cls(
            version=spooled_lite.__version__,
            uptime_seconds=uptime_seconds(call),
            started_at=format_ms(started_at_ms),
            # Reads work, or this would not be asked.
            database_status="healthy" if call.db.writer.state == "ok" else "unhealthy",
            environment=call.settings.environment,
        )


class Dashboard(Struct, frozen=True, kw_only=True):
    """Answer of GET /dashboard. The twins at the end are where one client looks for them."""

    system: SystemFigures
    jobs: JobFigures
    queues: list[QueueFigures]
    workers: WorkerFigures
    recent_activity: RecentActivity
    total_jobs: int
    pending_jobs: int
    processing_jobs: int
    completed_jobs: int  # in 24 hours
    failed_jobs: int  # in 24 hours
    dead_letter_jobs: int
    total_workers: int
    healthy_workers: int
    avg_wait_time_ms: int | None
    avg_processing_time_ms: int | None

    @classmethod
    def of(cls, found: Overview, system: SystemFigures) -> Self:
        jobs, workers = found.jobs, found.workers
        return cls(
            system=system,
            jobs=jobs,
            queues=found.queues,
            workers=workers,
            recent_activity=found.recent_activity,
            total_jobs=jobs.total,
            pending_jobs=jobs.pending,
            processing_jobs=jobs.processing,
            completed_jobs=jobs.completed_24h,
            failed_jobs=jobs.failed_24h,
            dead_letter_jobs=jobs.deadletter,
            total_workers=workers.total,
            healthy_workers=workers.healthy,
            avg_wait_time_ms=jobs.avg_wait_time_ms,
            avg_processing_time_ms=jobs.avg_processing_time_ms,
        )


async def get(call: Call) -> Reply:
    found = await call.reads.read(overview_of, call.org, call.scope)
    return reply(Dashboard.of(found, SystemFigures.of(call)))


def uptime_seconds(call: Call) -> int:
    """Time may have been set back."""
    return max(0, call.now_ms - call.services.state.started_at_ms) // 1000
