"""Answers about jobs. A value is given under each of the names that clients read. Jobs, section 3."""

from typing import Annotated

from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes.about import a_count, about, one_of
from spooled_lite.wire.shapes.common import (
    CreatedAt,
    Id,
    OrganizationId,
    QueueName,
    SameQueueName,
    UpdatedAt,
)
from spooled_lite.wire.shapes.policy_bodies import BackoffView, TimeoutMs

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
FlowName = Annotated[str, about("The flow that it is a run of; null: of none", "order_flow")]
BackoffOfJob = Annotated[BackoffView, about("The wait before a retry, when it has one of its own")]
Key = Annotated[str, about("Its name in the workflow", "welcome")]
TypeOfStep = Annotated[str, one_of("What kind of step it is", "normal", "mapper", "generator", "reducer")]
PhaseOfStep = Annotated[str, one_of("What there is to do: the step, to find the items of a generator, or one item", "run", "generate", "item")]
ItemGiven = Annotated[Raw, about("Of an item: the value it stands for", {"sku": "a"})]
ItemIndex = Annotated[int, about("Of an item: its place among those of its step, from 0", 0)]
Deps = Annotated[dict[str, Raw], about("The results of the jobs it waited for, by their keys; those of steps with items as a list", {"account": {"id": 7}})]
DepsOmitted = Annotated[bool, about("True: they are too large, read them with `GET /workflows/{id}/jobs/{job_id}`", True)]
InputGiven = Annotated[Raw, about("What the run was given; null also for items whose step has `needs_input` false, as a map over the input has by default", {"order_id": 7})]
SignalGiven = Annotated[Raw, about("The signal it has waited for, or null", {"by": "ann"})]
PayloadOfStep = Annotated[Raw, about("What the step says for its worker, where that is not the `payload` of the job", {"limit": 5})]
SkippedDeps = Annotated[list[str], about("Those of the steps it waited for that were skipped", ["discount"])]
EntryId = Annotated[str, about("The number of the entry", "17")]
EntryWorker = Annotated[str, about("The worker it happened with", "mailer-1")]
# fmt: on


class ReduceView(Struct):
    """What a reducer has to fold: the items are read page by page."""

    source: Annotated[str, about("The step whose items are folded", "lines")]
    count: Annotated[int, a_count("How many there are", 400)]
    initial: Annotated[Raw, about("What it begins with", 0)]


class Step(Struct):
    """What a claim adds to a job that is a step of a workflow, or an item of one.

    `deps` are the results of its parents by their keys; `deps_omitted` when they are too big.
    Contract: schedules-workflows-webhooks, section 2.3; catbird-capabilities, section 19.6.
    """

    workflow_id: job.WorkflowId
    flow_name: FlowName | None
    key: Key
    type: TypeOfStep
    phase: PhaseOfStep
    item: ItemGiven
    item_index: ItemIndex | None
    attempts: job.Attempts
    deps: Deps | UnsetType = UNSET
    deps_omitted: DepsOmitted | UnsetType = UNSET
    input: InputGiven | UnsetType = UNSET  # of a workflow with more than jobs, as what follows
    signal: SignalGiven | UnsetType = UNSET
    skipped_deps: SkippedDeps | UnsetType = UNSET
    payload: PayloadOfStep | UnsetType = UNSET  # when the step has one
    reduce: Annotated[ReduceView, about("Of a reducer: what it folds")] | UnsetType = UNSET


StepOfClaim = Annotated[
    Step,
    about("Of a job of a workflow: where it belongs, and what the jobs before it made"),
]


class HistoryRow(Struct):
    """A row of GET /jobs/{id}/history."""

    id: EntryId
    job_id: job.JobId
    event_type: job.EventType
    worker_id: EntryWorker | None
    details: job.Details
    created_at: CreatedAt


class LifeEntry(HistoryRow):
    """A row of the history inside a job, with further names of fields that clients read."""

    status: Annotated[str, about("The same as `event_type`", "created")]
    at: Annotated[str, about("The same as `created_at`", "2026-10-01T09:00:00.000Z")]


class OnFailState(Struct):
    """How it stands with the job that follows a failure."""

    status: Annotated[
        str,
        one_of(
            "Where it stands; `started` also while it waits for another attempt",
            *("queued", "started", "completed", "failed", "canceled"),
        ),
    ]
    attempts: job.Attempts
    job_id: job.JobId
    error_message: job.LastError | None
    started_at: job.StartedAt | None
    completed_at: job.CompletedAt | None


