"""How fast a queue fills and empties, from the counters of the last minutes."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.overview import queue_statements as statements
from spooled_lite.core.overview.queue_statements import FiguresRow
from spooled_lite.storage.counters import MINUTE_MS
from spooled_lite.storage.transaction import Reading

# The time over which present rates are measured. Rates over a shorter time would jump; over a
# longer time they would show a fault too late.
RATE_MINUTES: Final = 5


class Pace(Struct, frozen=True, kw_only=True):
    """Rates per minute."""

    created: float
    completed: float
    failed: float  # attempts
    ended: float  # jobs completed or dead-lettered; a job that is retried does not leave

    def drain_seconds(self, waiting: int) -> int | None:
        """In how many seconds no job would wait any more at this pace; None for never."""
        if waiting == 0:
            return 0
        net = self.ended - self.created
        return round(waiting * 60 / net) if net > 0 else None


def rate_from(now_ms: int) -> int:
    """The first of the minutes over which present rates are measured."""
    return now_ms // MINUTE_MS - RATE_MINUTES + 1


def pace_of(figures: FiguresRow, now_ms: int) -> Pace:
    minutes = _minutes_at(now_ms)
    return Pace(
        created=_rate(figures["created"], minutes),
        completed=_rate(figures["completed"], minutes),
        failed=_rate(figures["failed"], minutes),
        ended=(figures["completed"] + figures["died"]) / minutes,
    )


def attempts_per_minute(tx: Reading, queue: int) -> float:
    """How many attempts of a queue end per minute; each makes room for the next job."""
    minutes = {"minute_from": rate_from(tx.now_ms), "minute": tx.now_ms // MINUTE_MS}
    row = tx.row(statements.ATTEMPTS, {"queue": queue, **minutes})
    assert row is not None, "sums always yield a row"
    return _rate(row["completed"] + row["failed"], _minutes_at(tx.now_ms))


def _minutes_at(now_ms: int) -> float:
    """The length of the measured time: of the current minute only the part that has passed."""
    return RATE_MINUTES - 1 + max(now_ms % MINUTE_MS, 1) / MINUTE_MS


def _rate(count: int, minutes: float) -> float:
    return round(count / minutes, 1)
