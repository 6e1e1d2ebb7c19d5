"""Every statement about workflows, and about which job waits for which."""

from typing import Final

from spooled_lite.core.jobs.columns import OF_STEP, JobRow
from spooled_lite.core.jobs.statements import VISIBLE, inserting
from spooled_lite.core.workflows.columns import (
    ChildRow,
    CountedWorkflowRow,
    FailedStepRow,
    FoundJobRow,
    ListedWorkflowRow,
    OldWorkflowRow,
    OrphanedEdgeRow,
    ParentResultRow,
    ParentRow,
    ReachRow,
    SettledStepRow,
    ShownEdgeRow,
    StepStatusRow,
    WaitingStepRow,
    WorkflowOfAnyOrgRow,
    WorkflowRow,
)
from spooled_lite.storage.statement import Statement, Value

# The primary key of job_dependencies, in its order.
PARENTS: Final = Statement(
    ParentRow,
    """
SELECT parents.id, parents.queue_name, parents.status, edges.condition
  FROM job_dependencies AS edges JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.job = :job AND edges.is_link = 0
 ORDER BY edges.parent LIMIT :limit
""",
)

# Index job_dependents, in its order.
CHILDREN: Final = Statement(
    ChildRow,
    """
SELECT children.id, children.queue_name, children.status, children.dependency_mode, edges.condition
  FROM job_dependencies AS edges JOIN jobs AS children ON children.seq = edges.job
 WHERE edges.parent = :job AND edges.is_link = 0
 ORDER BY edges.job LIMIT :limit
""",
)

# Index jobs_by_id, once for each id asked for. Without CROSS, SQLite 3.40 begins with all jobs of
# the organization.
FIND: Final = Statement(
    FoundJobRow,
    """
SELECT jobs.seq, jobs.id, queue_name
  FROM json_each(:ids) AS asked CROSS JOIN jobs ON jobs.id = asked.value
 WHERE jobs.org = :org"""
    + VISIBLE,
)

# Walks up from a parent: is the job itself among the parents of that parent?
REACHES: Final = Statement(
    ReachRow,
    """
WITH RECURSIVE above (job) AS (
    SELECT :start
    UNION
    SELECT parent FROM above JOIN job_dependencies ON job_dependencies.job = above.job
    LIMIT :limit)
SELECT count(*) AS seen, max(job = :goal) AS found FROM above
""",
)

ADD_EDGE: Final = """
INSERT INTO job_dependencies (job, parent) VALUES (:job, :parent) ON CONFLICT DO NOTHING
"""

COUNT_EDGES: Final = Value(int, "SELECT count(*) FROM job_dependencies WHERE job = :job")

SET_MODE: Final = "UPDATE jobs SET dependency_mode = :mode WHERE seq = :seq"

# -- workflows -------------------------------------------------------------------------------

INSERT: Final = Statement(
    WorkflowRow,
    """
INSERT INTO workflows (id, org, name, description, status, total_jobs, waiting_jobs,
                       created_at_ms, updated_at_ms)
VALUES (:id, :org, :name, :description, 'pending', :total_jobs, :total_jobs, :now_ms, :now_ms)
RETURNING *
""",
)

ADD_METADATA: Final = """
INSERT INTO workflow_metadata (workflow, metadata) VALUES (:workflow, :metadata)
"""

METADATA: Final = Value(bytes, "SELECT metadata FROM workflow_metadata WHERE workflow = :seq")

INSERT_STEP: Final = inserting(OF_STEP)

# The edges of this many steps are inserted by one statement. SQLite copies every page that a
# statement changes, and the edges of all steps lie on the same pages: with one statement for each
# step, a workflow whose steps share their parents took a third longer; with one for each edge,
# twice as long.
STEPS_AT_ONCE: Final = 50

INSERT_EDGES: Final = "INSERT INTO job_dependencies (job, parent, condition) " + " UNION ALL ".join(
    ["SELECT ?, value, ? FROM json_each(?)"] * STEPS_AT_ONCE
)

BY_ID: Final = Statement(WorkflowRow, "SELECT * FROM workflows WHERE id = :id AND org = :org")

# -- what a key with a queue scope may see: index jobs_of_workflow ------------------------------

_OUTSIDE: Final = (
    """ (SELECT 1 FROM jobs
        WHERE workflow_id = workflows.id
          AND queue NOT IN (SELECT value FROM json_each(:queues))"""
    + VISIBLE
    + ")"
)

IS_OUTSIDE: Final = Value(int, "SELECT EXISTS" + _OUTSIDE + " FROM workflows WHERE id = :id")

