"""How many jobs of a queue have which status, for streams. Read from counters, not from rows."""

from collections.abc import Iterable

from msgspec import Struct

from spooled_lite.core.queues import statements
from spooled_lite.core.queues.ensure import find_queue
from spooled_lite.storage.transaction import Reading

QueueKey = tuple[int, str]  # organization and name


class Levels(Struct, frozen=True, gc=False):
    """Contract: realtime, section 3.2."""

    pending: int = 0  # scheduled ones included
    processing: int = 0
    completed: int = 0
    failed: int = 0  # dead letters included


def levels_of_queues(tx: Reading, asked: Iterable[QueueKey]) -> dict[QueueKey, Levels]:
    """The levels of each queue; zeros for a queue that does not exist."""
    return {key: _levels(tx, *key) for key in asked}


def _levels(tx: Reading, org: int, queue_name: str) -> Levels:
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        return Levels()
    rows = tx.rows(statements.COUNTERS_NOW, {"queue": queue["seq"]})
    now = {row["name"].removeprefix("status."): row["value"] for row in rows}
    return Levels(
        pending=now.get("pending", 0) + now.get("scheduled", 0),
        processing=now.get("processing", 0),
        completed=now.get("completed", 0),
        failed=now.get("failed", 0) + now.get("deadletter", 0),
    )
