"""REST routes of workflows. Contract: schedules-workflows-webhooks, section 2."""

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.flows.query import check_flow_scope
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle.end_run import complete_early
from spooled_lite.core.lifecycle.rerun import plan_rerun, rerun_workflow
from spooled_lite.core.lifecycle.workflow import (
    cancel_workflow,
    delete_workflow,
    retry_workflow,
)
from spooled_lite.core.steps.run_shown import get_shown_run
from spooled_lite.core.steps.start import StartedRun, start_run
from spooled_lite.core.workflows.create import StoredWorkflow, create_workflow
from spooled_lite.core.workflows.graph import graph_of
from spooled_lite.core.workflows.query import (
    Detail,
    Steps,
    get_step,
    get_step_statuses,
    get_steps,
    list_workflows,
)
from spooled_lite.core.workflows.records import STEPS_MAX, WORKFLOW_STATUSES, NewWorkflow
from spooled_lite.core.workflows.store_run import NewRun
from spooled_lite.wire.admission import Storing, admission_of, check_payload_of_plan
from spooled_lite.wire.bodies import in_full, page_in_full
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.body import decode
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.once import Once
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.http.resources.workflow_views import (
    listed_workflow,
    step_statuses,
    workflow_cancelled,
    workflow_created,
    workflow_detail,
    workflow_jobs,
    workflow_summary,
)
from spooled_lite.wire.shapes.run_ends import CompleteWorkflow, RunEndAnswer
from spooled_lite.wire.shapes.workflow_bodies import CancelWorkflow, CreateWorkflow, RerunWorkflow
from spooled_lite.wire.shapes.workflow_extensions import WorkflowExtensions
from spooled_lite.wire.shapes.workflows import WorkflowRerun


async def list_all(call: Call) -> Reply:
    shown = page(call)
    rows = await call.reads.read(
        list_workflows,
        call.org,
        call.scope,
        status=status_asked(call),
        limit=shown.fetch,
        offset=shown.offset,
    )
    return paged([listed_workflow(row, call.org_id) for row in rows], shown)


async def create(call: Call) -> Reply:
    body = await call.body(CreateWorkflow)
    said = await call.off_loop(extensions_of, body)
    if said is not None:
        return await _create_run(call, body, said)
    new = await call.off_loop(new_workflow, call, call.scope, body)

    def answer(stored: StoredWorkflow) -> Reply:
        return reply(workflow_created(stored, call.org_id), 201)

    return await Once(call, answer).write(
        create_workflow, call.org, new, graph_of(new.steps), admission_of(call)
    )


async def _create_run(call: Call, body: CreateWorkflow, said: WorkflowExtensions) -> Reply:
    new = await call.off_loop(_new_run, call, body, said)

    def answer(run: StartedRun) -> Reply:
        return reply(workflow_created(run, call.org_id), 201 if run.created else 200)

    return await Once(call, answer).write(start_run, call.org, new, admission_of(call))


async def get(call: Call) -> Reply:
    found = await call.reads.read(get_shown_run, call.org, call.path("id"), call.scope)
    detail = Detail(found.detail.row, await _in_full(call, found.detail.steps))
    return reply(workflow_detail(detail, found.of_run, call.org_id))


async def cancel(call: Call) -> Reply:
    body = await call.body_or_empty(CancelWorkflow)
    done = await Acting(call, "workflow", "cancel", call.path("id"), reason=body.reason).write(
        cancel_workflow,
        call.org,
        call.path("id"),
        body.reason,
        call.scope,
        body.stop_running,
        body.by(),
    )
    return reply(workflow_cancelled(done, call.org_id))


async def complete(call: Call) -> Reply:
    body = await call.body(CompleteWorkflow)
    acting = Acting(
        call,
        "workflow",
        "complete",
        call.path("id"),
        reason=body.reason,
        count=lambda done: int(done.was_applied),
    )
    arguments = (call.org, call.path("id"), body.early_end(), body.by(), call.scope)
    return reply(RunEndAnswer.of(await acting.write(complete_early, *arguments)))


async def retry(call: Call) -> Reply:
    row = await Acting(call, "workflow", "retry", call.path("id")).write(
        retry_workflow, call.org, call.path("id"), call.scope, admission_of(call).caps
    )
    return reply(workflow_summary(row, call.org_id))


