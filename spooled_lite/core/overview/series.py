"""Figures by minute or hour: how many jobs were created and ended, and how long they took."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.dead_letters import queues_in_scope
from spooled_lite.core.jobs.histograms import DURATIONS, WAITS, quantile
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.overview import series_statements as statements
from spooled_lite.core.overview.hours import COUNTED, hours
from spooled_lite.core.overview.starts import starts
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.counters import HOUR_MINUTES, MINUTE_MS
from spooled_lite.storage.transaction import Reading

POINTS_MAX: Final = 240
# The longest time for all queues of a key with a queue list, which are added up one by one.
SCOPED_MINUTES_MAX: Final = 60
QUEUES_SUMMED_MAX: Final = 200
MARKS_MAX: Final = 100
SHARES: Final = (0.5, 0.95, 0.99)

Quantiles = tuple[Sequence[int | None], Sequence[int | None], Sequence[int | None]]


class SeriesWanted(Struct, frozen=True, kw_only=True):
    """The wanted time: from the minute of `from_ms` up to and with the minute of `to_ms`."""

    queue_name: str | None = None
    from_ms: int
    to_ms: int
    step_minutes: int
    # From the hours as far as there are any, for what is older than the minutes. Begins with an
    # hour; a step is some hours.
    is_by_hour: bool = False


class Mark(Struct, frozen=True):
    at_ms: int
    kind: str
    text: str


class Series(Struct, frozen=True, kw_only=True):
    first_minute: int
    step_minutes: int
    counts: Mapping[str, Sequence[int]]  # for each of NAMES, a number per step
    durations: Quantiles  # for each of SHARES, a time per step; None when no job completed in it
    waits: Quantiles
    marks: Sequence[Mark]

    @property
    def point_count(self) -> int:
        return len(self.counts[COUNTED[0]])


def series(tx: Reading, org: int, scope: Scope, wanted: SeriesWanted) -> Series:
    """The figures of all steps of the wanted time, in order; 0 or None for an empty step.

    They are read from counters by minute of the organization or of queues, and when they are asked
    for by hours, from the hours that these counters were summed up to.

    Raises:
        RuleBroken: a key with a queue list must name a queue for so long a time.
    """
    first, last = wanted.from_ms // MINUTE_MS, wanted.to_ms // MINUTE_MS
    keys = _keys(tx, org, scope, wanted.queue_name, last - first)
    sums = _Sums(first, wanted.step_minutes, (last - first) // wanted.step_minutes + 1)
    begin = _add_hours(tx, sums, keys, first, last) if wanted.is_by_hour else first
    asked = {
        "keys": msgspec.json.encode(keys).decode(),
        "minute_from": begin,
        "minute": last,
        "first": first,
        "step": wanted.step_minutes,
    }
    for row in tx.rows(statements.COUNTS, asked):
        if row["name"] in sums.counts:
            sums.counts[row["name"]][row["point"]] += row["value"]
    for kind, buckets in sums.buckets.items():
        for each in tx.rows(statements.BUCKETS, {**asked, "kind": kind}):
            buckets[each["point"]][each["bucket"]] += each["value"]
    return Series(
        first_minute=first,
        step_minutes=wanted.step_minutes,
        counts=sums.counts,
        durations=_quantiles(sums.buckets[DURATIONS]),
        waits=_quantiles(sums.buckets[WAITS]),
        marks=_marks(tx, org, scope, wanted),
    )


class _Sums:
    """What is added up for each step."""

    def __init__(self, first: int, step: int, points: int) -> None:
        self._first, self._step = first, step
        self.counts = {name: [0] * points for name in COUNTED}
        self.buckets: dict[str, list[dict[int, int]]] = {
            kind: [defaultdict(int) for _ in range(points)] for kind in (DURATIONS, WAITS)
        }

    def point(self, minute: int) -> int:
        return (minute - self._first) // self._step


def _add_hours(tx: Reading, sums: _Sums, keys: Sequence[int], first: int, last: int) -> int:
    """Returns the minute from which on the minutes tell what the hours do not."""
    begin = first
    for key in keys:
        for hour, found in hours(tx, key, first // HOUR_MINUTES, last // HOUR_MINUTES):
            begin = (hour + 1) * HOUR_MINUTES
            point = sums.point(hour * HOUR_MINUTES)
            for name, count in zip(COUNTED, found.counts, strict=True):
                sums.counts[name][point] += count
            for kind, buckets in ((DURATIONS, found.durations), (WAITS, found.waits)):
                for bucket, count in buckets.items():
                    sums.buckets[kind][point][bucket] += count
    return begin


def _keys(
    tx: Reading, org: int, scope: Scope, queue_name: str | None, minutes: int
) -> Sequence[int]:
    """The keys of the counters to add up: the organization's, or those of queues."""
    if queue_name is None and scope.is_unrestricted:
        return [-org]
    if queue_name is None and minutes > SCOPED_MINUTES_MAX:
        raise RuleBroken.of(
            "queue",
            f"Over more than {SCOPED_MINUTES_MAX} minutes a key with a queue list sees one queue:"
            " name it in `queue`",
            "queue_required",
        )
    queues = msgspec.json.decode(queues_in_scope(tx, org, scope, queue_name), type=list[int])
    return queues[:QUEUES_SUMMED_MAX]


def _quantiles(buckets: Sequence[dict[int, int]]) -> Quantiles:
    p50, p95, p99 = ([quantile(each, share) for each in buckets] for share in SHARES)
    return p50, p95, p99


def _marks(tx: Reading, org: int, scope: Scope, wanted: SeriesWanted) -> list[Mark]:
    """When queues were paused and resumed, from the event log, when those paused now were, and
    when the server was started.
    """
    found = {
        (row["created_at_ms"], row["type"].removeprefix("queue."), row["queue_name"])
        for row in tx.rows(statements.PAUSES, {"org": org})
    }
    found |= {
        (row["paused_at_ms"], "paused", row["queue_name"])
        for row in tx.rows(statements.PAUSED, {"org": org, "limit": MARKS_MAX})
    }
    marks = [
        Mark(at_ms, kind, name)
        for at_ms, kind, name in sorted(found)
        if wanted.from_ms <= at_ms <= wanted.to_ms
        and scope.allows(name)
        and wanted.queue_name in (None, name)
    ]
    marks += [
        Mark(start.at_ms, "started", start.version)
        for start in starts(tx)
        if wanted.from_ms <= start.at_ms <= wanted.to_ms
    ]
    marks.sort(key=lambda mark: mark.at_ms)
    return marks[-MARKS_MAX:]
