"""Statements for a file of an earlier moment that is about to be served."""

from typing import Final

from spooled_lite.core.lifecycle.statements import HeldRow
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.storage.statement import Statement

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
SELECT seq, queue, queue_name, stop_reason, retry_count, max_retries, lease_id, assigned_worker_id
  FROM jobs
 WHERE lease_id IS NOT NULL AND lease_expires_at_ms > 0 AND stop_reason IS NULL
 ORDER BY lease_expires_at_ms LIMIT :limit
""",
)
RUNNING_QUEUES: Final = Statement(
    QueueRow,
    "SELECT * FROM queues WHERE enabled = 1 AND deleted_at_ms IS NULL ORDER BY seq LIMIT :limit",
)
