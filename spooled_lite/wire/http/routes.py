"""Every path, its handler, who may call it and the permission word a limited key needs."""

from typing import Final

from spooled_lite.wire.http import (
    attempts,
    dead_letters,
    dependencies,
    health,
    jobs,
    queues,
    workers,
)
from spooled_lite.wire.http.dispatch import Access, Row

# Words as in the contract (README, section 8): `-` is none, two words are "either of them".
# fmt: off
HEALTH: Final[tuple[Row, ...]] = (
    ("GET", "/health",       health.overview, Access.PUBLIC, "-"),
    ("GET", "/health/live",  health.live,     Access.PUBLIC, "-"),
    ("GET", "/health/ready", health.ready,    Access.PUBLIC, "-"),
)

JOBS: Final[tuple[Row, ...]] = (
    ("POST",   "/api/v1/jobs",                   jobs.create,           Access.KEY, "jobs:write"),
    ("GET",    "/api/v1/jobs",                   jobs.list_all,         Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/stats",             jobs.stats,            Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/status",            jobs.statuses,         Access.KEY, "jobs:read"),
    ("POST",   "/api/v1/jobs/bulk",              jobs.create_bulk,      Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/claim",             attempts.claim,        Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/dequeue",           attempts.dequeue,      Access.KEY, "jobs:write"),
    ("GET",    "/api/v1/jobs/dlq",               dead_letters.list_all, Access.KEY, "jobs:read"),
    ("POST",   "/api/v1/jobs/dlq/retry",         dead_letters.retry,    Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/dlq/purge",         dead_letters.purge,    Access.KEY, "jobs:write"),
    ("GET",    "/api/v1/jobs/{id}",              jobs.get,              Access.KEY, "jobs:read"),
    ("DELETE", "/api/v1/jobs/{id}",              jobs.delete,           Access.KEY, "jobs:write jobs:delete"),  # noqa: E501
    ("POST",   "/api/v1/jobs/{id}/cancel",       jobs.cancel,           Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/{id}/retry",        jobs.retry,            Access.KEY, "jobs:write"),
    ("PUT",    "/api/v1/jobs/{id}/priority",     jobs.priority,         Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/{id}/complete",     attempts.complete,     Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/{id}/fail",         attempts.fail,         Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/{id}/heartbeat",    attempts.renew,        Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/{id}/renew-lease",  attempts.renew,        Access.KEY, "jobs:write"),
    ("POST",   "/api/v1/jobs/{id}/progress",     attempts.progress,     Access.KEY, "jobs:write"),
    ("GET",    "/api/v1/jobs/{id}/history",      jobs.history_of,       Access.KEY, "jobs:read"),
    ("GET",    "/api/v1/jobs/{id}/dependencies", dependencies.get,      Access.KEY, "jobs:read"),
    ("POST",   "/api/v1/jobs/{id}/dependencies", dependencies.add,      Access.KEY, "jobs:write"),
)

QUEUES: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/queues",               queues.list_all,     Access.KEY, "queues:read"),
    ("POST",   "/api/v1/queues",               queues.create,       Access.KEY, "queues:write"),
    ("GET",    "/api/v1/queues/{name}",        queues.get,          Access.KEY, "queues:read"),
    ("PUT",    "/api/v1/queues/{name}/config", queues.update,       Access.KEY, "queues:write"),
    ("PUT",    "/api/v1/queues/{name}",        queues.update,       Access.KEY, "queues:write"),
    ("PATCH",  "/api/v1/queues/{name}",        queues.update,       Access.KEY, "queues:write"),
    ("DELETE", "/api/v1/queues/{name}",        queues.delete,       Access.KEY, "queues:write"),
    ("GET",    "/api/v1/queues/{name}/stats",  queues.stats,        Access.KEY, "queues:read"),
    ("POST",   "/api/v1/queues/{name}/pause",  queues.pause_queue,  Access.KEY, "queues:write"),
    ("POST",   "/api/v1/queues/{name}/resume", queues.resume_queue, Access.KEY, "queues:write"),
    ("POST",   "/api/v1/queues/{name}/purge",  queues.purge,        Access.KEY, "queues:write"),
)

WORKERS: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/workers",                 workers.list_all,   Access.KEY, "workers:read"),
    ("POST",   "/api/v1/workers/register",        workers.register,   Access.KEY, "workers:write"),
    ("GET",    "/api/v1/workers/{id}",            workers.get,        Access.KEY, "workers:read"),
    ("POST",   "/api/v1/workers/{id}/heartbeat",  workers.heartbeat,  Access.KEY, "workers:write"),
    ("POST",   "/api/v1/workers/{id}/deregister", workers.deregister, Access.KEY, "workers:write"),
    ("DELETE", "/api/v1/workers/{id}",            workers.deregister, Access.KEY, "workers:write"),
)
# fmt: on

ROUTES: Final[tuple[Row, ...]] = (*HEALTH, *JOBS, *QUEUES, *WORKERS)
