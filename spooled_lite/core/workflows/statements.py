"""Every statement about workflows, and about which job waits for which."""

from typing import Final

from spooled_lite.core.jobs.columns import OF_STEP
from spooled_lite.core.jobs.statements import VISIBLE, inserting
from spooled_lite.storage.statement import Value

# The primary key of job_dependencies, in its order.
PARENTS: Final = """
SELECT parents.id, parents.queue_name, parents.status, edges.condition
  FROM job_dependencies AS edges JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.job = :job AND edges.is_link = 0
 ORDER BY edges.parent LIMIT :limit
"""

# Index job_dependents, in its order.
CHILDREN: Final = """
SELECT children.id, children.queue_name, children.status, children.dependency_mode, edges.condition
  FROM job_dependencies AS edges JOIN jobs AS children ON children.seq = edges.job
 WHERE edges.parent = :job AND edges.is_link = 0
 ORDER BY edges.job LIMIT :limit
"""

# Index jobs_by_id, once for each id asked for. Without CROSS, SQLite 3.40 begins with all jobs of
# the organization.
FIND: Final = (
    """
SELECT jobs.seq, jobs.id, queue_name
  FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org"""
    + VISIBLE
)

# Walks up from a parent: would the job find itself among the parents of its parents?
REACHES: Final = """
WITH RECURSIVE above (job) AS (
    SELECT :start
    UNION
    SELECT parent FROM above JOIN job_dependencies ON job_dependencies.job = above.job
    LIMIT :limit)
SELECT count(*) AS seen, max(job = :goal) AS found FROM above
"""

ADD_EDGE: Final = """
INSERT INTO job_dependencies (job, parent) VALUES (:job, :parent) ON CONFLICT DO NOTHING
"""

COUNT_EDGES: Final = "SELECT count(*) FROM job_dependencies WHERE job = :job"

SET_MODE: Final = "UPDATE jobs SET dependency_mode = :mode WHERE seq = :seq"

# -- workflows -------------------------------------------------------------------------------

INSERT: Final = """
INSERT INTO workflows (id, org, name, description, status, total_jobs, waiting_jobs,
                       created_at_ms, updated_at_ms)
VALUES (:id, :org, :name, :description, 'pending', :total_jobs, :total_jobs, :now_ms, :now_ms)
RETURNING *
"""

ADD_METADATA: Final = """
INSERT INTO workflow_metadata (workflow, metadata) VALUES (:workflow, :metadata)
"""

METADATA: Final = Value(bytes, "SELECT metadata FROM workflow_metadata WHERE workflow = :seq")

INSERT_STEP: Final = inserting(OF_STEP)

# The edges of so many steps. SQLite keeps a copy of every page that a statement changes, and those
# of all steps lie on the same ones: a statement for each step would take a third longer where many
# wait for the same, one for each edge twice as long.
STEPS_AT_ONCE: Final = 50

INSERT_EDGES: Final = "INSERT INTO job_dependencies (job, parent, condition) " + " UNION ALL ".join(
    ["SELECT ?, value, ? FROM json_each(?)"] * STEPS_AT_ONCE
)

BY_ID: Final = "SELECT * FROM workflows WHERE id = :id AND org = :org"

# -- what a limited key may see: index jobs_of_workflow ------------------------------------------

_OUTSIDE: Final = (
    """ (SELECT 1 FROM jobs
        WHERE workflow_id = workflows.id
          AND queue NOT IN (SELECT value FROM json_each(:queues))"""
    + VISIBLE
    + ")"
)

IS_OUTSIDE: Final = "SELECT EXISTS" + _OUTSIDE + " FROM workflows WHERE id = :id"

# Indexes workflows_newest and workflows_by_status. With `queues` NULL nothing is left out.
_LISTED: Final = """workflows.*, NULL AS metadata,
       (SELECT length(metadata) FROM workflow_metadata WHERE workflow = workflows.seq)
           AS size_bytes"""

LIST: Final = (
    f"SELECT {_LISTED} FROM workflows WHERE org = :org AND (:queues IS NULL OR NOT EXISTS"
    + _OUTSIDE
    + ") ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset"
)

LIST_OF_STATUS: Final = (
    f"SELECT {_LISTED} FROM workflows WHERE org = :org AND status = :status"
    " AND (:queues IS NULL OR NOT EXISTS"
    + _OUTSIDE
    + ") ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset"
)