async def rerun(call: Call) -> Reply:
    body = await call.body(RerunWorkflow)
    arguments = (call.org, call.path("id"), body.keys(), call.scope)
    if body.dry_run:
        planned = await call.reads.read(plan_rerun, *arguments)
    else:
        acting = Acting(
            call, "workflow", "rerun", call.path("id"), count=lambda done: len(done.steps)
        )
        planned = await acting.write(rerun_workflow, *arguments, admission_of(call).caps)
    return reply(WorkflowRerun(len(planned.steps), planned.keys))


async def delete(call: Call) -> Reply:
    await Acting(call, "workflow", "delete", call.path("id")).write(
        delete_workflow, call.org, call.path("id"), call.scope
    )
    return NO_CONTENT


async def jobs(call: Call) -> Reply:
    shown = page(call, default=STEPS_MAX, max=STEPS_MAX)
    found = await call.reads.read(
        get_steps,
        call.org,
        call.path("id"),
        call.scope,
        limit=shown.fetch,
        offset=shown.offset,
    )
    has_more = len(found.rows) > shown.limit
    found = Steps(found.rows[: shown.limit], found.edges)
    jobs = workflow_jobs(await _in_full(call, found), call.org_id)
    return paged(jobs, shown, has_more=has_more)


async def job(call: Call) -> Reply:
    found = await call.reads.read(
        get_step, call.org, call.path("id"), call.path("job_id"), call.scope
    )
    [step] = found.rows
    found = Steps([await in_full(call.reads, step)], found.edges)
    return reply(workflow_jobs(found, call.org_id)[0])


async def statuses(call: Call) -> Reply:
    found = await call.reads.read(get_step_statuses, call.org, call.path("id"), call.scope)
    return reply(step_statuses(found))


async def _in_full(call: Call, steps: Steps[JobRow]) -> Steps[JobRow]:
    """The steps with as many of their payloads and results as an answer has room for."""
    return Steps(await page_in_full(call.reads, steps.rows), steps.edges)


def status_asked(call: Call) -> str | None:
    """The status that a list of workflows is filtered by; other words filter nothing."""
    status = call.query.get("status")
    return status if status in WORKFLOW_STATUSES else None


def new_workflow(call: Storing, scope: Scope, body: CreateWorkflow) -> NewWorkflow:
    """What core is to store, for a caller with these queues.

    Raises: as `CreateWorkflow.new_workflow` and `check_payload_of_plan`; AccessDenied.
    """
    new = body.new_workflow(payload_bytes_max=call.settings.queue_max_payload_size_bytes)
    for index, step in enumerate(new.steps):
        check_payload_of_plan(call, step.job.payload, f"jobs[{index}].payload")
        scope.check(step.job.queue_name)
    return new


def extensions_of(body: CreateWorkflow) -> WorkflowExtensions | None:
    """What it says beyond jobs that wait for each other; None: nothing.

    Raises: as `decode`, of `metadata.ext`.
    """
    copy = _copy_in_metadata(bytes(body.metadata))
    is_more = body.says_something or any(step.says_more for step in body.jobs)
    if not is_more and (copy is None or not (copy.says_something or copy.steps)):
        return None
    return WorkflowExtensions.of(body, copy)


class _Metadata(Struct):
    ext: Raw = NULL


def _copy_in_metadata(metadata: bytes) -> WorkflowExtensions | None:
    """None: callers have something else there, or nothing."""
    if metadata[:1] != b"{" or b'"ext"' not in metadata:
        return None
    ext = bytes(msgspec.json.decode(metadata, type=_Metadata).ext)
    return decode(WorkflowExtensions, ext, at="metadata.ext") if ext[:1] == b"{" else None


def _new_run(call: Call, body: CreateWorkflow, said: WorkflowExtensions) -> NewRun:
    """Raises: as `CreateWorkflow.new_run` and `check_payload_of_plan`; AccessDenied."""
    new = body.new_run(said, payload_bytes_max=call.settings.queue_max_payload_size_bytes)
    check_payload_of_plan(call, new.options.input or b"", "input")
    for index, step in enumerate(new.document.steps):
        if step.payload is not None:
            check_payload_of_plan(call, bytes(step.payload), f"jobs[{index}].payload")
    check_flow_scope(new.name, new.document, call.scope)
    return new
