"""Runs of flows over HTTP. Contract: catbird-capabilities, section 8.2, A6.

A run is a workflow: what else is asked of it, and of its steps, is asked by its id.
"""

from spooled_lite.core.flows.run import run_flow
from spooled_lite.core.flows.runs import list_flow_runs
from spooled_lite.core.maintenance.remove_flow import purge_flow_runs_pass
from spooled_lite.core.steps.start import StartedRun
from spooled_lite.core.tasks.runs import RUNS_LISTED
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.states import WORKFLOW_STATES, WorkflowStateWord
from spooled_lite.errors import BadRequest
from spooled_lite.wire.admission import admission_of, check_payload_of_plan
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.once import Once
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.http.resources.job_filters import SLOW_LIST_SECONDS_MAX
from spooled_lite.wire.http.resources.task_runs import purge_asked
from spooled_lite.wire.shapes.flow_run_bodies import FlowRunStored, FlowRunView, RunFlow
from spooled_lite.wire.shapes.run_bodies import RunsDeleted


async def create(call: Call) -> Reply:
    body = await call.body_or_empty(RunFlow)
    options = await call.off_loop(new_flow_run, call, body)

    def answer(run: StartedRun) -> Reply:
        return reply(FlowRunStored.of(run), 201 if run.created else 200)

    arguments = (call.org, call.path("name"), options, admission_of(call), call.scope)
    return await Once(call, answer).write(run_flow, *arguments)


async def list_all(call: Call) -> Reply:
    shown, state = page(call, default=RUNS_LISTED), _state(call)
    rows = await call.reads.read_within(
        SLOW_LIST_SECONDS_MAX,
        list_flow_runs,
        call.org,
        call.path("name"),
        state,
        call.scope,
        limit=shown.fetch,
        offset=shown.offset,
    )
    return paged([FlowRunView.of(row) for row in rows], shown)


async def purge(call: Call) -> Reply:
    """In passes, so that no other caller waits long. Passes that are done stay done when the caller
    goes away.
    """
    name, wanted, count = call.path("name"), purge_asked(call), 0
    acting = Acting(call, "flow", "purge", name, count=lambda done: done.count)
    is_through = False
    while not is_through:
        done = await acting.write(purge_flow_runs_pass, call.org, name, wanted, call.scope)
        count, is_through = count + done.count, done.is_through
    return reply(RunsDeleted(count))


def new_flow_run(call: Call, body: RunFlow) -> RunOptions:
    """What core is to store. Raises: as `RunFlow.new_options` and `check_payload_of_plan`."""
    check_payload_of_plan(call, bytes(body.input), "input")
    return body.new_options(input_bytes_max=call.settings.queue_max_payload_size_bytes)


def _state(call: Call) -> WorkflowStateWord | None:
    given = call.query.get("state")
    for state in WORKFLOW_STATES:
        if given == state:
            return state
    if given:
        raise BadRequest(f"Query parameter `state` must be one of: {', '.join(WORKFLOW_STATES)}")
    return None
