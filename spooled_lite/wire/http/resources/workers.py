"""Workers over HTTP. Contract: jobs, section 12."""

from spooled_lite.core.workers.heartbeat import heartbeat as take_heartbeat
from spooled_lite.core.workers.query import get_worker, list_workers
from spooled_lite.core.workers.register import deregister as deregister_worker
from spooled_lite.core.workers.register import register as register_worker
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.shapes.workers import (
    HeartbeatTaken,
    HeartbeatWorker,
    RegisterWorker,
    WorkerRegistered,
    WorkerView,
)


async def list_all(call: Call) -> Reply:
    rows = await call.reads.read(list_workers, call.org, call.scope)
    return reply([WorkerView.of(row, call.org_id) for row in rows])


async def register(call: Call) -> Reply:
    settings = call.settings
    body = await call.body(RegisterWorker)
    worker = body.new_worker(max_concurrency=settings.worker_max_concurrency)
    for queue_name in worker.queue_names:
        call.scope.check(queue_name)
    row = await call.write(register_worker, call.org, worker, admission_of(call))
    answer = WorkerRegistered.of(
        row,
        lease_seconds=settings.worker_lease_duration_secs,
        heartbeat_seconds=settings.worker_heartbeat_interval_secs,
    )
    return reply(answer, 201)


async def get(call: Call) -> Reply:
    row = await call.reads.point(get_worker, call.org, call.path("id"), call.scope)
    return reply(WorkerView.of(row, call.org_id))


async def heartbeat(call: Call) -> Reply:
    sign = (await call.body_or_empty(HeartbeatWorker)).sign_of_life()
    arguments = (call.org, call.path("id"), sign, call.scope)
    await call.write(take_heartbeat, *arguments)
    interval = call.settings.worker_heartbeat_interval_secs
    return reply(HeartbeatTaken(next_heartbeat_seconds=interval))


async def deregister(call: Call) -> Reply:
    arguments = (call.org, call.path("id"), call.scope)
    await call.write(deregister_worker, *arguments)
    return NO_CONTENT
