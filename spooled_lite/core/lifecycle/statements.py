"""Every statement that changes the status of a job."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.columns import BY_USE, JobRow, Kind
from spooled_lite.core.jobs.key_statements import KEY_IF_FREE
from spooled_lite.core.jobs.passes import NextRow
from spooled_lite.core.jobs.policy import TIMEOUT_GRACE_MS
from spooled_lite.core.jobs.statements import ROW_BYTES, VISIBLE
from spooled_lite.storage.statement import Statement, Value

# -- the holder of a lease -------------------------------------------------------------------

# This condition is the fence: a late answer, or one from another worker, changes no row. A lease
# that has ended is refused whether or not the caller named it. Index jobs_by_id.
_HELD: Final = (
    """
 WHERE id = :id AND org = :org
   AND status = 'processing' AND lease_expires_at_ms > :now_ms
   AND lease_id = coalesce(:lease_id, lease_id)
   AND assigned_worker_id = coalesce(:worker_id, assigned_worker_id)"""
    + VISIBLE
)

COMPLETE: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'completed', result = :result, result_bytes = :result_bytes,
       completed_at_ms = :now_ms, updated_at_ms = :now_ms,
       settled_lease_id = lease_id, lease_id = NULL, lease_expires_at_ms = NULL,
       stop_reason = NULL"""
    + _HELD
    + f"""
RETURNING {BY_USE}
""",
)

# Of an attempt whose time the server keeps, the lease ends no later than that with its grace. The
# time of others is kept by workers alone.
RENEW: Final = Statement(
    JobRow,
    f"""
UPDATE jobs
   SET lease_expires_at_ms = min(:lease_expires_at_ms,
           coalesce(started_at_ms + nullif(timeout_ms, 0) + {TIMEOUT_GRACE_MS},
                    :lease_expires_at_ms)),
       updated_at_ms = :now_ms"""
    + _HELD
    + f"""
   AND (timeout_ms IS NULL OR timeout_ms = 0
        OR started_at_ms + timeout_ms + {TIMEOUT_GRACE_MS} > :now_ms)
RETURNING *
""",
)

REPORT_PROGRESS: Final = Statement(
    JobRow,
    """
UPDATE jobs SET progress = :progress, progress_message = :message, updated_at_ms = :now_ms"""
    + _HELD
    + """
RETURNING *
""",
)


class HeldRow(TypedDict):
    """A job under a lease, with the columns that the end of its attempt needs."""

    seq: int
    org: int
    queue: int
    queue_name: str
    kind: Kind
    stop_reason: str | None
    retry_count: int
    max_retries: int
    lease_id: str | None
    lease_expires_at_ms: int | None
    assigned_worker_id: str | None
    task_name: str | None
    guard: int | None
    tells_breaker: int
    policy: bytes | None


HELD: Final = Statement(
    HeldRow,
    """
SELECT seq, org, queue, queue_name, kind, stop_reason, retry_count, max_retries, lease_id,
       lease_expires_at_ms, assigned_worker_id, task_name, guard, tells_breaker, policy
  FROM jobs"""
    + _HELD,
)

STILL_HELD: Final = Value(
    int, "SELECT 1 FROM jobs WHERE seq = :seq AND lease_id = :lease_id" + VISIBLE
)

# -- the end of an attempt -------------------------------------------------------------------

# Guarded by the lease that was held when the decision was made.
RETRY_LATER: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'pending', claimable = (:run_at_ms IS NULL AND dependencies_met IS NOT 0),
       run_at_ms = :run_at_ms, scheduled_at_ms = :run_at_ms, retry_count = retry_count + 1,
       last_error = :error, error_key = :error_key, error_type = :error_type,
       traceback_bytes = :traceback_bytes, updated_at_ms = :now_ms,
       assigned_worker_id = NULL, lease_id = NULL, lease_expires_at_ms = NULL
 WHERE seq = :seq AND status = 'processing' AND lease_id = :lease_id
RETURNING *
""",
)

BURY: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'deadletter', last_error = :error, error_key = :error_key,
       error_type = :error_type, traceback_bytes = :traceback_bytes, completed_at_ms = :now_ms,
       updated_at_ms = :now_ms, settled_lease_id = lease_id,
       assigned_worker_id = NULL, lease_id = NULL, lease_expires_at_ms = NULL
 WHERE seq = :seq AND status = 'processing' AND lease_id = :lease_id
RETURNING *
""",
)

