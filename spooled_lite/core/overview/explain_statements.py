"""Statements about one job that waits: its queue, its parents, and who stands before it."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value


class QueueRow(TypedDict):
    enabled: int
    paused_at_ms: int | None
    paused_reason: str | None
    max_concurrency: int | None
    rate_limit: int | None
    window_started_at_ms: int
    window_count: int


class ParentRow(TypedDict):
    id: str
    queue_name: str
    status: str
    condition: str


QUEUE: Final = Statement(
    QueueRow,
    """
SELECT enabled, paused_at_ms, paused_reason, max_concurrency, rate_limit, window_started_at_ms,
       window_count
  FROM queues WHERE seq = :queue
""",
)

# The primary key of job_dependencies, in its order.
PARENTS: Final = Statement(
    ParentRow,
    """
SELECT parents.id, parents.queue_name, parents.status, edges.condition
  FROM job_dependencies AS edges CROSS JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.job = :job
 ORDER BY edges.parent LIMIT :limit
""",
)

# The primary key of queue_counters.
PROCESSING: Final = Value(
    int,
    """
SELECT value FROM queue_counters WHERE queue = :queue AND minute = 0 AND name = 'status.processing'
""",
)

# Index jobs_due alone, the two ranges before a job: those of a higher priority, and those of the
# same one that came before it.
HIGHER: Final = Value(
    int,
    """
SELECT count(*) FROM (
       SELECT 1 FROM jobs
        WHERE queue = :queue AND claimable = 1 AND priority > :priority LIMIT :limit)
""",
)
OLDER: Final = Value(
    int,
    """
SELECT count(*) FROM (
       SELECT 1 FROM jobs
        WHERE queue = :queue AND claimable = 1 AND priority = :priority
          AND (created_at_ms, seq) < (:created_at_ms, :seq)
        LIMIT :limit)
""",
)
