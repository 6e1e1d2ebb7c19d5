"""Every statement about queues."""

from typing import Final, TypedDict

from spooled_lite.core.queues.columns import KnownQueueRow, QueueOfOrg, QueueRow
from spooled_lite.storage.counters import CounterRow
from spooled_lite.storage.statement import Statement, Value


class QueueKeyRow(TypedDict):
    """Which queue of which organization."""

    org: int
    queue_name: str


class MinutesRow(TypedDict):
    """Sums over the minutes of one queue: jobs, and milliseconds of completed attempts."""

    completed: int
    completed_in_hour: int
    deadlettered: int
    duration_ms: int
    durations: int


# Index queues_by_name, and tasks_limited, step_guards_of_queue and step_guards_of_items, in their
# words. A deleted queue has no name any more.
_AS_KNOWN: Final = """queues.*, EXISTS (
       SELECT 1 FROM tasks WHERE tasks.org = queues.org AND tasks.queue_name = queues.queue_name
          AND (tasks.circuit_breaker IS NOT NULL OR tasks.max_concurrency IS NOT NULL))
       OR EXISTS (
       SELECT 1 FROM step_guards AS guards
        WHERE guards.org = queues.org AND guards.queue_name = queues.queue_name
          AND (guards.circuit_breaker IS NOT NULL OR guards.max_concurrency IS NOT NULL))
       OR EXISTS (
       SELECT 1 FROM step_guards AS guards
        WHERE guards.org = queues.org AND guards.item_queue_name = queues.queue_name
          AND (guards.circuit_breaker IS NOT NULL OR guards.max_concurrency IS NOT NULL))
           AS has_limited_work"""

FIND: Final = Statement(
    KnownQueueRow,
    f"""
SELECT {_AS_KNOWN}
  FROM queues WHERE org = :org AND queue_name = :queue_name AND deleted_at_ms IS NULL
""",
)

# Index queues_by_name, once for each name asked for.
FIND_SEVERAL: Final = Statement(
    KnownQueueRow,
    f"""
SELECT {_AS_KNOWN}
  FROM json_each(:names) AS asked CROSS JOIN queues ON queue_name = asked.value
 WHERE org = :org AND deleted_at_ms IS NULL
""",
)

INSERT: Final = Statement(
    QueueRow,
    """
INSERT INTO queues (id, org, queue_name, max_retries, default_timeout, created_at_ms, updated_at_ms)
VALUES (:id, :org, :queue_name, :max_retries, :default_timeout, :now_ms, :now_ms)
RETURNING *
""",
)

COUNT: Final = Value(
    int,
    """
SELECT count(*) FROM queues WHERE org = :org AND deleted_at_ms IS NULL
""",
)

# Counts in the current window of a second, or begins a new one. A window that begins in the future
# is ignored: the clock was set back.
TAKE_FROM_WINDOW: Final = """
UPDATE queues
   SET window_count = CASE WHEN window_started_at_ms BETWEEN :now_ms - 999 AND :now_ms
                           THEN window_count + :taken ELSE :taken END,
       window_started_at_ms = CASE WHEN window_started_at_ms BETWEEN :now_ms - 999 AND :now_ms
                                   THEN window_started_at_ms ELSE :now_ms END
 WHERE seq = :queue
"""

# Index queues_rate_limited: queues whose window has ended, and when the next one ends.
WINDOWS_ENDED: Final = Statement(
    QueueKeyRow,
    """
SELECT org, queue_name FROM queues
 WHERE rate_limit IS NOT NULL AND deleted_at_ms IS NULL
   AND (window_started_at_ms <= :now_ms - 1000 OR window_started_at_ms > :now_ms)
""",
)

NEXT_WINDOW: Final = Value(
    int,
    """
SELECT min(window_started_at_ms) + 1000 AS at_ms FROM queues
 WHERE rate_limit IS NOT NULL AND window_started_at_ms > :now_ms - 1000
   AND window_started_at_ms <= :now_ms
""",
)

MARK_DELETED: Final = """
UPDATE queues SET deleted_at_ms = :now_ms, updated_at_ms = :now_ms WHERE seq = :queue
"""

# Index queues_expiring.
EXPIRED: Final = Statement(
    QueueKeyRow,
    """
SELECT org, queue_name FROM queues
 WHERE expires_at_ms <= :now_ms AND expires_at_ms IS NOT NULL AND deleted_at_ms IS NULL
 ORDER BY expires_at_ms LIMIT :limit
""",
)

# The same of one organization.
EXPIRED_OF_ORG: Final = Value(
    str,
    """
SELECT queue_name FROM queues INDEXED BY queues_expiring
 WHERE expires_at_ms <= :now_ms AND org = :org AND expires_at_ms IS NOT NULL
   AND deleted_at_ms IS NULL
 ORDER BY expires_at_ms LIMIT :limit
""",
)

# Index queues_expiring: the first row of it.
NEXT_EXPIRY_OF_QUEUE: Final = Value(
    int,
    """
SELECT min(expires_at_ms) AS at_ms FROM queues
 WHERE expires_at_ms IS NOT NULL AND deleted_at_ms IS NULL
""",
)

