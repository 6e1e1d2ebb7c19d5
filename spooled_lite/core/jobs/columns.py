"""The columns of a job, once: their types, what a new row begins with, what its INSERT names."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict


class JobRow(TypedDict):
    """A whole row of `jobs`. Times are milliseconds since the epoch; flags are 0 or 1."""

    seq: int
    id: str
    org: int
    queue: int
    queue_name: str
    kind: str
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
    progress: float | None
    progress_message: str | None
    completion_webhook: str | None
    completion_webhook_secret: str | None
    payload_bytes: int | None
    result_bytes: int | None
    tags: bytes | None
    result: bytes | None
    payload: bytes | None


# Every column but the number of the row, with what a new job begins with where it has no value of
# its own. A test holds this against the schema.
BLANK: Final[Mapping[str, Any]] = {
    "id": None,
    "org": None,
    "queue": None,
    "queue_name": None,
    "kind": "job",
    "status": None,
    "state": None,
    "claimable": None,
    "priority": None,
    "job_type": None,
    "retry_count": 0,
    "max_retries": None,
    "timeout_seconds": None,
    "created_at_ms": None,
    "updated_at_ms": None,
    "scheduled_at_ms": None,
    "run_at_ms": None,
    "delay_ms": None,
    "started_at_ms": None,
    "completed_at_ms": None,
    "expires_at_ms": None,
    "assigned_worker_id": None,
    "lease_id": None,
    "lease_expires_at_ms": None,
    "settled_lease_id": None,
    "stop_reason": None,
    "idempotency_key": None,
    "parent_job_id": None,
    "workflow_id": None,
    "step_key": None,
    "step_position": None,
    "dependency_mode": None,
    "dependencies_met": None,
    "cancelled_by_parent": 0,
    "last_error": None,
    "progress": None,
    "progress_message": None,
    "completion_webhook": None,
    "completion_webhook_secret": None,
    "payload_bytes": None,
    "result_bytes": None,
    "tags": None,
    "result": None,
    "payload": None,
}

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
OF_CANCELLED_JOB: Final = (*OF_JOB, "completed_at_ms", "cancelled_by_parent", "last_error")
OF_STEP: Final = (
    *_COMMON,
    *("kind", "workflow_id", "step_key", "step_position", "dependency_mode"),
)
