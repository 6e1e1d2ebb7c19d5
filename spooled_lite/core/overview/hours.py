"""Hours of statistics, summed up from the minutes before these are deleted.

What one reads of the last day is told by its minutes; of the days before, by these hours.
"""

from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.histograms import DURATIONS, WAITS
from spooled_lite.core.overview import series_statements as statements
from spooled_lite.storage.counters import HOUR_MINUTES, MINUTE_MS
from spooled_lite.storage.transaction import Reading, Tx

HOUR_MS: Final = HOUR_MINUTES * MINUTE_MS
HOURS_KEPT: Final = 35 * 24  # five weeks, so that a month can be held against the days before it
COUNTED: Final = ("created", "claimed", "completed", "failed", "deadlettered")


class Hour(Struct, frozen=True, array_like=True):
    """What is kept of an hour, some 200 bytes. Nothing but this module looks into it."""

    counts: list[int]  # of each of COUNTED
    durations: dict[int, int]  # by bucket
    waits: dict[int, int]


_DECODER: Final = msgspec.json.Decoder(Hour)


def last_made(tx: Reading, key: int, now_ms: int) -> int | None:
    """The last hour before the present one that is summed up."""
    return tx.value(statements.LAST_HOUR, {"key": key, "hour": now_ms // HOUR_MS})


def hours(tx: Reading, key: int, first: int, last: int) -> list[tuple[int, Hour]]:
    """Those in which something happened, in order."""
    asked = {"key": key, "hour_from": first, "hour": last}
    return [(row["hour"], _DECODER.decode(row["body"])) for row in tx.rows(statements.HOURS, asked)]


def make_hours(tx: Tx, key: int, rows_max: int) -> int:
    """Sum up the hours of a queue or organization that are over, one after another.

    Ends after the hour with which it has read `rows_max` rows of minutes; returns how many it
    read. Fewer: every minute before the present hour is in its hour, and may be deleted. What is
    counted for an hour afterwards, because the clock was set back, is not added to it.
    """
    running = tx.now_ms // HOUR_MS
    made, read = last_made(tx, key, tx.now_ms), 0
    while read < rows_max:
        after = 0 if made is None else (made + 1) * HOUR_MINUTES - 1
        minute = tx.value(statements.NEXT_MINUTE, {"key": key, "after": after})
        if minute is None or minute // HOUR_MINUTES >= running:
            break
        made = minute // HOUR_MINUTES
        read += _make(tx, key, made)
    return read


def forget_hours(tx: Tx, key: int, limit: int) -> int:
    before = tx.now_ms // HOUR_MS - HOURS_KEPT
    return tx.execute(statements.FORGET_HOURS, {"key": key, "hour": before, "limit": limit})


def _make(tx: Tx, key: int, hour: int) -> int:
    """Returns how many rows it read."""
    first = hour * HOUR_MINUTES
    asked = {"key": key, "minute_from": first, "minute": first + HOUR_MINUTES - 1}
    counts = tx.rows(statements.SUM_COUNTS, asked)
    buckets = tx.rows(statements.SUM_BUCKETS, asked)
    read = sum(row["row_count"] for row in (*counts, *buckets))
    value_of = {row["name"]: row["value"] for row in counts}
    durations, waits = (
        {row["bucket"]: row["value"] for row in buckets if row["kind"] == kind}
        for kind in (DURATIONS, WAITS)
    )
    body = msgspec.json.encode(Hour([value_of.get(name, 0) for name in COUNTED], durations, waits))
    tx.execute(statements.KEEP_HOUR, {"key": key, "hour": hour, "body": body})
    return read
