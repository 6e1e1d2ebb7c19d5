"""Every statement that stores, finds or lists jobs; those that change a status are in lifecycle."""

from collections.abc import Iterable
from typing import Final

from spooled_lite.core.jobs import columns
from spooled_lite.storage.statement import Value

# A queue that was deleted hides its jobs at once; its rows go in passes. Index queues_deleted,
# which is nearly always empty.
VISIBLE: Final = " AND queue NOT IN (SELECT seq FROM queues WHERE deleted_at_ms IS NOT NULL)"


def inserting(columns: Iterable[str]) -> str:
    """The INSERT of a job that brings these columns, as named parameters."""
    names = tuple(columns)
    values = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO jobs ({', '.join(names)}) VALUES ({values})"


INSERT: Final = inserting(columns.OF_JOB)

# Of a job whose parent can never be completed.
INSERT_CANCELLED: Final = inserting(columns.OF_CANCELLED_JOB)

# Index job_bodies_of_job, as the one that follows. A result is stored anew when a step that
# was completed is started over.
ADD_BODY: Final = """
INSERT INTO job_bodies (job, which, checksum, body) VALUES (:job, :which, :checksum, :body)
    ON CONFLICT (job, which) DO UPDATE SET checksum = :checksum, body = :body
"""

# Of that very job: its number may have come to another one meanwhile.
BODIES: Final = """
SELECT which, checksum, body
  FROM jobs CROSS JOIN job_bodies ON job_bodies.job = jobs.seq
 WHERE jobs.seq = :seq AND jobs.id = :id
"""

IS_THERE: Final = Value(int, "SELECT 1 FROM jobs WHERE seq = :seq AND id = :id")

# Index jobs_by_id.
BY_ID: Final = "SELECT * FROM jobs WHERE id = :id AND org = :org" + VISIBLE

# Index jobs_by_key. A repeat touches the time of the first job, and nothing else.
REPEATED: Final = (
    """
UPDATE jobs SET updated_at_ms = :now_ms
 WHERE org = :org AND idempotency_key = :idempotency_key"""
    + VISIBLE
    + """
RETURNING *
"""
)

# Index jobs_by_key. The key of a job whose queue was deleted is free at once.
FREE_KEY: Final = """
UPDATE jobs SET idempotency_key = NULL
 WHERE org = :org AND idempotency_key = :idempotency_key
"""

LINK_TO_PARENT: Final = """
INSERT INTO job_dependencies (job, parent, is_link) VALUES (:job, :parent, 1)
"""

# Starts over when some dependents have been told already: telling one again changes nothing.
MARK_CASCADE: Final = """
INSERT INTO job_cascades (job) VALUES (:job)
    ON CONFLICT (job) DO UPDATE SET told_job = 0
"""

# Index jobs_by_id, once for each id asked for; in the order they were asked for. A CROSS JOIN keeps
# the tables in this order: SQLite 3.40 may otherwise begin with all jobs of the organization.
STATUSES: Final = (
    """
SELECT jobs.id, status, queue_name, retry_count, max_retries, created_at_ms, started_at_ms,
       completed_at_ms
  FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org"""
    + VISIBLE
    + """
 ORDER BY asked.key
"""
)

# What the lists show of a job.
_SHOWN: Final = """jobs.id, jobs.queue_name, jobs.status, jobs.priority, jobs.retry_count,
       jobs.max_retries, jobs.timeout_seconds, jobs.job_type, jobs.last_error, jobs.tags,
       jobs.created_at_ms, jobs.updated_at_ms, jobs.scheduled_at_ms, jobs.started_at_ms,
       jobs.completed_at_ms, jobs.workflow_id, jobs.parent_job_id"""

SET_PRIORITY: Final = (
    """
UPDATE jobs SET priority = :priority, updated_at_ms = :now_ms
 WHERE id = :id AND org = :org AND status IN ('pending', 'scheduled')"""
    + VISIBLE
    + """
RETURNING *
"""
)

# Index job_history_of_job.
HISTORY: Final = {
    "asc": """
SELECT * FROM job_history WHERE job = :job ORDER BY seq LIMIT :limit OFFSET :offset
""",
    "desc": """
SELECT * FROM job_history WHERE job = :job ORDER BY seq DESC LIMIT :limit OFFSET :offset
""",
}

INSERT_HISTORY: Final = """
INSERT INTO job_history (org, job, event_type, worker_id, details, created_at_ms)
VALUES (?, ?, ?, ?, ?, ?)
"""

# What a change of its row writes of a job, as `size_bytes`; and what its deletion frees, or its
# claim hands out. SQLite reads the lengths of blobs without reading them.
ROW_BYTES: Final = """coalesce(length(jobs.payload), 0) + coalesce(length(jobs.result), 0)
       + coalesce(length(jobs.tags), 0) + coalesce(length(jobs.last_error), 0)"""
ALL_BYTES: Final = f"{ROW_BYTES} + coalesce(jobs.payload_bytes, 0) + coalesce(jobs.result_bytes, 0)"

_DEAD_LETTERS: Final = f"""
SELECT seq, queue, queue_name, org, status, workflow_id, id, {ROW_BYTES} AS row_bytes,
       {ALL_BYTES} AS size_bytes
  FROM jobs
 WHERE org = :org AND status = 'deadletter' AND created_at_ms < :created_before_ms"""
_IN_QUEUES: Final = " AND queue IN (SELECT value FROM json_each(:queues))"
_OLDEST_FIRST: Final = " ORDER BY created_at_ms, seq LIMIT :limit"

# Index jobs_by_status, a pass at a time.
DEAD_LETTERS: Final = _DEAD_LETTERS + VISIBLE + _OLDEST_FIRST
DEAD_LETTERS_OF_QUEUES: Final = _DEAD_LETTERS + _IN_QUEUES + _OLDEST_FIRST

