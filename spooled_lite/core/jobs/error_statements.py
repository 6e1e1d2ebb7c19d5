"""Every statement that counts jobs by error."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value

# The primary key of error_groups, in all of these.
IS_KNOWN: Final = Value(
    int, "SELECT 1 FROM error_groups WHERE queue = :queue AND error_key = :error_key"
)

COUNT_OF_QUEUE: Final = Value(
    int,
    """
SELECT count(*) FROM (SELECT 1 FROM error_groups WHERE queue = :queue LIMIT :limit)
""",
)

COUNT_FAILURE: Final = """
INSERT INTO error_groups (queue, error_key, title, dead_count, first_at_ms, last_at_ms, last_job_id,
                          last_job_type)
VALUES (:queue, :error_key, :title, :dead, :now_ms, :now_ms, :job_id, :job_type)
    ON CONFLICT (queue, error_key) DO UPDATE
   SET dead_count = dead_count + excluded.dead_count, last_at_ms = excluded.last_at_ms,
       last_job_id = excluded.last_job_id, last_job_type = excluded.last_job_type
"""

COUNT_LEFT: Final = """
UPDATE error_groups SET dead_count = dead_count - 1, retried_count = retried_count + :retried
 WHERE queue = :queue AND error_key = :error_key
"""

COUNT_COMPLETED: Final = """
UPDATE error_groups SET completed_count = completed_count + 1
 WHERE queue = :queue AND error_key = :error_key
"""

FORGET_QUEUE: Final = "DELETE FROM error_groups WHERE queue = :queue"

# A group with dead letters is kept at any age, since their number is stored in it.
FORGET_OLD: Final = """
DELETE FROM error_groups WHERE queue = :queue AND dead_count = 0 AND last_at_ms < :before_ms
"""


class GroupCountRow(TypedDict):
    queue_name: str
    title: str
    counted: int
    found: int


# For `check`: index jobs_dead_by_error, once for each group.
WRONG_COUNTS: Final = Statement(
    GroupCountRow,
    """
SELECT queue_name, title, dead_count AS counted,
       (SELECT count(*) FROM jobs
         WHERE org = queues.org AND error_key = error_groups.error_key AND status = 'deadletter'
           AND jobs.queue = error_groups.queue) AS found
  FROM queues CROSS JOIN error_groups ON error_groups.queue = queues.seq
 WHERE queues.deleted_at_ms IS NULL AND counted <> found
 LIMIT 100
""",
)

UNGROUPED: Final = Value(
    int,
    """
SELECT count(*) FROM jobs
 WHERE status = 'deadletter' AND queue IN (SELECT seq FROM queues WHERE deleted_at_ms IS NULL)
   AND NOT EXISTS (SELECT 1 FROM error_groups AS each
                    WHERE each.queue = jobs.queue AND each.error_key = jobs.error_key)
""",
)
