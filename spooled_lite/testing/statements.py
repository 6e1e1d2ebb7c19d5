"""What test mode asks of the rows beside what the product does."""

from typing import Final, TypedDict

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.storage.statement import Statement, Value


class BusyRow(TypedDict):
    """A job that keeps time from going on: a live worker holds it, or may take it."""

    id: str
    queue_name: str
    worker_id: str | None


# Index jobs_leased: no more rows than there are leases.
HELD_BY: Final = Statement(
    BusyRow,
    """
SELECT id, queue_name, assigned_worker_id AS worker_id FROM jobs
 WHERE lease_id IS NOT NULL AND lease_expires_at_ms > :now_ms AND status = 'processing'
   AND assigned_worker_id IN (SELECT value FROM json_each(:workers))
 ORDER BY lease_expires_at_ms LIMIT :limit
""",
)

# Index jobs_due.
NEXT_CLAIMABLE: Final = Statement(
    BusyRow,
    """
SELECT id, queue_name, NULL AS worker_id FROM jobs
 WHERE queue = :queue AND claimable = 1
   AND (expires_at_ms IS NULL OR expires_at_ms > :now_ms)
 ORDER BY priority DESC, created_at_ms, seq LIMIT 1
""",
)

# Index workers_by_id. Live workers do not fall silent while time is moved.
KEEP_ALIVE: Final = """
UPDATE workers SET last_heartbeat_ms = :until_ms
 WHERE id IN (SELECT value FROM json_each(:workers))
   AND status IN ('healthy', 'degraded') AND last_heartbeat_ms < :until_ms
"""

JOBS: Final = Value(int, "SELECT count(*) FROM jobs")

# The only place that reads hashes: they say in which world a key is known.
HASH_OF_KEY: Final = Value(bytes, "SELECT key_hash FROM api_keys WHERE seq = :key")
HASHES: Final = Value(bytes, "SELECT key_hash FROM api_keys WHERE seq > 0")
ORGANIZATION_IDS: Final = Value(str, "SELECT id FROM organizations WHERE seq > 0")

RENAME_ORGANIZATION: Final = """
UPDATE organizations SET id = :id WHERE seq = :org AND deleted_at_ms IS NULL
"""

STARTS: Final = Value(bytes, "SELECT value FROM server_state WHERE name = 'test_starts'")
NOTE_STARTS: Final = """
INSERT INTO server_state (name, value) VALUES ('test_starts', :starts)
ON CONFLICT (name) DO UPDATE SET value = excluded.value
"""


class SenderRow(TypedDict):
    """Whoever owes a call."""

    org: int
    secret: str | None
    job_id: str | None


OF_DELIVERY: Final = Statement(
    SenderRow,
    """
SELECT deliveries.org, coalesce(deliveries.secret, webhooks.secret) AS secret,
       deliveries.job_id
  FROM deliveries LEFT JOIN webhooks ON webhooks.seq = deliveries.webhook
 WHERE deliveries.id = :id
""",
)

# For a test call, which is stored nowhere. Reads all webhooks: in tests there are few.
OF_ADDRESS: Final = Statement(
    SenderRow,
    """
SELECT org, secret, NULL AS job_id FROM webhooks
 WHERE url = :url AND deleted_at_ms IS NULL LIMIT :limit
""",
)

# -- drains ------------------------------------------------------------------------------------

NEWEST_JOB: Final = Value(int, "SELECT max(seq) FROM jobs")

# Index jobs_to_promote_of_queue.
NEXT_OF_QUEUE: Final = Value(
    int, "SELECT min(run_at_ms) FROM jobs WHERE queue = :queue AND run_at_ms IS NOT NULL"
)

# Index jobs_by_queue.
UNFINISHED: Final = Value(
    int,
    """
SELECT count(*) FROM jobs
 WHERE queue = :queue AND status IN ('pending', 'scheduled', 'processing')
""",
)

# -- expectations ------------------------------------------------------------------------------

JOB_WANTED: Final = Statement(JobRow, "SELECT * FROM jobs WHERE org = :org AND id = :id")

# In the order in which they were created: by the number of the row.
JOBS_OF_ORG: Final = Statement(
    JobRow,
    "SELECT * FROM jobs WHERE org = :org AND seq > :after ORDER BY seq LIMIT :limit",
)

JOBS_OF_QUEUE: Final = Statement(
    JobRow,
    """
SELECT * FROM jobs WHERE org = :org AND queue = :queue AND seq > :after ORDER BY seq LIMIT :limit
""",
)

# Index job_history_of_job.
ATTEMPTS_BEGAN: Final = Value(
    int,
    """
SELECT created_at_ms FROM job_history
 WHERE job = :job AND event_type = 'claimed' ORDER BY seq LIMIT :limit
""",
)


class DeliveryOfNameRow(TypedDict):
    """A delivery as expectations see it."""

    id: str
    event: str
    status: str


DELIVERIES_OF_NAME: Final = Statement(
    DeliveryOfNameRow,
    """
SELECT deliveries.id, deliveries.event, deliveries.status
  FROM webhooks CROSS JOIN deliveries ON deliveries.webhook = webhooks.seq
 WHERE webhooks.org = :org AND webhooks.name = :name AND webhooks.deleted_at_ms IS NULL
 ORDER BY deliveries.seq LIMIT :limit
""",
)

QUEUE_OF_JOB: Final = Value(str, "SELECT queue_name FROM jobs WHERE org = :org AND id = :id")
