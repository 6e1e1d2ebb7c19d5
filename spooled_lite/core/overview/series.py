"""Figures by minute: how many jobs were created and ended, and how long they took."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.dead_letters import queues_in_scope
from spooled_lite.core.jobs.histograms import DURATIONS, WAITS, quantile
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.overview import series_statements as statements
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.counters import MINUTE_MS
from spooled_lite.storage.transaction import Reading

POINTS_MAX: Final = 240
# The longest time for all queues of a key with a queue list, which are added up one by one.
SCOPED_MINUTES_MAX: Final = 60
QUEUES_SUMMED_MAX: Final = 200
MARKS_MAX: Final = 100
NAMES: Final = ("created", "claimed", "completed", "failed", "deadlettered")
SHARES: Final = (0.5, 0.95, 0.99)

Quantiles = tuple[Sequence[int | None], Sequence[int | None], Sequence[int | None]]


class SeriesWanted(Struct, frozen=True, kw_only=True):
    """The wanted time: from the minute of `from_ms` up to and with the minute of `to_ms`."""

    queue_name: str | None = None
    from_ms: int
    to_ms: int
    step_minutes: int


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
        return len(self.counts[NAMES[0]])


def series(tx: Reading, org: int, scope: Scope, wanted: SeriesWanted) -> Series:
    """The figures of all steps of the wanted time, in order; 0 or None for an empty step.

    They are read from counters by minute of the organization or of queues. Minutes older than
    DAY_MINUTES are no longer there.

    Raises:
        RuleBroken: a key with a queue list must name a queue for so long a time.
    """
    first, last = wanted.from_ms // MINUTE_MS, wanted.to_ms // MINUTE_MS
    keys = _keys(tx, org, scope, wanted.queue_name, last - first)
    step = wanted.step_minutes
    points = (last - first) // step + 1
    asked = {"keys": msgspec.json.encode(keys).decode(), "minute_from": first, "minute": last}
    counts = {name: [0] * points for name in NAMES}
    for row in tx.rows(statements.COUNTS, asked):
        if row["name"] in counts:
            counts[row["name"]][(row["minute"] - first) // step] += row["value"]
    return Series(
        first_minute=first,
        step_minutes=step,
        counts=counts,
        durations=_quantiles(tx, asked, DURATIONS, first, step, points),
        waits=_quantiles(tx, asked, WAITS, first, step, points),
        marks=_marks(tx, org, scope, wanted),
    )


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


def _quantiles(
    tx: Reading, asked: Mapping[str, object], kind: str, first: int, step: int, points: int
) -> Quantiles:
    buckets: list[dict[int, int]] = [defaultdict(int) for _ in range(points)]
    for row in tx.rows(statements.BUCKETS, {**asked, "kind": kind}):
        buckets[(row["minute"] - first) // step][row["bucket"]] += row["value"]
    p50, p95, p99 = ([quantile(each, share) for each in buckets] for share in SHARES)
    return p50, p95, p99


def _marks(tx: Reading, org: int, scope: Scope, wanted: SeriesWanted) -> list[Mark]:
    """When queues were paused and resumed, from the event log, and when those paused now were."""
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
    return marks[-MARKS_MAX:]
