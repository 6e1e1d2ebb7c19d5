"""Counters that each commit adds to, so that statistics never count rows."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypedDict

from spooled_lite.storage.statement import Value

DAY_MS: Final = 24 * 60 * 60 * 1000
MINUTE_MS: Final = 60 * 1000
HOUR_MINUTES: Final = 60
DAY_MINUTES: Final = DAY_MS // MINUTE_MS

QueueCounts = dict[tuple[int, int, str], int]  # queue, minute (0: now), name
Histograms = dict[tuple[int, int, str, int], int]  # key, minute, kind, bucket
UsageCounts = dict[tuple[int, int, str], int]  # organization, day since the epoch or NOW, name


class CounterRow(TypedDict):
    """One counter, without what it is of."""

    name: str
    value: int


NOW: Final = -1  # instead of a day: a gauge, which has no period

ADD_TO_QUEUE: Final = """
INSERT INTO queue_counters (queue, minute, name, value) VALUES (?, ?, ?, ?)
    ON CONFLICT (queue, minute, name) DO UPDATE SET value = value + excluded.value
"""

ADD_TO_HISTOGRAM: Final = """
INSERT INTO minute_histograms (key, minute, kind, bucket, value) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (key, minute, kind, bucket) DO UPDATE SET value = value + excluded.value
"""

ADD_TO_USAGE: Final = """
INSERT INTO usage_counters (org, period, name, value) VALUES (?, ?, ?, ?)
    ON CONFLICT (org, period, name) DO UPDATE SET value = value + excluded.value
"""

QUEUE_VALUE: Final = Value(
    int,
    """
SELECT value FROM queue_counters WHERE queue = :queue AND minute = :minute AND name = :name
""",
)

USAGE_VALUE: Final = Value(
    int,
    """
SELECT value FROM usage_counters WHERE org = :org AND period = :period AND name = :name
""",
)


def queue_rows(counts: QueueCounts, sums: Mapping[int, int]) -> Iterable[tuple[int, int, str, int]]:
    """`sums`: under which other key the minutes of a queue are counted as well."""
    rows = [(*key, by) for key, by in counts.items() if by]
    rows += [
        (sums[queue], minute, name, by)
        for queue, minute, name, by in rows
        if minute and queue in sums
    ]
    return rows


def histogram_rows(
    counts: Histograms, sums: Mapping[int, int]
) -> Iterable[tuple[int, int, str, int, int]]:
    """`sums` as in `queue_rows`."""
    rows = [(*key, by) for key, by in counts.items()]
    rows += [(sums[row[0]], *row[1:]) for row in rows if row[0] in sums]
    return rows


def usage_rows(counts: UsageCounts) -> Iterable[tuple[int, str, str, int]]:
    """One change counts for its day, its month and for ever."""
    return [
        (org, period, name, by)
        for (org, day, name), by in counts.items()
        if by
        for period in _periods(day)
    ]


def _periods(day: int) -> tuple[str, ...]:
    if day == NOW:
        return ("",)
    name = day_name(day)
    return (name, name[:7], "")


@lru_cache(maxsize=64)
def day_name(day: int) -> str:
    """`2026-11-24` for a day since the epoch, in UTC."""
    return datetime.fromtimestamp(day * DAY_MS / 1000, UTC).strftime("%Y-%m-%d")
