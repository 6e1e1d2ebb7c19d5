"""Every statement that adapts the times of jobs after the machine's clock has jumped."""

from typing import Final

from spooled_lite.core.jobs.passes import SizedRow
from spooled_lite.core.jobs.statements import ROW_BYTES
from spooled_lite.storage.statement import Statement, Value

# Index jobs_leased. Leases that were moved come last, as they now end later.
LIVE_LEASES: Final = Statement(
    SizedRow,
    f"""
SELECT seq, {ROW_BYTES} AS size_bytes FROM jobs
 WHERE lease_id IS NOT NULL AND lease_expires_at_ms > :now_ms AND updated_at_ms <> :marked_ms
 ORDER BY lease_expires_at_ms LIMIT :limit
""",
)

MOVE_LEASES: Final = """
UPDATE jobs SET lease_expires_at_ms = lease_expires_at_ms + :by_ms, updated_at_ms = :marked_ms
 WHERE seq IN (SELECT value FROM json_each(:seqs))
"""

# Index jobs_leased. Leases that were set back come last, as they now end earlier.
LEASES_AHEAD: Final = Statement(
    SizedRow,
    f"""
SELECT seq, {ROW_BYTES} AS size_bytes FROM jobs
 WHERE lease_id IS NOT NULL AND lease_expires_at_ms > :now_ms AND updated_at_ms > :now_ms
 ORDER BY lease_expires_at_ms DESC LIMIT :limit
""",
)

SET_BACK_LEASES: Final = """
UPDATE jobs
   SET lease_expires_at_ms = :now_ms + lease_expires_at_ms - updated_at_ms,
       updated_at_ms = :now_ms
 WHERE seq IN (SELECT value FROM json_each(:seqs))
"""


class DelayedRow(SizedRow):
    status: str
    run_at_ms: int
    updated_at_ms: int
    delay_ms: int | None


# Index jobs_to_promote.
WAITING_AFTER: Final = Statement(
    DelayedRow,
    f"""
SELECT seq, status, run_at_ms, updated_at_ms, delay_ms, {ROW_BYTES} AS size_bytes FROM jobs
 WHERE run_at_ms IS NOT NULL AND (run_at_ms, seq) > (:run_at_ms, :seq)
 ORDER BY run_at_ms, seq LIMIT :limit
""",
)

# Those whose two times differ are runs that their task keeps out of the way: they go on differing.
SET_BACK_WAITS: Final = """
UPDATE jobs
   SET run_at_ms = :now_ms + run_at_ms - updated_at_ms,
       scheduled_at_ms = CASE WHEN kind = 'task_run' AND run_at_ms IS NOT scheduled_at_ms
                              THEN scheduled_at_ms
                              ELSE :now_ms + run_at_ms - updated_at_ms END,
       updated_at_ms = :now_ms
 WHERE seq IN (SELECT value FROM json_each(:seqs))
"""

# The primary key.
ORGANIZATIONS_AFTER: Final = Value(
    int,
    """
SELECT seq FROM organizations WHERE seq > :after ORDER BY seq LIMIT :limit
""",
)

# Index jobs_by_queue, once for each queue.
CREATED_AHEAD: Final = Statement(
    SizedRow,
    f"""
SELECT seq, {ROW_BYTES} AS size_bytes FROM jobs
 WHERE queue IN (SELECT seq FROM queues WHERE queues.org = :org) AND created_at_ms > :now_ms
 LIMIT :limit
""",
)

SET_BACK_CREATION: Final = """
UPDATE jobs SET created_at_ms = :now_ms WHERE seq IN (SELECT value FROM json_each(:seqs))
"""
