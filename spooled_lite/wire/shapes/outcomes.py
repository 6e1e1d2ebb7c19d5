"""The answers of the `wait` routes. A field that does not apply is absent."""

from typing import Annotated, Final

from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.states import FAILED, STATUSES, state_of
from spooled_lite.core.workflows.query import FoundOutcome
from spooled_lite.core.workflows.records import WORKFLOW_STATUSES
from spooled_lite.wire.shapes.about import about, one_of
from spooled_lite.wire.shapes.common import Id

_STATES_OF_JOB: Final = (
    "completed",
    "failed",
    "canceled",
    "expired",
    "queued",
    "waiting_for_dependencies",
    "started",
)

JobState = Annotated[
    str, one_of("The state of the job, more precise than `status`", *_STATES_OF_JOB)
]
JobStatus = Annotated[str, about("Its status", "completed", enum=list(STATUSES))]
Output = Annotated[Raw, about("Its result, when it completed", {"message_id": "m-1"})]
ErrorMessage = Annotated[str, about("Why it failed, or was cancelled")]
WorkflowState = Annotated[
    str,
    one_of(
        "The state of the workflow, more precise than `status`",
        "completed",
        "failed",
        "canceled",
        "canceling",
        "started",
    ),
]
WorkflowStatus = Annotated[str, about("Its status", "completed", enum=list(WORKFLOW_STATUSES))]
FailedStep = Annotated[str, about("The key of the first of its jobs that failed", "welcome")]
StepError = Annotated[str, about("Why that job failed", "the mail server refused")]
CancelReason = Annotated[str, about("What was said when it was cancelled", "Order withdrawn")]


class JobOutcome(Struct, kw_only=True):
    id: Id
    state: JobState
    status: JobStatus
    output: Output | UnsetType = UNSET
    error_message: ErrorMessage | UnsetType = UNSET


class WorkflowOutcome(Struct, kw_only=True):
    id: Id
    state: WorkflowState
    status: WorkflowStatus
    failed_step: FailedStep | UnsetType = UNSET
    error_message: StepError | UnsetType = UNSET
    cancel_reason: CancelReason | UnsetType = UNSET


def job_outcome(row: JobRow) -> JobOutcome:
    """The outcome of a job. The row of a completed job must include its result."""
    status, error = row["status"], row["last_error"]
    said = JobOutcome(id=row["id"], state=state_of(row), status=status)
    if status == "completed":
        said.output = Raw(b"null" if row["result"] is None else row["result"])
    elif error is not None and (status in FAILED or status == "cancelled"):
        said.error_message = error
    return said


def workflow_outcome(found: FoundOutcome) -> WorkflowOutcome:
    row, step = found.row, found.failed_step
    said = WorkflowOutcome(id=row["id"], state=found.state, status=row["status"])
    if step is not None:
        said.failed_step = step["step_key"]
        if step["last_error"] is not None:
            said.error_message = step["last_error"]
    if row["status"] == "cancelled" and row["cancel_reason"] is not None:
        said.cancel_reason = row["cancel_reason"]
    return said