# -- steps: index jobs_of_workflow, in its order -------------------------------------------------

STEPS: Final = (
    "SELECT * FROM jobs WHERE workflow_id = :workflow_id"
    + VISIBLE
    + " ORDER BY step_position LIMIT :limit OFFSET :offset"
)

# What the list of their statuses shows.
STEP_STATUSES: Final = (
    "SELECT seq, id, step_key, status, retry_count, last_error FROM jobs"
    " WHERE workflow_id = :workflow_id" + VISIBLE + " ORDER BY step_position LIMIT :limit"
)

FAILED_STEP: Final = (
    "SELECT step_key, last_error FROM jobs"
    " WHERE workflow_id = :workflow_id AND status IN ('failed', 'deadletter')"
    + VISIBLE
    + " ORDER BY step_position LIMIT 1"
)

STEP: Final = "SELECT * FROM jobs WHERE id = :id AND org = :org AND workflow_id = :workflow_id" + (
    VISIBLE
)

# What those steps wait for, in their order; of each in the order of the primary key of
# job_dependencies. The parents may be jobs of nobody's workflow: added later.
EDGES_OF_STEPS: Final = """
SELECT edges.job, edges.condition, parents.id AS parent_id,
       CASE WHEN parents.workflow_id = :workflow_id THEN parents.step_key END AS parent_key
  FROM json_each(:steps) AS shown CROSS JOIN job_dependencies AS edges ON edges.job = shown.value
                                  CROSS JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.is_link = 0
"""

# -- the results of the parents of a claimed step ------------------------------------------------

RESULTS_BYTES: Final = """
SELECT coalesce(sum(coalesce(parents.result_bytes, length(parents.result))), 0) AS bytes
  FROM job_dependencies AS edges JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.job = :job AND edges.is_link = 0 AND parents.workflow_id = :workflow_id
"""

RESULTS: Final = """
SELECT parents.step_key, coalesce(parents.result, bodies.body) AS result, bodies.checksum
  FROM job_dependencies AS edges
  JOIN jobs AS parents ON parents.seq = edges.parent
  LEFT JOIN job_bodies AS bodies ON bodies.job = parents.seq AND bodies.which = 'result'
 WHERE edges.job = :job AND edges.is_link = 0 AND parents.workflow_id = :workflow_id
 ORDER BY edges.parent
"""

# -- what becomes of a workflow ---------------------------------------------------------------

COUNT_STEPS: Final = """
UPDATE workflows
   SET waiting_jobs = waiting_jobs + :waiting, processing_jobs = processing_jobs + :processing,
       completed_jobs = completed_jobs + :completed, failed_jobs = failed_jobs + :failed,
       cancelled_jobs = cancelled_jobs + :cancelled, updated_at_ms = :now_ms
 WHERE id = :id
RETURNING *
"""

SET_STATUS: Final = """
UPDATE workflows
   SET status = :status, updated_at_ms = :now_ms,
       started_at_ms = CASE WHEN :status = 'running' THEN coalesce(started_at_ms, :now_ms)
                            ELSE started_at_ms END,
       completed_at_ms = CASE WHEN :has_ended THEN :now_ms END
 WHERE seq = :seq
RETURNING *
"""

REQUEST_CANCEL: Final = """
UPDATE workflows
   SET cancel_requested_at_ms = :now_ms, cancel_reason = :reason, updated_at_ms = :now_ms
 WHERE seq = :seq
"""

# Index jobs_of_workflow, as those that follow.
WAITING_STEPS: Final = (
    """
SELECT id, status,
       EXISTS (SELECT 1 FROM job_dependencies AS edges JOIN jobs AS children
                          ON children.seq = edges.job
                WHERE edges.parent = jobs.seq AND children.workflow_id IS NOT :workflow_id)
           AS is_needed_elsewhere
  FROM jobs
 WHERE workflow_id = :workflow_id AND status IN ('pending', 'scheduled')"""
    + VISIBLE
    + " ORDER BY step_position"
)

FAILED_STEPS: Final = (
    """
SELECT seq, status FROM jobs
 WHERE workflow_id = :workflow_id AND status IN ('failed', 'deadletter')"""
    + VISIBLE
    + " ORDER BY step_position"
)

