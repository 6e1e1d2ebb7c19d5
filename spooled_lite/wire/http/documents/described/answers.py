"""Shapes of answers that handlers put together as dictionaries. Tests hold the two together."""

from typing import Any

from msgspec import Struct

from spooled_lite.core.workflows.create import StepCreated
from spooled_lite.wire.http.resources.job_views import ClaimedJob
from spooled_lite.wire.http.resources.workflow_views import WorkflowSummary


class WorkflowCreated(WorkflowSummary):
    workflow_id: str
    job_ids: list[StepCreated]


class Success(Struct):
    success: bool


class ClaimedJobs(Struct):
    jobs: list[ClaimedJob]


class BulkStored(Struct):
    index: int
    job_id: str
    created: bool


class BulkFailed(Struct):
    index: int
    error: str


class JobIdAndStatus(Struct):
    id: str
    status: str


class BulkAnswer(Struct):
    succeeded: list[BulkStored]
    failed: list[BulkFailed]
    total: int
    success_count: int
    failure_count: int
    created: int
    jobs: list[JobIdAndStatus]


class JobStats(Struct):
    pending: int
    scheduled: int
    processing: int
    completed: int
    failed: int
    deadletter: int
    cancelled: int
    total: int
    claimed: int
    by_queue: dict[str, int]


class PriorityChanged(Struct):
    job_id: str
    old_priority: int
    new_priority: int


class HistoryRow(Struct):
    id: str
    job_id: str
    event_type: str
    worker_id: str | None
    details: Any
    created_at: str


class JobDependency(Struct):
    job_id: str
    queue_name: str
    status: str
    dependency_type: str
    condition: str
    completed: bool
    is_met: bool


class JobDependencies(Struct):
    job_id: str
    status: str
    dependency_mode: str
    dependencies_met: bool
    dependencies: list[JobDependency]
    dependents: list[JobDependency]
    depends_on: list[str]
    depended_on_by: list[str]


class DependenciesAdded(Struct):
    success: bool
    job_id: str
    dependencies_added: int
    added_count: int
    added: int
    dependencies_met: bool


class AttemptFailed(Struct):
    success: bool
    will_retry: bool
    next_retry_delay_secs: int
    status: str


class LeaseRenewed(Struct):
    success: bool
    lease_expires_at: str


class RetriedDeadLetters(Struct):
    retried_count: int
    retried_jobs: list[str]
    job_ids: list[str]
    skipped_jobs: list[str]


class PurgedDeadLetters(Struct):
    purged_count: int


class QueuePurged(Struct):
    success: bool
    purged_count: int
    message: str


class HealthChecks(Struct):
    writer: str
    disk: str
    wal_bytes: int


class Health(Struct):
    status: str
    database: bool
    cache: bool
    checks: HealthChecks
    durability: str
    version: str
    uptime_seconds: int
    uptime: int
    timestamp: str


class Live(Struct):
    status: str


class Ready(Struct):
    status: str
    database: bool
    cache: bool
    checks: HealthChecks
    durability: str


class CustomLimits(Struct, kw_only=True):
    """The one body that is made from no type: names that no tier has are kept."""

    max_jobs_per_day: int | None = None
    max_active_jobs: int | None = None
    max_queues: int | None = None
    max_workers: int | None = None
    max_api_keys: int | None = None
    max_schedules: int | None = None
    max_workflows: int | None = None
    max_webhooks: int | None = None
    max_payload_size_bytes: int | None = None
    rate_limit_requests_per_second: int | None = None
    rate_limit_burst: int | None = None
    job_retention_days: int | None = None
    history_retention_days: int | None = None