# The primary key.
FIND_BY_SEQ: Final = Statement(
    QueueRow, "SELECT * FROM queues WHERE seq = :queue AND deleted_at_ms IS NULL"
)

# Index queues_deleted.
NEXT_DELETED: Final = Value(
    int, "SELECT seq FROM queues WHERE deleted_at_ms IS NOT NULL ORDER BY seq LIMIT 1"
)

DELETE: Final = "DELETE FROM queues WHERE seq = :queue"

DELETE_COUNTERS: Final = "DELETE FROM queue_counters WHERE queue = :queue"

# -- configuring and pausing -----------------------------------------------------------------

# Sets every column that a caller can change; the operation passes the old values of unchanged ones.
CONFIGURE: Final = Statement(
    QueueRow,
    """
UPDATE queues
   SET max_retries = :max_retries, default_timeout = :default_timeout,
       retry_delay_seconds = :retry_delay_seconds, backoff_base_seconds = :backoff_base_seconds,
       backoff_multiplier = :backoff_multiplier, backoff_max_seconds = :backoff_max_seconds,
       backoff = :backoff, circuit_breaker = :circuit_breaker,
       expires_at_ms = :expires_at_ms,
       rate_limit = :rate_limit, max_concurrency = :max_concurrency,
       description = :description, settings = :settings, updated_at_ms = :now_ms
 WHERE seq = :queue
RETURNING *
""",
)

# A queue that is paused again keeps the time of its pause and gets the new reason.
PAUSE: Final = Statement(
    QueueRow,
    """
UPDATE queues
   SET enabled = 0, paused_at_ms = coalesce(paused_at_ms, :now_ms), paused_reason = :reason,
       updated_at_ms = :now_ms
 WHERE seq = :queue
RETURNING *
""",
)

RESUME: Final = Statement(
    QueueRow,
    """
UPDATE queues
   SET enabled = 1, paused_at_ms = NULL, paused_reason = NULL, updated_at_ms = :now_ms
 WHERE seq = :queue
RETURNING *
""",
)

# -- reading ---------------------------------------------------------------------------------

# Index queues_by_name, from where the last page ended.
PAGE: Final = Statement(
    QueueRow,
    """
SELECT * FROM queues WHERE org = :org AND deleted_at_ms IS NULL AND queue_name > :after
 ORDER BY queue_name LIMIT :limit
""",
)

# For an administrator: by organization and name.
OF_ALL_ORGS: Final = Statement(
    QueueOfOrg,
    """
SELECT queues.*, organizations.id AS org_id
  FROM organizations CROSS JOIN queues ON queues.org = organizations.seq
 WHERE organizations.deleted_at_ms IS NULL AND queues.deleted_at_ms IS NULL
 ORDER BY organizations.seq, queue_name LIMIT :limit OFFSET :offset
""",
)

# The primary key of queue_counters. Minute 0 holds gauges and sums of all time.
COUNTERS_NOW: Final = Statement(
    CounterRow,
    """
SELECT name, value FROM queue_counters WHERE queue = :queue AND minute = 0
""",
)

# The primary key of queue_counters, one range of minutes. One row, so nothing is grouped or sorted.
COUNTERS_OF_MINUTES: Final = Statement(
    MinutesRow,
    """
SELECT coalesce(sum(value) FILTER (WHERE name = 'completed'), 0) AS completed,
       coalesce(sum(value) FILTER (WHERE name = 'completed' AND minute >= :hour_from), 0)
           AS completed_in_hour,
       coalesce(sum(value) FILTER (WHERE name = 'deadlettered'), 0) AS deadlettered,
       coalesce(sum(value) FILTER (WHERE name = 'duration_ms'), 0) AS duration_ms,
       coalesce(sum(value) FILTER (WHERE name = 'durations'), 0) AS durations
  FROM queue_counters WHERE queue = :queue AND minute BETWEEN :day_from AND :minute
""",
)

# Index jobs_held_back.
OLDEST_HELD_BACK: Final = Value(
    int,
    """
SELECT min(created_at_ms) AS at_ms FROM jobs
 WHERE queue = :queue AND claimable = 0 AND status = :status
   AND status IN ('pending', 'scheduled')
""",
)

# Index jobs_due, skipping from each priority (there are at most 201) to the next lower one, and
# reading the oldest job of each. The cost does not depend on how many jobs wait.
OLDEST_CLAIMABLE: Final = Value(
    int,
    """
WITH RECURSIVE levels (priority) AS (
    SELECT (SELECT max(priority) FROM jobs WHERE queue = :queue AND claimable = 1)
    UNION ALL
    SELECT (SELECT max(priority) FROM jobs
             WHERE queue = :queue AND claimable = 1 AND priority < levels.priority)
      FROM levels WHERE levels.priority IS NOT NULL)
SELECT min((SELECT min(created_at_ms) FROM jobs
             WHERE queue = :queue AND claimable = 1 AND priority = levels.priority)) AS at_ms
  FROM levels WHERE levels.priority IS NOT NULL
""",
)
