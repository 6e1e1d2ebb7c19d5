"""Every statement about the dependents of a job that changes its status or is deleted."""

from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.key_statements import KEY_IF_FREE
from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.core.steps.columns import (
    CascadeRow,
    DependentRow,
    ReleasedRow,
    StepAfterRow,
    WaitingRow,
)
from spooled_lite.core.workflows.columns import (
    CancelledStepRow,
    EdgeRow,
    JobStandingRow,
    ParentStandingRow,
)
from spooled_lite.storage.statement import Statement, Value

HAS_DEPENDENTS: Final = Value(int, "SELECT 1 FROM job_dependencies WHERE parent = :job LIMIT 1")

# Index job_dependents, from where the last pass stopped.
DEPENDENTS: Final = Value(
    int,
    """
SELECT DISTINCT job FROM job_dependencies WHERE parent = :job AND job > :told_up_to
 ORDER BY job LIMIT :limit
""",
)

NEXT_CASCADE: Final = Statement(
    CascadeRow, "SELECT job, told_up_to FROM job_cascades ORDER BY job LIMIT 1"
)

# The dependents up to `told_up_to` have been updated for the present status of the job.
KEEP_CASCADE: Final = """
INSERT INTO job_cascades (job, told_up_to) VALUES (:job, :told_up_to)
    ON CONFLICT (job) DO UPDATE SET told_up_to = :told_up_to
"""

# Marks those of the jobs that have dependents outside of the list. Index job_dependents.
MARK_CASCADES: Final = """
INSERT INTO job_cascades (job)
SELECT told.value FROM json_each(:jobs) AS told
 WHERE EXISTS (SELECT 1 FROM job_dependencies AS edges
                WHERE edges.parent = told.value
                  AND edges.job NOT IN (SELECT value FROM json_each(:jobs)))
    ON CONFLICT (job) DO UPDATE SET told_up_to = 0
"""

END_CASCADE: Final = "DELETE FROM job_cascades WHERE job = :job"

# Of a parent: workflows.conditions tells apart whether it was completed or skipped.
STATUS_OF_PARENT: Final = "iif(parents.state IS 'skipped', 'skipped', parents.status)"

# The primary key of job_dependencies: the status of each parent of a job.
EDGES: Final = Statement(
    ParentStandingRow,
    f"""
SELECT edges.parent, edges.is_link, edges.condition, {STATUS_OF_PARENT} AS status
  FROM job_dependencies AS edges JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.job = :job
""",
)

# The same for many jobs at once. Parents of a job with equal values are one row.
DISTINCT_EDGES: Final = Statement(
    JobStandingRow,
    f"""
SELECT DISTINCT edges.job, edges.is_link, edges.condition, {STATUS_OF_PARENT} AS status
  FROM json_each(:jobs) AS told CROSS JOIN job_dependencies AS edges ON edges.job = told.value
                                CROSS JOIN jobs AS parents ON parents.seq = edges.parent
""",
)

STANDING: Final = """jobs.seq, status, dependency_mode, cancelled_by_parent, dependencies_met,
       workflow_id, phase"""

BY_SEQ: Final = Statement(DependentRow, f"SELECT {STANDING} FROM jobs WHERE seq = :seq" + VISIBLE)

# Those of the jobs whose status may change with their parents, in the order of their numbers.
CHANGEABLE: Final = Statement(
    DependentRow,
    f"SELECT {STANDING}"
    + """
  FROM json_each(:jobs) AS told CROSS JOIN jobs ON jobs.seq = told.value
 WHERE (status IN ('pending', 'scheduled') OR cancelled_by_parent = 1)"""
    + VISIBLE,
)

SET_DEPENDENCIES_MET: Final = Statement(
    ReleasedRow,
    """
UPDATE jobs
   SET dependencies_met = :met, updated_at_ms = :now_ms,
       claimable = (:met AND status = 'pending' AND run_at_ms IS NULL)
 WHERE seq IN (SELECT value FROM json_each(:jobs))
   AND status IN ('pending', 'scheduled') AND dependencies_met IS NOT :met
RETURNING org, queue_name, claimable
""",
)

CANCEL_BY_PARENT: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'cancelled', claimable = 0, run_at_ms = NULL, completed_at_ms = :now_ms,
       updated_at_ms = :now_ms, dependencies_met = 0, cancelled_by_parent = 1,
       last_error = :error, error_type = NULL, traceback_bytes = NULL
 WHERE seq = :seq AND status IN ('pending', 'scheduled')
RETURNING *
""",
)

REVIVE: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = CASE WHEN scheduled_at_ms > :now_ms THEN 'scheduled' ELSE 'pending' END,
       run_at_ms = CASE WHEN scheduled_at_ms > :now_ms THEN scheduled_at_ms END,
       claimable = (:met AND (scheduled_at_ms IS NULL OR scheduled_at_ms <= :now_ms)),
       dependencies_met = :met, cancelled_by_parent = 0, last_error = NULL, state = NULL,
       stop_reason = NULL, error_type = NULL, traceback_bytes = NULL, completed_at_ms = NULL,
       updated_at_ms = :now_ms,
       concurrency_key = """
    + KEY_IF_FREE
    + """
 WHERE seq = :seq AND status = 'cancelled' AND cancelled_by_parent = 1
RETURNING *
""",
)

# -- bringing back the steps of a workflow: index jobs_of_workflow ------------------------------

