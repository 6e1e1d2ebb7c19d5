"""Who takes the jobs of a queue: registered workers, and the claims that only memory knows of."""

from collections import Counter
from typing import Protocol

import msgspec

from spooled_lite.core.overview import queue_statements as statements
from spooled_lite.core.workers.records import COUNTED_MAX, SILENCE_MS
from spooled_lite.storage.transaction import Reading

_names = msgspec.json.Decoder(list[str]).decode


class ClaimSource(Protocol):
    """What only the memory of the server knows of claims. Called from reader threads."""

    def waiting_in(self, org: int, queue_name: str) -> int:
        """How many claims wait in the line of a queue."""
        ...

    def last_ms(self, queue: int) -> int | None:
        """When a job of the queue was last handed out; None if not since the server started."""
        ...


def workers_by_queue(tx: Reading, org: int) -> Counter[str]:
    """How many workers with a recent heartbeat serve each queue."""
    asked = {"org": org, "since_ms": tx.now_ms - SILENCE_MS, "limit": COUNTED_MAX}
    found: Counter[str] = Counter()
    for names in tx.values(statements.QUEUES_OF_WORKERS, asked):
        found.update(set(_names(names)))
    return found
