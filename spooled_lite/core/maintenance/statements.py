"""Statements that delete for good: jobs, old rows, and the rows of deleted organizations."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.passes import SizedRow
from spooled_lite.core.jobs.statements import ALL_BYTES, VISIBLE, BriefJobRow
from spooled_lite.storage.statement import Statement, Value


class RemovedRow(BriefJobRow):
    """A job that is about to be deleted. `size_bytes`: of everything that is stored of it."""

    size_bytes: int


class IdleRow(RemovedRow):
    """A job that is not being processed."""

    created_at_ms: int


class OldRow(RemovedRow):
    """A settled job. `is_needed`: a job that waits, or a workflow, still refers to it."""

    completed_at_ms: int
    is_needed: int


class RetainedRow(TypedDict):
    """An organization, and what decides how long its rows are kept."""

    seq: int
    plan_tier: str
    custom_limits: bytes | None  # a JSON object


# The columns of a RemovedRow.
REMOVED: Final = (
    "seq, queue, queue_name, org, kind, status, workflow_id, error_key, id,"
    f" {ALL_BYTES} AS size_bytes"
)

# Index jobs_by_queue.
OF_QUEUE: Final = Statement(
    RemovedRow,
    f"""
SELECT {REMOVED}
  FROM jobs
 WHERE queue = :queue
 ORDER BY created_at_ms, seq LIMIT :limit
""",
)

# Index jobs_by_queue, from where the last pass stopped: what is being processed stays, and items,
# which go with their step.
IDLE_OF_QUEUE: Final = Statement(
    IdleRow,
    f"""
SELECT seq, queue, queue_name, org, kind, status, created_at_ms, workflow_id, error_key, id,
       {ALL_BYTES} AS size_bytes
  FROM jobs
 WHERE queue = :queue AND status <> 'processing' AND kind <> 'item'
   AND (created_at_ms, seq) > (:after_ms, :after_seq)
 ORDER BY created_at_ms, seq LIMIT :limit
""",
)

# Index runs_of_task, up to a moment: what is made meanwhile stays.
OF_TASK_BEFORE: Final = Statement(
    RemovedRow,
    f"""
SELECT {REMOVED}
  FROM jobs
 WHERE org = :org AND task_name = :task_name AND kind = 'task_run'
   AND created_at_ms <= :created_until_ms
 ORDER BY created_at_ms, seq LIMIT :limit
""",
)

# Index runs_ended.
ENDED_OF_TASK: Final = Statement(
    RemovedRow,
    f"""
SELECT {REMOVED}
  FROM jobs
 WHERE org = :org AND task_name = :task_name AND kind = 'task_run'
   AND completed_at_ms IS NOT NULL AND completed_at_ms < :completed_before_ms
 ORDER BY completed_at_ms, seq LIMIT :limit
""",
)

# Index runs_ended, once for each task that says how long its runs are kept. A run that a waiting
# job needs stays until then.
OLD_OF_TASKS: Final = Statement(
    RemovedRow,
    f"""
SELECT jobs.seq, queue, jobs.queue_name, jobs.org, kind, status, workflow_id, error_key, jobs.id,
       {ALL_BYTES} AS size_bytes
  FROM tasks CROSS JOIN jobs ON jobs.org = tasks.org AND jobs.task_name = tasks.name
 WHERE tasks.org = :org AND retention_ms IS NOT NULL
   AND kind = 'task_run' AND completed_at_ms IS NOT NULL
   AND completed_at_ms < :now_ms - retention_ms
   AND NOT EXISTS (SELECT 1 FROM job_dependencies AS edges JOIN jobs AS children
                                 ON children.seq = edges.job
                    WHERE edges.parent = jobs.seq AND children.status IN ('pending', 'scheduled'))
 LIMIT :limit
""",
)

# Index runs_of_task.
OF_TASK: Final = Statement(
    RemovedRow,
    f"""
SELECT {REMOVED}
  FROM jobs
 WHERE org = :org AND task_name = :task_name AND kind = 'task_run'
 ORDER BY created_at_ms, seq LIMIT :limit
""",
)

# Index jobs_by_completion, from where the last pass stopped. A job is kept while a waiting child
# refers to it, and while its workflow is not finished; an item goes with its step.
OLD: Final = Statement(
    OldRow,
    f"""
