"""Statements that delete for good: jobs, old rows, and the rows of deleted organizations."""

from typing import Final, TypedDict

from spooled_lite.core.answers import statements as answer_statements
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
_REMOVED: Final = (
    "seq, queue, queue_name, org, kind, status, workflow_id, error_key, id,"
    f" {ALL_BYTES} AS size_bytes"
)

# Index jobs_by_queue.
OF_QUEUE: Final = Statement(
    RemovedRow,
    f"""
SELECT {_REMOVED}
  FROM jobs
 WHERE queue = :queue
 ORDER BY created_at_ms, seq LIMIT :limit
""",
)

# Index jobs_by_queue, from where the last pass stopped: what is being processed stays.
IDLE_OF_QUEUE: Final = Statement(
    IdleRow,
    f"""
SELECT seq, queue, queue_name, org, kind, status, created_at_ms, workflow_id, error_key, id,
       {ALL_BYTES} AS size_bytes
  FROM jobs
 WHERE queue = :queue AND status <> 'processing' AND (created_at_ms, seq) > (:after_ms, :after_seq)
 ORDER BY created_at_ms, seq LIMIT :limit
""",
)

# Index runs_of_task, up to a moment: what is made meanwhile stays.
OF_TASK_BEFORE: Final = Statement(
    RemovedRow,
    f"""
SELECT {_REMOVED}
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
SELECT {_REMOVED}
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
SELECT {_REMOVED}
  FROM jobs
 WHERE org = :org AND task_name = :task_name AND kind = 'task_run'
 ORDER BY created_at_ms, seq LIMIT :limit
""",
)

# Index jobs_by_completion, from where the last pass stopped. A job is kept while a waiting child
# refers to it, and while its workflow is not finished.
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
 WHERE org = :org AND completed_at_ms < :completed_before_ms
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
 WHERE jobs.org = :org AND status IN ('completed', 'failed', 'deadletter', 'cancelled')"""
    + VISIBLE,
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

# -- what is left of a deleted organization --------------------------------------------------------

# Deleted in this order: runs before their schedules, whose deletion would delete all runs at once;
# events that are owed before deliveries, so that none are made from them; both before webhooks.
TABLES_OF_ORG: Final = (
    "schedule_runs",
    "schedules",
    "workflows",
    "owed_events",
    "deliveries",
    "webhooks",
    "inbound_log",
    "acts",
    "kept_answers",
    "in_process_workers",
    "workers",
    "tasks",
    "bindings",
    "binding_changes",
    "named_leases",
    "breakers",
    "api_keys",
    "event_log",
    "usage_counters",
    "queue_counters",
    "minute_histograms",
    "hours",
)

# For the tables whose rows may be large: see `delete_first`.
LARGE_OF_ORG: Final = {
    "schedules": Statement(
        SizedRow,
        """
SELECT seq, length(payload_template) AS size_bytes FROM schedules
 WHERE org = :org ORDER BY created_at_ms, seq LIMIT :limit
""",
    ),
    "workflows": Statement(
        SizedRow,
        """
SELECT seq, coalesce((SELECT length(metadata) FROM workflow_metadata WHERE workflow = seq), 0)
           AS size_bytes
  FROM workflows WHERE org = :org ORDER BY created_at_ms, seq LIMIT :limit
""",
    ),
    "owed_events": Statement(
        SizedRow,
        """
SELECT seq, length(data) AS size_bytes FROM owed_events
 WHERE org = :org ORDER BY seq LIMIT :limit
""",
    ),
    "deliveries": Statement(
        SizedRow,
        """
SELECT seq, length(body) AS size_bytes FROM deliveries
 WHERE org = :org ORDER BY created_at_ms LIMIT :limit
""",
    ),
    "kept_answers": Statement(
        SizedRow,
        """
SELECT seq, length(body) AS size_bytes FROM kept_answers
 WHERE org = :org ORDER BY key LIMIT :limit
