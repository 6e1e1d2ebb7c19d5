"""Announces when a waiting job has to be promoted or expires."""

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


def announce_times(tx: Tx, row: JobRow) -> None:
    """Announce when this job becomes claimable and when it expires, each time it begins to wait."""
    if row["claimable"]:
        tx.feed((row["org"], row["queue_name"]))
    if row["run_at_ms"] is not None:
        tx.due(Deadline.PROMOTION, row["run_at_ms"])
    if row["expires_at_ms"] is not None:
        tx.due(Deadline.EXPIRY, row["expires_at_ms"])
