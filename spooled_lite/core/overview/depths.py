"""The queues with the most waiting and dead jobs, for `GET /metrics`."""

import heapq
from collections.abc import Iterator, Mapping
from typing import Final, Literal, get_args

from msgspec import Struct

from spooled_lite.core.overview import statements
from spooled_lite.core.queues.query import oldest_age_ms
from spooled_lite.storage.transaction import Reading

SHOWN_MAX: Final = 100  # queues; each is five series in the monitoring system
LOOKED_AT_MAX: Final = 20_000  # queues, which bounds the cost of a scrape
PAGE: Final = 1_000

ShownStatus = Literal["pending", "scheduled", "processing", "deadletter"]
SHOWN_STATUSES: Final[tuple[ShownStatus, ...]] = get_args(ShownStatus)


class Depth(Struct, frozen=True):
    organization: str  # its slug
    queue_name: str
    jobs: Mapping[str, int]  # by status
    oldest_pending_seconds: float  # 0 when none is pending


def fullest_queues(tx: Reading) -> list[Depth]:
    """The SHOWN_MAX queues with the most pending and dead jobs, of all organizations.

    From counters: the cost does not depend on how many jobs there are.
    """
    rows = heapq.nlargest(
        SHOWN_MAX, _all(tx), key=lambda row: (row["pending"] + row["deadletter"], -row["queue"])
    )
    return [
        Depth(
            row["organization"],
            row["queue_name"],
            {status: row[status] for status in SHOWN_STATUSES},
            (oldest_age_ms(tx, row["queue"], held_back=("pending",)) or 0) / 1000,
        )
        for row in rows
    ]


def _all(tx: Reading) -> Iterator[statements.DepthRow]:
    after = looked_at = 0
    while looked_at < LOOKED_AT_MAX:
        page = tx.rows(statements.DEPTHS, {"after": after, "limit": PAGE})
        yield from page
        if len(page) < PAGE:
            return
        after, looked_at = page[-1]["queue"], looked_at + len(page)
