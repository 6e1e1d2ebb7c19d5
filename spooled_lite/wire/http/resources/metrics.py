"""The metrics, for Prometheus and for people. Contract: platform, section 14."""

import math
from collections.abc import Mapping
from typing import Final

from spooled_lite import metrics
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.overview.depths import Depth, fullest_queues
from spooled_lite.core.overview.totals import Figures, totals
from spooled_lite.core.overview.totals import figures as figures_of
from spooled_lite.errors import SpooledError
from spooled_lite.own_metrics import own_text
from spooled_lite.storage.transaction import Reading
from spooled_lite.storage.turns import OUTSIDE
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.resources.health import trouble_of
from spooled_lite.wire.services import Services
from spooled_lite.wire.shapes.metrics import MetricsView

# Gauges that are read from the file at each scrape, and the field of `Figures` each one shows.
_OF_FILE: Final[Mapping[str, str]] = {
    "spooled_jobs_pending": "jobs_pending",
    "spooled_jobs_processing": "jobs_processing",
    "spooled_job_max_age_seconds": "oldest_pending_seconds",
    "spooled_jobs_scheduled": "jobs_scheduled",
    "spooled_jobs_deadletter": "jobs_deadletter",
    "spooled_messages_ready": "messages_ready",
    "spooled_messages_hidden": "messages_hidden",
    "spooled_inbox_unseen": "inbox_unseen",
    "spooled_workers_active": "workers_active",
    "spooled_workers_healthy": "workers_healthy",
    "spooled_file_free_bytes": "file_free_bytes",
}


async def scrape(call: Call) -> Reply:
    return Reply(200, await exposition(call.services), media=metrics.TEXT)


async def prometheus(call: Call) -> Reply:
    """All metrics for the metrics token or the admin key, else those of one organization.

    For a client that decodes only JSON, the answer is the whole text as one JSON string.
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
    uptime_seconds = call.services.state.uptime_seconds(call.now_ms)
    lately = call.services.metrics.lately()
    return reply(MetricsView.of(found, lately, uptime_seconds=uptime_seconds))


def own_figures(tx: Reading, org: int, scope: Scope) -> Mapping[str, float]:
    """The metrics of one organization, over the queues of the scope: values by name."""
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
    """Every metric as text. Gauges that are read from the file are NaN while it cannot be read."""
    try:
        found: Figures | None = await services.db.readers.of(OUTSIDE).read(figures_of)
    except SpooledError:
        found = None
    services.metrics.show("spooled_ready", await trouble_of(services) is None)
    services.metrics.show_queues(await _depths(services))
    services.metrics.names_tasks = services.settings.metrics_token is not None
    services.metrics.show_breakers({} if found is None else found.breakers_open)
    for name, field in _OF_FILE.items():
        services.metrics.show(name, math.nan if found is None else getattr(found, field))
    return services.metrics.text()


async def _depths(services: Services) -> list[Depth]:
    """The fullest queues; none when anyone may scrape, since queue names may be confidential."""
    settings = services.settings
    if settings.metrics_token is None and settings.environment != "development":
        return []
    try:
        return await services.db.readers.of(OUTSIDE).read(fullest_queues)
    except SpooledError:
        return []