RELEASE: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'pending', claimable = (:run_at_ms IS NULL), run_at_ms = :run_at_ms,
       scheduled_at_ms = coalesce(:run_at_ms, scheduled_at_ms), started_at_ms = NULL,
       updated_at_ms = :now_ms, claims = claims - 1,
       assigned_worker_id = NULL, lease_id = NULL, lease_expires_at_ms = NULL
 WHERE seq = :seq AND status = 'processing' AND lease_id = :lease_id AND stop_reason IS NULL"""
    + VISIBLE
    + """
RETURNING *
""",
)


class LeaseOverRow(HeldRow):
    size_bytes: int


# What a run was given, by its step or its item: what follows its failure has a copy.
_OF_RUN: Final = """CASE WHEN phase IS NULL THEN 0 ELSE coalesce(
           (SELECT sum(length(body))
              FROM workflows CROSS JOIN workflow_bodies ON workflow = workflows.seq
             WHERE workflows.id = coalesce(jobs.workflow_id,
                   (SELECT workflow_id FROM jobs AS steps WHERE steps.seq = jobs.step_job))), 0)
       END"""

# Index jobs_leased. What follows the failure of a job has a copy of its payload.
LEASES_OVER: Final = Statement(
    LeaseOverRow,
    f"""
SELECT seq, org, queue, queue_name, kind, stop_reason, retry_count, max_retries, lease_id,
       lease_expires_at_ms, assigned_worker_id, task_name, guard, tells_breaker, policy,
       {ROW_BYTES} + CASE WHEN policy IS NULL AND task_name IS NULL THEN 0
                          ELSE coalesce(payload_bytes, 0) END
       + {_OF_RUN} AS size_bytes
  FROM jobs
 WHERE lease_id IS NOT NULL AND lease_expires_at_ms <= :now_ms"""
    + VISIBLE
    + " ORDER BY lease_expires_at_ms LIMIT :limit",
)

NEXT_LEASE_END: Final = Statement(
    NextRow,
    "SELECT lease_expires_at_ms AS at_ms, updated_at_ms FROM jobs WHERE lease_id IS NOT NULL"
    + VISIBLE
    + " ORDER BY lease_expires_at_ms LIMIT 1",
)

# -- stopped by its workflow -----------------------------------------------------------------

# Index jobs_of_workflow. Steps that were told to stop before are left out.
REQUEST_STOP: Final = Statement(
    JobRow,
    """
UPDATE jobs SET stop_reason = :reason, updated_at_ms = :now_ms
 WHERE workflow_id = :workflow_id AND status = 'processing' AND lease_id IS NOT NULL
   AND stop_reason IS NULL"""
    + VISIBLE
    + """
RETURNING *
""",
)

# Cancels a job that was told to stop, instead of another attempt or the dead letters. `stop_reason`
# stays, to answer a worker that shows the lease again. A worker that reported a failure has settled
# the job with its lease; any other worker has lost it.
STOP: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'cancelled', completed_at_ms = :now_ms, updated_at_ms = :now_ms,
       last_error = coalesce(:error, last_error),
       error_type = CASE WHEN :error IS NULL THEN error_type ELSE :error_type END,
       traceback_bytes = CASE WHEN :error IS NULL THEN traceback_bytes ELSE :traceback_bytes END,
       settled_lease_id = CASE WHEN :error IS NOT NULL THEN lease_id END,
       assigned_worker_id = NULL, lease_id = NULL, lease_expires_at_ms = NULL
 WHERE seq = :seq AND status = 'processing' AND lease_id = :lease_id AND stop_reason IS NOT NULL"""
    + VISIBLE
    + """
RETURNING *
""",
)

# -- by hand ---------------------------------------------------------------------------------

# A step of a document is decided about again before it can be claimed: steps.dependents.
_DECIDED_AGAIN: Final = """claimable = (dependencies_met IS NOT 0 AND phase IS NULL),
       dependencies_met = iif(phase IS NULL, dependencies_met, 0), state = NULL"""

# Index jobs_by_id.
RETRY: Final = Statement(
    JobRow,
    f"""
UPDATE jobs
   SET status = 'pending', {_DECIDED_AGAIN},
       retry_count = CASE WHEN :starts_over THEN 0 ELSE retry_count + 1 END,
       last_error = NULL, error_type = NULL, traceback_bytes = NULL, scheduled_at_ms = NULL,
       completed_at_ms = NULL, settled_lease_id = NULL, assigned_worker_id = NULL,
       stop_reason = NULL,
       updated_at_ms = :now_ms,
       concurrency_key = """
    + KEY_IF_FREE
    + """
 WHERE id = :id AND org = :org AND status IN ('failed', 'deadletter')"""
    + VISIBLE
    + """
RETURNING *
""",
)

