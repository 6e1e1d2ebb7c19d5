"""How many jobs a queue may hand out now: its rate limit and its concurrency."""

from typing import Final

from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx

WINDOW_MS: Final = 1_000  # the rate limit counts in seconds that begin with a hand-out


def room_for(tx: Tx, queue: QueueRow, wanted: int) -> int:
    """How many jobs the limits of the queue allow now, at most `wanted`.

    When the rate limit allows fewer, waiting claims are woken in the next second.

    Contract: jobs, section 11.2 (`rate_limit`, `max_concurrency`).
    """
    if queue["max_concurrency"] is not None:
        processing = tx.counted(queue["seq"], "status.processing")
        wanted = min(wanted, max(0, queue["max_concurrency"] - processing))
    if queue["rate_limit"] is not None:
        started_at_ms = queue["window_started_at_ms"]
        ends_at_ms = started_at_ms + WINDOW_MS
        # A window that begins in the future does not count: the clock was set back.
        taken = queue["window_count"] if started_at_ms <= tx.now_ms < ends_at_ms else 0
        left = max(0, queue["rate_limit"] - taken)
        if left < wanted:
            tx.due(Deadline.ROOM, ends_at_ms if taken else tx.now_ms + WINDOW_MS)
            wanted = left
    return wanted
