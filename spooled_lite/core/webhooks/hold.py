"""Holding back all webhook calls of the server: they stay owed, and none is made by itself."""

from spooled_lite.core.webhooks import statements
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Reading, Tx


def hold_webhooks(tx: Tx) -> None:
    """Make no call that is owed until `resume_webhooks`; calls by hand are made all the same."""
    tx.execute(statements.HOLD, {"since_ms": b"%d" % tx.now_ms})


def resume_webhooks(tx: Tx) -> None:
    """Make all calls that are owed, those from before first. Does nothing when none is held."""
    tx.execute(statements.RESUME)
    tx.due(Deadline.DELIVERY, tx.now_ms)


def held_since_ms(tx: Reading) -> int | None:
    """Since when calls are held; None: they are not."""
    since_ms = tx.value(statements.HELD_SINCE)
    return None if since_ms is None else int(since_ms)
