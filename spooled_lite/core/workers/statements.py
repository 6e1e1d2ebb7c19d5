"""Every statement about workers."""

from typing import Final, TypedDict

from spooled_lite.core.workers.columns import WorkerOfOrg, WorkerRow
from spooled_lite.storage.statement import Statement, Value


class HeardOfRow(TypedDict):
    """The state of a worker, and the queues that it serves (a JSON list)."""

    status: str
    queue_names: str


class FoundRow(TypedDict):
    """A worker in a list, and the queues that it serves (a JSON list)."""

    seq: int
    queue_names: str


# Unique index of workers.id. A row of another organization is not changed, and gives no row.
UPSERT: Final = Statement(
    WorkerRow,
    """
INSERT INTO workers (id, org, queue_name, queue_names, hostname, worker_type, version,
                     task_handlers, step_handlers, max_concurrency, status, metadata,
                     last_heartbeat_ms, registered_at_ms, updated_at_ms)
VALUES (:id, :org, :queue_name, :queue_names, :hostname, :worker_type, :version,
        :task_handlers, :step_handlers, :max_concurrency, 'healthy', :metadata,
        :now_ms, :now_ms, :now_ms)
    ON CONFLICT (id) DO UPDATE
   SET queue_name = excluded.queue_name, queue_names = excluded.queue_names,
       hostname = excluded.hostname, worker_type = excluded.worker_type,
       version = excluded.version, task_handlers = excluded.task_handlers,
       step_handlers = excluded.step_handlers, max_concurrency = excluded.max_concurrency,
       current_jobs = 0, busy_since_ms = NULL, status = 'healthy', metadata = excluded.metadata,
       last_heartbeat_ms = excluded.last_heartbeat_ms, updated_at_ms = excluded.updated_at_ms
 WHERE workers.org = excluded.org
RETURNING *
""",
)

# Unique index of workers.id.
BY_ID: Final = Statement(WorkerRow, "SELECT * FROM workers WHERE id = :id AND org = :org")

# A draining worker goes on draining until it reports another status than healthy.
HEARTBEAT: Final = Statement(
    WorkerRow,
    """
UPDATE workers
   SET status = CASE WHEN status = 'draining' AND :status = 'healthy' THEN 'draining'
                     ELSE :status END,
       current_jobs = :current_jobs, metadata = coalesce(:metadata, metadata),
       busy_since_ms = CASE WHEN :current_jobs > 0 THEN coalesce(busy_since_ms, :now_ms) END,
       last_heartbeat_ms = :now_ms, updated_at_ms = :now_ms
 WHERE id = :id AND org = :org
RETURNING *
""",
)

DEREGISTER: Final = Statement(
    WorkerRow,
    """
UPDATE workers SET status = 'offline', updated_at_ms = :now_ms
 WHERE id = :id AND org = :org AND status <> 'offline'
RETURNING *
""",
)

# Index workers_alive.
MARK_SILENT: Final = Statement(
    WorkerRow,
    """
UPDATE workers SET status = 'offline', updated_at_ms = :now_ms
 WHERE seq IN (
       SELECT seq FROM workers
        WHERE status IN ('healthy', 'degraded') AND last_heartbeat_ms <= :silent_since_ms
        ORDER BY last_heartbeat_ms LIMIT :limit)
RETURNING *
""",
)

# Index workers_alive: when the next worker falls silent. 120000 is SILENCE_MS.
NEXT_SILENCE: Final = Value(
    int,
    """
SELECT min(last_heartbeat_ms) + 120000 AS at_ms FROM workers WHERE status IN ('healthy', 'degraded')
""",
)

# The primary key. A heartbeat that is moved twice ends up at `:marked_ms` at the latest.
MOVE_HEARTBEATS: Final = Value(
    int,
    """
UPDATE workers SET last_heartbeat_ms = min(last_heartbeat_ms + :by_ms, :marked_ms)
 WHERE seq IN (
       SELECT seq FROM workers
        WHERE seq > :after AND status IN ('healthy', 'degraded')
        ORDER BY seq LIMIT :limit)
RETURNING seq
""",
)

# Index workers_alive. A heartbeat cannot be in the future.
SET_BACK: Final = """
UPDATE workers SET last_heartbeat_ms = :now_ms
 WHERE seq IN (
       SELECT seq FROM workers
        WHERE status IN ('healthy', 'degraded') AND last_heartbeat_ms > :now_ms
        ORDER BY last_heartbeat_ms LIMIT :limit)
"""

