"""Statements over the minutes of queues and organizations."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement


class CountRow(TypedDict):
    minute: int
    name: str
    value: int


class BucketRow(TypedDict):
    minute: int
    bucket: int
    value: int


class PauseRow(TypedDict):
    type: str
    queue_name: str
    created_at_ms: int


class PausedRow(TypedDict):
    queue_name: str
    paused_at_ms: int


# The primary key of queue_counters, a range of minutes of each key.
COUNTS: Final = Statement(
    CountRow,
    """
SELECT minute, name, each.value
  FROM json_each(:keys) AS asked CROSS JOIN queue_counters AS each
    ON each.queue = asked.value AND minute BETWEEN :minute_from AND :minute
""",
)

# The primary key of minute_histograms, a range of minutes of each key.
BUCKETS: Final = Statement(
    BucketRow,
    """
SELECT minute, bucket, each.value
  FROM json_each(:keys) AS asked CROSS JOIN minute_histograms AS each
    ON each.key = asked.value AND minute BETWEEN :minute_from AND :minute AND kind = :kind
""",
)

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
