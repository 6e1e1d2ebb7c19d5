"""Every statement that stores, finds or lists jobs; those that change a status are in lifecycle."""

from collections.abc import Iterable
from typing import Final, Literal, TypedDict

from spooled_lite.core.jobs import columns
from spooled_lite.core.jobs.columns import JobRow, Kind
from spooled_lite.storage.statement import Statement, Value

# A deleted queue hides its jobs at once; their rows are deleted in passes. Index queues_deleted,
# which is nearly always empty.
VISIBLE: Final = " AND queue NOT IN (SELECT seq FROM queues WHERE deleted_at_ms IS NOT NULL)"

# The rows that lists of jobs have when they name no kind: see KINDS. In these words, which the
# partial indexes have, so that SQLite takes them.
LISTED: Final = " AND kind <> 'message' AND kind <> 'item'"


def inserting(columns: Iterable[str]) -> str:
    """The INSERT of a job that brings these columns, as named parameters."""
    names = tuple(columns)
    values = ", ".join(f":{name}" for name in names)
    return f"INSERT INTO jobs ({', '.join(names)}) VALUES ({values})"


INSERT: Final = inserting(columns.OF_JOB)
INSERT_IN_FULL: Final = inserting(columns.OF_JOB_IN_FULL)

# For a job that is created cancelled, because its parent can never complete.
INSERT_CANCELLED: Final = inserting(columns.OF_CANCELLED_JOB)

Which = Literal["payload", "result"]
BodyKind = Which | Literal["traceback"]

# Index job_bodies_of_job, as the one that follows. A result is stored anew when a step that
# was completed is started over.
ADD_BODY: Final = """
INSERT INTO job_bodies (job, which, checksum, body) VALUES (:job, :which, :checksum, :body)
    ON CONFLICT (job, which) DO UPDATE SET checksum = :checksum, body = :body
"""


class BodyRow(TypedDict):
    which: Which
    checksum: int
    body: bytes


# `id` is checked as well, since another job may have got the number meanwhile.
BODIES: Final = Statement(
    BodyRow,
    """
SELECT which, checksum, body
  FROM jobs CROSS JOIN job_bodies ON job_bodies.job = jobs.seq
 WHERE jobs.seq = :seq AND jobs.id = :id AND which <> 'traceback'
""",
)

# The same check. Index job_bodies_of_job.
TRACEBACK: Final = Value(
    bytes,
    """
SELECT body
  FROM jobs CROSS JOIN job_bodies ON job_bodies.job = jobs.seq AND which = 'traceback'
 WHERE jobs.seq = :seq AND jobs.id = :id
""",
)

IS_THERE: Final = Value(int, "SELECT 1 FROM jobs WHERE seq = :seq AND id = :id")

# Index jobs_by_id.
BY_ID: Final = Statement(JobRow, "SELECT * FROM jobs WHERE id = :id AND org = :org" + VISIBLE)

# Index jobs_by_id, once for each id asked for. A CROSS JOIN keeps the tables in this order.
BY_IDS: Final = Statement(
    JobRow,
    """
SELECT jobs.* FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org"""
    + VISIBLE,
)

# Index jobs_by_key. A repeated create changes only the time of the first job.
REPEATED: Final = Statement(
    JobRow,
    """
UPDATE jobs SET updated_at_ms = :now_ms
 WHERE org = :org AND idempotency_key = :idempotency_key"""
    + VISIBLE
    + """
RETURNING *
""",
)

# Index jobs_by_key. The key of a job whose queue was deleted is free at once.
FREE_KEY: Final = """
UPDATE jobs SET idempotency_key = NULL
 WHERE org = :org AND idempotency_key = :idempotency_key
"""

LINK_TO_PARENT: Final = """
INSERT INTO job_dependencies (job, parent, is_link) VALUES (:job, :parent, 1)
"""

# Starts again from the first dependent: updating a dependent twice changes nothing.
MARK_CASCADE: Final = """
INSERT INTO job_cascades (job) VALUES (:job)
    ON CONFLICT (job) DO UPDATE SET told_up_to = 0
"""


class JobStatusRow(TypedDict):
    id: str
    status: str
    queue_name: str
    retry_count: int
    max_retries: int
    created_at_ms: int
    started_at_ms: int | None
    completed_at_ms: int | None


