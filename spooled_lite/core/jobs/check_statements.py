"""Every statement by which `spooled-lite check` looks at jobs: these look at every row."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.statements import BodyKind, NamedQueueRow
from spooled_lite.storage.statement import Statement, Value


class QueueCounterRow(TypedDict):
    queue: int
    name: str
    value: int


class RowCountRow(TypedDict):
    queue: int
    is_message: int
    status: str
    count: int


class ActiveJobsRow(TypedDict):
    slug: str
    counted: int
    found: int


class ClaimableRow(TypedDict):
    id: str
    status: str
    claimable: int


class StoredBodyRow(TypedDict):
    seq: int
    job: int
    which: BodyKind
    checksum: int
    body: bytes


class MissingBodyRow(TypedDict):
    id: str
    which: BodyKind


ALL_LIVE_QUEUES: Final = Statement(
    NamedQueueRow, "SELECT seq, queue_name FROM queues WHERE deleted_at_ms IS NULL"
)

ALL_COUNTERS: Final = Statement(
    QueueCounterRow, "SELECT queue, name, value FROM queue_counters WHERE minute = 0"
)

ALL_COUNTS: Final = Statement(
    RowCountRow,
    """
SELECT queue, kind = 'message' AS is_message, status, count(*) AS count FROM jobs
 GROUP BY queue, kind = 'message', status
""",
)

ACTIVE_OF_ORGANIZATIONS: Final = Statement(
    ActiveJobsRow,
    """
SELECT slug, coalesce(value, 0) AS counted, coalesce(active.found, 0) AS found
  FROM organizations
  LEFT JOIN (SELECT jobs.org AS of_org, count(*) AS found
               FROM jobs JOIN queues ON queues.seq = jobs.queue
              WHERE deleted_at_ms IS NULL AND status IN ('pending', 'scheduled', 'processing')
              GROUP BY jobs.org) AS active ON active.of_org = organizations.seq
  LEFT JOIN usage_counters ON usage_counters.org = organizations.seq
                          AND period = '' AND usage_counters.name = 'active_jobs'
""",
)

WRONGLY_CLAIMABLE: Final = Statement(
    ClaimableRow,
    """
SELECT id, status, claimable FROM jobs
 WHERE claimable <> (status = 'pending' AND run_at_ms IS NULL AND dependencies_met IS NOT 0)
 LIMIT 100
""",
)

# Large bodies, one at a time, since all of them may not fit into memory.
BODY_AFTER: Final = Statement(
    StoredBodyRow,
    """
SELECT seq, job, which, checksum, body FROM job_bodies WHERE seq > :after ORDER BY seq LIMIT 1
""",
)

WITHOUT_BODY: Final = Statement(
    MissingBodyRow,
    """
SELECT id, 'payload' AS which FROM jobs
 WHERE payload_bytes IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM job_bodies WHERE job = jobs.seq AND which = 'payload')
UNION ALL
SELECT id, 'result' FROM jobs
 WHERE result_bytes IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM job_bodies WHERE job = jobs.seq AND which = 'result')
UNION ALL
SELECT id, 'traceback' FROM jobs
 WHERE traceback_bytes IS NOT NULL
   AND NOT EXISTS (SELECT 1 FROM job_bodies WHERE job = jobs.seq AND which = 'traceback')
 LIMIT 100
""",
)

# Each job that follows a failure says whose, and no other one does.
WRONGLY_FOLLOWING: Final = Value(
    str, "SELECT id FROM jobs WHERE (kind = 'on_fail') <> (on_fail_of IS NOT NULL) LIMIT 100"
)

ID_OF: Final = Value(str, "SELECT id FROM jobs WHERE seq = :seq")


class OrgSumRow(TypedDict):
    org: int
    slug: str
    name: str
    value: int


class QueuesSumRow(TypedDict):
    org: int
    name: str
    value: int


# The key of an organization's counters is its number with a minus.
DAY_BEGINS: Final = Value(
    int, "SELECT max(minute) - 1440 AS minute FROM queue_counters WHERE queue < 0"
)

SUMS_OF_ORGANIZATIONS: Final = Statement(
    OrgSumRow,
    """
SELECT organizations.seq AS org, slug, each.name, sum(each.value) AS value
  FROM organizations CROSS JOIN queue_counters AS each
    ON each.queue = -organizations.seq AND minute > :minute
 GROUP BY organizations.seq, each.name
""",
)

SUMS_OF_QUEUES: Final = Statement(
    QueuesSumRow,
    """
SELECT queues.org, each.name, sum(each.value) AS value
  FROM queues CROSS JOIN queue_counters AS each ON each.queue = queues.seq AND minute > :minute
 WHERE queues.deleted_at_ms IS NULL
 GROUP BY queues.org, each.name
""",
)