# Leaves out the steps of workflows that were cancelled by a call, and of runs that have ended with
# steps open: that is final until they are opened again.
CANCELLED_STEPS: Final = Statement(
    CancelledStepRow,
    """
SELECT seq, dependency_mode, phase FROM jobs
 WHERE workflow_id = :workflow_id AND status = 'cancelled' AND cancelled_by_parent = 1
   AND NOT EXISTS (SELECT 1 FROM workflows
                    WHERE id = :workflow_id
                      AND (cancel_requested_at_ms IS NOT NULL OR failed_step IS NOT NULL
                           OR ended_as IS NOT NULL))"""
    + VISIBLE
    + " ORDER BY step_position",
)

# The statuses that the parents of those steps would have if all of these steps came back. Parents
# with equal values are one row.
STANDING_IF_BACK: Final = Statement(
    JobStandingRow,
    f"""
SELECT DISTINCT edges.job, edges.is_link, edges.condition,
       CASE WHEN parents.seq IN (SELECT value FROM json_each(:steps)) THEN 'pending'
            ELSE {STATUS_OF_PARENT} END AS status
  FROM json_each(:steps) AS back CROSS JOIN job_dependencies AS edges ON edges.job = back.value
                                 CROSS JOIN jobs AS parents ON parents.seq = edges.parent
""",
)

EDGES_OF_CANCELLED: Final = Statement(
    EdgeRow,
    f"""
SELECT edges.job, edges.parent, edges.is_link, edges.condition, {STATUS_OF_PARENT} AS status
  FROM jobs AS steps CROSS JOIN job_dependencies AS edges ON edges.job = steps.seq
                     CROSS JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE steps.workflow_id = :workflow_id AND steps.status = 'cancelled'
   AND steps.cancelled_by_parent = 1
""",
)

# -- running a workflow again -------------------------------------------------------------

# Index jobs_of_workflow for the named steps, then job_dependents: the steps, and all steps of their
# workflow that depend on them, directly or not.
STEPS_AFTER: Final = Statement(
    StepAfterRow,
    """
WITH RECURSIVE after (job) AS (
    SELECT seq FROM jobs
     WHERE workflow_id = :workflow_id AND step_key IN (SELECT value FROM json_each(:keys))
    UNION
    SELECT children.seq
      FROM after CROSS JOIN job_dependencies AS edges ON edges.parent = after.job
                 CROSS JOIN jobs AS children ON children.seq = edges.job
     WHERE children.workflow_id = :workflow_id)
SELECT seq, step_key, status, dependency_mode, result_bytes,
       EXISTS (SELECT 1 FROM step_states WHERE job = seq AND items_stored > 0) AS has_items
  FROM after CROSS JOIN jobs ON jobs.seq = after.job
 WHERE workflow_id IS NOT NULL"""
    + VISIBLE
    + " ORDER BY step_position",
)

# -- before a job is deleted ---------------------------------------------------------------

# These four are about the dependents up to `last`: index job_dependents.

# The dependents that would wait for ever once the parent is deleted.
WAITING_DEPENDENTS: Final = Statement(
    WaitingRow,
    """
SELECT edges.job,
       (SELECT count(*) FROM job_dependencies AS above WHERE above.job = edges.job) AS edges
  FROM job_dependencies AS edges CROSS JOIN jobs AS children ON children.seq = edges.job
 WHERE edges.parent = :job AND edges.job <= :last AND children.dependencies_met = 0
   AND children.status IN ('pending', 'scheduled')
 GROUP BY edges.job ORDER BY edges.job LIMIT :limit
""",
)

# A job that waited for any of several parents, and was satisfied by this one, must not be cancelled
# when the others fail.
RELEASE_FOR_GOOD: Final = """
DELETE FROM job_dependencies
 WHERE is_link = 0 AND job IN (
       SELECT children.seq
         FROM job_dependencies AS edges CROSS JOIN jobs AS children ON children.seq = edges.job
                                        CROSS JOIN jobs AS parents ON parents.seq = edges.parent
        WHERE edges.parent = :job AND edges.job <= :last AND edges.is_link = 0
          AND children.dependency_mode = 'any' AND children.dependencies_met = 1
          AND children.status IN ('pending', 'scheduled')
          AND CASE edges.condition
              WHEN 'success' THEN parents.status = 'completed'
              WHEN 'failure' THEN parents.status IN ('failed', 'deadletter')
              ELSE 1 END)
"""

# A job that waits for any of several parents may still come back because of another one.
CANCEL_FOR_GOOD: Final = """
UPDATE jobs
   SET cancelled_by_parent = 0
 WHERE seq IN (
       SELECT children.seq
         FROM job_dependencies AS edges CROSS JOIN jobs AS children ON children.seq = edges.job
                                        CROSS JOIN jobs AS parents ON parents.seq = edges.parent
        WHERE edges.parent = :job AND edges.job <= :last AND children.cancelled_by_parent = 1
          AND (edges.is_link OR children.dependency_mode IS NOT 'any')
          AND CASE edges.condition
              WHEN 'success' THEN parents.status <> 'completed'
              WHEN 'failure' THEN parents.status NOT IN ('failed', 'deadletter')
              ELSE 0 END)
"""

LET_GO: Final = """
DELETE FROM job_dependencies
 WHERE parent = :job AND job <= :last AND job NOT IN (SELECT value FROM json_each(:gone))
"""