OnFailShown = Annotated[
    OnFailState, about("The job that follows, when all attempts have failed: how it stands")
]

History = Annotated[
    list[LifeEntry],
    about("Its life, oldest first, up to 100 entries; with `include=history`", []),
]


class Job(Struct, omit_defaults=False):
    """A full job."""

    id: Id
    organization_id: OrganizationId
    queue_name: QueueName
    queue: SameQueueName
    status: job.Status
    payload: job.Payload
    result: job.Result
    retry_count: job.RetryCount
    attempt: job.Attempt
    attempts: job.Attempts
    max_retries: job.MaxRetries
    last_error: job.LastError | None
    error: job.SameLastError | None
    created_at: CreatedAt
    scheduled_at: job.ScheduledAt | None
    started_at: job.StartedAt | None
    completed_at: job.CompletedAt | None
    expires_at: job.ExpiresAt | None
    priority: job.Priority
    tags: job.Tags
    timeout_seconds: job.TimeoutSeconds
    parent_job_id: job.ParentJobId | None
    completion_webhook: job.CompletionWebhook | None
    assigned_worker_id: job.AssignedWorkerId | None
    worker_id: job.WorkerId | None
    lease_id: job.LeaseId | None
    lease_expires_at: job.LeaseExpiresAt | None
    idempotency_key: job.IdempotencyKey | None
    updated_at: UpdatedAt
    workflow_id: job.WorkflowId | None
    dependency_mode: job.DependencyMode | None
    dependencies_met: job.DependenciesMet | None
    progress: job.Progress
    progress_message: job.ProgressMessage | None
    created: job.Created | UnsetType = UNSET  # in the answer to a create
    leased_until: job.LeasedUntil | UnsetType | None = UNSET  # in the answer to a dequeue
    job_type: job.JobType | UnsetType = UNSET  # of a dead letter
    error_message: job.SameLastError | UnsetType | None = UNSET  # of a dead letter
    last_failed_at: job.LastFailedAt | UnsetType | None = UNSET  # of a dead letter
    values_omitted: job.ValuesOmitted | UnsetType = UNSET  # of a page of dead letters
    error_type: job.ErrorType | UnsetType = UNSET  # when the failure was reported with one
    traceback: job.Traceback | UnsetType = UNSET  # the same
    on_fail: OnFailShown | UnsetType = UNSET  # when there is one
    on_fail_of: job.OnFailOf | UnsetType = UNSET  # of one that follows a failure
    history: History | UnsetType = UNSET  # when it was asked for
    step: StepOfClaim | UnsetType = UNSET  # in the answer to a dequeue
    kind: job.Kind | UnsetType = UNSET  # of anything but a job, as those that follow
    state: job.State | UnsetType = UNSET
    deliveries: job.Deliveries | UnsetType = UNSET
    headers: job.Headers | UnsetType = UNSET  # of a job when it was given, as what follows
    topic: job.Topic | UnsetType = UNSET
    concurrency_key: job.ConcurrencyKey | UnsetType | None = UNSET
    timeout_ms: TimeoutMs | UnsetType = UNSET
    backoff: BackoffOfJob | UnsetType = UNSET
    body: job.MessageBody | UnsetType = UNSET  # of a message
    task_name: job.TaskName | UnsetType = UNSET  # of a run of a task, as those that follow
    input: job.RunInput | UnsetType = UNSET
    output: job.RunOutput | UnsetType = UNSET
    cancel_reason: job.CancelReason | UnsetType = UNSET
    cancel_requested_at: job.CancelRequestedAt | UnsetType = UNSET
    canceled_at: job.CanceledAt | UnsetType = UNSET
    failed_at: job.FailedAt | UnsetType = UNSET
    skipped_at: job.SkippedAt | UnsetType = UNSET
    expired_at: job.ExpiredAt | UnsetType = UNSET
    applied: job.WasApplied | UnsetType = UNSET  # in the answer to a cancel


class JobSummary(Struct):
    """A row of a page of jobs."""

    id: Id
    organization_id: OrganizationId
    queue_name: QueueName
    queue: SameQueueName
    status: job.Status
    priority: job.Priority
    retry_count: job.RetryCount
    attempt: job.Attempt
    max_retries: job.MaxRetries
    timeout_seconds: job.TimeoutSeconds
    job_type: job.JobType
    last_error: job.LastError | None
    tags: job.Tags
    created_at: CreatedAt
    updated_at: UpdatedAt
    scheduled_at: job.ScheduledAt | None
    started_at: job.StartedAt | None
    completed_at: job.CompletedAt | None
    workflow_id: job.WorkflowId | None
    parent_job_id: job.ParentJobId | None
    worker_id: job.WorkerId | UnsetType | None = UNSET  # when it was asked for
    dependencies_met: job.DependenciesMet | UnsetType | None = UNSET  # as `worker_id`
    kind: job.Kind | UnsetType = UNSET  # of anything but a job


