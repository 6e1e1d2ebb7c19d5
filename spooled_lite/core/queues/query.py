"""Read one queue, a list of queues, or statistics. Statistics come from counters, not rows."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues import statements
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import find_queue
from spooled_lite.core.queues.records import QueueDepth, QueueStanding
from spooled_lite.core.workers import statements as worker_statements
from spooled_lite.core.workers.records import SILENCE_MS
from spooled_lite.errors import NotFound
from spooled_lite.storage.counters import DAY_MINUTES, HOUR_MINUTES, MINUTE_MS
from spooled_lite.storage.transaction import Reading

QUEUES_LISTED: Final = 100


def get_queue(tx: Reading, org: int, queue_name: str) -> QueueRow:
    """One queue. Raises NotFound. Contract: jobs, Q3."""
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        raise NotFound.thing("Queue")
    return queue


def list_queues(
    tx: Reading,
    org: int,
    scope: Scope,
    *,
    search: str | None = None,
    limit: int = QUEUES_LISTED,
    offset: int = 0,
) -> list[QueueRow]:
    """A page of the queues of the scope, by name; with `search` those whose name contains it.

    Contract: jobs, Q1; amendments, G14.
    """
    wanted = None if search is None else search.casefold()
    listed: list[QueueRow] = []
    after = ""  # before every name
    while True:
        page = tx.rows(statements.PAGE, {"org": org, "after": after, "limit": QUEUES_LISTED})
        listed += [
            row
            for row in page
            if scope.allows(row["queue_name"])
            and (wanted is None or wanted in row["queue_name"].casefold())
        ]
        if len(page) < QUEUES_LISTED or len(listed) >= offset + limit:
            return listed[offset : offset + limit]
        after = page[-1]["queue_name"]


def queue_stats(tx: Reading, org: int, queue_name: str) -> QueueStanding:
    """How many jobs of a queue wait, run and were done; zeros for a queue that does not exist.

    Contract: jobs, Q7 and section 11.3.
    """
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        return QueueStanding()
    seq = queue["seq"]
    minute = tx.now_ms // MINUTE_MS
    day = tx.row(
        statements.COUNTERS_OF_MINUTES,
        {
            "queue": seq,
            "minute": minute,
            "day_from": minute - DAY_MINUTES + 1,
            "hour_from": minute - HOUR_MINUTES + 1,
        },
    )
    assert day is not None, "sums always yield a row"
    average_ms = day["duration_ms"] // day["durations"] if day["durations"] else None
    age_ms = oldest_age_ms(tx, seq, held_back=("pending", "scheduled"))
    return QueueStanding(
        counts=_counts(tx, seq),
        completed_24h=day["completed"],
        failed_24h=day["deadlettered"],
        completed_1h=day["completed_in_hour"],
        mean_ms=average_ms,
        oldest_age_seconds=None if age_ms is None else age_ms // 1000,
        active_workers=_active_workers(tx, org, queue_name),
        is_paused=not queue["enabled"],
    )


def queue_depth(tx: Reading, org: int, queue_name: str) -> QueueDepth:
    """Jobs of a queue by status, and the age of the oldest pending one; zeros for a queue that does
    not exist.

    Contract: grpc, section 5.8.
    """
    queue = find_queue(tx, org, queue_name)
    if queue is None:
        return QueueDepth(counts={})
    return QueueDepth(
        counts=_counts(tx, queue["seq"]),
        oldest_age_ms=oldest_age_ms(tx, queue["seq"], held_back=("pending",)) or 0,
    )


def _counts(tx: Reading, queue: int) -> dict[str, int]:
    """The number of jobs of a queue, by status."""
    rows = tx.rows(statements.COUNTERS_NOW, {"queue": queue})
    counts = {row["name"]: row["value"] for row in rows if row["name"].startswith("status.")}
    return {name.removeprefix("status."): count for name, count in counts.items()}


def oldest_age_ms(tx: Reading, queue: int, *, held_back: Sequence[str]) -> int | None:
    """The age of the oldest waiting job in milliseconds; None when no job waits.

    Jobs that cannot be claimed yet count when their status is in `held_back`.
    """
    found = [tx.value(statements.OLDEST_CLAIMABLE, {"queue": queue})]
    for status in held_back:
        found.append(tx.value(statements.OLDEST_HELD_BACK, {"queue": queue, "status": status}))
    created_at_ms = [each for each in found if each is not None]
    return max(0, tx.now_ms - min(created_at_ms)) if created_at_ms else None


def _active_workers(tx: Reading, org: int, queue_name: str) -> int:
    count = tx.value(
        worker_statements.COUNT_HEALTHY_OF_QUEUE,
        {"org": org, "queue_name": queue_name, "silent_since_ms": tx.now_ms - SILENCE_MS},
    )
    return count or 0
