"""Sending messages to a queue: one, or many at once."""

from collections.abc import Sequence

from msgspec import Struct

from spooled_lite.core.jobs.bodies import insert_job
from spooled_lite.core.jobs.columns import BLANK, JobRow
from spooled_lite.core.jobs.concurrency import holder_of_key
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.messages import statements
from spooled_lite.core.messages.records import UNLIMITED_RETRIES, NewMessage
from spooled_lite.core.orgs.usage import check_room_for_jobs
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import known_queue
from spooled_lite.errors import NotFound
from spooled_lite.plans import Caps
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


class SentMessage(Struct, frozen=True):
    """A message, or the one that has its concurrency key."""

    id: str
    seq: int
    created: bool


@in_lane(Lane.CREATE)
def send(
    tx: Tx, org: int, queue_name: str, messages: Sequence[NewMessage], caps: Caps | None
) -> list[SentMessage]:
    """Store messages in their order, all or none.

    A message whose concurrency key another one of the queue has is not stored: the older one
    stays as it is and takes its place in the answer.

    Raises:
        NotFound: there is no such queue; a message makes none.
        QuotaExceeded: a cap would be passed, counting every message as new.

    Contract: catbird-capabilities, Q4-Q9.
    """
    queue = queue_for_messages(tx, org, queue_name)
    if caps is not None:
        check_room_for_jobs(tx, org, caps, more=len(messages))
    return [_send(tx, queue, each) for each in messages]


def queue_for_messages(tx: Tx, org: int, queue_name: str) -> QueueRow:
    """Raises NotFound when it has no configuration of its own."""
    queue = known_queue(tx, org, queue_name)
    if queue is None:
        raise NotFound.thing("Queue", resource="queue")
    return queue


def _send(tx: Tx, queue: QueueRow, message: NewMessage) -> SentMessage:
    held = holder_of_key(tx, queue["seq"], message.concurrency_key)
    if held is not None:
        return SentMessage(held["id"], held["seq"], created=False)
    row = _new_row(tx, queue, message)
    row["seq"] = insert_job(tx, statements.INSERT, row)
    tx.emit("job.created", row["org"], row=row)
    announce_times(tx, row)
    return SentMessage(row["id"], row["seq"], created=True)


def _new_row(tx: Tx, queue: QueueRow, message: NewMessage) -> JobRow:
    return {
        **BLANK,
        **message.columns(tx.now_ms),
        "id": tx.new_id(),
        "org": queue["org"],
        "queue": queue["seq"],
        "queue_name": queue["queue_name"],
        "kind": "message",
        "max_retries": UNLIMITED_RETRIES,
        "timeout_seconds": queue["default_timeout"],
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
        "payload": message.body,
    }
