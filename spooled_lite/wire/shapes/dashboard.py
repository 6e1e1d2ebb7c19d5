"""The figures of one organization on one page. Contract: platform, section 12."""

from typing import Annotated, Self

from msgspec import Struct

from spooled_lite.core.overview.figures import JobStanding, Overview, ShownQueue
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import UptimeSeconds, Version

# One line per field, whatever its length.
# fmt: off
Pending = Annotated[int, a_count("Jobs that wait to be claimed", 1)]
Processing = Annotated[int, a_count("Jobs under a lease")]
Completed24h = Annotated[int, a_count("Completed in the last 24 hours")]
Failed24h = Annotated[int, a_count("Failed in the last 24 hours")]
Waited = Annotated[int, a_count("Mean time from storing to claiming", 15)]
Processed = Annotated[int, a_count("Mean time of an attempt that succeeded", 120)]
HealthyWorkers = Annotated[int, a_count("Healthy workers", 1)]
# fmt: on


class SystemFigures(Struct, frozen=True, kw_only=True):
    """The server itself, in the answer of GET /dashboard."""

    version: Version
    uptime_seconds: UptimeSeconds
    started_at: Annotated[str, a_time("When the server started")]
    database_status: Annotated[str, one_of("The storage", "healthy", "unhealthy")]
    # There is no cache beside this process that could be unreachable.
    cache_status: Annotated[str, one_of("Always the same", "healthy")] = "healthy"
    environment: Annotated[
        str, one_of("What the server is for", "development", "staging", "production")
    ]


class JobFigures(Struct, frozen=True, kw_only=True):
    """The jobs of an organization, in the answer of GET /dashboard."""

    total: Annotated[int, a_count("All of them together", 1)]
    pending: Pending
    processing: Processing
    completed_24h: Completed24h
    failed_24h: Failed24h
    deadletter: Annotated[int, a_count("Jobs whose attempts ran out")]
    avg_wait_time_ms: Waited | None
    avg_processing_time_ms: Processed | None

    @classmethod
    def of(cls, jobs: JobStanding) -> Self:
        return cls(
            total=jobs.total,
            pending=jobs.pending,
            processing=jobs.processing,
            completed_24h=jobs.completed_24h,
            failed_24h=jobs.failed_24h,
            deadletter=jobs.deadletter,
            avg_wait_time_ms=jobs.mean_wait_ms,
            avg_processing_time_ms=jobs.mean_processing_ms,
        )


class QueueFigures(Struct, frozen=True, kw_only=True):
    """One queue, in the answer of GET /dashboard."""

    name: Annotated[str, about("The name of the queue", "emails")]
    pending: Pending
    processing: Processing
    paused: Annotated[bool, about("The opposite of `enabled`", False)]

    @classmethod
    def of(cls, queue: ShownQueue) -> Self:
        return cls(
            name=queue.name,
            pending=queue.pending,
            processing=queue.processing,
            paused=queue.is_paused,
        )


class WorkerFigures(Struct, frozen=True, kw_only=True):
    """The workers heard of in the last minute, in the answer of GET /dashboard."""

    total: Annotated[int, a_count("All of them together", 1)]
    healthy: HealthyWorkers
    unhealthy: Annotated[int, a_count("Workers that are not")]


class RecentActivity(Struct, frozen=True, kw_only=True):
    """The last hour, in the answer of GET /dashboard."""

    jobs_created_1h: Annotated[int, a_count("Stored in the last hour", 1)]
    jobs_completed_1h: Annotated[int, a_count("Completed in the last hour")]
    jobs_failed_1h: Annotated[int, a_count("Failed in the last hour")]


class Dashboard(Struct, frozen=True, kw_only=True):
    """Answer of GET /dashboard. One client reads the copies at the end."""

    system: Annotated[SystemFigures, about("The server")]
    jobs: Annotated[JobFigures, about("The jobs")]
    queues: Annotated[list[QueueFigures], about("The first 20 queues by name")]
    workers: Annotated[WorkerFigures, about("The workers")]
    recent_activity: Annotated[RecentActivity, about("The last hour")]
    total_jobs: Annotated[int, a_count("Jobs in all", 1)]
    pending_jobs: Pending
    processing_jobs: Processing
    completed_jobs: Completed24h
    failed_jobs: Failed24h
    dead_letter_jobs: Annotated[int, a_count("Dead letters")]
    total_workers: Annotated[int, a_count("Workers in all", 1)]
    healthy_workers: HealthyWorkers
    avg_wait_time_ms: Waited | None
    avg_processing_time_ms: Processed | None

    @classmethod
    def of(cls, found: Overview, system: SystemFigures) -> Self:
        jobs, workers, healthy = found.jobs, found.workers, found.workers_healthy
        return cls(
            system=system,
            jobs=JobFigures.of(jobs),
            queues=[QueueFigures.of(queue) for queue in found.queues],
            workers=WorkerFigures(total=workers, healthy=healthy, unhealthy=workers - healthy),
            recent_activity=RecentActivity(
                jobs_created_1h=found.created_1h,
                jobs_completed_1h=found.completed_1h,
                jobs_failed_1h=found.failed_1h,
            ),
            total_jobs=jobs.total,
            pending_jobs=jobs.pending,
            processing_jobs=jobs.processing,
            completed_jobs=jobs.completed_24h,
            failed_jobs=jobs.failed_24h,
            dead_letter_jobs=jobs.deadletter,
            total_workers=workers,
            healthy_workers=healthy,
            avg_wait_time_ms=jobs.mean_wait_ms,
            avg_processing_time_ms=jobs.mean_processing_ms,
        )
