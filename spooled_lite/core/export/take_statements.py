"""Statements by which an import finds its way, and puts in order what it has stored."""

from typing import Final, TypedDict

from spooled_lite.storage.statement import Statement, Value


class OrganizationRow(TypedDict):
    id: str
    seq: int


class ForwardRow(TypedDict):
    job: int
    parent: int


class ParentCountRow(TypedDict):
    job: int
    parents: int


ORGANIZATIONS: Final = Statement(OrganizationRow, "SELECT id, seq FROM organizations")
NUMBER: Final = Value(int, "SELECT seq FROM organizations WHERE id = :id")

POSITION: Final = Value(bytes, "SELECT value FROM server_state WHERE name = 'import'")
KEEP_POSITION: Final = """
INSERT INTO server_state (name, value) VALUES ('import', :position)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""
FORGET_POSITION: Final = "DELETE FROM server_state WHERE name = 'import'"

# -- counters ------------------------------------------------------------------------------------

COUNT_MESSAGES: Final = """
INSERT INTO queue_counters (queue, minute, name, value)
SELECT queue, 0, 'message.' || status, count(*) FROM jobs
 WHERE org = :org AND kind = 'message' GROUP BY queue, status
"""

FORGET_COUNTS: Final = """
DELETE FROM queue_counters
 WHERE queue IN (SELECT seq FROM queues WHERE org = :org) AND minute = 0
"""
COUNT_BY_STATUS: Final = """
INSERT INTO queue_counters (queue, minute, name, value)
SELECT queue, 0, 'status.' || status, count(*) FROM jobs WHERE org = :org GROUP BY queue, status
"""
COUNT_CREATED: Final = """
INSERT INTO queue_counters (queue, minute, name, value)
SELECT queue, 0, 'created', count(*) FROM jobs WHERE org = :org GROUP BY queue
"""
COUNT_ACTIVE: Final = """
INSERT INTO usage_counters (org, period, name, value)
SELECT :org, '', 'active_jobs', count(*) FROM jobs JOIN queues ON queues.seq = jobs.queue
 WHERE jobs.org = :org AND deleted_at_ms IS NULL
   AND status IN ('pending', 'scheduled', 'processing')
    ON CONFLICT (org, period, name) DO UPDATE SET value = excluded.value
"""
COUNT_DEAD: Final = """
UPDATE error_groups SET dead_count =
       (SELECT count(*) FROM jobs
         WHERE org = :org AND error_key = error_groups.error_key AND status = 'deadletter'
           AND jobs.queue = error_groups.queue)
 WHERE queue IN (SELECT seq FROM queues WHERE org = :org)
"""

# -- circles -------------------------------------------------------------------------------------

# The primary key from one end to the other. In most files a job waits for older ones alone.
FORWARD_EDGES: Final = Statement(
    ForwardRow, "SELECT job, parent FROM job_dependencies WHERE parent >= job ORDER BY job"
)
# Primary key.
WAITING_BETWEEN: Final = Statement(
    ParentCountRow,
    """
SELECT job, count(*) AS parents FROM job_dependencies
 WHERE job BETWEEN :first AND :last AND parent BETWEEN :first AND :last GROUP BY job
""",
)
# Index job_dependents.
CHILDREN_BETWEEN: Final = Value(
    int,
    """
SELECT job FROM job_dependencies WHERE parent = :parent AND job BETWEEN :first AND :last
""",
)
PARENTS_BETWEEN: Final = Value(
    int,
    """
SELECT parent FROM job_dependencies WHERE job = :job AND parent BETWEEN :first AND :last
""",
)
ID_OF: Final = Value(str, "SELECT id FROM jobs WHERE seq = :seq")
