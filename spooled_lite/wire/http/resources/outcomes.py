"""REST routes that wait for the end of jobs or a workflow: 200 when it has ended, else 202.

Contract: catbird-capabilities, T11, F19 and section 19.3 (A8, A9); amendments, G19.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.query import get_job, get_jobs
from spooled_lite.core.jobs.states import TERMINAL
from spooled_lite.core.steps.find import StepOfRun, get_step_of_run
from spooled_lite.core.steps.outputs import output_of_run
from spooled_lite.core.steps.shown import get_shown_step
from spooled_lite.core.tasks.runs import get_run
from spooled_lite.core.workflows.query import FoundOutcome, get_outcome
from spooled_lite.errors import BadRequest
from spooled_lite.wire.bodies import in_full, page_in_full
from spooled_lite.wire.http.body import ClientGone
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import integer
from spooled_lite.wire.http.resources.job_filters import named_jobs
from spooled_lite.wire.shapes.outcomes import FirstOutcomes, job_outcome, workflow_outcome
from spooled_lite.wire.shapes.steps import workflow_step
from spooled_lite.wire.waiting.outcomes import Seen, Waiter, WaiterLeft

T = TypeVar("T")

TIMEOUT_MS: Final = 5_000  # when none is named
TIMEOUT_MS_MAX: Final = 60_000
WAITED_FOR_MAX: Final = 100  # jobs of one call


async def wait_for_job(call: Call) -> Reply:
    async def look() -> Seen[JobRow]:
        row = await call.reads.point(get_job, call.org, call.path("id"), call.scope)
        return Seen(row, row["status"] in TERMINAL)

    return await _told_of_job(call, look)


async def wait_for_run(call: Call) -> Reply:
    async def look() -> Seen[JobRow]:
        row = await call.reads.point(
            get_run, call.org, call.path("name"), call.path("id"), call.scope
        )
        return Seen(row, row["status"] in TERMINAL)

    return await _told_of_job(call, look)


async def wait_for_first(call: Call) -> Reply:
    job_ids = named_jobs(call, WAITED_FOR_MAX)
    if not job_ids:
        raise BadRequest("Query parameter `ids` must name a job")
    job_ids = list(dict.fromkeys(job_ids))

    async def look() -> Seen[list[JobRow]]:
        rows = await call.reads.read(get_jobs, call.org, job_ids, call.scope)
        return Seen(rows, any(row["status"] in TERMINAL for row in rows))

    seen = await _until_ended(call, job_ids, look)
    ended = [row for row in seen.value if row["status"] in TERMINAL]
    outcomes = [job_outcome(row) for row in await page_in_full(call.reads, ended)]
    remaining = [row["id"] for row in seen.value if row["status"] not in TERMINAL]
    return reply(FirstOutcomes(outcomes, remaining), 200 if seen.has_ended else 202)


async def wait_for_step(call: Call) -> Reply:
    """Its job is the same from the beginning to the end."""
    asked = (call.org, call.path("id"), call.path("key"), call.scope)
    found = await call.reads.point(get_step_of_run, *asked)

    async def look() -> Seen[StepOfRun]:
        step = await call.reads.point(get_step_of_run, *asked)
        return Seen(step, step.row["status"] in TERMINAL)

    seen = await _until_ended(call, [found.row["id"]], look)
    step = await call.reads.read(get_shown_step, *asked)
    return reply(workflow_step(step, is_alone=True), 200 if seen.has_ended else 202)


async def wait_for_workflow(call: Call) -> Reply:
    async def look() -> Seen[FoundOutcome]:
        found = await call.reads.point(get_outcome, call.org, call.path("id"), call.scope)
        return Seen(found, found.has_ended, found.is_canceling)

    seen = await _until_ended(call, [call.path("id")], look)
    output = None
    if seen.value.row["document"] is not None and seen.value.row["status"] == "completed":
        output = await call.reads.read(output_of_run, seen.value.row)
    return reply(workflow_outcome(seen.value, output), 200 if seen.has_ended else 202)


async def _told_of_job(call: Call, look: Callable[[], Awaitable[Seen[JobRow]]]) -> Reply:
    seen = await _until_ended(call, [call.path("id")], look)
    row = await in_full(call.reads, seen.value) if seen.has_ended else seen.value
    return reply(job_outcome(row), 200 if seen.has_ended else 202)


async def _until_ended(
    call: Call, ids: Sequence[str], look: Callable[[], Awaitable[Seen[T]]]
) -> Seen[T]:
    wait_ms = integer(call, "timeout_ms", default=TIMEOUT_MS, least=0, most=TIMEOUT_MS_MAX)
    call.allow_seconds(wait_ms / 1000)
    waiter = Waiter(call.org, call.until_gone, call.admit_again)
    try:
        return await call.services.outcomes.until_ended(waiter, ids, look, wait_ms=wait_ms)
    except WaiterLeft:
        raise ClientGone from None