# Index jobs_by_id, once for each id asked for; in the order they were asked for. A CROSS JOIN keeps
# the tables in this order: SQLite 3.40 may otherwise begin with all jobs of the organization.
STATUSES: Final = Statement(
    JobStatusRow,
    """
SELECT jobs.id, status, queue_name, retry_count, max_retries, created_at_ms, started_at_ms,
       completed_at_ms
  FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org"""
    + VISIBLE
    + """
 ORDER BY asked.key
""",
)


class ListedJobRow(TypedDict):
    id: str
    queue_name: str
    status: str
    priority: int
    retry_count: int
    max_retries: int
    timeout_seconds: int
    job_type: str
    last_error: str | None
    tags: bytes | None
    created_at_ms: int
    updated_at_ms: int
    scheduled_at_ms: int | None
    started_at_ms: int | None
    completed_at_ms: int | None
    workflow_id: str | None
    parent_job_id: str | None
    assigned_worker_id: str | None
    dependencies_met: int | None
    kind: Kind


# What the lists show of a job.
SHOWN: Final = """jobs.id, jobs.queue_name, jobs.status, jobs.priority, jobs.retry_count,
       jobs.max_retries, jobs.timeout_seconds, jobs.job_type, jobs.last_error, jobs.tags,
       jobs.created_at_ms, jobs.updated_at_ms, jobs.scheduled_at_ms, jobs.started_at_ms,
       jobs.completed_at_ms, jobs.workflow_id, jobs.parent_job_id, jobs.assigned_worker_id,
       jobs.dependencies_met, jobs.kind"""

SET_PRIORITY: Final = Statement(
    JobRow,
    """
UPDATE jobs SET priority = :priority, updated_at_ms = :now_ms
 WHERE id = :id AND org = :org AND status IN ('pending', 'scheduled')"""
    + VISIBLE
    + """
RETURNING *
""",
)


class JobHistoryRow(TypedDict):
    seq: int
    org: int
    job: int
    event_type: str
    worker_id: str | None
    details: bytes
    created_at_ms: int


# Index job_history_of_job.
HISTORY: Final = {
    "asc": Statement(
        JobHistoryRow,
        """
SELECT * FROM job_history WHERE job = :job ORDER BY seq LIMIT :limit OFFSET :offset
""",
    ),
    "desc": Statement(
        JobHistoryRow,
        """
SELECT * FROM job_history WHERE job = :job ORDER BY seq DESC LIMIT :limit OFFSET :offset
""",
    ),
}

INSERT_HISTORY: Final = """
INSERT INTO job_history (org, job, event_type, worker_id, details, created_at_ms)
VALUES (?, ?, ?, ?, ?, ?)
"""

# The bytes of a job that a change of its row writes, and all bytes, which a claim hands out and a
# deletion frees. SQLite knows the length of a blob without reading it.
ROW_BYTES: Final = """coalesce(length(jobs.payload), 0) + coalesce(length(jobs.result), 0)
       + coalesce(length(jobs.tags), 0) + coalesce(length(jobs.last_error), 0)
       + coalesce(length(jobs.headers), 0)"""
ALL_BYTES: Final = f"""{ROW_BYTES} + coalesce(jobs.payload_bytes, 0)
       + coalesce(jobs.result_bytes, 0) + coalesce(jobs.traceback_bytes, 0)"""


class BriefJobRow(TypedDict):
    """A job's names and status, without its bodies."""

    seq: int
    id: str
    org: int
    queue: int
    queue_name: str
    kind: Kind
    status: str
    workflow_id: str | None
    error_key: int | None


class DeadLetterRow(BriefJobRow):
    concurrency_key: str | None
    task_name: str | None
    row_bytes: int
    size_bytes: int


_DEAD_LETTERS: Final = f"""
SELECT seq, queue, queue_name, org, kind, status, workflow_id, error_key, id, concurrency_key,
       task_name, {ROW_BYTES} AS row_bytes, {ALL_BYTES} AS size_bytes
  FROM jobs
 WHERE org = :org AND status = 'deadletter' AND created_at_ms < :created_before_ms"""
