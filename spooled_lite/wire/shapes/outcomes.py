"""The answers of the `wait` routes. A field that does not apply is absent."""

from typing import Annotated, Final

from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.core.jobs.bodies import is_omitted
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.states import FAILED, STATUSES, state_of
from spooled_lite.core.workflows.query import FoundOutcome
from spooled_lite.core.workflows.records import WORKFLOW_STATUSES
from spooled_lite.core.workflows.states import WORKFLOW_STATES
from spooled_lite.wire.shapes.about import about, one_of
from spooled_lite.wire.shapes.common import Id

_STATES_OF_JOB: Final = (
    "completed",
    "skipped",
    "failed",
    "canceled",
    "expired",
    "queued",
    "waiting_for_dependencies",
    "waiting_for_signal",
    "waiting_for_map_tasks",
    "started",
)

JobState = Annotated[
    str, one_of("The state of the job, more precise than `status`", *_STATES_OF_JOB)
]
JobStatus = Annotated[str, about("Its status", "completed", enum=list(STATUSES))]
Output = Annotated[Raw, about("Its result, when it completed", {"message_id": "m-1"})]
ErrorMessage = Annotated[str, about("Why it failed, or was cancelled")]
ErrorType = Annotated[str, about("The kind of failure that the worker named", "Timeout")]
OutputOmitted = Annotated[
    bool,
    about(
        "`true` when the result is too large for this answer. `GET /jobs/{id}/wait` has it", True
    ),
]
WorkflowState = Annotated[
    str,
    one_of("The state of the workflow, more precise than `status`", *WORKFLOW_STATES),
]
WorkflowStatus = Annotated[str, about("Its status", "completed", enum=list(WORKFLOW_STATUSES))]
RunOutput = Annotated[
    Raw, about("What a run gives, when it completed and has anything to give", {"total": 42})
]
RunOutputOmitted = Annotated[
    bool,
    about("`true` when the array of its items is too large for this answer: read the items", True),
]
CompletionReason = Annotated[str, about("What was said when it was completed early", "fast path")]
FailedStep = Annotated[str, about("The key of the first of its jobs that failed", "welcome")]
StepError = Annotated[str, about("Why it failed", "the mail server refused")]
CancelReason = Annotated[str, about("What was said when it was cancelled", "Order withdrawn")]


class JobOutcome(Struct, kw_only=True):
    id: Id
    state: JobState
    status: JobStatus
    output: Output | UnsetType = UNSET
    output_omitted: OutputOmitted | UnsetType = UNSET
    error_message: ErrorMessage | UnsetType = UNSET
    error_type: ErrorType | UnsetType = UNSET
    cancel_reason: CancelReason | UnsetType = UNSET


class FirstOutcomes(Struct):
    """The answer of a wait for the first of several jobs."""

    jobs: Annotated[list[JobOutcome], about("Those that have ended, in the order of `ids`")]
    remaining: Annotated[list[str], about("The ids of the others, for the next wait")]


class WorkflowOutcome(Struct, kw_only=True):
    id: Id
    state: WorkflowState
    status: WorkflowStatus
    output: RunOutput | UnsetType = UNSET
    output_omitted: RunOutputOmitted | UnsetType = UNSET
    failed_step: FailedStep | UnsetType = UNSET
    error_message: StepError | UnsetType = UNSET
    cancel_reason: CancelReason | UnsetType = UNSET
    completion_reason: CompletionReason | UnsetType = UNSET


def job_outcome(row: JobRow) -> JobOutcome:
    """The outcome of a job. A result that its row has not whole is marked as omitted."""
    status, error = row["status"], row["last_error"]
    said = JobOutcome(id=row["id"], state=state_of(row), status=status)
    if said.state == "completed":
        if is_omitted(row["result"], row["result_bytes"]):
            said.output_omitted = True
        else:
            said.output = Raw(b"null" if row["result"] is None else row["result"])
    elif status in FAILED or status == "cancelled":
        said.error_message = _known(error)
        said.error_type = _known(row["error_type"]) if status in FAILED else UNSET
        said.cancel_reason = _known(row["cancel_reason"]) if status == "cancelled" else UNSET
    return said


def _known(text: str | None) -> str | UnsetType:
    return UNSET if text is None else text


def workflow_outcome(found: FoundOutcome, output: bytes | None) -> WorkflowOutcome:
    """`output` is that of a run of a document; None: it has none, or is too large."""
    row, step = found.row, found.failed_step
    said = WorkflowOutcome(id=row["id"], state=found.state, status=row["status"])
    if output is not None:
        said.output = Raw(output)
    elif row["status"] == "completed" and row["document"] is not None and row["ended_as"] is None:
        said.output_omitted = True
    if step is not None:
        said.failed_step = step["step_key"]
        said.error_message = _known(step["last_error"])
    if row["error_message"] is not None:
        said.error_message = row["error_message"]
    if row["status"] == "cancelled":
        said.cancel_reason = _known(row["cancel_reason"])
    said.completion_reason = _known(row["completion_reason"])
    return said
