"""A new job and its row: the columns, what a row begins with, what its INSERT names.

Where else a new field of a job goes: README, "Reading the code".
"""

from typing import Final, Literal, TypedDict, cast

from msgspec import Struct

Kind = Literal["job", "message", "task_run", "step", "item", "on_fail"]
StepPhase = Literal["run", "generate", "item"]


class JobRow(TypedDict):
    """A whole row of `jobs`. Times are milliseconds since the epoch; flags are 0 or 1."""

    seq: int
    id: str
    org: int
    queue: int
    queue_name: str
    kind: Kind
    status: str
    state: str | None
    claimable: int
    priority: int
    job_type: str
    retry_count: int
    max_retries: int
    timeout_seconds: int
    created_at_ms: int
    updated_at_ms: int
    scheduled_at_ms: int | None
    run_at_ms: int | None
    delay_ms: int | None
    started_at_ms: int | None
    completed_at_ms: int | None
    expires_at_ms: int | None
    assigned_worker_id: str | None
    lease_id: str | None
    lease_expires_at_ms: int | None
    settled_lease_id: str | None
    stop_reason: str | None
    idempotency_key: str | None
    parent_job_id: str | None
    workflow_id: str | None
    step_key: str | None
    step_position: int | None
    dependency_mode: str | None
    dependencies_met: int | None
    cancelled_by_parent: int
    last_error: str | None
    error_key: int | None
    progress: float | None
    progress_message: str | None
    completion_webhook: str | None
    completion_webhook_secret: str | None
    payload_bytes: int | None
    result_bytes: int | None
    traceback_bytes: int | None
    claims: int
    topic: str | None
    concurrency_key: str | None
    task_name: str | None
    on_fail_of: str | None
    cancel_reason: str | None
    error_type: str | None
    timeout_ms: int | None
    tells_breaker: int
    flow_name: str | None
    phase: StepPhase | None
    step_job: int | None
    item_index: int | None
    guard: int | None
    policy: bytes | None
    headers: bytes | None
    tags: bytes | None
    result: bytes | None
    payload: bytes | None


# A row looks for a column by name from its first one on, some 10 ns for each it passes, and a claim
# and its completion look eighty times: what they look for most comes first.
_MOST_ASKED_FOR: Final = (
    *("started_at_ms", "status", "workflow_id", "assigned_worker_id", "queue_name", "retry_count"),
    *(
        "queue",
        "lease_id",
        "lease_expires_at_ms",
        "priority",
        "max_retries",
        "id",
        "payload",
        "seq",
    ),
    *("result_bytes", "result", "created_at_ms", "kind", "last_error", "scheduled_at_ms"),
    *("completed_at_ms", "progress", "progress_message", "completion_webhook", "tags"),
)
# A whole row, for the statements that run most often.
BY_USE: Final = ", ".join(
    (
        *_MOST_ASKED_FOR,
        *(each for each in JobRow.__annotations__ if each not in _MOST_ASKED_FOR),
    )
)

# What a new job begins with where it has no value of its own. Nothing stands in the place of what
# every job brings, and of its number, which comes with the insert.
BLANK: Final = cast(
    JobRow,
    {
        **dict.fromkeys(JobRow.__annotations__),
        "kind": "job",
        "job_type": "",
        "retry_count": 0,
        "claims": 0,
        "cancelled_by_parent": 0,
        "tells_breaker": 0,
    },
)

