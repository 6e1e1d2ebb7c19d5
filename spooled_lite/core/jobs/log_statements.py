"""Every statement that reads the event log: for streams that come back, and for lists of it."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value


class LoggedRow(TypedDict):
    seq: int
    type: str
    queue_name: str | None
    subject_id: str | None
    body: bytes
    created_at_ms: int
    result: bytes | None
    checksum: int | None


# Index event_log_of_org, jobs_by_id for each completed job, and job_bodies_of_job. A
# result that is too long for a frame is not read.
LOGGED_AFTER: Final = Statement(
    LoggedRow,
    """
SELECT event_log.seq, event_log.type, event_log.queue_name, event_log.subject_id, event_log.body,
       event_log.created_at_ms, coalesce(jobs.result, bodies.body) AS result, bodies.checksum
  FROM event_log
  LEFT JOIN jobs ON event_log.type = 'job.completed' AND jobs.id = event_log.subject_id
  LEFT JOIN job_bodies AS bodies ON jobs.result_bytes <= :result_bytes_max
                                AND bodies.job = jobs.seq AND bodies.which = 'result'
 WHERE event_log.org = :org AND event_log.seq > :after AND event_log.seq <= :up_to
 ORDER BY event_log.seq LIMIT :limit
""",
)

# Index event_log_of_org, back from a row.
LOGGED_BEFORE: Final = Statement(
    LoggedRow,
    """
SELECT seq, type, queue_name, subject_id, body, created_at_ms, NULL AS result, NULL AS checksum
  FROM event_log WHERE org = :org AND seq < :before
 ORDER BY seq DESC LIMIT :limit
""",
)

# The primary key of event_log.
LOGGED_AT: Final = Value(int, "SELECT created_at_ms FROM event_log WHERE seq = :seq AND org = :org")
LAST_LOGGED: Final = Value(int, "SELECT max(seq) FROM event_log")

# Index event_log_of_org, back from the newest row.
OLDEST_REPLAYED: Final = Value(
    int,
    """
SELECT seq FROM event_log WHERE org = :org ORDER BY seq DESC LIMIT 1 OFFSET :newer
""",
)
