"""What is measured, for scrapers and for people. Contract: platform, section 14."""

import math
from collections.abc import Mapping
from typing import Final

from msgspec import Struct

from spooled_lite import metrics
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.overview.depths import Depth, deepest
from spooled_lite.core.overview.totals import Figures, totals
from spooled_lite.core.overview.totals import figures as figures_of
from spooled_lite.errors import SpooledError
from spooled_lite.metrics import own_text
from spooled_lite.storage.transaction import Reading
from spooled_lite.storage.turns import OUTSIDE
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.services import Services

# Gauges that are read from the file, by what they show.
_OF_FILE: Final[Mapping[str, str]] = {
    "spooled_jobs_pending": "jobs_pending",
    "spooled_jobs_processing": "jobs_processing",
    "spooled_job_max_age_seconds": "oldest_pending_seconds",
    "spooled_jobs_scheduled": "jobs_scheduled",
    "spooled_jobs_deadletter": "jobs_deadletter",
    "spooled_workers_active": "workers_active",
    "spooled_workers_healthy": "workers_healthy",
}


class JobTotals(Struct, frozen=True, kw_only=True):
    total_created: int
    total_completed: int
    total_failed: int
    avg_wait_time_ms: int | None
    avg_processing_ms: int | None


class WorkerTotals(Struct, frozen=True, kw_only=True):
    total_registered: int
    total_active: int
    total_idle: int


class QueueTotals(Struct, frozen=True, kw_only=True):
    total_queues: int
    total_paused: int
    total_pending: int
    total_processing: int


class SystemTotals(Struct, frozen=True, kw_only=True):
    """Of the whole server, in the last minute."""

    uptime_seconds: int
    requests_per_sec: float
    error_rate: float
    avg_latency_ms: int


class MetricsView(Struct, frozen=True, kw_only=True):
    """Answer of GET /metrics below /api/v1."""

    jobs: JobTotals
    workers: WorkerTotals
    queues: QueueTotals
    system: SystemTotals


async def scrape(call: Call) -> Reply:
    return Reply(200, await exposition(call.services), media=metrics.TEXT)


async def prometheus(call: Call) -> Reply:
    """One client decodes JSON only: for it the text is one JSON string.

    Of the whole server for the metrics token and the admin key, else of one organization.
    """
    if call.is_admin:
        text = await exposition(call.services)
    else:
        text = own_text(await call.reads.read(own_figures, call.org, call.scope))
    if b"application/json" in call.headers.get(b"accept", b"").lower():
        return reply(text.decode())
    return Reply(200, text, media=metrics.TEXT)


async def overview(call: Call) -> Reply:
    found = await call.reads.read(totals, call.org, call.scope)
    lately = call.services.metrics.lately()
    view = MetricsView(
        jobs=JobTotals(
            total_created=found.created,
            total_completed=found.completed,
            total_failed=found.failed,
            avg_wait_time_ms=found.jobs.avg_wait_time_ms,
            avg_processing_ms=found.jobs.avg_processing_time_ms,
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
            uptime_seconds=max(0, call.now_ms - call.services.state.started_at_ms) // 1000,
            requests_per_sec=round(lately.requests_per_second, 3),
            error_rate=round(lately.error_rate, 6),
            avg_latency_ms=round(lately.latency_seconds * 1000),
        ),
    )
    return reply(view)


def own_figures(tx: Reading, org: int, scope: Scope) -> Mapping[str, float]:
    """What is measured of one organization, as far as a key may see it: values by metric."""
    found = totals(tx, org, scope)
    return {
        "spooled_jobs_enqueued_total": found.created,
        "spooled_jobs_completed_total": found.completed,
        "spooled_jobs_failed_total": found.failed,
        "spooled_jobs_pending": found.jobs.pending,
        "spooled_jobs_processing": found.jobs.processing,
        "spooled_jobs_deadletter": found.jobs.deadletter,
        "spooled_workers_active": found.workers_active,
    }


async def exposition(services: Services) -> bytes:
    """Everything that is measured; what the file would tell is unknown while it cannot be read."""
    try:
        found: Figures | None = await services.db.readers.of(OUTSIDE).read(figures_of)
    except SpooledError:
        found = None
    services.metrics.show_queues(await _depths(services))
    for name, field in _OF_FILE.items():
        services.metrics.show(name, math.nan if found is None else getattr(found, field))
    return services.metrics.text()


async def _depths(services: Services) -> list[Depth]:
    """Names of queues tell a stranger something: nothing of them where anybody may scrape."""
    settings = services.settings
    if settings.metrics_token is None and settings.environment != "development":
        return []
    try:
        return await services.db.readers.of(OUTSIDE).read(deepest)
    except SpooledError:
        return []
