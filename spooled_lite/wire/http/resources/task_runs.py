"""Runs of tasks over HTTP. Contract: catbird-capabilities, section 6.1, A5.

Waiting for the end of one is in outcomes.py; workers take them as they take jobs.
"""

from spooled_lite.core.jobs.filter_statements import StateWord
from spooled_lite.core.jobs.kinds import PLAIN
from spooled_lite.core.jobs.records import CENTURY_SECONDS
from spooled_lite.core.lifecycle.cancel import Cancelled
from spooled_lite.core.maintenance.remove_task import Purge, purge_runs_pass
from spooled_lite.core.queues.names import on_fail_queue
from spooled_lite.core.tasks.records import NewTaskRun
from spooled_lite.core.tasks.run import RunMade, cancel_run, run_task
from spooled_lite.core.tasks.run_statements import RUN_STATES
from spooled_lite.core.tasks.runs import RUNS_LISTED, get_run, list_runs
from spooled_lite.errors import BadRequest
from spooled_lite.wire.admission import admission_of, check_payload_of_plan
from spooled_lite.wire.bodies import in_full, page_in_full
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.once import Once
from spooled_lite.wire.http.paging import flag, integer, page, paged
from spooled_lite.wire.http.resources.job_filters import SLOW_LIST_SECONDS_MAX
from spooled_lite.wire.http.resources.job_views import full_job
from spooled_lite.wire.http.resources.one_job import one_job
from spooled_lite.wire.shapes.run_bodies import CancelRun, RunsDeleted, RunStored, RunTask


async def create(call: Call) -> Reply:
    name, body = call.path("name"), await call.body_or_empty(RunTask)
    run = await call.off_loop(new_run, call, name, body)

    def answer(made: RunMade) -> Reply:
        status = 201 if made.created else 200
        return reply(RunStored.of(made.row, created=made.created), status)

    arguments = (call.org, name, run, admission_of(call), call.scope)
    return await Once(call, answer).write(run_task, *arguments)


async def list_all(call: Call) -> Reply:
    shown, state = page(call, default=RUNS_LISTED), _state(call)
    rows = await call.reads.read_within(
        SLOW_LIST_SECONDS_MAX,
        list_runs,
        call.org,
        call.path("name"),
        state,
        call.scope,
        limit=shown.fetch,
        offset=shown.offset,
    )
    whole = await page_in_full(call.reads, rows)
    return paged([full_job(row, call.org_id) for row in whole], shown)


async def get(call: Call) -> Reply:
    row = await call.reads.point(get_run, call.org, call.path("name"), call.path("id"), call.scope)
    return reply(await one_job(call, row))


async def cancel(call: Call) -> Reply:
    body = await call.body_or_empty(CancelRun)
    done = await Acting(
        call, "job", "cancel", call.path("id"), reason=body.reason, count=lambda it: it.was_applied
    ).write(cancel_run, call.org, call.path("name"), call.path("id"), body.how(), call.scope)
    return await told_of_cancel(call, done)


async def purge(call: Call) -> Reply:
    """In passes, so that no other caller waits long. Passes that are done stay done when the caller
    goes away.
    """
    name, wanted, count = call.path("name"), purge_asked(call), 0
    acting = Acting(call, "task", "purge", name, count=lambda done: done.count)
    is_through = False
    while not is_through:
        done = await acting.write(purge_runs_pass, call.org, name, wanted, call.scope)
        count, is_through = count + done.count, done.is_through
    return reply(RunsDeleted(count))


async def told_of_cancel(call: Call, done: Cancelled) -> Reply:
    view = full_job(await in_full(call.reads, done.row), call.org_id)
    if done.row["kind"] not in PLAIN:
        view.applied = done.was_applied
    return reply(view)


def new_run(call: Call, name: str, body: RunTask) -> NewTaskRun:
    """What core is to store. Raises: as `RunTask.new_run` and `check_payload_of_plan`;
    AccessDenied: the key may store no job where the one that follows would go."""
    if body.on_fail is not None:
        call.scope.check(body.on_fail.queue_name or on_fail_queue(name))
    check_payload_of_plan(call, bytes(body.input), "input")
    return body.new_run(input_bytes_max=call.settings.queue_max_payload_size_bytes)


def purge_asked(call: Call) -> Purge:
    """Raises BadRequest: neither an age is named, nor everything confirmed."""
    if call.query.get("older_than_seconds"):
        age_seconds = integer(call, "older_than_seconds", default=0, least=-1, most=CENTURY_SECONDS)
        if age_seconds < 0:  # nobody who deletes is to be understood as well as may be
            raise BadRequest("Query parameter `older_than_seconds` must be 0 or more")
        return Purge(ended_before_ms=call.now_ms - age_seconds * 1000)
    if flag(call, "all") and flag(call, "confirm"):
        return Purge(made_until_ms=call.now_ms)
    raise BadRequest(
        "Query parameter `older_than_seconds` is required, or `all=true` and `confirm=true`"
    )


def _state(call: Call) -> StateWord | None:
    given = call.query.get("state")
    for state in RUN_STATES:
        if given == state:
            return state
    if given:
        raise BadRequest(f"Query parameter `state` must be one of: {', '.join(RUN_STATES)}")
    return None
