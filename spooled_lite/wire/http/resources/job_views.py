"""The shapes of jobs, made from rows."""

from typing import Final

from msgspec import UNSET, Raw

from spooled_lite.core.jobs.bodies import is_whole
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.kinds import PLAIN, as_shown, has_more, payload_shown
from spooled_lite.core.jobs.policy import read_policy
from spooled_lite.core.jobs.statements import JobHistoryRow, JobStatusRow, ListedJobRow
from spooled_lite.core.jobs.states import state_of
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.shapes.jobs import (
    ClaimedJob,
    HistoryRow,
    Job,
    JobState,
    JobSummary,
    LifeEntry,
    OnFailState,
)
from spooled_lite.wire.shapes.policy_bodies import BackoffView

_OF_FOLLOWING: Final = {
    "completed": "completed",
    "deadletter": "failed",
    "failed": "failed",
    "cancelled": "canceled",
}
NOT_THERE: Final = Raw(b"null")


def full_job(row: JobRow, org_id: str) -> Job:
    retry_count, queue_name = row["retry_count"], row["queue_name"]
    last_error, worker_id = row["last_error"], row["assigned_worker_id"]
    met = row["dependencies_met"]
    job = Job(
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
    if row["error_type"] is not None:
        job.error_type = row["error_type"]
    if has_more(row):
        _add_kind(job, row)
        job.result = _raw(as_shown(row, row["result"]))
        job.concurrency_key = row["concurrency_key"]
        if row["on_fail_of"] is not None:
            job.on_fail_of = row["on_fail_of"]
        _add_end(job, row)
    else:
        _add_labels(job, row)
        if row["concurrency_key"] is not None:
            job.concurrency_key = row["concurrency_key"]
    if row["timeout_ms"] is not None:
        job.timeout_ms = row["timeout_ms"]
    if row["cancel_reason"] is not None:
        job.cancel_reason = row["cancel_reason"]
    if row["policy"] is not None:
        backoff = read_policy(row["policy"]).backoff
        job.backoff = UNSET if backoff is None else BackoffView.showing(backoff)
    return job


def dead_letter(row: JobRow, org_id: str, traceback: str | None) -> Job:
    """A full job, with what the dead-letter page shows besides."""
    job = full_job(row, org_id)
    job.job_type = row["job_type"]
    job.error_message = row["last_error"]
    job.last_failed_at = format_optional_ms(row["completed_at_ms"])
    if traceback is not None:
        job.traceback = traceback
    if not is_whole(row) or (traceback is None and row["traceback_bytes"] is not None):
        job.values_omitted = True
    return job


def job_summary(row: ListedJobRow, org_id: str, *, is_detailed: bool = False) -> JobSummary:
    """`is_detailed`: with who holds it and whether it waits for others."""
    summary = JobSummary(
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
    if is_detailed:
        met = row["dependencies_met"]
        summary.worker_id = row["assigned_worker_id"]
        summary.dependencies_met = None if met is None else bool(met)
    if row["kind"] not in PLAIN:
        summary.kind = row["kind"]
    return summary


def claimed_job(row: JobRow) -> ClaimedJob:
    """The answer for a job claimed just now. Its row must include the payload."""
    payload, lease_id = row["payload"], row["lease_id"]
    ends_at_ms, started_at_ms = row["lease_expires_at_ms"], row["started_at_ms"]
    assert payload is not None, "it was read in full"
    assert lease_id is not None
    assert ends_at_ms is not None
    assert started_at_ms is not None
    job = ClaimedJob(
        id=row["id"],
        queue_name=row["queue_name"],
        queue=row["queue_name"],
        status=row["status"],
        payload=Raw(payload),
        priority=row["priority"],
        retry_count=row["retry_count"],
        attempts=attempts_of(row),
        max_retries=row["max_retries"],
        timeout_seconds=row["timeout_seconds"],
        lease_id=lease_id,
        lease_expires_at=format_ms(ends_at_ms),
        tags=_raw(row["tags"]),
        created_at=format_ms(row["created_at_ms"]),
        started_at=format_ms(started_at_ms),
        idempotency_key=row["idempotency_key"],
        workflow_id=row["workflow_id"],
        parent_job_id=row["parent_job_id"],
    )
    if row["kind"] != "job" and has_more(row):
        _add_kind(job, row)
    elif row["topic"] is not None or row["headers"] is not None:
        _add_labels(job, row)
    if row["timeout_ms"] is not None:
        job.timeout_ms = row["timeout_ms"]
    return job


def job_state(row: JobStatusRow) -> JobState:
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


def history_row(row: JobHistoryRow, job_id: str) -> HistoryRow:
    return HistoryRow(
        id=str(row["seq"]),
        job_id=job_id,
        event_type=row["event_type"],
        worker_id=row["worker_id"],
        details=Raw(row["details"]),
        created_at=format_ms(row["created_at_ms"]),
    )


def life_entry(row: JobHistoryRow, job_id: str) -> LifeEntry:
    at, event_type = format_ms(row["created_at_ms"]), row["event_type"]
    return LifeEntry(
        id=str(row["seq"]),
        job_id=job_id,
        event_type=event_type,
        worker_id=row["worker_id"],
        details=Raw(row["details"]),
        created_at=at,
        status=event_type,
        at=at,
    )


def on_fail_state(row: JobRow) -> OnFailState:
    """How it stands with a job that follows the failure of another."""
    status = _OF_FOLLOWING.get(row["status"], "started")
    is_waiting = row["status"] == "pending"
    if is_waiting and row["retry_count"] == 0:
        status = "queued"
    return OnFailState(
        status=status,
        attempts=row["retry_count"] if is_waiting else attempts_of(row),
        job_id=row["id"],
        error_message=row["last_error"],
        started_at=format_optional_ms(row["started_at_ms"]),
        completed_at=format_optional_ms(row["completed_at_ms"]),
    )


def attempts_of(row: JobRow) -> int:
    """Attempts begun: one more than the retries, once the job has been claimed."""
    return row["retry_count"] + (row["started_at_ms"] is not None)


def _add_kind(job: Job | ClaimedJob, row: JobRow) -> None:
    """What is shown of anything but a job. Contract: catbird-capabilities, section 19.6."""
    job.kind = row["kind"]
    job.state = state_of(row)
    job.deliveries = row["claims"]
    job.topic = row["topic"] or ""
    job.headers = _raw(row["headers"])
    job.payload = _raw(payload_shown(row))
    if row["kind"] == "message":
        job.body = _raw(row["payload"])
    if row["kind"] in ("task_run", "on_fail"):
        job.task_name = row["task_name"] or ""
    if row["kind"] == "task_run":
        job.input = _raw(row["payload"])


def _add_end(job: Job, row: JobRow) -> None:
    """How anything but a job has ended. Contract: catbird-capabilities, T12."""
    ended_at = format_optional_ms(row["completed_at_ms"])
    if ended_at is None:
        return
    match job.state:
        case "completed":
            job.output = _raw(row["result"])
        case "skipped":
            job.skipped_at = ended_at
        case "failed":
            job.failed_at = ended_at
            job.error_message = row["last_error"]
        case "canceled":
            job.cancel_requested_at = job.canceled_at = ended_at
        case "expired":
            job.expired_at = ended_at


def _add_labels(job: Job | ClaimedJob, row: JobRow) -> None:
    topic, headers = row["topic"], row["headers"]
    if topic is not None:
        job.topic = topic
    if headers is not None:
        job.headers = Raw(headers)


def _number(value: float | None) -> int | float | None:
    """Whole numbers without a fraction: some clients read no other ones into an integer."""
    return int(value) if value is not None and value.is_integer() else value


def _raw(value: bytes | None) -> Raw:
    return NOT_THERE if value is None else Raw(value)
