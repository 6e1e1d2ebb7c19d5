"""The table of queues for a dashboard: one row per queue."""

from typing import Annotated, Self

from msgspec import UNSET, Struct, UnsetType

from spooled_lite.core.overview.attention import (
    ATTEMPTS_MIN,
    CONCERNS,
    LEFT_ALONE_MS,
    STALLED_MINUTES,
)
from spooled_lite.core.overview.pace import RATE_MINUTES
from spooled_lite.core.overview.queue_board import (
    CLAIMABLE_MAX,
    HELD_BACK_MAX,
    P95_MINUTES,
    SPARK_MINUTES,
    QueueOnBoard,
)
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import QueueName
from spooled_lite.wire.shapes.queues import Concurrency, ExpiresAtShown, Paused, RateLimit, Reason

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
PausedAt = Annotated[str, a_time("When it was paused")]
Waiting = Annotated[int, a_count(f"Jobs that could be claimed now. When more than {HELD_BACK_MAX - 1:,} are held back it is counted up to {CLAIMABLE_MAX - 1:,}, and beyond that it is all that is pending without those held back", 1)]
Retrying = Annotated[int, a_count(f"Jobs that wait for their next attempt; {HELD_BACK_MAX:,} for more than {HELD_BACK_MAX - 1:,}")]
Blocked = Annotated[int, a_count(f"Jobs that wait for other jobs; counted together with `retrying` up to {HELD_BACK_MAX:,}")]
Scheduled = Annotated[int, a_count("Jobs whose time has not come")]
Processing = Annotated[int, a_count("Jobs under a lease")]
DeadLetters = Annotated[int, a_count("Jobs whose attempts ran out")]
OldestWaitingAt = Annotated[str, a_time("When the oldest job that could be claimed now was created; null: there is none")]
CreatedRate = Annotated[float | int, about(f"Jobs created per minute, over the last {RATE_MINUTES} minutes", 60, minimum=0)]
CompletedRate = Annotated[float | int, about(f"Jobs completed per minute, over the last {RATE_MINUTES} minutes", 61, minimum=0)]
FailedRate = Annotated[float | int, about(f"Attempts that failed per minute, over the last {RATE_MINUTES} minutes", 2, minimum=0)]
P95Ms = Annotated[int, a_count(f"95 % of the attempts that completed their job in the last {P95_MINUTES} minutes took no longer; null: there were none", 410)]
Workers = Annotated[int, a_count("Registered workers of the queue with a recent heartbeat", 1)]
WaitingClaims = Annotated[int, a_count("Claims that wait for a job of the queue", 1)]
LastClaimAt = Annotated[str, a_time("When a job was handed out last; null: not since the server started")]
DrainSeconds = Annotated[int, a_count("In how many seconds nothing waits any more, if jobs go on to come and go as in the last minutes; null: never", 12)]
Spark = Annotated[list[int], about(f"Jobs completed in each of the last {SPARK_MINUTES} minutes, the one that runs last", [0, 3, 61])]
Attention = Annotated[list[str], about(
    "What is wrong, the worst first. "
    f"`no_worker`: a job has waited for {LEFT_ALONE_MS // 1000} seconds, and no worker is there to claim it. "
    f"`failing`: of at least {ATTEMPTS_MIN} attempts more fail than usual. "
    f"`stalled`: a job has waited for {STALLED_MINUTES} minutes, and in these no attempt has ended. "
    "`paused`: jobs wait in a paused queue. "
    "`dead_letters`: there are dead letters",
    ["failing", "dead_letters"],
    items={"type": "string", "enum": list(CONCERNS)},
)]
# fmt: on


class QueueOverview(Struct, frozen=True, kw_only=True):
    """A row of GET /dashboard/queues."""

    queue_name: QueueName
    paused: Paused
    paused_at: PausedAt | None
    paused_reason: Reason | None
    waiting: Waiting
    retrying: Retrying
    blocked: Blocked
    scheduled: Scheduled
    processing: Processing
    max_concurrency: Concurrency | None
    rate_limit: RateLimit | None
    deadletter: DeadLetters
    oldest_waiting_at: OldestWaitingAt | None
    created_per_min: CreatedRate
    completed_per_min: CompletedRate
    failed_per_min: FailedRate
    p95_ms: P95Ms | None
    workers: Workers
    waiting_claims: WaitingClaims
    last_claim_at: LastClaimAt | None
    drain_seconds: DrainSeconds | None
    spark: Spark
    attention: Attention
    expires_at: ExpiresAtShown | UnsetType = UNSET

    @classmethod
    def of(cls, it: QueueOnBoard) -> Self:
        row, figures, pace = it.row, it.figures, it.pace
        return cls(
            queue_name=row["queue_name"],
            paused=not row["enabled"],
            paused_at=format_optional_ms(row["paused_at_ms"]),
            paused_reason=row["paused_reason"],
            waiting=it.waiting,
            retrying=it.retrying,
            blocked=it.blocked,
            scheduled=figures["scheduled"],
            processing=figures["processing"],
            max_concurrency=row["max_concurrency"],
            rate_limit=row["rate_limit"],
            deadletter=figures["deadletter"],
            oldest_waiting_at=None if it.oldest_at_ms is None else format_ms(it.oldest_at_ms),
            created_per_min=pace.created,
            completed_per_min=pace.completed,
            failed_per_min=pace.failed,
            p95_ms=it.p95_ms,
            workers=it.workers,
            waiting_claims=it.waiting_claims,
            last_claim_at=format_optional_ms(it.last_claim_ms),
            drain_seconds=it.drain_seconds,
            spark=it.spark,
            attention=list(it.attention),
            expires_at=format_optional_ms(row["expires_at_ms"]) or UNSET,
        )
