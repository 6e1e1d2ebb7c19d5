"""Looking at the messages of a queue without reading them."""

from collections.abc import Mapping
from typing import Final, Literal

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.messages import statements
from spooled_lite.core.queues.ensure import find_queue
from spooled_lite.errors import NotFound
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Reading

MessageState = Literal["visible", "hidden", "all"]

_LISTS: Final[Mapping[MessageState, Statement[JobRow]]] = {
    "visible": statements.VISIBLE_NOW,
    "hidden": statements.HIDDEN,
    "all": statements.OF_QUEUE,
}


def peek_messages(
    tx: Reading, org: int, queue_name: str, state: MessageState, *, limit: int, offset: int
) -> list[JobRow]:
    """A page of messages, without large bodies: those that a read would find in its order, those
    that are hidden or all of them from the oldest on.

    Raises:
        NotFound: there is no such queue.

    Contract: catbird-capabilities, A1.
    """
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        raise NotFound.thing("Queue", resource="queue")
    asked = {"queue": queue["seq"], "now_ms": tx.now_ms, "limit": limit, "offset": offset}
    return tx.rows(_LISTS[state], asked)


def state_of_message(row: JobRow, now_ms: int) -> str:
    """`visible`, `hidden` or `expired`; `completed` or `canceled` of one that ended as a job."""
    if row["status"] in ("completed", "cancelled"):
        return "completed" if row["status"] == "completed" else "canceled"
    if row["expires_at_ms"] is not None and row["expires_at_ms"] <= now_ms:
        return "expired"
    if row["status"] == "processing":
        is_hidden = (row["lease_expires_at_ms"] or 0) > now_ms
    else:
        is_hidden = row["run_at_ms"] is not None and row["run_at_ms"] > now_ms
    return "hidden" if is_hidden else "visible"
