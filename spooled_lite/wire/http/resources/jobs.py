"""REST routes of jobs. Contract: jobs, J2-J10 and J17; new_jobs.py stores, attempts.py works."""

from typing import Final, Literal

from spooled_lite.core.jobs.history import history
from spooled_lite.core.jobs.priority import set_priority
from spooled_lite.core.jobs.query import get_job, job_statuses, list_jobs
from spooled_lite.core.jobs.stats import job_stats
from spooled_lite.core.lifecycle.cancel import cancel as cancel_job
from spooled_lite.core.lifecycle.cancel import cancel_now
from spooled_lite.core.lifecycle.retry import retry as retry_job
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.bodies import in_full
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.http.resources.job_filters import listed, named_jobs, statuses_of
from spooled_lite.wire.http.resources.job_views import (
    full_job,
    history_row,
    job_state,
    job_summary,
    life_entry,
)
from spooled_lite.wire.http.resources.one_job import one_job
from spooled_lite.wire.http.resources.task_runs import told_of_cancel
from spooled_lite.wire.shapes.job_bodies import SetPriority
from spooled_lite.wire.shapes.jobs import JobStats, PriorityChanged
from spooled_lite.wire.shapes.run_bodies import CancelJob

STATUS_IDS_MAX: Final = 100
HISTORY_SHOWN: Final = 100  # with a job that is asked for with its history


async def list_all(call: Call) -> Reply:
    shown = page(call)
    rows = await listed(call, shown, statuses_of(call.query.get("status")), list_jobs)
    is_detailed = any(call.query.get(name) for name in ("worker_id", "state"))
    return paged([job_summary(row, call.org_id, is_detailed=is_detailed) for row in rows], shown)


async def get(call: Call) -> Reply:
    job_id = call.path("id")
    row = await call.reads.point(get_job, call.org, job_id, call.scope)
    view = await one_job(call, row)
    if "history" in (each.strip() for each in call.query.get("include", "").split(",")):
        steps = await call.reads.read(
            history,
            call.org,
            job_id,
            call.scope,
            direction="asc",
            limit=HISTORY_SHOWN,
            offset=0,
        )
        view.history = [life_entry(step, job_id) for step in steps]
    return reply(view)


async def stats(call: Call) -> Reply:
    queue_name = call.query.get("queue_name") or call.query.get("queue")
    found = await call.reads.read(job_stats, call.org, call.scope, queue_name)
    return reply(JobStats(**found))


async def statuses(call: Call) -> Reply:
    job_ids = named_jobs(call, STATUS_IDS_MAX)
    rows = await call.reads.read(job_statuses, call.org, job_ids, call.scope)
    return reply([job_state(row) for row in rows])


async def delete(call: Call) -> Reply:
    await Acting(call, "job", "cancel", call.path("id")).write(
        cancel_job, call.org, call.path("id"), call.scope
    )
    return NO_CONTENT


async def cancel(call: Call) -> Reply:
    body = await call.body_or_empty(CancelJob)
    done = await Acting(
        call, "job", "cancel", call.path("id"), reason=body.reason, count=lambda it: it.was_applied
    ).write(cancel_now, call.org, call.path("id"), body.how(is_forced=bool(body.force)), call.scope)
    return await told_of_cancel(call, done)


async def retry(call: Call) -> Reply:
    caps = admission_of(call).caps
    row = await Acting(call, "job", "retry", call.path("id")).write(
        retry_job, call.org, call.path("id"), call.scope, caps
    )
    return reply(full_job(await in_full(call.reads, row), call.org_id))


async def priority(call: Call) -> Reply:
    body = await call.body(SetPriority)
    before, row = await Acting(call, "job", "priority", call.path("id")).write(
        set_priority, call.org, call.path("id"), body.priority, call.scope
    )
    return reply(PriorityChanged(row["id"], before, row["priority"]))


async def history_of(call: Call) -> Reply:
    shown = page(call, default=100, max=500)
    direction: Literal["asc", "desc"] = (
        "desc" if call.query.get("order_dir", "").lower() == "desc" else "asc"
    )
    job_id = call.path("id")
    rows = await call.reads.read(
        history,
        call.org,
        job_id,
        call.scope,
        direction=direction,
        limit=shown.fetch,
        offset=shown.offset,
    )
    return paged([history_row(row, job_id) for row in rows], shown)
