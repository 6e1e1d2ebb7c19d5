"""REST routes of the steps of workflows, by their keys. Contract: catbird-capabilities, section 8.

Waiting for the end of one is in outcomes.py.
"""

from msgspec.structs import replace

from spooled_lite.core.jobs.records import check_json_size
from spooled_lite.core.steps.shown import get_shown_step, get_shown_steps
from spooled_lite.core.steps.signal import Signalled, deliver_signal
from spooled_lite.core.workflows.records import STEPS_MAX
from spooled_lite.wire.admission import check_payload_of_plan
from spooled_lite.wire.bodies import page_in_full
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.shapes.run_ends import SendSignal, SignalSent
from spooled_lite.wire.shapes.steps import workflow_step


async def list_all(call: Call) -> Reply:
    shown = page(call, default=STEPS_MAX, max=STEPS_MAX)
    found = await call.reads.read(
        get_shown_steps,
        call.org,
        call.path("id"),
        call.scope,
        limit=shown.fetch,
        offset=shown.offset,
    )
    has_more = len(found) > shown.limit
    found = found[: shown.limit]
    rows = await page_in_full(call.reads, [step.row for step in found])
    whole = [replace(step, row=row) for step, row in zip(found, rows, strict=True)]
    steps = [workflow_step(step, is_alone=False) for step in whole]
    return paged(steps, shown, has_more=has_more)


async def get(call: Call) -> Reply:
    step = await call.reads.read(
        get_shown_step, call.org, call.path("id"), call.path("key"), call.scope
    )
    return reply(workflow_step(step, is_alone=True))


async def signal(call: Call) -> Reply:
    body = await call.body_or_empty(SendSignal)
    given = await call.off_loop(checked_signal, call, body)

    def answer(sent: Signalled) -> Reply:
        return reply(SignalSent(delivered=True, state=sent.state))

    return await Acting(call, "workflow", "signal", call.path("id")).write_once(
        answer, deliver_signal, call.org, call.path("id"), call.path("key"), given, call.scope
    )


def checked_signal(call: Call, body: SendSignal) -> bytes:
    """What the step is told. Raises PayloadTooLarge: it is over the limit of the plan, or of the
    server."""
    given = bytes(body.input)
    check_payload_of_plan(call, given, "input")
    check_json_size(given, call.settings.queue_max_payload_size_bytes, "input")
    return given