_IN_QUEUES: Final = " AND queue IN (SELECT value FROM json_each(:queues))"
_OLDEST_FIRST: Final = " ORDER BY created_at_ms, seq LIMIT :limit"

# Index jobs_by_status, a pass at a time.
DEAD_LETTERS: Final = Statement(DeadLetterRow, _DEAD_LETTERS + LISTED + VISIBLE + _OLDEST_FIRST)
DEAD_LETTERS_OF_QUEUES: Final = Statement(
    DeadLetterRow, _DEAD_LETTERS + LISTED + _IN_QUEUES + _OLDEST_FIRST
)

# Index jobs_by_id, once for each id asked for.
DEAD_LETTERS_NAMED: Final = Statement(
    DeadLetterRow,
    f"""
SELECT jobs.seq, queue, queue_name, org, kind, status, workflow_id, error_key, jobs.id,
       concurrency_key, task_name, {ROW_BYTES} AS row_bytes, {ALL_BYTES} AS size_bytes
  FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org AND status = 'deadletter'"""
    + LISTED
    + VISIBLE
    + _OLDEST_FIRST,
)


class NamedQueueRow(TypedDict):
    seq: int
    queue_name: str


LIVE_QUEUES: Final = Statement(
    NamedQueueRow,
    """
SELECT seq, queue_name FROM queues WHERE org = :org AND deleted_at_ms IS NULL
""",
)


class StatusCountRow(TypedDict):
    queue_name: str
    name: str  # such as "status.pending"
    value: int


# Primary key of queue_counters: the gauges of each queue stand together.
STATUS_COUNTS: Final = Statement(
    StatusCountRow,
    """
SELECT queue_name, name, queue_counters.value
  FROM json_each(:queues) AS asked
  JOIN queues ON queues.seq = asked.value
  JOIN queue_counters ON queue_counters.queue = queues.seq AND minute = 0 AND name LIKE 'status.%'
""",
)

GAUGES: Final = Statement(
    StatusCountRow,
    """
SELECT queue_name, name, queue_counters.value
  FROM json_each(:queues) AS asked
  JOIN queues ON queues.seq = asked.value
  JOIN queue_counters ON queue_counters.queue = queues.seq AND minute = 0
   AND (name LIKE 'status.%' OR name LIKE 'message.%')
""",
)

LIVE_QUEUE: Final = Value(
    int,
    """
SELECT seq FROM queues WHERE org = :org AND queue_name = :queue_name AND deleted_at_ms IS NULL
""",
)

# The filters, the order and the page follow: see query.py.
LIST: Final = Statement(ListedJobRow, f"SELECT {SHOWN} FROM jobs")
LIST_WHOLE: Final = Statement(JobRow, "SELECT * FROM jobs")  # without bodies that are stored apart
# Has SQLite go by the few numbers that the filter has found. SQLite 3.40 would walk all jobs of the
# organization in their order instead.
BY_NUMBERS: Final = " NOT INDEXED"
NUMBERS: Final = "SELECT seq FROM jobs"  # of a page, in a statement that reads its rows
COUNT: Final = "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE "  # a limit and `)` follow

# -- for an administrator: over all organizations --------------------------------------------------


class ListedJobOfAnyOrgRow(ListedJobRow):
    org_id: str


class JobOfAnyOrgRow(JobRow):
    org_id: str


_OF_ALL: Final = """, organizations.id AS org_id
  FROM jobs CROSS JOIN organizations ON organizations.seq = jobs.org
 WHERE organizations.deleted_at_ms IS NULL"""

# Walks back from the newest row until the page is full, since no index has these filters.
OF_ALL_ORGS: Final = Statement(
    ListedJobOfAnyOrgRow,
    f"SELECT {SHOWN}"
    + _OF_ALL
    + VISIBLE
    + """
   AND (:status IS NULL OR status = :status)
   AND (:queue_name IS NULL OR queue_name = :queue_name)
 ORDER BY jobs.seq DESC LIMIT :limit OFFSET :offset
""",
)

# Index jobs_by_id. An id is unique only within its organization.
BY_ID_OF_ANY_ORG: Final = Statement(
    JobOfAnyOrgRow, "SELECT jobs.*" + _OF_ALL + VISIBLE + " AND jobs.id = :id LIMIT 1"
)