# Index jobs_by_id, once for each id asked for.
DEAD_LETTERS_NAMED: Final = (
    f"""
SELECT jobs.seq, queue, queue_name, org, status, workflow_id, jobs.id, {ROW_BYTES} AS row_bytes,
       {ALL_BYTES} AS size_bytes
  FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org AND status = 'deadletter'"""
    + VISIBLE
    + _OLDEST_FIRST
)

LIVE_QUEUES: Final = """
SELECT seq, queue_name FROM queues WHERE org = :org AND deleted_at_ms IS NULL
"""

# Primary key of queue_counters: the gauges of each queue stand together.
STATUS_COUNTS: Final = """
SELECT queue_name, name, queue_counters.value
  FROM json_each(:queues) AS asked
  JOIN queues ON queues.seq = asked.value
  JOIN queue_counters ON queue_counters.queue = queues.seq AND minute = 0 AND name LIKE 'status.%'
"""

LIVE_QUEUE: Final = """
SELECT seq FROM queues WHERE org = :org AND queue_name = :queue_name AND deleted_at_ms IS NULL
"""

# The filters, the order and the page follow: see query.py.
LIST: Final = f"SELECT {_SHOWN} FROM jobs"
LIST_WHOLE: Final = "SELECT * FROM jobs"  # but what stands apart
# By the numbers that the filter has found, which are few. SQLite 3.40 would walk all jobs of the
# organization in their order instead.
BY_NUMBERS: Final = " NOT INDEXED"
COUNT: Final = "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE "  # a limit and `)` follow

# -- for an administrator: over all organizations --------------------------------------------------

_OF_ALL: Final = """, organizations.id AS org_id
  FROM jobs CROSS JOIN organizations ON organizations.seq = jobs.org
 WHERE organizations.deleted_at_ms IS NULL"""

# Back from the newest row until the page is full; no index could answer the filters either.
OF_ALL_ORGS: Final = (
    f"SELECT {_SHOWN}"
    + _OF_ALL
    + VISIBLE
    + """
   AND (:status IS NULL OR status = :status)
   AND (:queue_name IS NULL OR queue_name = :queue_name)
 ORDER BY jobs.seq DESC LIMIT :limit OFFSET :offset
"""
)

# Index jobs_by_id. Two organizations may have brought a job of the same id with them.
BY_ID_OF_ANY_ORG: Final = "SELECT jobs.*" + _OF_ALL + VISIBLE + " AND jobs.id = :id LIMIT 1"

# -- for `check`: these look at every row ------------------------------------------------------

ALL_LIVE_QUEUES: Final = "SELECT seq, queue_name FROM queues WHERE deleted_at_ms IS NULL"

ALL_COUNTERS: Final = "SELECT queue, name, value FROM queue_counters WHERE minute = 0"

ALL_COUNTS: Final = "SELECT queue, status, count(*) AS count FROM jobs GROUP BY queue, status"

ACTIVE_OF_ORGANIZATIONS: Final = """
SELECT slug, coalesce(value, 0) AS counted,
       (SELECT count(*) FROM jobs JOIN queues ON queues.seq = jobs.queue
         WHERE jobs.org = organizations.seq AND deleted_at_ms IS NULL
           AND status IN ('pending', 'scheduled', 'processing')) AS found
  FROM organizations
  LEFT JOIN usage_counters ON usage_counters.org = organizations.seq
                          AND period = '' AND usage_counters.name = 'active_jobs'
"""

WRONGLY_CLAIMABLE: Final = """
SELECT id, status, claimable FROM jobs
 WHERE claimable <> (status = 'pending' AND run_at_ms IS NULL AND dependencies_met IS NOT 0)
 LIMIT 100
"""

# What stands apart, one body at a time: a file may hold more of them than memory.
BODY_AFTER: Final = """
SELECT seq, job, which, checksum, body FROM job_bodies WHERE seq > :after ORDER BY seq LIMIT 1
"""

WITHOUT_BODY: Final = """
SELECT id, 'payload' AS which FROM jobs
 WHERE payload_bytes IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM job_bodies WHERE job = jobs.seq AND which = 'payload')
UNION ALL
SELECT id, 'result' FROM jobs
 WHERE result_bytes IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM job_bodies WHERE job = jobs.seq AND which = 'result')
 LIMIT 100
"""

ID_OF: Final = "SELECT id FROM jobs WHERE seq = :seq"

# -- the event log, for streams that come back ------------------------------------------------

# Index event_log_of_org, jobs_by_id for each completed job, and job_bodies_of_job. A
# result that is too long for a frame is not read.
LOGGED_AFTER: Final = """
SELECT event_log.*, coalesce(jobs.result, bodies.body) AS result, bodies.checksum
  FROM event_log
  LEFT JOIN jobs ON event_log.type = 'job.completed' AND jobs.id = event_log.subject_id
  LEFT JOIN job_bodies AS bodies ON jobs.result_bytes <= :result_bytes_max
                                AND bodies.job = jobs.seq AND bodies.which = 'result'
 WHERE event_log.org = :org AND event_log.seq > :after AND event_log.seq <= :up_to
 ORDER BY event_log.seq LIMIT :limit
"""

# The primary key of event_log.
LOGGED: Final = "SELECT created_at_ms FROM event_log WHERE seq = :seq AND org = :org"
LAST_LOGGED: Final = "SELECT max(seq) FROM event_log"

# Index event_log_of_org, back from the newest row.
OLDEST_REPLAYED: Final = """
SELECT seq FROM event_log WHERE org = :org ORDER BY seq DESC LIMIT 1 OFFSET :newer
"""
