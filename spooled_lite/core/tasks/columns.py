"""What a row of `tasks` holds."""

from typing import TypedDict


class TaskRow(TypedDict):
    """A whole row. Times are milliseconds since the epoch."""

    seq: int
    org: int
    name: str
    description: str | None
    queue_name: str
    condition: str | None
    max_retries: int
    timeout_ms: int  # 0: none
    backoff: bytes | None  # JSON
    circuit_breaker: bytes | None  # JSON
    max_concurrency: int | None
    retention_ms: int | None  # None: as long as other jobs are kept
    on_fail: bytes | None  # JSON
    revision: int
    created_at_ms: int
    updated_at_ms: int
    deleted_at_ms: int | None  # its runs are being deleted
