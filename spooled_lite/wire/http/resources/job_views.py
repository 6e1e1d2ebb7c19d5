"""Jobs as they are said: the shapes of the contract, section 3, made from rows."""

from typing import Any, Final

from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.core.jobs.bodies import is_whole
from spooled_lite.events import Row
from spooled_lite.times import format_ms, format_optional_ms

NOT_THERE: Final = Raw(b"null")


class Step(Struct):
    """What a claim says of a step of a workflow besides the job.

    `deps` are the results of its parents by their keys; `deps_omitted` when they are too big.
    Contract: schedules-workflows-webhooks, section 2.3; catbird-capabilities, section 19.6.
    """

    workflow_id: str
    flow_name: str | None
    key: str
    type: str
    phase: str
    item: None
    item_index: int | None
    attempts: int
    deps: dict[str, Raw] | UnsetType = UNSET
    deps_omitted: bool | UnsetType = UNSET


class Job(Struct, omit_defaults=False):
    """A full job. Several clients' names of one thing stand side by side."""

    id: str
    organization_id: str
    queue_name: str
    queue: str
    status: str
    payload: Raw
    result: Raw
    retry_count: int
    attempt: int
    attempts: int
    max_retries: int
    last_error: str | None
    error: str | None
    created_at: str
    scheduled_at: str | None
    started_at: str | None
    completed_at: str | None
    expires_at: str | None
    priority: int
    tags: Raw
    timeout_seconds: int
    parent_job_id: str | None
    completion_webhook: str | None
    assigned_worker_id: str | None
    worker_id: str | None
    lease_id: str | None
    lease_expires_at: str | None
    idempotency_key: str | None
    updated_at: str
    workflow_id: str | None
    dependency_mode: str | None
    dependencies_met: bool | None
    progress: int | float | None
    progress_message: str | None
    created: bool | UnsetType = UNSET  # in the answer to a create
    leased_until: str | UnsetType | None = UNSET  # in the answer to a dequeue
    job_type: str | UnsetType = UNSET  # of a dead letter
    error_message: str | UnsetType | None = UNSET  # of a dead letter
    last_failed_at: str | UnsetType | None = UNSET  # of a dead letter
    values_omitted: bool | UnsetType = UNSET  # true: payload and result are left out of a page
    history: list[dict[str, Any]] | UnsetType = UNSET  # when it was asked for
    step: Step | UnsetType = UNSET  # in the answer to a dequeue


class JobSummary(Struct):
    id: str
    organization_id: str
    queue_name: str
    queue: str
    status: str
    priority: int
    retry_count: int
    attempt: int
    max_retries: int
    timeout_seconds: int
    job_type: str
    last_error: str | None
    tags: Raw
    created_at: str
    updated_at: str
    scheduled_at: str | None
    started_at: str | None
    completed_at: str | None
    workflow_id: str | None
    parent_job_id: str | None


class ClaimedJob(Struct):
    id: str
    queue_name: str
    queue: str
    status: str
    payload: Raw
    priority: int
    retry_count: int
    attempts: int
    max_retries: int
    timeout_seconds: int
    lease_id: str
    lease_expires_at: str
    tags: Raw
    created_at: str
    started_at: str
    idempotency_key: str | None
    workflow_id: str | None
    parent_job_id: str | None
    step: Step | UnsetType = UNSET


class JobState(Struct):
    """A row of GET /jobs/status."""

    id: str
    status: str
    queue_name: str
    retry_count: int
    attempt: int
    max_retries: int
    created_at: str
    started_at: str | None
    completed_at: str | None