class ClaimedJob(Struct, kw_only=True):
    """A job as a claim hands it out."""

    id: Id
    queue_name: QueueName
    queue: SameQueueName
    status: job.Status
    payload: job.Payload | UnsetType = UNSET  # a claim may ask to leave it out
    priority: job.Priority
    retry_count: job.RetryCount
    attempts: job.Attempts
    max_retries: job.MaxRetries
    timeout_seconds: job.TimeoutSeconds
    lease_id: job.LeaseId
    lease_expires_at: job.LeaseExpiresAt
    tags: job.Tags
    created_at: CreatedAt
    started_at: job.StartedAt
    idempotency_key: job.IdempotencyKey | None
    workflow_id: job.WorkflowId | None
    parent_job_id: job.ParentJobId | None
    step: StepOfClaim | UnsetType = UNSET
    kind: job.Kind | UnsetType = UNSET  # of anything but a job, as those that follow
    state: job.State | UnsetType = UNSET
    deliveries: job.Deliveries | UnsetType = UNSET
    headers: job.Headers | UnsetType = UNSET  # of a job when it was given, as what follows
    topic: job.Topic | UnsetType = UNSET
    timeout_ms: TimeoutMs | UnsetType = UNSET
    body: job.MessageBody | UnsetType = UNSET  # of a message
    task_name: job.TaskName | UnsetType = UNSET  # of a run of a task, as its input
    input: job.RunInput | UnsetType = UNSET


class JobState(Struct):
    """A row of GET /jobs/status."""

    id: Id
    status: job.Status
    queue_name: QueueName
    retry_count: job.RetryCount
    attempt: job.Attempt
    max_retries: job.MaxRetries
    created_at: CreatedAt
    started_at: job.StartedAt | None
    completed_at: job.CompletedAt | None


class JobStats(Struct):
    """Answer of GET /jobs/stats."""

    pending: Annotated[int, a_count("Jobs that wait to be claimed", 1)]
    scheduled: Annotated[int, a_count("Jobs that are not due yet")]
    processing: Annotated[int, a_count("Jobs under a lease")]
    completed: Annotated[int, a_count("Jobs that are done")]
    failed: Annotated[int, a_count("Always 0: a failure is retried or a dead letter")]
    deadletter: Annotated[int, a_count("Jobs whose attempts ran out")]
    cancelled: Annotated[int, a_count("Jobs that were cancelled")]
    total: Annotated[int, a_count("All of them together", 1)]
    claimed: Annotated[int, a_count("The same as `processing`")]
    by_queue: Annotated[dict[str, int], about("All jobs by queue", {"emails": 1})]


class PriorityChanged(Struct):
    """Answer of PUT /jobs/{id}/priority."""

    job_id: job.JobId
    old_priority: Annotated[int, about("What it was", 0)]
    new_priority: Annotated[int, about("What it is", 10)]


Index = Annotated[int, a_count("Its place in the list that was sent")]


class BulkStored(Struct):
    index: Index
    job_id: job.JobId
    created: job.Created


class BulkFailed(Struct):
    index: Index
    error: Annotated[
        str, about("Why it was refused", "Field `jobs[1].priority`: Expected `int` <= 100")
    ]


class JobIdAndStatus(Struct):
    id: Id
    status: job.Status


class BulkAnswer(Struct):
    """Answer of POST /jobs/bulk."""

    succeeded: Annotated[list[BulkStored], about("What was stored, or was there already")]
    failed: Annotated[list[BulkFailed], about("What was refused, and why")]
    total: Annotated[int, a_count("All of them together", 1)]
    success_count: Annotated[int, a_count("How many of `succeeded`", 1)]
    failure_count: Annotated[int, a_count("How many of `failed`")]
    created: Annotated[int, a_count("How many are new", 1)]
    jobs: Annotated[list[JobIdAndStatus], about("Every job that is there now, in the order sent")]


class ClaimedJobs(Struct):
    """Answer of POST /jobs/claim."""

    jobs: Annotated[list[ClaimedJob], about("The jobs that were taken")]
