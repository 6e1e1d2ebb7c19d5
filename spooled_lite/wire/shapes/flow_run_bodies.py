"""Bodies about runs of flows, and what is answered to them. Null means absent.

Contract: catbird-capabilities, F7, F20 and section 19.8.
"""

from typing import Annotated, Self

from msgspec import Struct

from spooled_lite.core.jobs.records import check_json_size
from spooled_lite.core.steps.start import StartedRun
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.core.workflows.records import RunOptions
from spooled_lite.core.workflows.states import state_of_workflow
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes import step_fields as step
from spooled_lite.wire.shapes import workflow_fields as workflow
from spooled_lite.wire.shapes.about import a_time, about
from spooled_lite.wire.shapes.common import CreatedAt, Id, UpdatedAt
from spooled_lite.wire.shapes.run_bodies import RunCreated, RunGiven
from spooled_lite.wire.shapes.send_fields import options_given
from spooled_lite.wire.shapes.workflows import StepCreated

# One line per field, whatever its length.
# fmt: off
RunKeyShown = Annotated[str | None, about("No other unfinished run of the flow has it", "order-7")]
RunExpiry = Annotated[str | None, a_time("It is over at this time, whatever its steps do")]
RunError = Annotated[str | None, about("Why it has failed")]
RunFailedStep = Annotated[str | None, about("The step whose failure it failed by", "validate")]
RunReason = Annotated[str | None, about("Why it was completed early")]
RunCancelReason = Annotated[str | None, about("Why it was cancelled")]
RunJobs = Annotated[list[StepCreated], about("The jobs of the steps, in the order of the flow")]
# fmt: on


class RunFlow(RunGiven, kw_only=True):
    """Body of POST /flows/{name}/runs."""

    def new_options(self, *, input_bytes_max: int, at: str = "") -> RunOptions:
        """`at` goes in front of the names of fields in errors.

        Raises:
            WrongShape: a time is not valid, the headers are no object.
            RuleBroken: the headers are too large.
            PayloadTooLarge: the input is over `input_bytes_max`.
        """
        given = bytes(self.input)
        check_json_size(given, input_bytes_max, f"{at}input")
        return RunOptions(input=given, **options_given(self, at))


class FlowRunStored(Struct):
    """Answer of POST /flows/{name}/runs."""

    workflow_id: workflow.WorkflowId
    id: Id
    created: RunCreated
    status: workflow.Status
    state: workflow.State
    job_ids: RunJobs

    @classmethod
    def of(cls, run: StartedRun) -> Self:
        row = run.row
        return cls(
            workflow_id=row["id"],
            id=row["id"],
            created=run.created,
            status=row["status"],
            state=state_of_workflow(row),
            job_ids=[StepCreated(each.key, each.job_id) for each in run.steps],
        )


class FlowRunView(Struct):
    """A row of GET /flows/{name}/runs: a run without its steps and what they gave."""

    id: Id
    workflow_id: workflow.WorkflowId
    flow_name: step.FlowName
    status: workflow.Status
    state: workflow.State
    priority: job.Priority
    concurrency_key: RunKeyShown
    total_jobs: workflow.TotalJobs
    completed_jobs: workflow.CompletedJobs
    failed_jobs: workflow.FailedJobs
    created_at: CreatedAt
    started_at: workflow.StartedAt | None
    completed_at: workflow.CompletedAt | None
    updated_at: UpdatedAt
    expires_at: RunExpiry
    error_message: RunError
    failed_step: RunFailedStep
    completion_reason: RunReason
    cancel_reason: RunCancelReason

    @classmethod
    def of(cls, row: WorkflowRow) -> Self:
        return cls(
            id=row["id"],
            workflow_id=row["id"],
            flow_name=row["flow_name"] or row["name"],
            status=row["status"],
            state=state_of_workflow(row),
            priority=row["priority"],
            concurrency_key=row["concurrency_key"],
            total_jobs=row["total_jobs"],
            completed_jobs=row["completed_jobs"],
            failed_jobs=row["failed_jobs"],
            created_at=format_ms(row["created_at_ms"]),
            started_at=format_optional_ms(row["started_at_ms"]),
            completed_at=format_optional_ms(row["completed_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
            expires_at=format_optional_ms(row["expires_at_ms"]),
            error_message=row["error_message"],
            failed_step=row["failed_step"],
            completion_reason=row["completion_reason"],
            cancel_reason=row["cancel_reason"],
        )
