"""Find a queue by its name, or create it: a queue exists as soon as a caller names it."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.queues import statements
from spooled_lite.core.queues.columns import KnownQueueRow, QueueRow
from spooled_lite.core.queues.records import Admission
from spooled_lite.events import Event
from spooled_lite.storage.texts import array_of
from spooled_lite.storage.transaction import Cache, Reading, Tx

_KNOWN: Final = Cache[tuple[int, str], KnownQueueRow]()  # by organization and name


def find_queue(tx: Reading, org: int, queue_name: str) -> KnownQueueRow | None:
    return tx.row(statements.FIND, {"org": org, "queue_name": queue_name})


def known_queue(tx: Tx, org: int, queue_name: str) -> KnownQueueRow | None:
    """As `find_queue`, but read once per batch: most operations of a batch use few queues."""
    known = tx.cache(_KNOWN)
    found = known.get((org, queue_name))
    if found is None:
        found = find_queue(tx, org, queue_name)
        if found is not None:
            known[org, queue_name] = found
    return found


def know_queues(tx: Tx, org: int, queue_names: Sequence[str]) -> None:
    """Read several queues at once: `known_queue` then finds those that exist without a read."""
    known = tx.cache(_KNOWN)
    unknown = [name for name in queue_names if (org, name) not in known]
    if len(unknown) > 1:
        for queue in tx.rows(statements.FIND_SEVERAL, {"org": org, "names": array_of(unknown)}):
            known[org, queue["queue_name"]] = queue


def forget_queue(tx: Tx, org: int, queue_name: str) -> None:
    """Read the queue anew at its next use. Called after a change that emits no event."""
    tx.cache(_KNOWN).pop((org, queue_name), None)


def forget_changed_queue(tx: Tx, event: Event) -> None:
    """Called with every event: forgets the queue that a `queue.*` event is about."""
    if event.type.startswith("queue."):
        queue: QueueRow = event.row
        forget_queue(tx, event.org, queue["queue_name"])


def ensure_queue(tx: Tx, org: int, queue_name: str, admission: Admission) -> QueueRow:
    """The queue of this name. It is created with the server's defaults when it does not exist.

    Raises:
        QuotaExceeded: the organization has as many queues as its plan allows.
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