START_STEP_OVER: Final = Statement(
    JobRow,
    f"""
UPDATE jobs
   SET status = 'pending', {_DECIDED_AGAIN}, retry_count = 0,
       last_error = NULL, error_type = NULL, traceback_bytes = NULL, result = NULL,
       result_bytes = NULL, scheduled_at_ms = NULL, started_at_ms = NULL, completed_at_ms = NULL,
       settled_lease_id = NULL, assigned_worker_id = NULL, stop_reason = NULL,
       updated_at_ms = :now_ms
 WHERE seq = :seq AND status IN ('failed', 'deadletter')
RETURNING *
""",
)

# For steps that have ended, in any way.
RERUN_STEPS: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'pending', claimable = (:met AND phase IS NULL),
       dependencies_met = (:met AND phase IS NULL), state = NULL, cancelled_by_parent = 0,
       retry_count = 0, last_error = NULL, error_type = NULL, traceback_bytes = NULL,
       result = NULL, result_bytes = NULL, scheduled_at_ms = NULL, run_at_ms = NULL,
       started_at_ms = NULL, completed_at_ms = NULL, settled_lease_id = NULL,
       assigned_worker_id = NULL, stop_reason = NULL, progress = NULL, progress_message = NULL,
       updated_at_ms = :now_ms
 WHERE seq IN (SELECT value FROM json_each(:steps))
   AND status NOT IN ('pending', 'scheduled', 'processing')
RETURNING *
""",
)

FORGET_RESULTS: Final = """
DELETE FROM job_bodies
 WHERE which = 'result' AND job IN (SELECT value FROM json_each(:steps))
"""

CANCEL: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'cancelled', claimable = 0, run_at_ms = NULL, completed_at_ms = :now_ms,
       updated_at_ms = :now_ms, cancel_reason = :cancel_reason
 WHERE id = :id AND org = :org AND status IN ('pending', 'scheduled')"""
    + VISIBLE
    + """
RETURNING *
""",
)

# Whoever holds it: no lease settles it, so that every answer of its worker is refused, with the
# reason.
CANCEL_HELD: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'cancelled', completed_at_ms = :now_ms, updated_at_ms = :now_ms,
       cancel_reason = :cancel_reason, stop_reason = :stop_reason,
       assigned_worker_id = NULL, lease_id = NULL, lease_expires_at_ms = NULL
 WHERE seq = :seq AND status = 'processing'
RETURNING *
""",
)

# -- expiry ----------------------------------------------------------------------------------


class ExpiredRow(TypedDict):
    id: str
    seq: int
    org: int
    kind: Kind
    status: str
    assigned_worker_id: str | None
    size_bytes: int


# A run of a task expires also while a worker has it; steps and items of a document go with their
# run. In the words of the index jobs_expiring.
_MAY_EXPIRE: Final = """
       phase IS NULL
   AND (status IN ('pending', 'scheduled') OR (status = 'processing' AND kind = 'task_run'))"""

# Index jobs_expiring.
EXPIRED: Final = Statement(
    ExpiredRow,
    f"""
SELECT id, seq, org, kind, status, assigned_worker_id, {ROW_BYTES} AS size_bytes FROM jobs
 WHERE expires_at_ms <= :now_ms AND {_MAY_EXPIRE}"""
    + VISIBLE
    + " ORDER BY expires_at_ms LIMIT :limit",
)

# The same of one organization.
EXPIRED_OF_ORG: Final = Statement(
    ExpiredRow,
    f"""
SELECT id, seq, org, kind, status, assigned_worker_id, {ROW_BYTES} AS size_bytes
  FROM jobs INDEXED BY jobs_expiring
 WHERE expires_at_ms <= :now_ms AND org = :org AND {_MAY_EXPIRE}"""
    + VISIBLE
    + " ORDER BY expires_at_ms LIMIT :limit",
)

NEXT_EXPIRY: Final = Statement(
    NextRow,
    f"""
SELECT expires_at_ms AS at_ms, updated_at_ms FROM jobs
 WHERE expires_at_ms IS NOT NULL AND {_MAY_EXPIRE}"""
    + VISIBLE
    + " ORDER BY expires_at_ms LIMIT 1",
)
