"""Answers about workflows and their jobs. Contract: schedules-workflows-webhooks, 2.1."""

from typing import Annotated, Final

from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes import workflow_fields as workflow
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import (
    AN_ID,
    CreatedAt,
    Id,
    OrganizationId,
    QueueName,
    SameQueueName,
    UpdatedAt,
)
from spooled_lite.wire.shapes.jobs import OnFailState
from spooled_lite.wire.shapes.steps import ItemCountsOfStep, StepTypeShown

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
_AN_ERROR: Final = {"type": "JobError", "error_type": "JobError", "message": "boom", "stack": None}

JobType = Annotated[str, about("`payload.job_type` when that is a text, else `job`", "welcome_mail")]
Exponential = Annotated[str, about("Always `exponential`", "exponential")]
JobMetadata = Annotated[Raw, about("Its tags", {})]
ParentIds = Annotated[list[str], about("The ids of the jobs it waits for", [])]
ParentKeys = Annotated[list[str], about("The keys of those of them that are in the workflow", ["account"])]
DependenciesMet = Annotated[bool, about("Whether the job no longer waits for other jobs", True)]
FailedAt = Annotated[str, a_time("When it became a dead letter")]
NextRetryAt = Annotated[str, a_time("When its next attempt begins")]
ValuesOmitted = Annotated[bool, about("True when payload and result are left out because the answer would be too large", False)]
AlwaysJobError = Annotated[str, about("Always `JobError`", "JobError")]
ErrorMessage = Annotated[str, about("The text of the last failure", "boom")]
NoStack = Annotated[str, about("Always null")]
# fmt: on


class WorkflowSummary(Struct):
    """A workflow without its jobs."""

    id: Id
    organization_id: OrganizationId
    name: workflow.Name
    description: workflow.Description | None
    status: workflow.Status
    total_jobs: workflow.TotalJobs
    completed_jobs: workflow.CompletedJobs
    failed_jobs: workflow.FailedJobs
    progress_percent: workflow.ProgressPercent
    created_at: CreatedAt
    started_at: workflow.StartedAt | None
    completed_at: workflow.CompletedAt | None
    updated_at: UpdatedAt
    metadata: workflow.Metadata


class WorkflowCancelled(WorkflowSummary):
    """Answer of POST /workflows/{id}/cancel."""

    state: workflow.State | UnsetType = UNSET  # of a run of a document, as the others
    cancel_reason: workflow.CancelReasonSaid | UnsetType | None = UNSET
    cancel_requested_at: workflow.CancelAskedAt | UnsetType | None = UNSET
    applied: workflow.WasCancelApplied | UnsetType = UNSET


class ListedWorkflow(WorkflowSummary):
    """A row of GET /workflows."""

    metadata_omitted: workflow.MetadataOmitted | UnsetType = UNSET


class StepCreated(Struct):
    key: workflow.Key
    job_id: job.JobId


class WorkflowCreated(Struct):
    """Answer of POST /workflows: the ids first, then a summary. The order never changes."""

    workflow_id: workflow.WorkflowId
    job_ids: Annotated[list[StepCreated], about("The jobs in the order of the request")]
    id: Id
    organization_id: OrganizationId
    name: workflow.Name
    description: workflow.Description | None
    status: workflow.Status
    total_jobs: workflow.TotalJobs
    completed_jobs: workflow.CompletedJobs
    failed_jobs: workflow.FailedJobs
    progress_percent: workflow.ProgressPercent
    created_at: CreatedAt
    started_at: workflow.StartedAt | None
    completed_at: workflow.CompletedAt | None
    updated_at: UpdatedAt
    metadata: workflow.Metadata


class WorkflowRerun(Struct):
    """Answer of POST /workflows/{id}/rerun."""

    steps: Annotated[int, a_count("How many jobs run again", 2)]
    keys: Annotated[
        list[str], about("Their keys, in the order of the request", ["account", "welcome"])
    ]


class JobError(Struct):
    type: AlwaysJobError
    error_type: AlwaysJobError
    message: ErrorMessage
    stack: NoStack | None


StepError = Annotated[
    JobError | str | None,
    about("The last failure: in the detail of a workflow an object, by itself a text", _AN_ERROR),
]