""",
    ),
}

DELETE_LARGE: Final = {
    "schedules": "DELETE FROM schedules WHERE seq IN (SELECT value FROM json_each(:seqs))",
    "workflows": "DELETE FROM workflows WHERE seq IN (SELECT value FROM json_each(:seqs))",
    "owed_events": "DELETE FROM owed_events WHERE seq IN (SELECT value FROM json_each(:seqs))",
    "deliveries": "DELETE FROM deliveries WHERE seq IN (SELECT value FROM json_each(:seqs))",
    "kept_answers": answer_statements.FORGET,
}

# By the index that begins with the organization, a pass at a time. Jobs, their history and their
# dependencies go with their queues. The newest row of the event log stays, for its number.
DELETE_OF_ORG: Final = {
    "confirmation_codes": """
DELETE FROM confirmation_codes WHERE org IN (
       SELECT org FROM confirmation_codes WHERE org = :org LIMIT :limit)
""",
    "schedule_runs": """
DELETE FROM schedule_runs WHERE seq IN (
       SELECT seq FROM schedule_runs WHERE org = :org ORDER BY started_at_ms LIMIT :limit)
""",
    "webhooks": """
DELETE FROM webhooks WHERE seq IN (
       SELECT seq FROM webhooks WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "inbound_log": """
DELETE FROM inbound_log WHERE seq IN (
       SELECT seq FROM inbound_log WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "acts": """
DELETE FROM acts WHERE seq IN (
       SELECT seq FROM acts WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "in_process_workers": """
DELETE FROM in_process_workers WHERE org = :org AND worker_id IN (
       SELECT worker_id FROM in_process_workers WHERE org = :org LIMIT :limit)
""",
    "workers": """
DELETE FROM workers WHERE seq IN (
       SELECT seq FROM workers WHERE org = :org ORDER BY last_heartbeat_ms LIMIT :limit)
""",
    "named_leases": """
DELETE FROM named_leases WHERE seq IN (
       SELECT seq FROM named_leases WHERE org = :org ORDER BY lease_id LIMIT :limit)
""",
    "tasks": """
DELETE FROM tasks WHERE seq IN (
       SELECT seq FROM tasks WHERE org = :org ORDER BY name LIMIT :limit)
""",
    "bindings": """
DELETE FROM bindings WHERE seq IN (
       SELECT seq FROM bindings WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "binding_changes": """
DELETE FROM binding_changes WHERE org IN (
       SELECT org FROM binding_changes WHERE org = :org LIMIT :limit)
""",
    "breakers": """
DELETE FROM breakers WHERE seq IN (SELECT seq FROM breakers WHERE org = :org LIMIT :limit)
""",
    "api_keys": """
DELETE FROM api_keys WHERE seq IN (
       SELECT seq FROM api_keys WHERE org = :org ORDER BY created_at_ms LIMIT :limit)
""",
    "event_log": """
DELETE FROM event_log WHERE seq IN (
       SELECT seq FROM event_log
        WHERE org = :org AND seq < (SELECT max(seq) FROM event_log)
        ORDER BY seq LIMIT :limit)
""",
    "usage_counters": """
DELETE FROM usage_counters WHERE org = :org AND (period, name) IN (
       SELECT period, name FROM usage_counters WHERE org = :org
        ORDER BY period, name LIMIT :limit)
""",
    # The counters of the organization, whose key is its number with a minus.
    "queue_counters": """
DELETE FROM queue_counters WHERE queue = -:org AND (minute, name) IN (
       SELECT minute, name FROM queue_counters WHERE queue = -:org
        ORDER BY minute, name LIMIT :limit)
""",
    "minute_histograms": """
DELETE FROM minute_histograms WHERE key = -:org AND (minute, kind, bucket) IN (
       SELECT minute, kind, bucket FROM minute_histograms WHERE key = -:org
        ORDER BY minute, kind, bucket LIMIT :limit)
""",
    "hours": """
DELETE FROM hours WHERE key = -:org AND hour IN (
       SELECT hour FROM hours WHERE key = -:org ORDER BY hour LIMIT :limit)
""",
}

# What DELETE_OF_ORG leaves of the log, if anything: its number must not be used again.
EMPTY_NEWEST_EVENT: Final = """
UPDATE event_log
   SET org = :no_org, type = '', queue_name = NULL, subject_id = NULL, body = x''
 WHERE seq = (SELECT max(seq) FROM event_log) AND org = :org
"""
