"""Every field by its name; `Type.name` where a field means something else in one type."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.jobs.states import STATUSES
from spooled_lite.core.queues.names import QUEUE_NAME_MAX
from spooled_lite.core.queues.records import REASON_MAX, SETTINGS_BYTES_MAX
from spooled_lite.wire.http.documents.described.field import (
    Field,
    count,
    in_each,
    length,
    one_of,
    time,
)
from spooled_lite.wire.http.documents.described.ingest_fields import INGEST
from spooled_lite.wire.http.documents.described.platform_fields import PLATFORM
from spooled_lite.wire.http.documents.described.schedule_fields import SCHEDULES
from spooled_lite.wire.http.documents.described.webhook_fields import WEBHOOKS
from spooled_lite.wire.http.documents.described.workflow_fields import WORKFLOWS

NAMES: Final = (
    f"1 to {QUEUE_NAME_MAX} letters and digits of any script, `-`, `_` and `.`; "
    "does not start with `-` or `.`"
)
A_QUEUE: Final = Field(f"The queue. {NAMES}", "emails", length(1, QUEUE_NAME_MAX))
TEXTS: Final = {"type": "array", "items": {"type": "string"}}
ID: Final = "7d444840-9dc0-41d1-b245-5ffdce74fad2"
LEASE: Final = "2f0f1c8e-54a5-4d39-8f3b-0a4c9b7f6c11"
ORG: Final = "11e7a5c0-8f0e-4d5c-9a57-3c1f0f6a1e22"

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
COMMON: Final = {
    "id": Field("The id", ID),
    "organization_id": Field("The organization everything of a key belongs to", ORG),
    "queue_name": A_QUEUE,
    "queue": Field("The same as `queue_name`", "emails", length(1, QUEUE_NAME_MAX)),
    "created_at": time("When it was created"),
    "updated_at": time("When it changed last"),
    "success": Field("Always true: a refusal is an error", True),
    "message": Field("The result in words", "3 jobs were removed"),
    **in_each(("QueueView", "QueuePaused", "QueueResumed", "QueueStats"), "name", Field("The same as `queue_name`", "emails")),
    "total": count("All of them together", 1),
    "description": Field("A description for people", "Outgoing mail"),
    "version": Field("The version", "1.4.0"),
}

JOBS: Final = {
    "job_id": Field("The id of the job", ID),
    "payload": Field("What the job is about: any JSON value, given back byte for byte", {"to": "ada@example.org"}),
    "result": Field("The result: any JSON value, up to 1 MiB", {"message_id": "m-1"}),
    "status": one_of("The status of the job", *STATUSES),
    "priority": Field("Higher first, then older first; -100 to 100", 0),
    "retry_count": count("Retries so far", 0),
    "attempt": count("The same as `retry_count`", 0),
    "max_retries": Field("Attempts after the first one, 0 to 100. Default: the queue's, else 3", 3),
    "timeout_seconds": Field("How long an attempt may take; kept by workers. Default: the queue's, else 300", 300),
    "scheduled_at": time("The job is not handed out before this time"),
    "started_at": time("When the last attempt began"),
    "completed_at": time("When it was settled"),
    "expires_at": time("The job is cancelled if it still waits at this time", "2026-10-02T09:00:00.000Z"),
    "parent_job_id": Field("A job this one waits for", ID),
    "workflow_id": Field("The workflow it is a step of", ID),
    "dependency_mode": Field("Does it wait for `all` or for `any` of its dependencies?", "all"),
    "created": Field("False when the idempotency key was used before", True),
    "purged_count": count("How many were deleted", 3),
}

QUEUES: Final = {
    "CreateQueue.name": A_QUEUE,
    "CreateQueue.queue_name": Field("The same as `name`", "emails", length(1, QUEUE_NAME_MAX)),
    "CreateQueue.queue": Field("The same as `name`", "emails", length(1, QUEUE_NAME_MAX)),
    "default_timeout": Field("`timeout_seconds` of jobs that name none", 300),
    "timeout": Field("The same as `default_timeout`", 300),
    "UpdateQueue.timeout_seconds": Field("The same as `default_timeout`", 300),
    "CreateQueue.timeout_seconds": Field("The same as `default_timeout`", 300),
    "QueueView.timeout_seconds": Field("The same as `default_timeout`", 300),
    "UpdateQueue.max_retries": Field("`max_retries` of jobs that name none", 3),
    "CreateQueue.max_retries": Field("`max_retries` of jobs that name none", 3),
    "QueueView.max_retries": Field("`max_retries` of jobs that name none", 3),
    "rate_limit": Field("Jobs handed out per second at most; null: no limit", 50),
    "rate_limit_per_second": Field("The same as `rate_limit`", 50),
    "max_concurrency": Field("Jobs that are processed at once at most; null: no limit", 10),
    "max_concurrent_jobs": Field("The same as `max_concurrency`", 10),
    "retry_delay_seconds": Field("The wait before the first retry", 5),
    "retry_delay": Field("The same as `retry_delay_seconds`", 5),
    "backoff_base_seconds": Field("The wait before the first retry", 1),
    "backoff_multiplier": Field("By how much each wait is longer than the one before, 1 to 10", 2),
    "backoff_max_seconds": Field("The longest wait", 60),
    "enabled": Field("False when the queue is paused", True),
    "paused": Field("The opposite of `enabled`", False),
    "QueuePaused.enabled": Field("The opposite of `paused`", False),
    "QueuePaused.paused": Field("Whether the queue hands out no jobs", True),
    "settings": Field(f"An object up to {SETTINGS_BYTES_MAX} bytes, for callers; while paused the server adds `paused`, `paused_at` and `paused_reason`", {}),
    "QueueView.settings": Field("What callers keep here; while paused also `paused`, `paused_at` and `paused_reason`", {}, {"type": "object"}),
    "reason": Field(f"Why, up to {REASON_MAX} characters", "Maintenance", {"maxLength": REASON_MAX}),
    "paused_at": time("When the queue was paused"),
    "resumed": Field("Always true", True),
    "paused_duration_secs": count("How long it was paused", 60),
    "pending_jobs": count("Jobs that wait to be claimed", 1),
    "processing_jobs": count("Jobs under a lease"),
    "completed_jobs_24h": count("Completed in the last 24 hours"),
    "failed_jobs_24h": count("Failed or dead in the last 24 hours"),
    "avg_processing_time_ms": count("Mean time of an attempt that succeeded", 120),
    "avg_processing_time": count("The same as `avg_processing_time_ms`", 120),
    "max_job_age_seconds": count("Age of the oldest waiting job", 4),
    "oldest_job_age_seconds": count("The same as `max_job_age_seconds`", 4),
    "active_workers": count("Healthy workers of the queue", 1),
    "pending": count("Jobs that wait to be claimed", 1),
    "scheduled": count("Jobs that are not due yet"),
    "claimed": count("The same as `processing`"),
    "processing": count("Jobs under a lease"),
    "completed": count("Jobs that are done"),
    "failed": count("Always 0 for jobs: a failure is retried or a dead letter"),
    "deadletter": count("Jobs whose attempts ran out"),
    "dead_letter": count("The same as `deadletter`"),
    "cancelled": count("Jobs that were cancelled"),
    "throughput": count("Completed in the last hour"),
    "pending_count": count("The same as `pending`", 1),
    "processing_count": count("The same as `processing`"),
    "completed_count": count("The same as `completed`"),
    "failed_count": count("Failed and dead together"),
}
# fmt: on

FIELDS: Final[Mapping[str, Field]] = {
    **COMMON,
    **JOBS,
    **QUEUES,
    **INGEST,
    **WEBHOOKS,
    **SCHEDULES,
    **WORKFLOWS,
    **PLATFORM,
}
