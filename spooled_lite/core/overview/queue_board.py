"""The table of queues: what waits, runs and fails in each, the ones that need attention first."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.histograms import DURATIONS, quantile
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.overview import queue_statements as statements
from spooled_lite.core.overview import series_statements
from spooled_lite.core.overview.attention import CONCERNS, Concern, JudgedQueue, concerns_of
from spooled_lite.core.overview.claimers import ClaimSource, workers_by_queue
from spooled_lite.core.overview.pace import Pace, pace_of, rate_from
from spooled_lite.core.overview.queue_statements import FiguresRow, LiveQueueRow
from spooled_lite.core.queues.query import oldest_age_ms
from spooled_lite.storage.counters import MINUTE_MS
from spooled_lite.storage.transaction import Reading

LOOKED_AT_MAX: Final = 20_000  # queues of an organization, by name; any more are not listed
SORTED_MAX: Final = 2_000  # with more queues than this, they are sorted by name only
HELD_BACK_MAX: Final = 1_001  # jobs counted per queue; this number stands for "over 1,000"
CLAIMABLE_MAX: Final = 10_001
SPARK_MINUTES: Final = 30
P95_MINUTES: Final = 15

Order = Literal["attention", "name"]


class Wanted(Struct, frozen=True, kw_only=True):
    """The filter, order and page of the table of queues."""

    order: Order = "attention"
    search: str | None = None  # a part of the name; case does not matter
    rows_max: int
    offset: int = 0


class QueueOnBoard(Struct, frozen=True, kw_only=True):
    row: LiveQueueRow
    figures: FiguresRow
    waiting: int  # jobs that could be claimed now
    retrying: int
    blocked: int
    oldest_at_ms: int | None
    pace: Pace
    p95_ms: int | None  # duration of attempts that completed in the last P95_MINUTES
    workers: int
    waiting_claims: int
    last_claim_ms: int | None
    drain_seconds: int | None
    spark: list[int]
    attention: list[Concern]


def queue_board(
    tx: Reading, org: int, scope: Scope, wanted: Wanted, claims: ClaimSource
) -> list[QueueOnBoard]:
    """A page of queues, those that need attention first.

    It reads counters, and small counts in indexes for the queues of the page. The cost depends on
    the number of queues, and not on the number of jobs.
    """
    found = _matching(tx, org, scope, wanted)
    page = slice(wanted.offset, wanted.offset + wanted.rows_max)
    is_sorted = wanted.order == "attention" and len(found) <= SORTED_MAX
    if not is_sorted:
        found = found[page]
    workers = workers_by_queue(tx, org)
    figures = _figures(tx, found)
    seen = [_look_at(tx, org, row, figures[row["seq"]], workers, claims) for row in found]
    if is_sorted:
        seen = sorted(seen, key=_urgency)[page]
    return [_in_full(tx, each) for each in seen]


class _Look(Struct, frozen=True):
    """What the order of the queues depends on. More is read only for those that are shown."""

    row: LiveQueueRow
    figures: FiguresRow
    oldest_at_ms: int | None
    workers: int
    waiting_claims: int
    last_claim_ms: int | None
    attention: list[Concern]


def _matching(tx: Reading, org: int, scope: Scope, wanted: Wanted) -> list[LiveQueueRow]:
    part = (wanted.search or "").casefold()
    return [
        row
        for row in tx.rows(statements.LIVE, {"org": org, "limit": LOOKED_AT_MAX})
        if part in row["queue_name"].casefold() and scope.allows(row["queue_name"])
    ]


def _figures(tx: Reading, rows: Sequence[LiveQueueRow]) -> Mapping[int, FiguresRow]:
    asked = {
        "queues": msgspec.json.encode([row["seq"] for row in rows]).decode(),
        "minute_from": rate_from(tx.now_ms),
        "minute": tx.now_ms // MINUTE_MS,
    }
    return {row["queue"]: row for row in tx.rows(statements.FIGURES, asked)}


def _look_at(
    tx: Reading,
    org: int,
    row: LiveQueueRow,
    figures: FiguresRow,
    workers: Mapping[str, int],
    claims: ClaimSource,
) -> _Look:
    queue = row["seq"]
    age_ms = oldest_age_ms(tx, queue, held_back=()) if figures["pending"] else None
    oldest_at_ms = None if age_ms is None else tx.now_ms - age_ms
    registered = workers.get(row["queue_name"], 0)
    waiting_claims, last_ms = claims.waiting_in(org, row["queue_name"]), claims.last_ms(queue)
    standing = JudgedQueue(
        queue=queue,
        is_paused=not row["enabled"],
        is_broken=bool(row["is_broken"]),
        oldest_at_ms=oldest_at_ms,
        completed=figures["completed"],
        failed=figures["failed"],
        deadletter=figures["deadletter"],
        is_attended=registered + waiting_claims > 0,
        last_claim_ms=last_ms,
    )
    concerns = concerns_of(tx, standing)
    return _Look(row, figures, oldest_at_ms, registered, waiting_claims, last_ms, concerns)


def _urgency(it: _Look) -> tuple[int, int, str]:
    worst = CONCERNS.index(it.attention[0]) if it.attention else len(CONCERNS)
    return worst, -it.figures["pending"], it.row["queue_name"]


def _in_full(tx: Reading, it: _Look) -> QueueOnBoard:
    queue, pending = it.row["seq"], it.figures["pending"]
    retrying, blocked, waiting = pending_by_reason(tx, queue, pending)
    pace = pace_of(it.figures, tx.now_ms)
    return QueueOnBoard(
        row=it.row,
        figures=it.figures,
        waiting=waiting,
        retrying=retrying,
        blocked=blocked,
        oldest_at_ms=it.oldest_at_ms,
        pace=pace,
        p95_ms=_p95_ms(tx, queue),
        workers=it.workers,
        waiting_claims=it.waiting_claims,
        last_claim_ms=it.last_claim_ms,
        drain_seconds=pace.drain_seconds(waiting),
        spark=_spark(tx, queue),
        attention=it.attention,
    )


def pending_by_reason(tx: Reading, queue: int, pending: int) -> tuple[int, int, int]:
    """How many pending jobs wait for a retry, for parents, and only for a claim.

    Exact while at most a thousand are held back by the first two. With more, these add up to
    HELD_BACK_MAX, and the claimable jobs are counted. From CLAIMABLE_MAX on they are not counted
    either: then all pending jobs but HELD_BACK_MAX are taken for claimable.
    """
    if pending == 0:
        return 0, 0, 0
    held = tx.row(statements.HELD_BACK, {"queue": queue, "limit": HELD_BACK_MAX})
    assert held is not None, "count(*) always yields a row"
    retrying, blocked = held["count"] - held["blocked"], held["blocked"]
    waiting = max(0, pending - held["count"])
    if held["count"] == HELD_BACK_MAX:
        counted = tx.value(statements.CLAIMABLE, {"queue": queue, "limit": CLAIMABLE_MAX}) or 0
        waiting = waiting if counted == CLAIMABLE_MAX else counted
    return retrying, blocked, waiting


def _p95_ms(tx: Reading, queue: int) -> int | None:
    minute = tx.now_ms // MINUTE_MS
    first = minute - P95_MINUTES + 1
    asked = {
        "keys": f"[{queue}]",
        "kind": DURATIONS,
        "minute_from": first,
        "minute": minute,
        "first": first,
        "step": P95_MINUTES,
    }
    rows = tx.rows(series_statements.BUCKETS, asked)
    return quantile({row["bucket"]: row["value"] for row in rows}, 0.95)


def _spark(tx: Reading, queue: int) -> list[int]:
    """Completed jobs in each of the last SPARK_MINUTES; the current minute is the last."""
    minute = tx.now_ms // MINUTE_MS
    first = minute - SPARK_MINUTES + 1
    asked = {"queue": queue, "minute_from": first, "minute": minute}
    values = [0] * SPARK_MINUTES
    for row in tx.rows(statements.COMPLETED_BY_MINUTE, asked):
        values[row["minute"] - first] = row["value"]
    return values
