"""Deleting rows of messages for good: they have no history, and nothing waits for them."""

from collections.abc import Sequence

import msgspec

from spooled_lite.core.jobs.states import ACTIVE
from spooled_lite.core.messages import statements
from spooled_lite.storage.transaction import Tx


def remove_messages(tx: Tx, seqs: Sequence[int]) -> None:
    """Delete messages and count them out. The caller bounds how many."""
    if not seqs:
        return
    for gone in tx.rows(statements.DELETE, {"seqs": msgspec.json.encode(seqs).decode()}):
        queue, status = gone["queue"], gone["status"]
        tx.count(queue, f"status.{status}", -1)
        tx.count(queue, f"message.{status}", -1)
        tx.count(queue, "removed", 1)
        if status in ACTIVE:
            tx.count_now(gone["org"], "active_jobs", -1)
        if status == "processing":
            tx.feed((gone["org"], gone["queue_name"]))  # room, where the queue has a limit
        tx.emit("job.deleted", gone["org"], row=gone, was=status)
