"""One job with everything that is known of it. Contract: jobs, J3; catbird-capabilities, T12."""

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.wire.bodies import following_of, in_full, tracebacks_in_full
from spooled_lite.wire.http.call import Call
from spooled_lite.wire.http.resources.job_views import full_job, on_fail_state
from spooled_lite.wire.shapes.jobs import Job


async def one_job(call: Call, row: JobRow) -> Job:
    """Raises: as `in_full`."""
    view = full_job(await in_full(call.reads, row), call.org_id)
    for traceback in (await tracebacks_in_full(call.reads, [row])).values():
        view.traceback = traceback
    follower = await following_of(call.reads, row, call.scope)
    if follower is not None:
        view.on_fail = on_fail_state(follower)
    return view