def full_job(row: Row, org_id: str) -> Job:
    retry_count, queue_name = row["retry_count"], row["queue_name"]
    last_error, worker_id = row["last_error"], row["assigned_worker_id"]
    met = row["dependencies_met"]
    return Job(
        id=row["id"],
        organization_id=org_id,
        queue_name=queue_name,
        queue=queue_name,
        status=row["status"],
        payload=_raw(row["payload"]),
        result=_raw(row["result"]),
        retry_count=retry_count,
        attempt=retry_count,
        attempts=attempts_of(row),
        max_retries=row["max_retries"],
        last_error=last_error,
        error=last_error,
        created_at=format_ms(row["created_at_ms"]),
        scheduled_at=format_optional_ms(row["scheduled_at_ms"]),
        started_at=format_optional_ms(row["started_at_ms"]),
        completed_at=format_optional_ms(row["completed_at_ms"]),
        expires_at=format_optional_ms(row["expires_at_ms"]),
        priority=row["priority"],
        tags=_raw(row["tags"]),
        timeout_seconds=row["timeout_seconds"],
        parent_job_id=row["parent_job_id"],
        completion_webhook=row["completion_webhook"],
        assigned_worker_id=worker_id,
        worker_id=worker_id,
        lease_id=row["lease_id"],
        lease_expires_at=format_optional_ms(row["lease_expires_at_ms"]),
        idempotency_key=row["idempotency_key"],
        updated_at=format_ms(row["updated_at_ms"]),
        workflow_id=row["workflow_id"],
        dependency_mode=row["dependency_mode"],
        dependencies_met=None if met is None else bool(met),
        progress=_number(row["progress"]),
        progress_message=row["progress_message"],
    )


def dead_letter(row: Row, org_id: str) -> Job:
    """A full job, with what the dead-letter page shows besides."""
    job = full_job(row, org_id)
    job.job_type = row["job_type"]
    job.error_message = row["last_error"]
    job.last_failed_at = format_optional_ms(row["completed_at_ms"])
    if not is_whole(row):
        job.values_omitted = True
    return job


def job_summary(row: Row, org_id: str) -> JobSummary:
    return JobSummary(
        id=row["id"],
        organization_id=org_id,
        queue_name=row["queue_name"],
        queue=row["queue_name"],
        status=row["status"],
        priority=row["priority"],
        retry_count=row["retry_count"],
        attempt=row["retry_count"],
        max_retries=row["max_retries"],
        timeout_seconds=row["timeout_seconds"],
        job_type=row["job_type"],
        last_error=row["last_error"],
        tags=_raw(row["tags"]),
        created_at=format_ms(row["created_at_ms"]),
        updated_at=format_ms(row["updated_at_ms"]),
        scheduled_at=format_optional_ms(row["scheduled_at_ms"]),
        started_at=format_optional_ms(row["started_at_ms"]),
        completed_at=format_optional_ms(row["completed_at_ms"]),
        workflow_id=row["workflow_id"],
        parent_job_id=row["parent_job_id"],
    )


def claimed_job(row: Row) -> ClaimedJob:
    return ClaimedJob(
        id=row["id"],
        queue_name=row["queue_name"],
        queue=row["queue_name"],
        status=row["status"],
        payload=Raw(row["payload"]),
        priority=row["priority"],
        retry_count=row["retry_count"],
        attempts=attempts_of(row),
        max_retries=row["max_retries"],
        timeout_seconds=row["timeout_seconds"],
        lease_id=row["lease_id"],
        lease_expires_at=format_ms(row["lease_expires_at_ms"]),
        tags=_raw(row["tags"]),
        created_at=format_ms(row["created_at_ms"]),
        started_at=format_ms(row["started_at_ms"]),
        idempotency_key=row["idempotency_key"],
        workflow_id=row["workflow_id"],
        parent_job_id=row["parent_job_id"],
    )


def job_state(row: Row) -> JobState:
    return JobState(
        id=row["id"],
        status=row["status"],
        queue_name=row["queue_name"],
        retry_count=row["retry_count"],
        attempt=row["retry_count"],
        max_retries=row["max_retries"],
        created_at=format_ms(row["created_at_ms"]),
        started_at=format_optional_ms(row["started_at_ms"]),
        completed_at=format_optional_ms(row["completed_at_ms"]),
    )


def history_row(row: Row, job_id: str) -> dict[str, Any]:
    return {
        "id": str(row["seq"]),
        "job_id": job_id,
        "event_type": row["event_type"],
        "worker_id": row["worker_id"],
        "details": Raw(row["details"]),
        "created_at": format_ms(row["created_at_ms"]),
    }


def attempts_of(row: Row) -> int:
    """Attempts begun: one more than the retries, once the job has been claimed."""
    retries: int = row["retry_count"]
    return retries + (row["started_at_ms"] is not None)


def _number(value: float | None) -> int | float | None:
    """Whole numbers without a fraction: some clients read no other ones into an integer."""
    return int(value) if value is not None and value.is_integer() else value


def _raw(value: bytes | None) -> Raw:
    return NOT_THERE if value is None else Raw(value)