# What every new row brings; the rest is what BLANK says, which the table has as its defaults: each
# value that is bound costs.
_COMMON: Final = (
    *("id", "org", "queue", "queue_name", "status", "claimable", "priority", "job_type"),
    *("max_retries", "timeout_seconds", "created_at_ms", "updated_at_ms", "expires_at_ms"),
    *("dependencies_met", "tags", "payload_bytes", "payload"),
)
OF_JOB: Final = (
    *_COMMON,
    *("scheduled_at_ms", "run_at_ms", "delay_ms", "idempotency_key", "parent_job_id"),
    *("completion_webhook", "completion_webhook_secret"),
)
# With what few jobs bring.
OF_JOB_IN_FULL: Final = (
    *OF_JOB,
    *("timeout_ms", "policy", "concurrency_key", "topic", "headers"),
)
OF_CANCELLED_JOB: Final = (
    *OF_JOB_IN_FULL,
    "completed_at_ms",
    "cancelled_by_parent",
    "last_error",
)
OF_MESSAGE: Final = (
    *("id", "org", "queue", "queue_name", "kind", "status", "claimable", "priority"),
    *("max_retries", "timeout_seconds", "created_at_ms", "updated_at_ms", "expires_at_ms"),
    *("scheduled_at_ms", "run_at_ms", "delay_ms", "topic", "headers", "concurrency_key"),
    *("payload_bytes", "payload"),
)
OF_RUN: Final = (
    *OF_MESSAGE,
    *("state", "completed_at_ms", "task_name", "timeout_ms", "policy"),
)
OF_ON_FAIL: Final = (
    *("id", "org", "queue", "queue_name", "kind", "status", "claimable", "priority"),
    *("max_retries", "timeout_seconds", "timeout_ms", "created_at_ms", "updated_at_ms"),
    *("task_name", "on_fail_of", "policy", "headers", "payload_bytes", "payload"),
)
OF_STEP: Final = (
    *_COMMON,
    *("kind", "workflow_id", "step_key", "step_position", "dependency_mode"),
)
# Of a workflow with a document.
OF_STEP_OF_DOCUMENT: Final = (
    *OF_STEP,
    *("state", "scheduled_at_ms", "run_at_ms", "delay_ms"),
    *("flow_name", "phase", "guard", "timeout_ms", "policy", "headers"),
)
OF_ITEM: Final = (
    *_COMMON,
    *("kind", "scheduled_at_ms", "run_at_ms", "delay_ms", "step_key", "flow_name", "phase"),
    *("step_job", "item_index", "guard", "timeout_ms", "policy", "headers"),
)


class Labels(Struct, frozen=True, kw_only=True):
    """What few jobs bring beside their payload, as messages may."""

    concurrency_key: str | None = None
    topic: str | None = None
    headers: bytes | None = None


class NewJob(Struct, frozen=True, kw_only=True, gc=False):
    """A job that core is asked to store."""

    queue_name: str
    payload: bytes
    priority: int = 0
    job_type: str = ""
    max_retries: int | None = None  # None: as the queue says
    timeout_seconds: int | None = None  # None: as the queue says
    scheduled_at_ms: int | None = None
    delay_ms: int | None = None  # from the moment it is stored
    expires_at_ms: int | None = None
    expires_in_ms: int | None = None  # from the moment it is stored
    idempotency_key: str | None = None
    tags: bytes | None = None
    parent_job_id: str | None = None
    completion_webhook: str | None = None
    completion_webhook_secret: str | None = None
    timeout_ms: int | None = None  # instead of `timeout_seconds`
    policy: bytes | None = None  # core.jobs.policy.OwnPolicy, as it is stored
    labels: Labels | None = None


def begun(job: NewJob) -> JobRow:
    """The row of a new job, with what its caller gave it; `enqueue.new_row` adds the rest."""
    return {
        **BLANK,
        "queue_name": job.queue_name,
        "priority": job.priority,
        "job_type": job.job_type,
        "expires_at_ms": job.expires_at_ms,
        "idempotency_key": job.idempotency_key,
        "parent_job_id": job.parent_job_id,
        "tags": job.tags,
        "payload": job.payload,
        "completion_webhook": job.completion_webhook,
        "completion_webhook_secret": job.completion_webhook_secret,
        "timeout_ms": job.timeout_ms,
        "policy": job.policy,
    }
