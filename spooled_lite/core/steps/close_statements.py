"""Every statement about runs of documents that come to their end before all their steps have."""

from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.passes import NextRow
from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.storage.statement import Statement

NAME_FAILED_STEP: Final = """
UPDATE workflows SET failed_step = :failed_step, error_message = :error WHERE seq = :seq
"""

# Index jobs_of_workflow.
OPEN_STEPS: Final = Statement(
    JobRow,
    """
SELECT * FROM jobs
 WHERE workflow_id = :workflow_id AND status IN ('pending', 'scheduled', 'processing')
   AND seq IS NOT :but_not"""
    + VISIBLE
    + " ORDER BY step_position",
)

# No lease settles them, so that every answer of a worker is refused, with the reason.
CLOSE: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'cancelled', state = :state, claimable = 0, run_at_ms = NULL, dependencies_met = 0,
       cancelled_by_parent = :comes_back, stop_reason = :reason,
       last_error = coalesce(:error, last_error),
       error_type = iif(:error IS NULL, error_type, NULL),
       traceback_bytes = iif(:error IS NULL, traceback_bytes, NULL),
       completed_at_ms = :now_ms, updated_at_ms = :now_ms,
       assigned_worker_id = NULL, lease_id = NULL, lease_expires_at_ms = NULL
 WHERE seq IN (SELECT value FROM json_each(:steps))
RETURNING *
""",
)

END_AS: Final = """
UPDATE workflows SET ended_as = :ended_as, updated_at_ms = :now_ms WHERE seq = :seq
"""

FORGET_END: Final = """
UPDATE workflows
   SET ended_as = NULL, completion_reason = NULL, error_message = NULL, failed_step = NULL
 WHERE seq = :seq
"""

FORGET_OUTPUT: Final = "DELETE FROM workflow_bodies WHERE workflow = :seq AND which = 'output'"

# -- expiry --------------------------------------------------------------------------------------

# In the words of the index workflows_expiring. One that was cancelled may wait for its workers.
_MAY_EXPIRE: Final = """
       (status IN ('pending', 'running')
        OR (status = 'cancelled' AND processing_jobs > 0 AND ended_as IS NULL))"""

EXPIRED: Final = Statement(
    WorkflowRow,
    f"""
SELECT * FROM workflows
 WHERE expires_at_ms <= :now_ms AND {_MAY_EXPIRE}
 ORDER BY expires_at_ms LIMIT :limit
""",
)

# The same of one organization.
EXPIRED_OF_ORG: Final = Statement(
    WorkflowRow,
    f"""
SELECT * FROM workflows INDEXED BY workflows_expiring
 WHERE expires_at_ms <= :now_ms AND org = :org AND {_MAY_EXPIRE}
 ORDER BY expires_at_ms LIMIT :limit
""",
)

NEXT_EXPIRY: Final = Statement(
    NextRow,
    f"""
SELECT expires_at_ms AS at_ms, updated_at_ms FROM workflows
 WHERE expires_at_ms IS NOT NULL AND {_MAY_EXPIRE}
 ORDER BY expires_at_ms LIMIT 1
""",
)
