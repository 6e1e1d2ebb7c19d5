"""The jobs, queues, workers, schedules and workflows of all organizations.

Contract: platform, section 17.
"""

from functools import partial

from spooled_lite.core.overview.all_orgs import (
    get_any_job,
    get_any_worker,
    list_all_jobs,
    list_all_queues,
    list_all_workers,
)
from spooled_lite.core.schedules.query import list_all_schedules
from spooled_lite.core.workflows.query import list_all_workflows
from spooled_lite.wire.bodies import in_full
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import flag, page, paged
from spooled_lite.wire.http.resources.job_filters import SLOW_LIST_SECONDS_MAX
from spooled_lite.wire.http.resources.job_views import full_job, job_summary
from spooled_lite.wire.http.resources.workflow_views import listed_workflow
from spooled_lite.wire.http.resources.workflows import status_asked
from spooled_lite.wire.shapes.queues import QueueView
from spooled_lite.wire.shapes.schedules import ScheduleView
from spooled_lite.wire.shapes.workers import WorkerView


async def jobs(call: Call) -> Reply:
    shown = page(call)
    query = partial(
        list_all_jobs,
        limit=shown.fetch,
        offset=shown.offset,
        status=call.query.get("status") or None,
        queue_name=call.query.get("queue_name") or None,
    )
    rows = await call.reads.read_within(SLOW_LIST_SECONDS_MAX, query)
    return paged([job_summary(row, row["org_id"]) for row in rows], shown)


async def job(call: Call) -> Reply:
    row = await call.reads.point(get_any_job, call.path("id"))
    return reply(full_job(await in_full(call.reads, row), row["org_id"]))


async def workers(call: Call) -> Reply:
    shown = page(call, default=100)
    query = partial(list_all_workers, limit=shown.fetch, offset=shown.offset)
    rows = await call.reads.read(query)
    return paged([WorkerView.of(row, row["org_id"]) for row in rows], shown)


async def worker(call: Call) -> Reply:
    row = await call.reads.point(get_any_worker, call.path("id"))
    return reply(WorkerView.of(row, row["org_id"]))


async def queues(call: Call) -> Reply:
    shown = page(call, default=100)
    query = partial(list_all_queues, limit=shown.fetch, offset=shown.offset)
    rows = await call.reads.read(query)
    return paged([QueueView.of(row, row["org_id"]) for row in rows], shown)


async def schedules(call: Call) -> Reply:
    shown = page(call, default=100, max=500)
    query = partial(
        list_all_schedules,
        is_active=flag(call, "is_active") if call.query.get("is_active") else None,
        limit=shown.fetch,
        offset=shown.offset,
    )
    rows = await call.reads.read(query)
    return paged([ScheduleView.of(row, row["org_id"]) for row in rows], shown)


async def workflows(call: Call) -> Reply:
    shown = page(call)
    query = partial(
        list_all_workflows, limit=shown.fetch, offset=shown.offset, status=status_asked(call)
    )
    rows = await call.reads.read(query)
    return paged([listed_workflow(row, row["org_id"]) for row in rows], shown)