SELECT seq, queue, queue_name, org, kind, status, completed_at_ms, workflow_id, error_key, id,
       {ALL_BYTES} AS size_bytes,
       EXISTS (SELECT 1 FROM job_dependencies AS edges JOIN jobs AS children
                          ON children.seq = edges.job
                WHERE edges.parent = jobs.seq AND children.status IN ('pending', 'scheduled'))
       OR EXISTS (SELECT 1 FROM workflows
                   WHERE workflows.id = workflow_id AND workflows.status IN ('pending', 'running'))
           AS is_needed
  FROM jobs
 WHERE org = :org AND completed_at_ms < :completed_before_ms AND kind <> 'item'
   AND (completed_at_ms, seq) > (:after_ms, :after_seq)
 ORDER BY completed_at_ms, seq LIMIT :limit
""",
)

# Index jobs_by_id, once for each id asked for.
FINISHED_NAMED: Final = Statement(
    RemovedRow,
    f"""
SELECT jobs.seq, queue, queue_name, org, kind, status, workflow_id, error_key, jobs.id,
       {ALL_BYTES} AS size_bytes
  FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org AND kind <> 'item'
   AND status IN ('completed', 'failed', 'deadletter', 'cancelled')"""
    + VISIBLE,
)

# Index items_of_step.
ITEMS_OF_STEP: Final = Statement(
    RemovedRow,
    f"""
SELECT {REMOVED}
  FROM jobs
 WHERE step_job = :step
 ORDER BY item_index LIMIT :limit
""",
)

DELETE_HISTORY: Final = """
DELETE FROM job_history WHERE job IN (SELECT value FROM json_each(:seqs))
"""

DELETE: Final = "DELETE FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs))"

# Index job_history_by_age.
DELETE_OLD_HISTORY: Final = """
DELETE FROM job_history WHERE seq IN (
       SELECT seq FROM job_history WHERE org = :org AND created_at_ms < :created_before_ms
        ORDER BY created_at_ms LIMIT :limit)
"""

# Index deliveries_of_org. Deliveries that are still due stay at any age; there are few of them.
OLD_DELIVERIES: Final = Statement(
    SizedRow,
    """
SELECT seq, length(body) AS size_bytes FROM deliveries
 WHERE org = :org AND created_at_ms < :created_before_ms AND status <> 'pending'
 ORDER BY created_at_ms LIMIT :limit
""",
)

# Primary key, a pass at a time. Minute 0 holds the totals and stays.
DELETE_OLD_MINUTES: Final = """
DELETE FROM queue_counters WHERE queue = :queue AND (minute, name) IN (
       SELECT minute, name FROM queue_counters WHERE queue = :queue
          AND minute > 0 AND minute < :minute ORDER BY minute, name LIMIT :limit)
"""

# The same for minute_histograms, which are kept as long as the counters.
DELETE_OLD_HISTOGRAMS: Final = """
DELETE FROM minute_histograms WHERE key = :queue AND (minute, kind, bucket) IN (
       SELECT minute, kind, bucket FROM minute_histograms WHERE key = :queue
          AND minute < :minute ORDER BY minute, kind, bucket LIMIT :limit)
"""

# The primary key, a pass at a time.
DELETE_HISTOGRAMS: Final = """
DELETE FROM minute_histograms WHERE key = :queue AND (minute, kind, bucket) IN (
       SELECT minute, kind, bucket FROM minute_histograms WHERE key = :queue
        ORDER BY minute, kind, bucket LIMIT :limit)
"""

# The primary key: at most HOURS_KEPT rows.
DELETE_HOURS: Final = "DELETE FROM hours WHERE key = :queue"

ORGANIZATIONS: Final = Statement(
    RetainedRow, "SELECT seq, plan_tier, custom_limits FROM organizations"
)

QUEUES_AFTER: Final = Value(
    int, "SELECT seq FROM queues WHERE seq > :after ORDER BY seq LIMIT :limit"
)

PAGES: Final = Value(int, "SELECT page_count FROM pragma_page_count")

FREE_PAGES: Final = Value(int, "SELECT freelist_count FROM pragma_freelist_count")
