"""Every statement about steps of documents that are activated, and about what they give."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.core.steps.columns import (
    DependentRow,
    OutputStepRow,
    ReleasedRow,
    ResolvedStepRow,
)
from spooled_lite.core.steps.statements import STANDING
from spooled_lite.storage.statement import Statement, Value

ADD_STATE: Final = "INSERT INTO step_states (job, org) VALUES (:job, :org)"

# Those of the steps that wait, in the order of their numbers.
RESOLVED: Final = Statement(
    ResolvedStepRow,
    """
SELECT jobs.seq, org, status, workflow_id, step_position,
       coalesce((SELECT is_signalled FROM step_states WHERE job = jobs.seq), 0) AS is_signalled
  FROM json_each(:steps) AS resolved CROSS JOIN jobs ON jobs.seq = resolved.value
 WHERE status IN ('pending', 'scheduled') AND dependencies_met = 0"""
    + VISIBLE,
)

LET_WAIT_FOR_SIGNAL: Final = """
UPDATE jobs SET state = 'waiting_for_signal', updated_at_ms = :now_ms
 WHERE seq IN (SELECT value FROM json_each(:steps))
"""

ACTIVATE: Final = Statement(
    ReleasedRow,
    """
UPDATE jobs
   SET dependencies_met = 1, state = NULL, updated_at_ms = :now_ms,
       claimable = (status = 'pending' AND run_at_ms IS NULL)
 WHERE seq IN (SELECT value FROM json_each(:steps)) AND status IN ('pending', 'scheduled')
RETURNING org, queue_name, claimable
""",
)

# As a job that waits for another attempt: it is pending, and nobody gets it before.
DELAY: Final = """
UPDATE jobs SET scheduled_at_ms = :at_ms, run_at_ms = :at_ms
 WHERE seq = :step AND status = 'pending'
"""

DECIDE_LATER: Final = """
INSERT INTO step_states (job, org, work)
SELECT jobs.seq, jobs.org, 'decide' FROM json_each(:steps) JOIN jobs ON jobs.seq = json_each.value
 WHERE true
    ON CONFLICT (job) DO UPDATE SET work = 'decide'
"""

SKIP: Final = Statement(
    JobRow,
    """
UPDATE jobs
   SET status = 'completed', state = 'skipped', claimable = 0, run_at_ms = NULL,
       dependencies_met = 1, completed_at_ms = :now_ms, updated_at_ms = :now_ms
 WHERE seq IN (SELECT value FROM json_each(:steps)) AND status IN ('pending', 'scheduled')
RETURNING *
""",
)

# Index job_dependents. What has ended stays as it is.
DEPENDENTS_IN_WORKFLOW: Final = Statement(
    DependentRow,
    f"""
SELECT {STANDING}
  FROM json_each(:steps) AS told CROSS JOIN job_dependencies AS edges ON edges.parent = told.value
                                 CROSS JOIN jobs ON jobs.seq = edges.job
 WHERE workflow_id IN (SELECT value FROM json_each(:workflows))
   AND status IN ('pending', 'scheduled')"""
    + VISIBLE,
)

# Marks those of the steps that jobs outside of these workflows wait for.
MARK_CASCADES_OUTSIDE: Final = """
INSERT INTO job_cascades (job)
SELECT told.value FROM json_each(:steps) AS told
 WHERE EXISTS (SELECT 1 FROM job_dependencies AS edges JOIN jobs ON jobs.seq = edges.job
                WHERE edges.parent = told.value
                  AND (jobs.workflow_id IS NULL
                       OR jobs.workflow_id NOT IN (SELECT value FROM json_each(:workflows))))
    ON CONFLICT (job) DO UPDATE SET told_up_to = 0
"""

# -- conditions look at these --------------------------------------------------------------------

SIGNAL: Final = Value(bytes, "SELECT signal FROM step_states WHERE job = :job AND is_signalled = 1")

# -- outputs -------------------------------------------------------------------------------------


class ResultRow(TypedDict):
    result: bytes | None
    checksum: int | None  # of a result that stands apart from its job


RESULT: Final = Statement(
    ResultRow,
    """
SELECT coalesce(jobs.result, bodies.body) AS result, bodies.checksum
  FROM jobs LEFT JOIN job_bodies AS bodies ON bodies.job = jobs.seq AND bodies.which = 'result'
 WHERE jobs.seq = :seq
""",
)

# Index jobs_of_workflow. The first of the steps, in the order in which they are asked for, that was
# completed and not skipped; no row if there is none.
CANDIDATE: Final = Statement(
    OutputStepRow,
    """
SELECT seq, step_position, result, result_bytes, min(asked.key) AS place
  FROM json_each(:positions) AS asked
       CROSS JOIN jobs ON workflow_id = :workflow_id AND step_position = asked.value
 WHERE status = 'completed' AND state IS NOT 'skipped'
HAVING count(*) > 0
""",
)

# The same, of one step.
STEP_AT: Final = Value(
    int,
    """
SELECT seq FROM jobs
 WHERE workflow_id = :workflow_id AND step_position = :position AND status = 'completed'
   AND state IS NOT 'skipped'
""",
)

SET_OUTPUT: Final = """
INSERT INTO workflow_bodies (workflow, which, body) VALUES (:workflow, 'output', :body)
    ON CONFLICT (workflow, which) DO UPDATE SET body = :body
"""

END_WITHOUT_OUTPUT: Final = """
UPDATE workflows SET ended_as = 'failed', error_message = :error WHERE seq = :seq
"""