class WorkflowJob(Struct):
    """A step, in the detail of its workflow or by itself. By itself, `error` is a text."""

    id: Id
    organization_id: OrganizationId
    workflow_id: job.WorkflowId
    key: workflow.Key
    queue: SameQueueName
    queue_name: QueueName
    job_type: JobType
    status: job.Status
    payload: job.Payload
    result: job.Result
    error: StepError
    priority: job.Priority
    max_retries: job.MaxRetries
    attempt: job.Attempt
    retry_count: job.RetryCount
    timeout_ms: workflow.TimeoutMs
    timeout_seconds: job.TimeoutSeconds
    backoff_type: Exponential
    metadata: JobMetadata
    depends_on: ParentIds
    dependency_mode: job.DependencyMode
    dependencies_met: DependenciesMet
    parent_job_id: job.ParentJobId | None
    created_at: CreatedAt
    scheduled_at: job.ScheduledAt | None
    started_at: job.StartedAt | None
    completed_at: job.CompletedAt | None
    failed_at: FailedAt | None
    next_retry_at: NextRetryAt | None
    job_id: job.JobId | UnsetType = UNSET  # by itself
    depends_on_keys: ParentKeys | UnsetType = UNSET  # by itself
    values_omitted: ValuesOmitted | UnsetType = UNSET
    state: job.State | UnsetType = UNSET  # in the detail of a run of a document, as what follows
    step_type: StepTypeShown | UnsetType = UNSET
    skipped_at: job.SkippedAt | UnsetType | None = UNSET
    item_counts: ItemCountsOfStep | UnsetType = UNSET


class WorkflowEdge(Struct):
    """A dependency between two jobs of a workflow."""

    parent_job_id: Annotated[str, about("The job that is waited for", AN_ID)]
    child_job_id: Annotated[str, about("The job that waits", AN_ID)]
    dependency_type: Annotated[
        str, one_of("The outcome this dependency requires", "success", "completion", "failure")
    ]


class WorkflowProgress(Struct):
    """The jobs of a workflow by status."""

    total: Annotated[int, a_count("All jobs", 2)]
    completed: Annotated[int, a_count("Jobs that are completed", 1)]
    failed: Annotated[int, a_count("Dead letters")]
    pending: Annotated[int, a_count("Jobs that wait", 1)]
    processing: Annotated[int, a_count("Jobs under a lease")]
    cancelled: Annotated[int, a_count("Jobs that were cancelled")]


OnFailOfRun = Annotated[
    OnFailState | None,
    about("The job that follows its failure: how it stands; null: there is none"),
]


class WorkflowDetail(WorkflowSummary):
    """Answer of GET /workflows/{id}."""

    jobs: Annotated[list[WorkflowJob], about("The jobs in the order of the request")]
    dependencies: Annotated[
        list[WorkflowEdge], about("The dependencies: which job waits for which")
    ]
    progress: Annotated[WorkflowProgress, about("How many jobs have which status")]
    estimated_completion: workflow.EstimatedCompletion | None
    state: workflow.State | UnsetType = UNSET  # of a run of a document, as all that follow
    flow_name: workflow.FlowName | UnsetType | None = UNSET
    input: workflow.RunGiven | UnsetType = UNSET
    headers: workflow.RunHeadersGiven | UnsetType = UNSET
    output: workflow.RunGives | UnsetType = UNSET
    output_omitted: workflow.IsOutputOmitted | UnsetType = UNSET
    output_priority: workflow.OutputChoices | UnsetType = UNSET
    error_message: workflow.WhyFailed | UnsetType | None = UNSET
    failed_step: workflow.FailedAtStep | UnsetType | None = UNSET
    on_fail: OnFailOfRun | UnsetType = UNSET
    priority: workflow.RunPriorityShown | UnsetType = UNSET
    concurrency_key: workflow.RunKeyShown | UnsetType | None = UNSET
    completion_reason: workflow.WhyCompleted | UnsetType | None = UNSET
    cancel_reason: workflow.CancelReasonSaid | UnsetType | None = UNSET
    cancel_requested_at: workflow.CancelAskedAt | UnsetType | None = UNSET
    canceled_at: workflow.WasCanceledAt | UnsetType | None = UNSET
    failed_at: workflow.HasFailedAt | UnsetType | None = UNSET
    expired_at: workflow.HasExpiredAt | UnsetType | None = UNSET
    expires_at: workflow.IsOverAt | UnsetType | None = UNSET


class StepStatus(Struct):
    """A row of GET /workflows/{id}/jobs/status."""

    key: workflow.Key
    job_id: job.JobId
    status: job.Status
    depends_on: Annotated[list[str], about("The keys of the jobs it waits for", ["account"])]
    progress: Annotated[int, about("100 when it is completed, else 0", 100)]
    retry_count: job.RetryCount
    error: Annotated[str, about("The text of the last failure")] | None
