"""What a file of an earlier moment needs before it is served again."""

from typing import Final

from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.lifecycle.settle import release
from spooled_lite.core.lifecycle.statements import HeldRow
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.pause import set_paused
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Tx

# So far ahead that no stream has seen a number of the time that is lost.
EVENTS_SKIPPED: Final = 1_000_000
REASON: Final = "restored from a backup"

_SKIP_EVENTS: Final = """
UPDATE event_log SET seq = seq + :skipped WHERE seq = (SELECT max(seq) FROM event_log)
"""
# Index jobs_by_lease_end.
_HELD: Final = Statement(
    HeldRow,
    """
SELECT seq, queue, queue_name, stop_reason, retry_count, max_retries, lease_id, assigned_worker_id
  FROM jobs
 WHERE status = 'processing' AND stop_reason IS NULL
 ORDER BY lease_expires_at_ms, seq LIMIT :limit
""",
)
_RUNNING_QUEUES: Final = Statement(
    QueueRow,
    "SELECT * FROM queues WHERE enabled = 1 AND deleted_at_ms IS NULL ORDER BY seq LIMIT :limit",
)


def skip_events(tx: Tx) -> None:
    """Let the next event have a number that nobody has seen.

    A client that comes back with the Last-Event-ID of the time that is lost is then told that it
    missed something, and never takes a new event for one it has.
    """
    tx.execute(_SKIP_EVENTS, {"skipped": EVENTS_SKIPPED})


def free_leases(tx: Tx) -> int:
    """One pass: take jobs back from their workers, which counts as no attempt. 0: none is left."""
    return release(tx, tx.rows(_HELD, {"limit": PASS_MAX}))


def pause_queues(tx: Tx) -> int:
    """One pass: pause queues that hand out jobs. 0: none is left."""
    running = tx.rows(_RUNNING_QUEUES, {"limit": PASS_MAX})
    for queue in running:
        set_paused(tx, queue, reason=REASON)
    return len(running)
