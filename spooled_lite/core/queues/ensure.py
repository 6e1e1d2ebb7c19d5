"""A queue exists as soon as somebody names it."""

from typing import Final

from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.queues import statements
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.records import Admission
from spooled_lite.events import Event
from spooled_lite.storage.transaction import Cache, Reading, Tx

_KNOWN: Final = Cache[tuple[int, str], QueueRow]()  # by organization and name


def find_queue(tx: Reading, org: int, queue_name: str) -> QueueRow | None:
    return tx.row(statements.FIND, {"org": org, "queue_name": queue_name})


def known_queue(tx: Tx, org: int, queue_name: str) -> QueueRow | None:
    """As `find_queue`, read once per batch: most operations of a batch are about few queues."""
    known = tx.cache(_KNOWN)
    found = known.get((org, queue_name))
    if found is None:
        found = find_queue(tx, org, queue_name)
        if found is not None:
            known[org, queue_name] = found
    return found


def forget_queue(tx: Tx, org: int, queue_name: str) -> None:
    """For whoever changes a queue without an event: it is read anew by whoever needs it next."""
    tx.cache(_KNOWN).pop((org, queue_name), None)


def forget_changed_queue(tx: Tx, event: Event) -> None:
    """Called with every event."""
    if event.type.startswith("queue."):
        queue: QueueRow = event.row
        forget_queue(tx, event.org, queue["queue_name"])


def ensure_queue(tx: Tx, org: int, queue_name: str, admission: Admission) -> QueueRow:
    """The queue of this name; a new one, with the server's defaults, when there is none.

    Raises:
        QuotaExceeded: it would be one queue too many.
    """
    found = known_queue(tx, org, queue_name)
    if found is not None:
        return found
    if admission.caps is not None:
        check_room(tx, org, admission.caps, "queues", more=1)
    made = tx.row(
        statements.INSERT,
        {
            "id": tx.new_id(),
            "org": org,
            "queue_name": queue_name,
            "max_retries": admission.max_retries,
            "default_timeout": admission.timeout_seconds,
            "now_ms": tx.now_ms,
        },
    )
    assert made is not None, "INSERT ... RETURNING always yields a row"
    tx.emit("queue.created", org, row=made)
    return made
