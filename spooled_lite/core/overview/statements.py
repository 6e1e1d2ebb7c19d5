"""Statements that sum over the resources of one organization, or of all of them."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.statements import LISTED
from spooled_lite.storage.counters import CounterRow
from spooled_lite.storage.statement import Statement, Value


class AliveRow(TypedDict):
    """How many workers have sent a heartbeat lately, and how many of these are healthy."""

    active: int
    healthy: int


class WorkerLoadRow(TypedDict):
    """The queues of a worker (a JSON list), its number of jobs, and its last heartbeat."""

    queue_names: str
    current_jobs: int
    last_heartbeat_ms: int


class ActivityRow(TypedDict):
    """Sums over the minutes of an organization or of several queues."""

    completed_24h: int
    failed_24h: int
    duration_ms: int
    wait_ms: int
    durations: int
    created_1h: int
    completed_1h: int
    failed_1h: int


class DepthRow(TypedDict):
    """The jobs of one queue by status. `queue` is its number, `organization` a slug."""

    queue: int
    organization: str
    queue_name: str
    pending: int
    scheduled: int
    processing: int
    deadletter: int


class QueueStateRow(TypedDict):
    """Whether a queue hands out jobs."""

    queue_name: str
    enabled: int


# Index workers_alive, of which only workers with a recent heartbeat are read.
ALIVE: Final = Statement(
    AliveRow,
    """
SELECT count(*) AS active, count(*) FILTER (WHERE status = 'healthy') AS healthy FROM workers
 WHERE status IN ('healthy', 'degraded') AND last_heartbeat_ms > :since_ms
""",
)

# Index jobs_by_status, its first row of each organization.
OLDEST_PENDING: Final = Value(
    int,
    f"""
SELECT min((SELECT min(created_at_ms) FROM jobs
             WHERE org = organizations.seq AND status = 'pending'{LISTED})) AS at_ms
  FROM organizations WHERE deleted_at_ms IS NULL
""",
)


class MessagesNowRow(TypedDict):
    """The messages of all organizations."""

    ready: int
    hidden: int


# The primary key of queue_counters, a few rows of each queue.
MESSAGES_NOW: Final = Statement(
    MessagesNowRow,
    """
SELECT coalesce(sum(value) FILTER (WHERE name = 'message.pending'), 0) AS ready,
       coalesce(sum(value) FILTER (WHERE name = 'message.scheduled'
                                      OR name = 'message.processing'), 0) AS hidden
  FROM queues CROSS JOIN queue_counters ON queue = queues.seq AND minute = 0
 WHERE queues.deleted_at_ms IS NULL
""",
)

# The primary key of usage_counters.
USED_EVER: Final = Statement(
    CounterRow,
    """
SELECT name, value FROM usage_counters WHERE org = :org AND period = ''
""",
)

# Index workers_of_org.
OF_ORG: Final = Statement(
    WorkerLoadRow,
    """
SELECT queue_names, current_jobs, last_heartbeat_ms FROM workers WHERE org = :org LIMIT :limit
""",
)

# The primary key of queue_counters, one range of minutes of each key: the numbers of queues, or
# that of an organization with a minus.
ACTIVITY: Final = Statement(
    ActivityRow,
    """
SELECT coalesce(sum(each.value) FILTER (WHERE name = 'completed'), 0) AS completed_24h,
       coalesce(sum(each.value) FILTER (WHERE name = 'deadlettered'), 0) AS failed_24h,
       coalesce(sum(each.value) FILTER (WHERE name = 'duration_ms'), 0) AS duration_ms,
       coalesce(sum(each.value) FILTER (WHERE name = 'wait_ms'), 0) AS wait_ms,
       coalesce(sum(each.value) FILTER (WHERE name = 'durations'), 0) AS durations,
       coalesce(sum(each.value) FILTER (WHERE name = 'created' AND minute >= :hour_from), 0)
           AS created_1h,
       coalesce(sum(each.value) FILTER (WHERE name = 'completed' AND minute >= :hour_from), 0)
           AS completed_1h,
       coalesce(sum(each.value) FILTER (WHERE name = 'deadlettered' AND minute >= :hour_from), 0)
           AS failed_1h
  FROM json_each(:keys) AS asked CROSS JOIN queue_counters AS each
    ON queue = asked.value AND minute BETWEEN :day_from AND :minute
""",
)

# Walks queues by their number, and for each the counters of minute 0, so nothing is sorted.
DEPTHS: Final = Statement(
    DepthRow,
    """
SELECT queues.seq AS queue, organizations.slug AS organization, queue_name,
       coalesce(sum(value) FILTER (WHERE each.name = 'status.pending'), 0) AS pending,
       coalesce(sum(value) FILTER (WHERE each.name = 'status.scheduled'), 0) AS scheduled,
       coalesce(sum(value) FILTER (WHERE each.name = 'status.processing'), 0) AS processing,
       coalesce(sum(value) FILTER (WHERE each.name = 'status.deadletter'), 0) AS deadletter
  FROM queues
  CROSS JOIN organizations
    ON organizations.seq = queues.org AND organizations.deleted_at_ms IS NULL
  CROSS JOIN queue_counters AS each ON each.queue = queues.seq AND minute = 0
 WHERE queues.seq > :after AND queues.deleted_at_ms IS NULL
 GROUP BY queues.seq ORDER BY queues.seq LIMIT :limit
""",
)

# Unique index queues_by_name.
STATES: Final = Statement(
    QueueStateRow,
    """
SELECT queue_name, enabled FROM queues WHERE org = :org AND deleted_at_ms IS NULL
""",
)

FILE_FREE_BYTES: Final = Value(
    int, "SELECT freelist_count * page_size FROM pragma_freelist_count, pragma_page_size"
)
