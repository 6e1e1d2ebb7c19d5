"""Statements for the table of queues and for why a job waits: counters, indexes, small counts."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value


class LiveQueueRow(TypedDict):
    seq: int
    queue_name: str
    enabled: int
    paused_at_ms: int | None
    paused_reason: str | None
    max_concurrency: int | None
    rate_limit: int | None
    window_started_at_ms: int
    window_count: int
    is_broken: int  # its breaker is open or half open
    expires_at_ms: int | None


class FiguresRow(TypedDict):
    """The jobs of a queue by status, and what happened in it within some minutes."""

    queue: int
    pending: int
    scheduled: int
    processing: int
    deadletter: int
    created: int
    completed: int
    failed: int  # failed attempts, whether their job is retried or became a dead letter
    died: int  # failed attempts whose job became a dead letter


class AttemptsRow(TypedDict):
    completed: int
    failed: int


class HeldBackRow(TypedDict):
    count: int
    blocked: int  # those of `count` that wait for parents


class MinuteRow(TypedDict):
    minute: int
    value: int


# Index queues_by_name, and breakers_of once for each.
LIVE: Final = Statement(
    LiveQueueRow,
    """
SELECT seq, queue_name, enabled, paused_at_ms, paused_reason, max_concurrency, rate_limit,
       window_started_at_ms, window_count,
       EXISTS (SELECT 1 FROM breakers WHERE scope = 'queue' AND target = queues.seq
                  AND open_until_ms IS NOT NULL) AS is_broken,
       expires_at_ms
  FROM queues WHERE org = :org AND deleted_at_ms IS NULL
 ORDER BY queue_name LIMIT :limit
""",
)


def _now(name: str) -> str:
    return f"""coalesce((SELECT value FROM queue_counters
                  WHERE queue = asked.value AND minute = 0 AND name = 'status.{name}'), 0)
           AS {name}"""


def _in_minutes(alias: str, *names: str) -> str:
    either = " OR ".join(f"name = '{name}'" for name in names)
    return f"""(SELECT coalesce(sum(value), 0) FROM queue_counters
         WHERE queue = asked.value AND minute BETWEEN :minute_from AND :minute AND ({either}))
           AS {alias}"""


# The primary key of queue_counters: some points and one range of each queue.
FIGURES: Final = Statement(
    FiguresRow,
    f"""
SELECT asked.value AS queue,
       {_now("pending")},
       {_now("scheduled")},
       {_now("processing")},
       {_now("deadletter")},
       {_in_minutes("created", "created")},
       {_in_minutes("completed", "completed")},
       {_in_minutes("failed", "failed", "deadlettered")},
       {_in_minutes("died", "deadlettered")}
  FROM json_each(:queues) AS asked
""",
)

# The primary key of queue_counters, one range of minutes.
ATTEMPTS: Final = Statement(
    AttemptsRow,
    """
SELECT coalesce(sum(value) FILTER (WHERE name = 'completed'), 0) AS completed,
       coalesce(sum(value) FILTER (WHERE name IN ('failed', 'deadlettered')), 0) AS failed
  FROM queue_counters WHERE queue = :queue AND minute BETWEEN :minute_from AND :minute
""",
)

COMPLETED_BY_MINUTE: Final = Statement(
    MinuteRow,
    """
SELECT minute, value FROM queue_counters
 WHERE queue = :queue AND minute BETWEEN :minute_from AND :minute AND name = 'completed'
""",
)

# Index jobs_held_back alone: no row of a job is read.
HELD_BACK: Final = Statement(
    HeldBackRow,
    """
SELECT count(*) AS count, count(*) FILTER (WHERE dependencies_met = 0) AS blocked
  FROM (SELECT dependencies_met FROM jobs
         WHERE queue = :queue AND claimable = 0 AND status = 'pending'
           AND status IN ('pending', 'scheduled')
         LIMIT :limit)
""",
)

# Index jobs_due alone.
CLAIMABLE: Final = Value(
    int,
    """
SELECT count(*) FROM (SELECT 1 FROM jobs WHERE queue = :queue AND claimable = 1 LIMIT :limit)
""",
)

# Index workers_of_org, of which only those heard of lately are read.
QUEUES_OF_WORKERS: Final = Value(
    str,
    """
SELECT queue_names FROM workers
 WHERE org = :org AND last_heartbeat_ms > :since_ms AND status IN ('healthy', 'degraded')
 LIMIT :limit
""",
)
