"""Every statement about workflows and their steps, but not about what the steps wait for.

Those are in edge_statements.py.
"""

from typing import Final

from spooled_lite.core.jobs.columns import OF_STEP, OF_STEP_OF_DOCUMENT, JobRow
from spooled_lite.core.jobs.statements import VISIBLE, inserting
from spooled_lite.core.workflows.columns import (
    CountedWorkflowRow,
    FailedStepRow,
    ListedWorkflowRow,
    OldWorkflowRow,
    SettledStepRow,
    StepStatusRow,
    WaitingStepRow,
    WorkflowOfAnyOrgRow,
    WorkflowRow,
)
from spooled_lite.storage.statement import Statement, Value

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

ADD_BODY: Final = """
INSERT INTO workflow_bodies (workflow, which, body) VALUES (:workflow, :which, :body)
"""

BODY: Final = Value(
    bytes, "SELECT body FROM workflow_bodies WHERE workflow = :workflow AND which = :which"
)

SHORT_OUTPUT: Final = Value(
    bytes,
    "SELECT body FROM workflow_bodies"
    " WHERE workflow = :workflow AND which = 'output' AND length(body) < :bytes_max",
)

METADATA: Final = Value(bytes, "SELECT metadata FROM workflow_metadata WHERE workflow = :seq")

INSERT_STEP: Final = inserting(OF_STEP)

# -- a run of a document -------------------------------------------------------------------------

INSERT_RUN: Final = """
INSERT INTO workflows (id, org, name, description, status, total_jobs, waiting_jobs, created_at_ms,
                       updated_at_ms, document, flow_name, priority, concurrency_key, expires_at_ms)
VALUES (:id, :org, :name, :description, :status, :total_jobs, :waiting_jobs, :created_at_ms,
        :updated_at_ms, :document, :flow_name, :priority, :concurrency_key, :expires_at_ms)
"""

INSERT_STEP_OF_RUN: Final = inserting(OF_STEP_OF_DOCUMENT)

# Index workflows_by_concurrency_key.
HOLDING_KEY: Final = Statement(
    WorkflowRow,
    """
SELECT * FROM workflows
 WHERE org = :org AND coalesce(flow_name, '') = coalesce(:flow_name, '')
   AND concurrency_key = :concurrency_key AND status IN ('pending', 'running')
""",
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
       cancel_reason, document, flow_name, workflows.priority, workflows.concurrency_key,
       workflows.expires_at_ms, ended_as, completion_reason, error_message, failed_step,
       NULL AS metadata,
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

# -- how a workflow changes ---------------------------------------------------------------------

# For what has found the workflow through one of its steps.
OF_ONE_STEP: Final = Statement(WorkflowRow, "SELECT * FROM workflows WHERE id = :id")

# Every value is known: reading the rows back would cost as much as the update.
_KEEP_COUNTERS: Final = """
UPDATE workflows
   SET waiting_jobs = :waiting_jobs, processing_jobs = :processing_jobs,
       completed_jobs = :completed_jobs, failed_jobs = :failed_jobs,
       cancelled_jobs = :cancelled_jobs, updated_at_ms = :updated_at_ms"""
KEEP_COUNTERS: Final = f"{_KEEP_COUNTERS} WHERE seq = :seq"
KEEP_STATUS: Final = f"""{_KEEP_COUNTERS},
       status = :status, started_at_ms = :started_at_ms, completed_at_ms = :completed_at_ms
 WHERE seq = :seq
"""

REQUEST_CANCEL: Final = """
UPDATE workflows
   SET cancel_requested_at_ms = :now_ms, cancel_reason = :reason, updated_at_ms = :now_ms
 WHERE seq = :seq
"""

END_CANCEL: Final = """
UPDATE workflows SET cancel_requested_at_ms = NULL, cancel_reason = NULL WHERE id = :id
"""

# Index jobs_of_workflow, as those that follow.
WAITING_STEPS: Final = Statement(
    WaitingStepRow,
    """
SELECT seq, id, org, status, phase,
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
SELECT seq, status, phase FROM jobs
 WHERE workflow_id = :workflow_id AND status IN ('failed', 'deadletter')"""
    + VISIBLE
    + " ORDER BY step_position",
)

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
