"""Finds what is wrong with a queue, the worst first."""

from typing import Final, Literal, get_args

from msgspec import Struct

from spooled_lite.core.overview import queue_statements as statements
from spooled_lite.core.overview.pace import RATE_MINUTES
from spooled_lite.storage.counters import MINUTE_MS
from spooled_lite.storage.transaction import Reading

Concern = Literal["no_worker", "breaker_open", "failing", "stalled", "paused", "dead_letters"]
CONCERNS: Final[tuple[Concern, ...]] = get_args(Concern)  # the worst first

LEFT_ALONE_MS: Final = 60_000  # a queue without workers is a concern once a job waits this long
STALLED_MINUTES: Final = 10
ATTEMPTS_MIN: Final = 10  # fewer attempts are too few to judge the share that failed
FAILED_SHARE: Final = 0.1
TIMES_THE_USUAL: Final = 5
FAILED_SHARE_AT_ANY_RATE: Final = 0.5  # a concern even when this share is usual
USUAL_MINUTES: Final = 60


class JudgedQueue(Struct, frozen=True, kw_only=True):
    """The figures of a queue from which `concerns_of` judges it."""

    queue: int
    is_paused: bool
    is_broken: bool  # whether its breaker is open
    oldest_at_ms: int | None  # when the oldest job that could be claimed now was created
    completed: int  # attempts in the last RATE_MINUTES
    failed: int
    deadletter: int
    is_attended: bool  # whether there are workers, or claims that wait
    last_claim_ms: int | None


def concerns_of(tx: Reading, it: JudgedQueue) -> list[Concern]:
    """What is wrong with the queue, the worst first; an empty list when nothing is."""
    oldest_ms = None if it.oldest_at_ms is None else tx.now_ms - it.oldest_at_ms
    found: list[Concern] = []
    if oldest_ms is not None and not it.is_paused:
        if _is_left_alone(tx, it, oldest_ms):
            found.append("no_worker")
        elif oldest_ms >= STALLED_MINUTES * MINUTE_MS and not _has_moved(tx, it.queue):
            found.append("stalled")
    if it.is_broken:
        found.append("breaker_open")
    if _is_failing(tx, it):
        found.append("failing")
    if it.is_paused and oldest_ms is not None:
        found.append("paused")
    if it.deadletter:
        found.append("dead_letters")
    return sorted(found, key=CONCERNS.index)


def _is_left_alone(tx: Reading, it: JudgedQueue, oldest_ms: int) -> bool:
    """Whether no worker is registered, no claim waits, and none came lately."""
    if it.is_attended or oldest_ms < LEFT_ALONE_MS:
        return False
    return it.last_claim_ms is None or tx.now_ms - it.last_claim_ms >= LEFT_ALONE_MS


def _has_moved(tx: Reading, queue: int) -> bool:
    """Whether any attempt ended in the last STALLED_MINUTES."""
    completed, failed = _attempts(tx, queue, from_minutes_ago=STALLED_MINUTES)
    return completed + failed > 0


def _is_failing(tx: Reading, it: JudgedQueue) -> bool:
    """Whether more attempts fail than usual. What is usual is taken from the hour before."""
    attempts = it.completed + it.failed
    if attempts < ATTEMPTS_MIN or it.failed <= FAILED_SHARE * attempts:
        return False
    share = it.failed / attempts
    if share >= FAILED_SHARE_AT_ANY_RATE:
        return True
    completed, failed = _attempts(
        tx, it.queue, from_minutes_ago=USUAL_MINUTES, to_minutes_ago=RATE_MINUTES
    )
    usual = failed / (completed + failed) if completed + failed else 0
    return share >= TIMES_THE_USUAL * usual


def _attempts(
    tx: Reading, queue: int, *, from_minutes_ago: int, to_minutes_ago: int = 0
) -> tuple[int, int]:
    """How many attempts completed their job, and how many failed."""
    minute = tx.now_ms // MINUTE_MS
    row = tx.row(
        statements.ATTEMPTS,
        {
            "queue": queue,
            "minute_from": minute - from_minutes_ago + 1,
            "minute": minute - to_minutes_ago,
        },
    )
    assert row is not None, "sums always yield a row"
    return row["completed"], row["failed"]
