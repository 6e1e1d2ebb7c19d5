"""The figures of a chart, one per step of time."""

from typing import Annotated, Self

from msgspec import Struct, field

from spooled_lite.core.overview.series import POINTS_MAX, Quantiles
from spooled_lite.core.overview.series import Series as SeriesOf
from spooled_lite.storage.counters import MINUTE_MS
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import a_time, about

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
StepSeconds = Annotated[int, about("How long a step is", 60, minimum=60)]
At = Annotated[list[int], about(f"When each step begins, in Unix seconds; up to {POINTS_MAX} of them", [1796000040, 1796000100])]
Created = Annotated[list[int], about("Jobs created in each step", [61, 58])]
Claimed = Annotated[list[int], about("Jobs handed out in each step", [60, 59])]
Completed = Annotated[list[int], about("Jobs completed in each step", [60, 57])]
Failed = Annotated[list[int], about("Attempts that failed and are retried", [0, 2])]
Deadlettered = Annotated[list[int], about("Jobs whose last attempt failed", [0, 1])]
P50 = Annotated[list[int | None], about("Half of them took no longer; null: there were none", [180, None])]
P95 = Annotated[list[int | None], about("95 % of them took no longer; null: there were none", [410, None])]
P99 = Annotated[list[int | None], about("99 % of them took no longer; null: there were none", [900, None])]
MarkAt = Annotated[str, a_time("When it happened")]
MarkKind = Annotated[str, about("What happened", "paused", enum=["paused", "resumed", "started"])]
MarkText = Annotated[str, about("The queue; of `started`, the version of the server", "emails")]
# fmt: on


class QuantilesShown(Struct, frozen=True):
    """Quantiles in milliseconds, taken from buckets that are at most 42 % wide."""

    p50: P50
    p95: P95
    p99: P99

    @classmethod
    def of(cls, found: Quantiles) -> Self:
        p50, p95, p99 = found
        return cls(list(p50), list(p95), list(p99))


class MarkShown(Struct, frozen=True):
    at: MarkAt
    kind: MarkKind
    text: MarkText


Durations = Annotated[QuantilesShown, about("How long attempts took that completed their job")]
Waits = Annotated[QuantilesShown, about("How long jobs had waited when those attempts began")]


class SeriesView(Struct, frozen=True, kw_only=True):
    """Answer of GET /dashboard/series."""

    from_: Annotated[str, a_time("When the first step begins")] = field(name="from")
    to: Annotated[str, a_time("When the last step ends", "2026-10-01T10:00:00.000Z")]
    step_seconds: StepSeconds
    at: At
    created: Created
    claimed: Claimed
    completed: Completed
    failed: Failed
    deadlettered: Deadlettered
    duration_ms: Durations
    wait_ms: Waits
    marks: Annotated[
        list[MarkShown],
        about("What may explain a change: queues that were paused, and starts of the server"),
    ]

    @classmethod
    def of(cls, found: SeriesOf) -> Self:
        step_ms = found.step_minutes * MINUTE_MS
        first_ms = found.first_minute * MINUTE_MS
        return cls(
            from_=format_ms(first_ms),
            to=format_ms(first_ms + found.point_count * step_ms),
            step_seconds=step_ms // 1000,
            at=[(first_ms + each * step_ms) // 1000 for each in range(found.point_count)],
            created=list(found.counts["created"]),
            claimed=list(found.counts["claimed"]),
            completed=list(found.counts["completed"]),
            failed=list(found.counts["failed"]),
            deadlettered=list(found.counts["deadlettered"]),
            duration_ms=QuantilesShown.of(found.durations),
            wait_ms=QuantilesShown.of(found.waits),
            marks=[MarkShown(format_ms(mark.at_ms), mark.kind, mark.text) for mark in found.marks],
        )
