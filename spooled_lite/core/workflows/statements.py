"""Every statement about which job waits for which."""

from typing import Final

from spooled_lite.core.jobs.statements import VISIBLE

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
