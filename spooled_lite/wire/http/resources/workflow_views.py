"""The shapes of workflows, made from rows."""

from collections.abc import Sequence
from typing import Any

from msgspec import Raw

from spooled_lite.core.jobs.bodies import is_omitted, is_whole
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.states import FAILED, state_of
from spooled_lite.core.lifecycle.workflow import CancelledWorkflow
from spooled_lite.core.steps.run_shown import OfRun
from spooled_lite.core.steps.start import StartedRun
from spooled_lite.core.workflows.columns import (
    ListedWorkflowRow,
    ShownEdgeRow,
    ShownWorkflowRow,
    StepStatusRow,
)
from spooled_lite.core.workflows.create import StoredWorkflow
from spooled_lite.core.workflows.query import Detail, Steps
from spooled_lite.core.workflows.states import state_of_workflow
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.http.resources.job_views import NOT_THERE, on_fail_state
from spooled_lite.wire.shapes.steps import counts_shown
from spooled_lite.wire.shapes.workflows import (
    JobError,
    ListedWorkflow,
    StepCreated,
    StepStatus,
    WorkflowCancelled,
    WorkflowCreated,
    WorkflowDetail,
    WorkflowEdge,
    WorkflowJob,
    WorkflowProgress,
    WorkflowSummary,
)


def workflow_summary(row: ShownWorkflowRow, org_id: str) -> WorkflowSummary:
    return WorkflowSummary(**_summary(row, org_id))


def workflow_cancelled(done: CancelledWorkflow, org_id: str) -> WorkflowCancelled:
    row = done.row
    cancelled = WorkflowCancelled(**_summary(row, org_id))
    if row["document"] is not None:
        cancelled.state = state_of_workflow(row)
        cancelled.cancel_reason = row["cancel_reason"]
        cancelled.cancel_requested_at = format_optional_ms(row["cancel_requested_at_ms"])
        cancelled.applied = done.was_applied
    return cancelled


def workflow_created(stored: StoredWorkflow | StartedRun, org_id: str) -> WorkflowCreated:
    return WorkflowCreated(
        workflow_id=stored.row["id"],
        job_ids=[StepCreated(key=step.key, job_id=step.job_id) for step in stored.steps],
        **_summary(stored.row, org_id),
    )


def listed_workflow(row: ListedWorkflowRow, org_id: str) -> ListedWorkflow:
    listed = ListedWorkflow(**_summary(row, org_id))
    if is_omitted(row["metadata"], row["size_bytes"]):
        listed.metadata_omitted = True
    return listed


def workflow_detail(found: Detail, of_run: OfRun | None, org_id: str) -> WorkflowDetail:
    row, steps = found.row, found.steps
    ids = {step["seq"]: step["id"] for step in steps.rows}
    detail = WorkflowDetail(
        **_summary(row, org_id),
        jobs=_jobs(steps, org_id, is_alone=False),
        dependencies=[
            WorkflowEdge(edge["parent_id"], ids[job], edge["condition"])
            for job, edges in steps.edges.items()
            if job in ids
            for edge in edges
        ],
        progress=WorkflowProgress(
            total=row["total_jobs"],
            completed=row["completed_jobs"],
            failed=row["failed_jobs"],
            pending=row["waiting_jobs"],
            processing=row["processing_jobs"],
            cancelled=row["cancelled_jobs"],
        ),
        estimated_completion=None,
    )
    if of_run is not None:
        _add_run(detail, row, of_run)
    return detail


def _add_run(detail: WorkflowDetail, row: ShownWorkflowRow, run: OfRun) -> None:
    """What a run of a document shows besides. Contract: catbird-capabilities, section 19.3."""
    state, ended_at = state_of_workflow(row), format_optional_ms(row["completed_at_ms"])
    detail.state = state
    detail.flow_name = row["flow_name"]
    detail.input = _raw(run.input)
    detail.headers = _raw(run.headers)
    if run.output is not None:
        detail.output = Raw(run.output)
    elif state == "completed":
        detail.output_omitted = True
    detail.output_priority = list(run.document.output_priority)
    detail.error_message = row["error_message"]
    detail.failed_step = row["failed_step"]
    detail.priority = row["priority"]
    detail.concurrency_key = row["concurrency_key"]
    detail.completion_reason = row["completion_reason"]
    detail.cancel_reason = row["cancel_reason"]
    detail.cancel_requested_at = format_optional_ms(row["cancel_requested_at_ms"])
    detail.expires_at = format_optional_ms(row["expires_at_ms"])
    # When the last worker has let go: nothing of it changes after that.
    detail.canceled_at = format_ms(row["updated_at_ms"]) if state == "canceled" else None
    detail.failed_at = ended_at if state == "failed" else None
    detail.expired_at = ended_at if state == "expired" else None
    detail.on_fail = None if run.follower is None else on_fail_state(run.follower)
    for job, step in zip(detail.jobs, run.steps, strict=True):
        job.state = state_of(step.row)
        job.step_type = "normal" if step.document is None else step.document.type
        job.skipped_at = job.completed_at if job.state == "skipped" else None
        if step.items is not None:
            job.item_counts = counts_shown(step.items)


