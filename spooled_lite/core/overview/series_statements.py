"""Statements over the minutes of queues and organizations."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value


class CountRow(TypedDict):
    point: int
    name: str
    value: int


class BucketRow(TypedDict):
    point: int
    bucket: int
    value: int


class SumOfCountRow(TypedDict):
    name: str
    value: int
    row_count: int


class SumOfBucketRow(TypedDict):
    kind: str
    bucket: int
    value: int
    row_count: int


class HourRow(TypedDict):
    hour: int
    body: bytes


class PauseRow(TypedDict):
    type: str
    queue_name: str
    created_at_ms: int


class PausedRow(TypedDict):
    queue_name: str
    paused_at_ms: int


# The primary key of queue_counters, a range of minutes of each key. Summed up here for each step,
# because 200 queues have a hundred thousand rows in an hour.
COUNTS: Final = Statement(
    CountRow,
    """
SELECT (minute - :first) / :step AS point, name, sum(each.value) AS value
  FROM json_each(:keys) AS asked CROSS JOIN queue_counters AS each
    ON each.queue = asked.value AND minute BETWEEN :minute_from AND :minute
 GROUP BY point, name
""",
)

# The primary key of minute_histograms, a range of minutes of each key, summed up likewise.
BUCKETS: Final = Statement(
    BucketRow,
    """
SELECT (minute - :first) / :step AS point, bucket, sum(each.value) AS value
  FROM json_each(:keys) AS asked CROSS JOIN minute_histograms AS each
    ON each.key = asked.value AND minute BETWEEN :minute_from AND :minute AND kind = :kind
 GROUP BY point, bucket
""",
)

# The primary key of queue_counters and that of minute_histograms, the minutes of an hour: summed
# up here, because a busy hour has thousands of rows. 'e' counts errors, which hours do not keep.
SUM_COUNTS: Final = Statement(
    SumOfCountRow,
    """
SELECT name, sum(value) AS value, count(*) AS row_count FROM queue_counters
 WHERE queue = :key AND minute BETWEEN :minute_from AND :minute GROUP BY name
""",
)
SUM_BUCKETS: Final = Statement(
    SumOfBucketRow,
    """
SELECT kind, bucket, sum(value) AS value, count(*) AS row_count FROM minute_histograms
 WHERE key = :key AND minute BETWEEN :minute_from AND :minute AND kind <> 'e'
 GROUP BY kind, bucket
""",
)

# The primary key of hours.
HOURS: Final = Statement(
    HourRow,
    """
SELECT hour, body FROM hours WHERE key = :key AND hour BETWEEN :hour_from AND :hour ORDER BY hour
""",
)
LAST_HOUR: Final = Value(
    int, "SELECT max(hour) AS hour FROM hours WHERE key = :key AND hour < :hour"
)
# An hour that is summed up again is the same.
KEEP_HOUR: Final = """
INSERT INTO hours (key, hour, body) VALUES (:key, :hour, :body)
    ON CONFLICT (key, hour) DO UPDATE SET body = excluded.body
"""
FORGET_HOURS: Final = """
DELETE FROM hours WHERE key = :key AND hour IN (
       SELECT hour FROM hours WHERE key = :key AND hour < :hour ORDER BY hour LIMIT :limit)
"""

# The primary key of queue_counters.
NEXT_MINUTE: Final = Value(
    int,
    """
SELECT min(minute) AS minute FROM queue_counters WHERE queue = :key AND minute > :after
""",
)

STARTS: Final = Value(bytes, "SELECT value FROM server_state WHERE name = 'starts'")
KEEP_STARTS: Final = """
INSERT INTO server_state (name, value) VALUES ('starts', :value)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""

# Index event_log_of_org, all that is kept: some thousand rows.
PAUSES: Final = Statement(
    PauseRow,
    """
SELECT type, queue_name, created_at_ms FROM event_log
 WHERE org = :org AND (type = 'queue.paused' OR type = 'queue.resumed')
""",
)

# Unique index queues_by_name.
PAUSED: Final = Statement(
    PausedRow,
    """
SELECT queue_name, paused_at_ms FROM queues
 WHERE org = :org AND deleted_at_ms IS NULL AND enabled = 0 AND paused_at_ms IS NOT NULL
 LIMIT :limit
""",
)
