"""Every statement about edges: which job depends on which."""

from typing import Final

from spooled_lite.core.jobs.statements import VISIBLE
from spooled_lite.core.workflows.columns import (
    ChildRow,
    FoundJobRow,
    OrphanedEdgeRow,
    ParentRow,
    ReachRow,
    ShownEdgeRow,
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
 WHERE jobs.org = :org AND kind <> 'message'"""
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

# -- the edges of workflows ----------------------------------------------------------------------

# The edges of this many steps are inserted by one statement. SQLite copies every page that a
# statement changes, and the edges of all steps lie on the same pages: with one statement for each
# step, a workflow whose steps share their parents took a third longer; with one for each edge,
# twice as long.
STEPS_AT_ONCE: Final = 50

INSERT_EDGES: Final = "INSERT INTO job_dependencies (job, parent, condition) " + " UNION ALL ".join(
    ["SELECT ?, value, ? FROM json_each(?)"] * STEPS_AT_ONCE
)

# The parents of some steps, in the order of the steps, then of the primary key of
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

# A step that still waits keeps its edges: without them it would wait for ever.
DELETE_EDGES_OF_WORKFLOW: Final = """
DELETE FROM job_dependencies
 WHERE is_link = 0
   AND job IN (SELECT seq FROM jobs
                WHERE workflow_id = :workflow_id AND status NOT IN ('pending', 'scheduled'))
"""

# -- for `check` ---------------------------------------------------------------------------------

# Edges of jobs that do not exist: a foreign key on `job` would refuse them.
ORPHANED_EDGES: Final = Statement(
    OrphanedEdgeRow,
    """
SELECT job, parent FROM job_dependencies
 WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.seq = job_dependencies.job)
 LIMIT :limit
""",
)