# None of a workflow that was cancelled by a call: that is final.
CANCELLED_STEPS: Final = (
    """
SELECT seq, dependency_mode FROM jobs
 WHERE workflow_id = :workflow_id AND status = 'cancelled' AND cancelled_by_parent = 1
   AND NOT EXISTS (SELECT 1 FROM workflows
                    WHERE id = :workflow_id AND cancel_requested_at_ms IS NOT NULL)"""
    + VISIBLE
    + " ORDER BY step_position"
)

# How the parents of those steps would stand with all of the steps back; of parents that stand alike
# one is enough.
STANDING_IF_BACK: Final = """
SELECT DISTINCT edges.job, edges.is_link, edges.condition,
       CASE WHEN parents.seq IN (SELECT value FROM json_each(:steps)) THEN 'pending'
            ELSE parents.status END AS status
  FROM json_each(:steps) AS back CROSS JOIN job_dependencies AS edges ON edges.job = back.value
                                 CROSS JOIN jobs AS parents ON parents.seq = edges.parent
"""

EDGES_OF_CANCELLED: Final = """
SELECT edges.job, edges.parent, edges.is_link, edges.condition, parents.status
  FROM jobs AS steps CROSS JOIN job_dependencies AS edges ON edges.job = steps.seq
                     CROSS JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE steps.workflow_id = :workflow_id AND steps.status = 'cancelled'
   AND steps.cancelled_by_parent = 1
"""

# A step that waits keeps what it waits for: nobody would tell it any more.
DELETE_EDGES_OF_WORKFLOW: Final = """
DELETE FROM job_dependencies
 WHERE is_link = 0
   AND job IN (SELECT seq FROM jobs
                WHERE workflow_id = :workflow_id AND status NOT IN ('pending', 'scheduled'))
"""

LET_STEPS_GO: Final = "UPDATE jobs SET workflow_id = NULL WHERE workflow_id = :workflow_id"

DELETE: Final = "DELETE FROM workflows WHERE seq = :seq"

# Index workflows_by_completion, from where the last pass stopped. A workflow goes with the last of
# its jobs; dead letters keep theirs.
OLD: Final = """
SELECT seq, completed_at_ms,
       coalesce((SELECT length(metadata) FROM workflow_metadata WHERE workflow = seq), 0)
           AS size_bytes,
       EXISTS (SELECT 1 FROM jobs WHERE jobs.workflow_id = workflows.id) AS is_needed
  FROM workflows
 WHERE org = :org AND completed_at_ms < :completed_before_ms
   AND (completed_at_ms, seq) > (:after_ms, :after_seq)
 ORDER BY completed_at_ms, seq LIMIT :limit
"""

# -- for `check`: it looks at every workflow and all their steps. Index jobs_of_workflow ---------

ALL_WITH_FOUND: Final = """
SELECT workflows.*,
       count(*) FILTER (WHERE steps.status IN ('pending', 'scheduled')) AS waiting_found,
       count(*) FILTER (WHERE steps.status = 'processing') AS processing_found,
       count(*) FILTER (WHERE steps.status = 'completed') AS completed_found,
       count(*) FILTER (WHERE steps.status IN ('failed', 'deadletter')) AS failed_found,
       count(*) FILTER (WHERE steps.status = 'cancelled') AS cancelled_found
  FROM workflows LEFT JOIN jobs AS steps ON steps.workflow_id = workflows.id
 GROUP BY workflows.seq
"""

# What REFERENCES would refuse if the table had it for the waiting job as it has for the parent.
ORPHANED_EDGES: Final = """
SELECT job, parent FROM job_dependencies
 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.seq = job_dependencies.job)
 LIMIT :limit
"""

# -- for an administrator: over all organizations ------------------------------------------------

OF_ALL_ORGS: Final = f"""
SELECT {_LISTED}, organizations.id AS org_id
  FROM workflows CROSS JOIN organizations ON organizations.seq = workflows.org
 WHERE organizations.deleted_at_ms IS NULL
   AND (:status IS NULL OR workflows.status = :status)
 ORDER BY workflows.seq DESC LIMIT :limit OFFSET :offset
"""

COUNT_UNFINISHED: Final = """
SELECT (SELECT count(*) FROM workflows WHERE org = :org AND status = 'pending')
     + (SELECT count(*) FROM workflows WHERE org = :org AND status = 'running')
"""
