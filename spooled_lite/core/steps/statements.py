"""Every statement about who waits for a job: telling them, and letting go of them."""

from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.storage.statement import Statement

HAS_DEPENDENTS: Final = "SELECT 1 FROM job_dependencies WHERE parent = :job LIMIT 1"

# Index job_dependents, from where the last pass stopped.
DEPENDENTS: Final = """
SELECT DISTINCT job FROM job_dependencies WHERE parent = :job AND job > :told_job
 ORDER BY job LIMIT :limit
"""

NEXT_CASCADE: Final = "SELECT job, told_job FROM job_cascades ORDER BY job LIMIT 1"

# Those before have been told of the status as it is now.
KEEP_CASCADE: Final = """
INSERT INTO job_cascades (job, told_job) VALUES (:job, :told_job)
    ON CONFLICT (job) DO UPDATE SET told_job = :told_job
"""

END_CASCADE: Final = "DELETE FROM job_cascades WHERE job = :job"

# The primary key of job_dependencies; how each parent of a job stands.
EDGES: Final = """
SELECT edges.parent, edges.is_link, edges.condition, parents.status
  FROM job_dependencies AS edges JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.job = :job
"""

# The same for many jobs at once; of parents that stand alike one is enough.
DISTINCT_EDGES: Final = """
SELECT DISTINCT edges.job, edges.is_link, edges.condition, parents.status
  FROM json_each(:jobs) AS told CROSS JOIN job_dependencies AS edges ON edges.job = told.value
                                CROSS JOIN jobs AS parents ON parents.seq = edges.parent
"""

_STANDING: Final = "jobs.seq, status, dependency_mode, cancelled_by_parent, workflow_id"

BY_SEQ: Final = f"SELECT {_STANDING} FROM jobs WHERE seq = :seq" + VISIBLE

# Whom it may concern how their parents stand, in the order of the numbers.
CHANGEABLE: Final = (
    f"SELECT {_STANDING}"
    + """
  FROM json_each(:jobs) AS told CROSS JOIN jobs ON jobs.seq = told.value
 WHERE (status IN ('pending', 'scheduled') OR cancelled_by_parent = 1)"""
    + VISIBLE
)

SET_DEPENDENCIES_MET: Final = """
UPDATE jobs
   SET dependencies_met = :met, updated_at_ms = :now_ms,
       claimable = (:met AND status = 'pending' AND run_at_ms IS NULL)
 WHERE seq IN (SELECT value FROM json_each(:jobs))
   AND status IN ('pending', 'scheduled') AND dependencies_met IS NOT :met
RETURNING org, queue_name, claimable
"""

CANCEL_BY_PARENT: Final = """
UPDATE jobs
   SET status = 'cancelled', claimable = 0, run_at_ms = NULL, completed_at_ms = :now_ms,
       updated_at_ms = :now_ms, dependencies_met = 0, cancelled_by_parent = 1,
       last_error = :error
 WHERE seq = :seq AND status IN ('pending', 'scheduled')
RETURNING *
"""

REVIVE: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = CASE WHEN scheduled_at_ms > :now_ms THEN 'scheduled' ELSE 'pending' END,
       run_at_ms = CASE WHEN scheduled_at_ms > :now_ms THEN scheduled_at_ms END,
       claimable = (:met AND (scheduled_at_ms IS NULL OR scheduled_at_ms <= :now_ms)),
       dependencies_met = :met, cancelled_by_parent = 0, last_error = NULL,
       completed_at_ms = NULL, updated_at_ms = :now_ms
 WHERE seq = :seq AND status = 'cancelled' AND cancelled_by_parent = 1
RETURNING *
""",
)

# -- before a job is deleted ---------------------------------------------------------------

# Each for the dependents up to `last`. Index job_dependents, as those that follow.

# Who would wait for ever if the parent were gone.
WAITING_DEPENDENTS: Final = """
SELECT edges.job,
       (SELECT count(*) FROM job_dependencies AS above WHERE above.job = edges.job) AS edges
  FROM job_dependencies AS edges CROSS JOIN jobs AS children ON children.seq = edges.job
 WHERE edges.parent = :job AND edges.job <= :last AND children.dependencies_met = 0
   AND children.status IN ('pending', 'scheduled')
 GROUP BY edges.job ORDER BY edges.job LIMIT :limit
"""

# A job that waited for any of several, and got what it needed from this one, must not be cancelled
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

# Whoever waited for any of several may still come back because of another one.
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