# Index workers_offline.
FORGET_OLD: Final = """
DELETE FROM workers WHERE seq IN (
       SELECT seq FROM workers
        WHERE org = :org AND status = 'offline' AND last_heartbeat_ms < :before_ms
        ORDER BY last_heartbeat_ms LIMIT :limit)
"""

# Index workers_of_org. A value that is null filters nothing. The metadata may be large and is not
# read.
NEWEST: Final = Statement(
    FoundRow,
    """
SELECT seq, queue_names FROM workers
 WHERE org = :org
   AND (:status IS NULL OR status = :status)
   AND (:queue_name IS NULL
        OR EXISTS (SELECT 1 FROM json_each(queue_names) AS each WHERE each.value = :queue_name))
   AND (:text IS NULL OR instr(lower(id), :text) OR instr(lower(hostname), :text))
   AND (:text_pattern IS NULL OR hostname GLOB :text_pattern)
 ORDER BY last_heartbeat_ms DESC, seq DESC LIMIT :limit
""",
)

# The primary key.
BY_SEQ: Final = Statement(WorkerRow, "SELECT * FROM workers WHERE seq = :seq")

# Index workers_of_org: only rows with recent heartbeats are read.
COUNT_HEALTHY_OF_QUEUE: Final = Value(
    int,
    """
SELECT count(*) FROM workers
 WHERE org = :org AND last_heartbeat_ms > :silent_since_ms AND status = 'healthy'
   AND EXISTS (SELECT 1 FROM json_each(queue_names) AS each WHERE each.value = :queue_name)
""",
)

# Index workers_of_org: only rows with recent heartbeats are read. Workers that deregistered are
# left out.
HEARD_OF: Final = Statement(
    HeardOfRow,
    """
SELECT status, queue_names FROM workers
 WHERE org = :org AND last_heartbeat_ms > :since_ms AND status <> 'offline'
 LIMIT :limit
""",
)

# Index workers_of_org.
COUNT_PRESENT: Final = Value(
    int,
    """
SELECT count(*) FROM workers
 WHERE org = :org AND status IN ('healthy', 'degraded', 'draining')
""",
)

# Unique index of workers.id. A worker that never registered has no row, and nothing is counted.
COUNT_JOBS: Final = """
UPDATE workers
   SET jobs_processed = jobs_processed + ?, jobs_failed = jobs_failed + ?, last_settled_ms = ?
 WHERE id = ? AND org = ?
"""

# For an administrator: the newest first.
OF_ALL_ORGS: Final = Statement(
    WorkerOfOrg,
    """
SELECT workers.*, organizations.id AS org_id
  FROM workers CROSS JOIN organizations ON organizations.seq = workers.org
 WHERE organizations.deleted_at_ms IS NULL
 ORDER BY workers.seq DESC LIMIT :limit OFFSET :offset
""",
)

# Unique index of workers.id.
BY_ID_OF_ANY_ORG: Final = Statement(
    WorkerOfOrg,
    """
SELECT workers.*, organizations.id AS org_id
  FROM workers CROSS JOIN organizations ON organizations.seq = workers.org
 WHERE organizations.deleted_at_ms IS NULL AND workers.id = :id
""",
)

COUNT_WELL: Final = Value(
    int,
    """
SELECT count(*) FROM workers WHERE org = :org AND status IN ('healthy', 'degraded')
""",
)

# -- workers of the process: see former.py ---------------------------------------------------------

NOTE_IN_PROCESS: Final = """
INSERT INTO in_process_workers (org, worker_id) VALUES (:org, :worker_id) ON CONFLICT DO NOTHING
"""

# At a start, by jobs_leased: all leases there are.
END_LEASES_IN_PROCESS: Final = """
UPDATE jobs SET lease_expires_at_ms = :now_ms, updated_at_ms = :now_ms
 WHERE lease_id IS NOT NULL AND lease_expires_at_ms > :now_ms
   AND EXISTS (SELECT 1 FROM in_process_workers
                WHERE in_process_workers.org = jobs.org AND worker_id = assigned_worker_id)
"""

FORGET_IN_PROCESS: Final = "DELETE FROM in_process_workers"
