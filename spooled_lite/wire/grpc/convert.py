"""Makes commands of core from messages, and messages from rows. Contract: grpc, 4 to 7."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from spooled_lite.core.jobs.columns import JobRow, NewJob
from spooled_lite.core.jobs.kinds import as_shown, payload_shown
from spooled_lite.core.jobs.records import (
    LEASE_SECONDS_MAX,
    LEASE_SECONDS_MIN,
    RESULT_BYTES_MAX,
    TAGS_BYTES_MAX,
    Claimant,
    check_json_size,
    job_type_of,
)
from spooled_lite.core.lifecycle.claim import Claim
from spooled_lite.core.lifecycle.settle import Failed
from spooled_lite.core.queues.names import checked_queue_name, checked_step_queue_name
from spooled_lite.core.queues.records import QueueDepth
from spooled_lite.core.workers.records import (
    UNKNOWN_HOST,
    WORKER_STATUSES,
    NewWorker,
    SignOfLife,
    WorkerId,
    checked_hostname,
    checked_metadata,
)
from spooled_lite.errors import PayloadTooLarge, RuleBroken, SpooledError
from spooled_lite.wire.grpc.descriptors import message_class, spooled_class
from spooled_lite.wire.grpc.json_structs import json_of, length_of, struct_of

LEASE_SECONDS: Final = 300  # when the request names no duration
BATCH_MAX: Final = 100
# The most bytes of a Struct per byte of JSON: the two bytes `1,` become eleven.
STRUCT_BYTES_MAX: Final = 6
ERROR_CHARACTERS_MAX: Final = 4_096
CUT_MARK: Final = "... (truncated)"
NO_ERROR: Final = "Job failed"  # stored when the worker gives no error
ID_CHARACTERS_MAX: Final = 255
CONCURRENCY_MAX: Final = 1_000
SHORT_TEXT_MAX: Final = 50  # of the kind and the version of a worker
# The years 1 to 9999, which a time in RFC 3339 can have.
SECONDS_MIN: Final = -62_135_596_800
SECONDS_MAX: Final = 253_402_300_799
NANOS_MAX: Final = 999_999_999

_STATUS: Final[Mapping[str, int]] = {
    "pending": 1,
    "scheduled": 2,
    "processing": 3,
    "completed": 4,
    "failed": 5,
    "deadletter": 6,
    "cancelled": 7,
}

_Timestamp: Final = message_class("google.protobuf.Timestamp")
_Job: Final = spooled_class("Job")
_FailResponse: Final = spooled_class("FailResponse")
_RenewLeaseResponse: Final = spooled_class("RenewLeaseResponse")
_StatsResponse: Final = spooled_class("GetQueueStatsResponse")
_ErrorResponse: Final = spooled_class("ErrorResponse")

# -- jobs in ---------------------------------------------------------------------------------------


def new_job(request: Any, *, payload_bytes_max: int) -> NewJob:
    """Raises RuleBroken, PayloadTooLarge. Contract: grpc, 5.1."""
    queue_name = checked_queue_name(request.queue_name)
    payload = _json_of(request.payload, "payload", payload_bytes_max)
    return NewJob(
        queue_name=queue_name,
        payload=payload,
        priority=_within(request.priority, "priority", -100, 100),
        job_type=job_type_of(payload),
        max_retries=_within(request.max_retries, "max_retries", 0, 100) or None,
        timeout_seconds=_within(request.timeout_seconds, "timeout_seconds", 0, 86_400) or None,
        scheduled_at_ms=_time_ms(request, "scheduled_at"),
        idempotency_key=_short(request.idempotency_key, "idempotency_key") or None,
        tags=_tags(request.tags),
    )


def claim_of(request: Any, *, limit: int | None = None) -> Claim:
    """The claim of a DequeueRequest, or of a StreamJobsRequest, which has no batch size.

    Raises RuleBroken. Contract: grpc, 5.2 and 6.1.
    """
    queue_name = checked_step_queue_name(request.queue_name)
    worker_id = request.worker_id
    if not 1 <= len(worker_id) <= ID_CHARACTERS_MAX:
        raise RuleBroken.of(
            "worker_id",
            f"Worker ID must have 1 to {ID_CHARACTERS_MAX} characters (`worker_id`)",
            "length",
        )
    _short(worker_id, "worker_id")
    if limit is None:
        limit = max(1, min(BATCH_MAX, request.batch_size))
    lease_ms = lease_ms_of(request.lease_duration_secs)
    return Claim(queue_name=queue_name, worker_id=worker_id, limit=limit, lease_ms=lease_ms)


def job_id_of(request: Any) -> str:
    """The id of the job to settle or renew. Raises RuleBroken when it is missing."""
    job_id: str = request.job_id
    if not job_id:
        raise RuleBroken.of("job_id", "Field `job_id` is required", "length")
    return _short(job_id, "job_id")


def claimant_of(request: Any) -> Claimant:
    return Claimant(
        worker_id=_short(request.worker_id, "worker_id"),
        lease_id=_short(request.lease_id, "lease_id"),
    )


def result_of(request: Any) -> bytes | None:
    """Raises RuleBroken, PayloadTooLarge. Contract: grpc, 5.4."""
    if not request.HasField("result"):
        return None
    return _json_of(request.result, "result", RESULT_BYTES_MAX)


def error_of(request: Any) -> str:
    """The error of a failed job, which may have any length and is cut. Contract: grpc, 5.5."""
    error: str = request.error or NO_ERROR
    if len(error) <= ERROR_CHARACTERS_MAX:
        return error
    return error[: ERROR_CHARACTERS_MAX - len(CUT_MARK)] + CUT_MARK


def may_retry(request: Any) -> bool:
    """Whether the job may be retried. Only an explicit false forbids it, not a missing field."""
    return bool(request.retry) if request.HasField("retry") else True


def lease_ms_of(seconds: int) -> int:
    if seconds <= 0:
        return LEASE_SECONDS * 1000
    return max(LEASE_SECONDS_MIN, min(LEASE_SECONDS_MAX, seconds)) * 1000


# -- jobs out --------------------------------------------------------------------------------------


def job_bytes(row: JobRow, org_id: str) -> bytes:
    """The bytes of a Job message. Contract: grpc, 3.4 and section 4."""
    payload, result = payload_shown(row), as_shown(row, row["result"])
    assert payload is not None, "it was read in full"
    job = _Job(
        id=row["id"],
        organization_id=org_id,
        queue_name=row["queue_name"],
        status=_STATUS[row["status"]],
        payload=struct_of(payload) or b"",
        result=None if result is None else struct_of(result),
        retry_count=row["retry_count"],
        max_retries=row["max_retries"],
        last_error=row["last_error"],
        priority=row["priority"],
        timeout_seconds=row["timeout_seconds"],
        created_at=timestamp(row["created_at_ms"]),
        scheduled_at=timestamp(row["scheduled_at_ms"]),
        started_at=timestamp(row["started_at_ms"]),
        completed_at=timestamp(row["completed_at_ms"]),
        lease_expires_at=timestamp(row["lease_expires_at_ms"]),
        assigned_worker_id=row["assigned_worker_id"],
        idempotency_key=row["idempotency_key"],
        lease_id=row["lease_id"],
    )
    return bytes(job.SerializeToString())


def timestamp(at_ms: int | None) -> Any:
    if at_ms is None:
        return None
    seconds, milliseconds = divmod(at_ms, 1000)
    return _Timestamp(seconds=seconds, nanos=milliseconds * 1_000_000)


def fail_response(failed: Failed) -> Any:
    return _FailResponse(
        success=True,
        will_retry=failed.will_retry,
        next_retry_delay_secs=-(-failed.delay_ms // 1000),  # whole seconds, rounded up
    )


def renew_response(ends_at_ms: int | None) -> Any:
    """`ends_at_ms` is None when the lease was not renewed."""
    success = ends_at_ms is not None
    return _RenewLeaseResponse(success=success, new_expires_at=timestamp(ends_at_ms))


def stats_response(queue_name: str, depth: QueueDepth) -> Any:
    counts = depth.counts
    return _StatsResponse(
        queue_name=queue_name,
        total=sum(counts.values()),
        max_age_ms=depth.oldest_age_ms,
        **{name: count for name, count in counts.items() if name != "cancelled"},
    )


def error_response(error: SpooledError) -> Any:
    return _ErrorResponse(code=error.code, message=error.message)


def as_field(number: int, message: bytes) -> bytes:
    """A finished message as a field of another message.

    Building the other message with the library would write hundreds of kilobytes a second time.
    """
    return bytes((number << 3 | 2,)) + length_of(message) + message


# -- workers ---------------------------------------------------------------------------------------


def new_worker(request: Any, *, max_concurrency: int) -> NewWorker:
    """Raises RuleBroken. Contract: grpc, 7.1."""
    wanted = request.max_concurrency
    hostname = request.hostname
    return NewWorker(
        queue_names=(checked_step_queue_name(request.queue_name),),
        hostname=checked_hostname(hostname) if hostname else UNKNOWN_HOST,
        worker_id=_worker_id(request.worker_id) if request.worker_id else None,
        worker_type=_short(request.worker_type, "worker_type", SHORT_TEXT_MAX) or None,
        version=_short(request.version, "version", SHORT_TEXT_MAX) or None,
        max_concurrency=max(1, min(CONCURRENCY_MAX, wanted)) if wanted else max_concurrency,
        metadata=_metadata(request.metadata) or b"{}",
    )


def sign_of_life(request: Any) -> SignOfLife:
    """Raises RuleBroken. Contract: grpc, 7.2."""
    return SignOfLife(
        current_jobs=max(0, request.current_jobs),
        status=request.status if request.status in WORKER_STATUSES else "healthy",
        metadata=_metadata(request.metadata),
    )


def _worker_id(given: str) -> str:
    try:
        return msgspec.convert(given, WorkerId)
    except msgspec.ValidationError:
        raise RuleBroken.of(
            "worker_id",
            "Worker ID must have 1 to 128 letters, digits, `.`, `-` and `_` (`worker_id`)",
            "regex",
        ) from None


def _metadata(given: Mapping[str, str]) -> bytes | None:
    return checked_metadata(msgspec.json.encode(dict(given))) if given else None


# -- values ----------------------------------------------------------------------------------------


def _json_of(struct: bytes, field: str, bytes_max: int) -> bytes:
    """The JSON of a Struct. One that is too large in any case is refused before the conversion.

    Raises:
        RuleBroken, PayloadTooLarge.
    """
    if len(struct) > bytes_max * STRUCT_BYTES_MAX:
        raise PayloadTooLarge(f"Field `{field}` is larger than {bytes_max} bytes")
    text = json_of(struct, field)
    check_json_size(text, bytes_max, field)
    return text


def _within(value: int, field: str, least: int, most: int) -> int:
    if not least <= value <= most:
        raise RuleBroken.of(field, f"Field `{field}` must be between {least} and {most}", "range")
    return value


def _short(text: str, field: str, characters_max: int = ID_CHARACTERS_MAX) -> str:
    """Check an id or a name. Raises RuleBroken when it is too long or contains NUL."""
    if "\0" in text:
        raise RuleBroken.of(field, f"Field `{field}` must not contain the character NUL", "nul")
    if len(text) > characters_max:
        raise RuleBroken.of(
            field, f"Field `{field}` is longer than {characters_max} characters", "length"
        )
    return text


def _time_ms(request: Any, field: str) -> int | None:
    """A time in milliseconds; None when it is not set or zero.

    Raises:
        RuleBroken: the time is outside of the years 1 to 9999.
    """
    if not request.HasField(field):
        return None
    given = getattr(request, field)
    seconds, nanos = given.seconds, given.nanos
    if not seconds and not nanos:
        return None
    if not (SECONDS_MIN <= seconds <= SECONDS_MAX and 0 <= nanos <= NANOS_MAX):
        raise RuleBroken.of(field, f"Field `{field}` is not a time", "range")
    return int(seconds * 1000 + nanos // 1_000_000)


def _tags(given: Mapping[str, str]) -> bytes | None:
    if not given:
        return None
    for name, value in given.items():
        if "\0" in name or "\0" in value:
            raise RuleBroken.of("tags", "Field `tags` must not contain the character NUL", "nul")
    tags = msgspec.json.encode(dict(given))
    if len(tags) > TAGS_BYTES_MAX:
        raise RuleBroken.of(
            "tags", f"Field `tags` is larger than {TAGS_BYTES_MAX} bytes", "tags_too_large"
        )
    return tags
