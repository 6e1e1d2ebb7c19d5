"""Statements about one waiting job: its queue, its parents and the jobs before it."""

from typing import Final, TypedDict

from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.storage.statement import Statement, Value


class WaitedForRow(TypedDict):
    id: str
    queue_name: str
    status: str
    condition: str


QUEUE: Final = Statement(QueueRow, "SELECT * FROM queues WHERE seq = :queue")

# The primary key of job_dependencies, in its order.
PARENTS: Final = Statement(
    WaitedForRow,
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

# Index jobs_due alone, the two ranges before a job: the jobs of a higher priority, and the older
# jobs of the same priority.
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