def workflow_jobs(steps: Steps[JobRow], org_id: str) -> list[WorkflowJob]:
    """Steps by themselves."""
    return _jobs(steps, org_id, is_alone=True)


def step_statuses(steps: Steps[StepStatusRow]) -> list[StepStatus]:
    return [
        StepStatus(
            key=step["step_key"],
            job_id=step["id"],
            status=step["status"],
            depends_on=_keys(steps.edges.get(step["seq"], ())),
            progress=100 if step["status"] == "completed" else 0,
            retry_count=step["retry_count"],
            error=step["last_error"],
        )
        for step in steps.rows
    ]


def _summary(row: ShownWorkflowRow, org_id: str) -> dict[str, Any]:
    total, completed = row["total_jobs"], row["completed_jobs"]
    return {
        "id": row["id"],
        "organization_id": org_id,
        "name": row["name"],
        "description": row["description"],
        "status": row["status"],
        "total_jobs": total,
        "completed_jobs": completed,
        "failed_jobs": row["failed_jobs"],
        "progress_percent": 100.0 * completed / total if total else 0.0,
        "created_at": format_ms(row["created_at_ms"]),
        "started_at": format_optional_ms(row["started_at_ms"]),
        "completed_at": format_optional_ms(row["completed_at_ms"]),
        "updated_at": format_ms(row["updated_at_ms"]),
        "metadata": _raw(row["metadata"]),
    }


def _jobs(steps: Steps[JobRow], org_id: str, *, is_alone: bool) -> list[WorkflowJob]:
    return [
        _job(step, steps.edges.get(step["seq"], ()), org_id, is_alone=is_alone)
        for step in steps.rows
    ]


def _job(
    step: JobRow, edges: Sequence[ShownEdgeRow], org_id: str, *, is_alone: bool
) -> WorkflowJob:
    workflow_id, key = step["workflow_id"], step["step_key"]
    assert workflow_id is not None, "a step has a workflow"
    assert key is not None, "a step has a key"
    status, retry_count = step["status"], step["retry_count"]
    has_failed = status in FAILED
    ended_at = format_optional_ms(step["completed_at_ms"])
    retries_at_ms = step["run_at_ms"] if status == "pending" and retry_count else None
    job = WorkflowJob(
        id=step["id"],
        organization_id=org_id,
        workflow_id=workflow_id,
        key=key,
        queue=step["queue_name"],
        queue_name=step["queue_name"],
        job_type=step["job_type"] or "job",
        status=status,
        payload=_raw(step["payload"]),
        result=_raw(step["result"]),
        error=step["last_error"] if is_alone else _error(step["last_error"]),
        priority=step["priority"],
        max_retries=step["max_retries"],
        attempt=retry_count,
        retry_count=retry_count,
        timeout_ms=step["timeout_seconds"] * 1000,
        timeout_seconds=step["timeout_seconds"],
        backoff_type="exponential",
        metadata=_raw(step["tags"]),
        depends_on=[edge["parent_id"] for edge in edges],
        dependency_mode=step["dependency_mode"] or "all",
        dependencies_met=step["dependencies_met"] != 0,
        parent_job_id=step["parent_job_id"],
        created_at=format_ms(step["created_at_ms"]),
        scheduled_at=format_optional_ms(step["scheduled_at_ms"]),
        started_at=format_optional_ms(step["started_at_ms"]),
        completed_at=None if has_failed else ended_at,
        failed_at=ended_at if has_failed else None,
        next_retry_at=format_optional_ms(retries_at_ms),
    )
    if not is_whole(step):
        job.values_omitted = True
    if is_alone:
        job.job_id = job.id
        job.depends_on_keys = _keys(edges)
    return job


def _raw(value: bytes | None) -> Raw:
    return NOT_THERE if value is None else Raw(value)


def _error(message: str | None) -> JobError | None:
    return None if message is None else JobError("JobError", "JobError", message, None)


def _keys(edges: Sequence[ShownEdgeRow]) -> list[str]:
    """The keys of those parents that are steps of the workflow, too."""
    return [edge["parent_key"] for edge in edges if edge["parent_key"] is not None]
