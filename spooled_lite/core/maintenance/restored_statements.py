"""Statements for a file of an earlier moment that is about to be served."""

from typing import Final, TypedDict

from spooled_lite.core.lifecycle.statements import HeldRow
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.storage.statement import Statement


class KeyAliveRow(TypedDict):
    id: str
    name: str
    key_prefix: str
    secret_id: str
    slug: str


# All of them: a command reads them once, with no server beside it.
KEYS_ALIVE: Final = Statement(
    KeyAliveRow,
    """
SELECT api_keys.id, api_keys.name, api_keys.key_prefix, api_keys.secret_id, organizations.slug
  FROM api_keys JOIN organizations ON organizations.seq = api_keys.org
 WHERE api_keys.is_active = 1 AND organizations.is_active = 1
   AND organizations.deleted_at_ms IS NULL
   AND (api_keys.expires_at_ms IS NULL OR api_keys.expires_at_ms > :now_ms)
 ORDER BY api_keys.seq
""",
)

SKIP_EVENTS: Final = """
UPDATE event_log SET seq = seq + :skipped WHERE seq = (SELECT max(seq) FROM event_log)
"""
# For a file that had no event yet: a row of no organization, as one is left of a deleted one.
BEGIN_EVENTS: Final = """
INSERT INTO event_log (seq, org, type, body, created_at_ms)
SELECT :skipped, 0, '', x'', :now_ms WHERE (SELECT max(seq) FROM event_log) IS NULL
"""
# Index jobs_leased.
HELD: Final = Statement(
    HeldRow,
    """
SELECT seq, org, queue, queue_name, kind, stop_reason, retry_count, max_retries, lease_id,
       lease_expires_at_ms, assigned_worker_id, task_name, guard, tells_breaker, policy
  FROM jobs
 WHERE lease_id IS NOT NULL AND lease_expires_at_ms > 0 AND stop_reason IS NULL
 ORDER BY lease_expires_at_ms LIMIT :limit
""",
)
RUNNING_QUEUES: Final = Statement(
    QueueRow,
    "SELECT * FROM queues WHERE enabled = 1 AND deleted_at_ms IS NULL ORDER BY seq LIMIT :limit",
)