# Indexes workflows_newest and workflows_by_status. If `queues` is NULL, all are listed.
_LISTED: Final = """workflows.seq, workflows.id, workflows.org, workflows.name,
       workflows.description, workflows.status, total_jobs, waiting_jobs, processing_jobs,
       completed_jobs, failed_jobs, cancelled_jobs, workflows.created_at_ms,
       workflows.updated_at_ms, started_at_ms, completed_at_ms, cancel_requested_at_ms,
       cancel_reason, NULL AS metadata,
       (SELECT length(metadata) FROM workflow_metadata WHERE workflow = workflows.seq)
           AS size_bytes"""

LIST: Final = Statement(
    ListedWorkflowRow,
    f"SELECT {_LISTED} FROM workflows WHERE org = :org AND (:queues IS NULL OR NOT EXISTS"
    + _OUTSIDE
    + ") ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset",
)

LIST_OF_STATUS: Final = Statement(
    ListedWorkflowRow,
    f"SELECT {_LISTED} FROM workflows WHERE org = :org AND status = :status"
    " AND (:queues IS NULL OR NOT EXISTS"
    + _OUTSIDE
    + ") ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset",
)

# -- steps: index jobs_of_workflow, in its order -------------------------------------------------

STEPS: Final = Statement(
    JobRow,
    "SELECT * FROM jobs WHERE workflow_id = :workflow_id"
    + VISIBLE
    + " ORDER BY step_position LIMIT :limit OFFSET :offset",
)

STEP_STATUSES: Final = Statement(
    StepStatusRow,
    "SELECT seq, id, step_key, status, retry_count, last_error FROM jobs"
    " WHERE workflow_id = :workflow_id" + VISIBLE + " ORDER BY step_position LIMIT :limit",
)

FAILED_STEP: Final = Statement(
    FailedStepRow,
    "SELECT step_key, last_error FROM jobs"
    " WHERE workflow_id = :workflow_id AND status IN ('failed', 'deadletter')"
    + VISIBLE
    + " ORDER BY step_position LIMIT 1",
)

STEP: Final = Statement(
    JobRow,
    "SELECT * FROM jobs WHERE id = :id AND org = :org AND workflow_id = :workflow_id" + VISIBLE,
)

# What those steps wait for, in the order of the steps, then of the primary key of
# job_dependencies. A parent that was added later need not be a step of this workflow.
EDGES_OF_STEPS: Final = Statement(
    ShownEdgeRow,
    """
SELECT edges.job, edges.condition, parents.id AS parent_id,
       CASE WHEN parents.workflow_id = :workflow_id THEN parents.step_key END AS parent_key
  FROM json_each(:steps) AS shown CROSS JOIN job_dependencies AS edges ON edges.job = shown.value
                                  CROSS JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.is_link = 0
""",
)

# -- the results of the parents of a claimed step ------------------------------------------------

RESULTS_BYTES: Final = Value(
    int,
    """
SELECT coalesce(sum(coalesce(parents.result_bytes, length(parents.result))), 0) AS bytes
  FROM job_dependencies AS edges JOIN jobs AS parents ON parents.seq = edges.parent
 WHERE edges.job = :job AND edges.is_link = 0 AND parents.workflow_id = :workflow_id
""",
)

RESULTS: Final = Statement(
    ParentResultRow,
    """
SELECT parents.step_key, coalesce(parents.result, bodies.body) AS result, bodies.checksum
  FROM job_dependencies AS edges
  JOIN jobs AS parents ON parents.seq = edges.parent
  LEFT JOIN job_bodies AS bodies ON bodies.job = parents.seq AND bodies.which = 'result'
 WHERE edges.job = :job AND edges.is_link = 0 AND parents.workflow_id = :workflow_id
 ORDER BY edges.parent
""",
)

# -- how a workflow changes ---------------------------------------------------------------------

COUNT_STEPS: Final = Statement(
    WorkflowRow,
    """
UPDATE workflows
   SET waiting_jobs = waiting_jobs + :waiting, processing_jobs = processing_jobs + :processing,
       completed_jobs = completed_jobs + :completed, failed_jobs = failed_jobs + :failed,
       cancelled_jobs = cancelled_jobs + :cancelled, updated_at_ms = :now_ms
 WHERE id = :id
RETURNING *
""",
)

