"""Letting claims that wait for a rate limit try again."""

from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.queues import statements
from spooled_lite.storage.transaction import Tx


def wake_rate_limited(tx: Tx) -> Pass:
    """Feed the lines of every rate-limited queue whose second is over."""
    queues = tx.rows(statements.WINDOWS_ENDED, {"now_ms": tx.now_ms})
    for queue in queues:
        tx.feed((queue["org"], queue["queue_name"]))
    return Pass(len(queues), tx.value(statements.NEXT_WINDOW, {"now_ms": tx.now_ms}))
