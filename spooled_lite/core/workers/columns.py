"""What a row of `workers` holds."""

from typing import TypedDict


class WorkerRow(TypedDict):
    """A whole row. Times are milliseconds since the epoch."""

    seq: int
    id: str
    org: int
    queue_name: str  # the first of its queues
    queue_names: str  # a JSON list
    hostname: str
    worker_type: str | None
    version: str | None
    task_handlers: str | None  # a JSON list
    step_handlers: str | None  # likewise, of `flow.step`
    max_concurrency: int
    current_jobs: int
    status: str
    metadata: bytes
    jobs_processed: int
    jobs_failed: int
    last_settled_ms: int | None
    busy_since_ms: int | None
    last_heartbeat_ms: int
    registered_at_ms: int
    updated_at_ms: int


class WorkerOfOrg(WorkerRow):
    """A worker, and the public id of its organization."""

    org_id: str