SET_STATUS: Final = Statement(
    WorkflowRow,
    """
UPDATE workflows
   SET status = :status, updated_at_ms = :now_ms,
       started_at_ms = CASE WHEN :status = 'running' THEN coalesce(started_at_ms, :now_ms)
                            ELSE started_at_ms END,
       completed_at_ms = CASE WHEN :has_ended THEN :now_ms END
 WHERE seq = :seq
RETURNING *
""",
)

REQUEST_CANCEL: Final = """
UPDATE workflows
   SET cancel_requested_at_ms = :now_ms, cancel_reason = :reason, updated_at_ms = :now_ms
 WHERE seq = :seq
"""

# Index jobs_of_workflow, as those that follow.
WAITING_STEPS: Final = Statement(
    WaitingStepRow,
    """
SELECT id, status,
       EXISTS (SELECT 1 FROM job_dependencies AS edges JOIN jobs AS children
                          ON children.seq = edges.job
                WHERE edges.parent = jobs.seq AND children.workflow_id IS NOT :workflow_id)
           AS is_needed_elsewhere
  FROM jobs
 WHERE workflow_id = :workflow_id AND status IN ('pending', 'scheduled')"""
    + VISIBLE
    + " ORDER BY step_position",
)

FAILED_STEPS: Final = Statement(
    SettledStepRow,
    """
SELECT seq, status FROM jobs
 WHERE workflow_id = :workflow_id AND status IN ('failed', 'deadletter')"""
    + VISIBLE
    + " ORDER BY step_position",
)

# A step that still waits keeps its edges: without them it would wait for ever.
DELETE_EDGES_OF_WORKFLOW: Final = """
DELETE FROM job_dependencies
 WHERE is_link = 0
   AND job IN (SELECT seq FROM jobs
                WHERE workflow_id = :workflow_id AND status NOT IN ('pending', 'scheduled'))
"""

LET_STEPS_GO: Final = "UPDATE jobs SET workflow_id = NULL WHERE workflow_id = :workflow_id"

DELETE: Final = "DELETE FROM workflows WHERE seq = :seq"

# Index workflows_by_completion, from where the last pass stopped. A workflow stays as long as it
# has a job, dead letters included.
OLD: Final = Statement(
    OldWorkflowRow,
    """
SELECT seq, completed_at_ms,
       coalesce((SELECT length(metadata) FROM workflow_metadata WHERE workflow = seq), 0)
           AS size_bytes,
       EXISTS (SELECT 1 FROM jobs WHERE jobs.workflow_id = workflows.id) AS is_needed
  FROM workflows
 WHERE org = :org AND completed_at_ms < :completed_before_ms
   AND (completed_at_ms, seq) > (:after_ms, :after_seq)
 ORDER BY completed_at_ms, seq LIMIT :limit
""",
)

# -- for `check`, which looks at every workflow and all its steps. Index jobs_of_workflow ---------

ALL_WITH_FOUND: Final = Statement(
    CountedWorkflowRow,
    """
SELECT workflows.*,
       count(*) FILTER (WHERE steps.status IN ('pending', 'scheduled')) AS waiting_found,
       count(*) FILTER (WHERE steps.status = 'processing') AS processing_found,
       count(*) FILTER (WHERE steps.status = 'completed') AS completed_found,
       count(*) FILTER (WHERE steps.status IN ('failed', 'deadletter')) AS failed_found,
       count(*) FILTER (WHERE steps.status = 'cancelled') AS cancelled_found
  FROM workflows LEFT JOIN jobs AS steps ON steps.workflow_id = workflows.id
 GROUP BY workflows.seq
""",
)

# Edges of jobs that do not exist: a foreign key on `job` would refuse them.
ORPHANED_EDGES: Final = Statement(
    OrphanedEdgeRow,
    """
SELECT job, parent FROM job_dependencies
 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.seq = job_dependencies.job)
 LIMIT :limit
""",
)

# -- for an administrator: over all organizations ------------------------------------------------

OF_ALL_ORGS: Final = Statement(
    WorkflowOfAnyOrgRow,
    f"""
SELECT {_LISTED}, organizations.id AS org_id
  FROM workflows CROSS JOIN organizations ON organizations.seq = workflows.org
 WHERE organizations.deleted_at_ms IS NULL
   AND (:status IS NULL OR workflows.status = :status)
 ORDER BY workflows.seq DESC LIMIT :limit OFFSET :offset
""",
)

COUNT_UNFINISHED: Final = Value(
    int,
    """
SELECT (SELECT count(*) FROM workflows WHERE org = :org AND status = 'pending')
     + (SELECT count(*) FROM workflows WHERE org = :org AND status = 'running')
""",
)
