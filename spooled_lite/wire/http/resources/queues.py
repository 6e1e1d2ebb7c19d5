"""Queues over HTTP. Contract: jobs, section 11."""

from spooled_lite.core.breakers.columns import BreakerStanding
from spooled_lite.core.breakers.standing import breaker_of
from spooled_lite.core.maintenance.remove import (
    FROM_START,
    Position,
    delete_queue,
    purge_queue_pass,
)
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.configure import configure, create_queue
from spooled_lite.core.queues.pause import pause, resume
from spooled_lite.core.queues.query import QUEUES_LISTED, get_queue, list_queues, queue_stats
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.paging import flag, page, paged
from spooled_lite.wire.http.resources.queue_path import queue_of_path
from spooled_lite.wire.shapes.queues import (
    CreateQueue,
    PauseQueue,
    QueuePaused,
    QueuePurged,
    QueueResumed,
    QueueStats,
    QueueView,
    UpdateQueue,
)


async def list_all(call: Call) -> Reply:
    shown = page(call, default=QUEUES_LISTED, max=500)
    rows = await call.reads.read(
        list_queues,
        call.org,
        call.scope,
        search=call.query.get("search") or None,
        limit=shown.fetch,
        offset=shown.offset,
    )
    return paged([QueueView.of(row, call.org_id) for row in rows], shown)


async def create(call: Call) -> Reply:
    body = await call.body(CreateQueue)
    name, changes = body.named_queue(), body.changes(null_clears=False)
    call.scope.check(name)
    made = await Acting(call, "queue", "create", name, count=lambda it: it.created).write(
        create_queue, call.org, name, changes, admission_of(call)
    )
    return reply(QueueView.of(made.row, call.org_id), 201 if made.created else 200)


async def get(call: Call) -> Reply:
    row, breaker = await call.reads.point(_with_breaker, call.org, queue_of_path(call))
    return reply(QueueView.of(row, call.org_id, breaker))


def _with_breaker(tx: Reading, org: int, name: str) -> tuple[QueueRow, BreakerStanding | None]:
    row = get_queue(tx, org, name)
    return row, breaker_of(tx, row)


async def update(call: Call) -> Reply:
    name = queue_of_path(call)
    changes = (await call.body_or_empty(UpdateQueue)).changes(null_clears=True)
    made = await Acting(call, "queue", "change", name).write(
        configure, call.org, name, changes, admission_of(call)
    )
    return reply(QueueView.of(made.row, call.org_id))


async def delete(call: Call) -> Reply:
    name, delete_jobs = queue_of_path(call), flag(call, "delete_jobs")
    await Acting(call, "queue", "delete", name).write(
        delete_queue, call.org, name, delete_jobs=delete_jobs
    )
    return NO_CONTENT


async def stats(call: Call) -> Reply:
    name = queue_of_path(call)
    return reply(QueueStats.of(name, await call.reads.read(queue_stats, call.org, name)))


async def pause_queue(call: Call) -> Reply:
    name, reason = queue_of_path(call), (await call.body_or_empty(PauseQueue)).checked_reason()
    row = await Acting(call, "queue", "pause", name, reason=reason).write(
        pause, call.org, name, reason, admission_of(call)
    )
    return reply(QueuePaused.of(row))


async def resume_queue(call: Call) -> Reply:
    name = queue_of_path(call)
    seconds = await Acting(call, "queue", "resume", name).write(resume, call.org, name)
    return reply(QueueResumed(queue_name=name, name=name, paused_duration_secs=seconds))


async def purge(call: Call) -> Reply:
    """In passes, so that no other caller waits long. Passes that are done stay done when the caller
    goes away.
    """
    name, count = queue_of_path(call), 0
    acting = Acting(call, "queue", "purge", name, count=lambda done: done.count)
    after: Position | None = FROM_START
    while after is not None:
        done = await acting.write(purge_queue_pass, call.org, name, after)
        count, after = count + done.count, done.after
    return reply(QueuePurged(purged_count=count, message=f"{count} jobs were removed"))
