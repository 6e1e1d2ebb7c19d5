"""Statements that read the counts of errors."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement


class GroupRow(TypedDict):
    queue: int
    queue_name: str
    error_key: int
    title: str
    dead_count: int
    retried_count: int
    completed_count: int
    first_at_ms: int
    last_at_ms: int
    last_job_id: str
    last_job_type: str


class FailedRow(TypedDict):
    queue: int
    error_key: int
    value: int


class DeadRow(TypedDict):
    id: str
    job_type: str


# The primary keys of queues and error_groups.
GROUPS: Final = Statement(
    GroupRow,
    """
SELECT queues.seq AS queue, queue_name, error_key, title, dead_count, retried_count,
       completed_count, first_at_ms, last_at_ms, last_job_id, last_job_type
  FROM json_each(:queues) AS asked CROSS JOIN queues ON queues.seq = asked.value
  CROSS JOIN error_groups ON error_groups.queue = queues.seq
 LIMIT :limit
""",
)

# The primary key of minute_histograms, a range of minutes of each queue.
FAILED_IN_MINUTES: Final = Statement(
    FailedRow,
    """
SELECT asked.value AS queue, bucket AS error_key, each.value
  FROM json_each(:queues) AS asked CROSS JOIN minute_histograms AS each
    ON each.key = asked.value AND minute BETWEEN :minute_from AND :minute AND kind = :kind
 LIMIT :limit
""",
)

# Index jobs_dead_by_error, back from the newest row.
NEWEST_DEAD: Final = Statement(
    DeadRow,
    """
SELECT id, job_type FROM jobs INDEXED BY jobs_dead_by_error
 WHERE org = :org AND error_key = :error_key AND status = 'deadletter'
   AND queue IN (SELECT value FROM json_each(:queues))
 ORDER BY created_at_ms DESC, seq DESC LIMIT :limit
""",
)
