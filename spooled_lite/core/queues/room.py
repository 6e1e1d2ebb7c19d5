"""How many jobs a queue may hand out now: its rate limit and its concurrency."""

from typing import Final

from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx

WINDOW_MS: Final = 1_000  # the rate limit counts in seconds that begin with a hand-out


def room_for(tx: Tx, queue: QueueRow, wanted: int) -> int:
    """At most `wanted`, as the limits of the queue allow. Has waiting claims woken when time helps.

    Contract: jobs, section 11.2 (`rate_limit`, `max_concurrency`).
    """
    if queue["max_concurrency"] is not None:
        processing = tx.counted(queue["seq"], "status.processing")
        wanted = min(wanted, max(0, queue["max_concurrency"] - processing))
    if queue["rate_limit"] is not None:
        started_at_ms = queue["window_started_at_ms"]
        ends_at_ms = started_at_ms + WINDOW_MS
        # A window in the future is none: time was set back.
        taken = queue["window_count"] if started_at_ms <= tx.now_ms < ends_at_ms else 0
        left = max(0, queue["rate_limit"] - taken)
        if left < wanted:
            tx.due(Deadline.ROOM, ends_at_ms if taken else tx.now_ms + WINDOW_MS)
            wanted = left
    return wanted
