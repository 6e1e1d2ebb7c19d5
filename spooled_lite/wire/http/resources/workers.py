"""Workers over HTTP. Contract: jobs, section 12."""

from spooled_lite.core.jobs.query import JobFilter, list_jobs
from spooled_lite.core.workers.handlers import register_handlers
from spooled_lite.core.workers.heartbeat import heartbeat as take_heartbeat
from spooled_lite.core.workers.query import LISTED_MAX, WorkerFilter, get_worker, list_workers
from spooled_lite.core.workers.records import WORKER_STATUSES
from spooled_lite.core.workers.register import deregister as deregister_worker
from spooled_lite.errors import BadRequest
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.http.resources.job_filters import read_jobs
from spooled_lite.wire.http.resources.job_views import job_summary
from spooled_lite.wire.shapes.workers import (
    HeartbeatTaken,
    HeartbeatWorker,
    RegisterWorker,
    WorkerRegistered,
    WorkerView,
)


async def list_all(call: Call) -> Reply:
    shown = page(call, LISTED_MAX, LISTED_MAX)
    wanted = WorkerFilter(
        queue_name=call.query.get("queue_name") or call.query.get("queue") or None,
        status=_status(call),
        text=call.query.get("search") or None,
        rows_max=shown.fetch,
        offset=shown.offset,
    )
    rows = await call.reads.read(list_workers, call.org, call.scope, wanted)
    return paged([WorkerView.of(row, call.org_id) for row in rows], shown)


async def register(call: Call) -> Reply:
    settings = call.settings
    body = await call.body(RegisterWorker)
    worker = body.new_worker(max_concurrency=settings.worker_max_concurrency)
    for queue_name in worker.queue_names:
        call.scope.check(queue_name)
    registered = await call.write(
        register_handlers, call.org, worker, admission_of(call), call.scope
    )
    answer = WorkerRegistered.of(
        registered,
        lease_seconds=settings.worker_lease_duration_secs,
        heartbeat_seconds=settings.worker_heartbeat_interval_secs,
    )
    return reply(answer, 201)


async def get(call: Call) -> Reply:
    row = await call.reads.point(get_worker, call.org, call.path("id"), call.scope)
    return reply(WorkerView.of(row, call.org_id))


async def jobs(call: Call) -> Reply:
    """The jobs that a worker holds, as in the list of jobs."""
    shown, worker_id = page(call, LISTED_MAX, LISTED_MAX), call.path("id")
    await call.reads.point(get_worker, call.org, worker_id, call.scope)
    wanted = JobFilter(worker_id=worker_id, rows_max=shown.fetch, offset=shown.offset)
    rows = await read_jobs(call, wanted, list_jobs)
    return paged([job_summary(row, call.org_id, is_detailed=True) for row in rows], shown)


async def heartbeat(call: Call) -> Reply:
    sign = (await call.body_or_empty(HeartbeatWorker)).sign_of_life()
    arguments = (call.org, call.path("id"), sign, call.scope)
    await call.write(take_heartbeat, *arguments)
    interval = call.settings.worker_heartbeat_interval_secs
    return reply(HeartbeatTaken(next_heartbeat_seconds=interval))


async def deregister(call: Call) -> Reply:
    arguments = (call.org, call.path("id"), call.scope)
    await Acting(call, "worker", "deregister", call.path("id")).write(deregister_worker, *arguments)
    return NO_CONTENT


def _status(call: Call) -> str | None:
    """Raises BadRequest for an unknown one."""
    given = call.query.get("status")
    if given and given not in WORKER_STATUSES:
        raise BadRequest(f"Query parameter `status` must be one of: {', '.join(WORKER_STATUSES)}")
    return given or None
