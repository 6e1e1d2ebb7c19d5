"""What a row of `queues` holds."""

from typing import TypedDict


class QueueRow(TypedDict):
    """A whole row. Times are milliseconds since the epoch; flags are 0 or 1."""

    seq: int
    id: str
    org: int
    queue_name: str
    max_retries: int
    default_timeout: int  # seconds
    retry_delay_seconds: float | None
    backoff_base_seconds: float | None
    backoff_multiplier: float | None
    backoff_max_seconds: float | None
    backoff: bytes | None  # core.jobs.policy.Backoff
    circuit_breaker: bytes | None  # core.jobs.policy.CircuitBreaker
    rate_limit: int | None  # jobs per second
    max_concurrency: int | None
    enabled: int
    paused_at_ms: int | None
    paused_reason: str | None
    description: str | None
    settings: bytes
    window_started_at_ms: int
    window_count: int
    created_at_ms: int
    updated_at_ms: int
    expires_at_ms: int | None
    deleted_at_ms: int | None


class KnownQueueRow(QueueRow):
    """A queue, as those see it who store and hand out jobs."""

    has_limited_work: int  # of some task or step in it that has a breaker, or a concurrency


class QueueOfOrg(QueueRow):
    """A queue, and the public id of its organization."""

    org_id: str
