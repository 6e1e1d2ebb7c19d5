"""Bodies and answers about queues. Answers give some values under two names that clients read."""

from typing import Annotated, Any, Self

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.breakers.columns import BreakerStanding
from spooled_lite.core.jobs.policy import stored
from spooled_lite.core.jobs.records import CENTURY_SECONDS, NULL, RETRIES, TIMEOUT_SECONDS
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.names import checked_queue_name
from spooled_lite.core.queues.records import (
    CONCURRENCY_MAX,
    QUEUE_RATE_LIMIT_MAX,
    QUEUE_SETTINGS_BYTES_MAX,
    REASON_MAX,
    QueueChanges,
    QueueStanding,
    Seconds,
    checked_settings,
)
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.times import Time, format_ms, format_optional_ms, parse_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about
from spooled_lite.wire.shapes.common import (
    QUEUE_LENGTH,
    QUEUE_NAMES,
    CreatedAt,
    Id,
    IsSuccess,
    Message,
    OrganizationId,
    QueueName,
    UpdatedAt,
)
from spooled_lite.wire.shapes.policy_bodies import (
    BackoffBody,
    BackoffView,
    BreakerView,
    CircuitBreakerBody,
    CircuitBreakerView,
)

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
Name = Annotated[str, about(f"The queue. {QUEUE_NAMES}", "emails", **QUEUE_LENGTH)]
SameName = Annotated[str, about("The same as `name`", "emails", **QUEUE_LENGTH)]
SameQueueNameShown = Annotated[str, about("The same as `queue_name`", "emails")]
Description = Annotated[str, about("A description for people", "Outgoing mail")]
MaxRetries = Annotated[int, about("`max_retries` of jobs that name none", 3)]
DefaultTimeout = Annotated[int, about("`timeout_seconds` of jobs that name none", 300)]
SameTimeout = Annotated[int, about("The same as `default_timeout`", 300)]
RateLimit = Annotated[int, about("Jobs handed out per second at most; null: no limit", 50)]
SameRateLimit = Annotated[int, about("The same as `rate_limit`", 50)]
Concurrency = Annotated[int, about("Jobs that are processed at once at most; null: no limit", 10)]
SameConcurrency = Annotated[int, about("The same as `max_concurrency`", 10)]
RetryDelay = Annotated[Seconds, about("The wait before the first retry", 5)]
BackoffBase = Annotated[Seconds, about("The wait before the first retry", 1)]
BackoffMultiplier = Annotated[float, Meta(ge=1, le=10), about("By how much each wait is longer than the one before, 1 to 10", 2)]
BackoffMax = Annotated[Seconds, about("The longest wait", 60)]
RetryDelayShown = Annotated[float | int | None, about("The wait before the first retry", 5)]
SameRetryDelayShown = Annotated[float | int | None, about("The same as `retry_delay_seconds`", 5)]
BackoffBaseShown = Annotated[float | int | None, about("The wait before the first retry", 1)]
BackoffMultiplierShown = Annotated[float | int | None, about("By how much each wait is longer than the one before, 1 to 10", 2)]
BackoffMaxShown = Annotated[float | int | None, about("The longest wait", 60)]
QueueBackoff = Annotated[BackoffBody | UnsetType | None, about("The wait before a retry, of jobs that have none of their own; goes before the fields above; null: none")]
QueueBackoffShown = Annotated[BackoffView, about("The wait before a retry, when it was set so")]
QueueBreaker = Annotated[CircuitBreakerBody | UnsetType | None, about("Stops handing out work when one attempt after the other fails; null: none")]
QueueBreakerShown = Annotated[CircuitBreakerView, about("When work is no longer handed out, if it was set so")]
QueueBreakerStanding = Annotated[BreakerView, about("How its circuit breaker stands, if it has one")]
ExpiresAtGiven = Annotated[Time | UnsetType | None, about("The queue is deleted at this time, with all that is in it; null: never", "2026-10-02T09:00:00.000Z")]
ExpiresInMs = Annotated[int, Meta(ge=1, le=CENTURY_SECONDS * 1000), about("The same, in milliseconds from now; `expires_at` takes precedence", 86_400_000)]
ExpiresAtShown = Annotated[str, a_time("When the queue is deleted, with all that is in it", "2026-10-02T09:00:00.000Z")]
Enabled = Annotated[bool, about("False when the queue is paused", True)]
Paused = Annotated[bool, about("The opposite of `enabled`", False)]
Settings = Annotated[Raw, about(f"An object up to {QUEUE_SETTINGS_BYTES_MAX} bytes, for callers; while paused the server adds `paused`, `paused_at` and `paused_reason`", {})]
SettingsShown = Annotated[Raw, about("What callers keep here; while paused also `paused`, `paused_at` and `paused_reason`", {}, type="object")]
Reason = Annotated[str, about(f"Why, up to {REASON_MAX} characters", "Maintenance", maxLength=REASON_MAX)]
Completed24h = Annotated[int, a_count("Completed in the last 24 hours")]
Failed24h = Annotated[int, a_count("Failed or dead in the last 24 hours")]
MeanMs = Annotated[int, a_count("Mean time of an attempt that succeeded", 120)]
SameMeanMs = Annotated[int, a_count("The same as `avg_processing_time_ms`", 120)]
AgeSeconds = Annotated[int, a_count("Age of the oldest waiting job", 4)]
SameAgeSeconds = Annotated[int, a_count("The same as `max_job_age_seconds`", 4)]
ActiveWorkers = Annotated[int, a_count("Healthy workers of the queue", 1)]
Pending = Annotated[int, a_count("Jobs that wait to be claimed", 1)]
Processing = Annotated[int, a_count("Jobs under a lease")]
# fmt: on

_RateLimitGiven = Annotated[RateLimit, Meta(ge=1, le=QUEUE_RATE_LIMIT_MAX)]
_SameRateLimitGiven = Annotated[SameRateLimit, Meta(ge=1, le=QUEUE_RATE_LIMIT_MAX)]
_ConcurrencyGiven = Annotated[Concurrency, Meta(ge=1, le=CONCURRENCY_MAX)]
_SameConcurrencyGiven = Annotated[SameConcurrency, Meta(ge=1, le=CONCURRENCY_MAX)]
_SameTimeoutGiven = Annotated[SameTimeout, TIMEOUT_SECONDS]


class UpdateQueue(Struct, kw_only=True):
    """Body of PUT /queues/{name}/config. What is left out is kept; null clears the limits, `backoff`,
    `circuit_breaker` and `expires_at`.

    Null in any other field counts as left out. The name in the path wins over one in the body.
    """

    max_retries: Annotated[MaxRetries, RETRIES] | None = None
    default_timeout: Annotated[DefaultTimeout, TIMEOUT_SECONDS] | None = None
    timeout_seconds: _SameTimeoutGiven | None = None
    timeout: _SameTimeoutGiven | None = None
    rate_limit: _RateLimitGiven | UnsetType | None = UNSET
    rate_limit_per_second: _SameRateLimitGiven | UnsetType | None = UNSET
    max_concurrency: _ConcurrencyGiven | UnsetType | None = UNSET
    max_concurrent_jobs: _SameConcurrencyGiven | UnsetType | None = UNSET
    retry_delay_seconds: RetryDelay | None = None
    backoff_base_seconds: BackoffBase | None = None
    backoff_multiplier: BackoffMultiplier | None = None
    backoff_max_seconds: BackoffMax | None = None
    backoff: QueueBackoff = UNSET
    circuit_breaker: QueueBreaker = UNSET
    enabled: Enabled | None = None
    description: Annotated[Description, Meta(max_length=1_000)] | None = None
    settings: Settings = NULL
    expires_at: ExpiresAtGiven = UNSET
    expires_in_ms: ExpiresInMs | None = None

    def changes(self, *, null_clears: bool) -> QueueChanges:
        """Merge aliases.

        Raises:
            WrongShape: `settings` is not an object, or `expires_at` no time.
            RuleBroken: `settings` is too large, or cannot be read back; or a part of `backoff`
                does not go with another.
        """
        given: dict[str, Any] = {
            "max_retries": self.max_retries,
            "default_timeout": _first(self.default_timeout, self.timeout_seconds, self.timeout),
            "retry_delay_seconds": self.retry_delay_seconds,
            "backoff_base_seconds": self.backoff_base_seconds,
            "backoff_multiplier": self.backoff_multiplier,
            "backoff_max_seconds": self.backoff_max_seconds,
            "description": self.description,
            "settings": checked_settings(bytes(self.settings)),
        }
        columns = {name: value for name, value in given.items() if value is not None}
        limits = {
            "rate_limit": (self.rate_limit, self.rate_limit_per_second),
            "max_concurrency": (self.max_concurrency, self.max_concurrent_jobs),
        }
        for name, spellings in limits.items():
            said = [value for value in spellings if value is not UNSET]
            value = _first(*said)
            if value is not None or (said and null_clears):
                columns[name] = value
        if isinstance(self.backoff, BackoffBody):
            columns["backoff"] = stored(self.backoff.checked())
        elif self.backoff is None and null_clears:
            columns["backoff"] = None
        if isinstance(self.circuit_breaker, CircuitBreakerBody):
            columns["circuit_breaker"] = stored(self.circuit_breaker.breaker())
        elif self.circuit_breaker is None and null_clears:
            columns["circuit_breaker"] = None
        if self.expires_at is not UNSET and self.expires_at is not None:
            columns["expires_at_ms"] = parse_ms(self.expires_at, "expires_at")
        elif self.expires_in_ms is None and self.expires_at is None and null_clears:
            columns["expires_at_ms"] = None
        expires_in_ms = None if "expires_at_ms" in columns else self.expires_in_ms
        return QueueChanges(columns, self.enabled, expires_in_ms)


class CreateQueue(UpdateQueue, kw_only=True):
    """Body of POST /queues. Null counts as left out in every field."""

    name: Name | None = None
    queue_name: SameName | None = None
    queue: SameName | None = None

    def named_queue(self) -> str:
        """The queue's name. Raises WrongShape when it is missing, RuleBroken for a bad name."""
        for field in ("name", "queue_name", "queue"):
            given = getattr(self, field)
            if given is not None:
                return checked_queue_name(given, field)
        raise WrongShape.missing("name")


class PauseQueue(Struct, frozen=True):
    """Body of POST /queues/{name}/pause."""

    reason: Reason | None = None

    def checked_reason(self) -> str | None:
        if self.reason is not None and len(self.reason) > REASON_MAX:
            raise RuleBroken.of(
                "reason", f"Field `reason` is longer than {REASON_MAX} characters",
                "reason_too_long",
            )  # fmt: skip
        return self.reason or None


class QueueView(Struct, frozen=True, kw_only=True):
    """A queue. Contract: jobs, 11.1."""

    id: Id
    organization_id: OrganizationId
    queue_name: QueueName
    name: SameQueueNameShown
    description: Description | None
    max_retries: MaxRetries
    default_timeout: DefaultTimeout
    timeout_seconds: SameTimeout
    timeout: SameTimeout
    retry_delay_seconds: RetryDelayShown
    retry_delay: SameRetryDelayShown
    rate_limit: RateLimit | None
    max_concurrency: Concurrency | None
    backoff_base_seconds: BackoffBaseShown
    backoff_multiplier: BackoffMultiplierShown
    backoff_max_seconds: BackoffMaxShown
    backoff: QueueBackoffShown | UnsetType = UNSET
    circuit_breaker: QueueBreakerShown | UnsetType = UNSET
    breaker: QueueBreakerStanding | UnsetType = UNSET  # when one queue was asked for
    enabled: Enabled
    paused: Paused
    settings: SettingsShown
    created_at: CreatedAt
    updated_at: UpdatedAt
    expires_at: ExpiresAtShown | UnsetType = UNSET

    @classmethod
    def of(cls, row: QueueRow, org_id: str, breaker: BreakerStanding | None = None) -> Self:
        breaker_set = row["circuit_breaker"]
        retry_delay = _whole(row["retry_delay_seconds"])
        return cls(
            id=row["id"],
            organization_id=org_id,
            queue_name=row["queue_name"],
            name=row["queue_name"],
            description=row["description"],
            max_retries=row["max_retries"],
            default_timeout=row["default_timeout"],
            timeout_seconds=row["default_timeout"],
            timeout=row["default_timeout"],
            retry_delay_seconds=retry_delay,
            retry_delay=retry_delay,
            rate_limit=row["rate_limit"],
            max_concurrency=row["max_concurrency"],
            backoff_base_seconds=_whole(row["backoff_base_seconds"]),
            backoff_multiplier=_whole(row["backoff_multiplier"]),
            backoff_max_seconds=_whole(row["backoff_max_seconds"]),
            backoff=UNSET if row["backoff"] is None else BackoffView.of(row["backoff"]),
            circuit_breaker=UNSET if breaker_set is None else CircuitBreakerView.of(breaker_set),
            breaker=UNSET if breaker is None else BreakerView.of(breaker),
            enabled=bool(row["enabled"]),
            paused=not row["enabled"],
            settings=Raw(shown_settings(row)),
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
            expires_at=format_optional_ms(row["expires_at_ms"]) or UNSET,
        )


class QueuePaused(Struct, frozen=True, kw_only=True):
    """Answer of POST /queues/{name}/pause."""

    queue_name: QueueName
    name: SameQueueNameShown
    paused: Annotated[bool, about("Whether the queue hands out no jobs", True)] = True
    enabled: Annotated[bool, about("The opposite of `paused`", False)] = False
    paused_at: Annotated[str, a_time("When the queue was paused")]
    reason: Reason | None

    @classmethod
    def of(cls, row: QueueRow) -> Self:
        paused_at_ms = row["paused_at_ms"]
        assert paused_at_ms is not None, "the queue has just been paused"
        return cls(
            queue_name=row["queue_name"],
            name=row["queue_name"],
            paused_at=format_ms(paused_at_ms),
            reason=row["paused_reason"],
        )


class QueueResumed(Struct, frozen=True, kw_only=True):
    """Answer of POST /queues/{name}/resume."""

    queue_name: QueueName
    name: SameQueueNameShown
    resumed: Annotated[bool, about("Always true", True)] = True
    paused: Paused = False
    enabled: Enabled = True
    paused_duration_secs: Annotated[int, a_count("How long it was paused", 60)]


class QueuePurged(Struct, frozen=True, kw_only=True):
    """Answer of POST /queues/{name}/purge."""

    success: IsSuccess = True
    purged_count: Annotated[int, a_count("How many were deleted", 3)]
    message: Message


class QueueStats(Struct, frozen=True, kw_only=True):
    """Answer of GET /queues/{name}/stats. Contract: jobs, 11.3.

    The fields without `_24h` count all jobs still stored. `failed_count` is the failed jobs and
    the dead letters together, as `failed_jobs_24h` is. `throughput` is jobs completed in an hour.
    """

    queue_name: QueueName
    name: SameQueueNameShown
    pending_jobs: Pending
    processing_jobs: Processing
    completed_jobs_24h: Completed24h
    failed_jobs_24h: Failed24h
    avg_processing_time_ms: MeanMs | None
    max_job_age_seconds: AgeSeconds | None
    active_workers: ActiveWorkers
    pending: Pending
    scheduled: Annotated[int, a_count("Jobs that are not due yet")]
    claimed: Annotated[int, a_count("The same as `processing`")]
    processing: Processing
    completed: Annotated[int, a_count("Jobs that are done")]
    failed: Annotated[int, a_count("Always 0: a failure is retried or a dead letter")]
    deadletter: Annotated[int, a_count("Jobs whose attempts ran out")]
    dead_letter: Annotated[int, a_count("The same as `deadletter`")]
    cancelled: Annotated[int, a_count("Jobs that were cancelled")]
    total: Annotated[int, a_count("All of them together", 1)]
    avg_processing_time: SameMeanMs | None
    throughput: Annotated[int, a_count("Completed in the last hour")]
    pending_count: Annotated[int, a_count("The same as `pending`", 1)]
    processing_count: Annotated[int, a_count("The same as `processing`")]
    completed_count: Annotated[int, a_count("The same as `completed`")]
    failed_count: Annotated[int, a_count("Failed jobs and dead letters together")]
    oldest_job_age_seconds: SameAgeSeconds | None
    paused: Paused

    @classmethod
    def of(cls, queue_name: str, standing: QueueStanding) -> Self:
        counts = standing.counts
        pending, processing = counts.get("pending", 0), counts.get("processing", 0)
        completed, failed = counts.get("completed", 0), counts.get("failed", 0)
        dead = counts.get("deadletter", 0)
        return cls(
            queue_name=queue_name,
            name=queue_name,
            pending_jobs=pending,
            processing_jobs=processing,
            completed_jobs_24h=standing.completed_24h,
            failed_jobs_24h=standing.failed_24h,
            avg_processing_time_ms=standing.mean_ms,
            max_job_age_seconds=standing.oldest_age_seconds,
            active_workers=standing.active_workers,
            pending=pending,
            scheduled=counts.get("scheduled", 0),
            claimed=processing,
            processing=processing,
            completed=completed,
            failed=failed,
            deadletter=dead,
            dead_letter=dead,
            cancelled=counts.get("cancelled", 0),
            total=sum(counts.values()),
            avg_processing_time=standing.mean_ms,
            throughput=standing.completed_1h,
            pending_count=pending,
            processing_count=processing,
            completed_count=completed,
            failed_count=failed + dead,
            oldest_job_age_seconds=standing.oldest_age_seconds,
            paused=standing.is_paused,
        )


def shown_settings(row: QueueRow) -> bytes:
    """The stored settings; while the queue is paused, with the reserved keys in front."""
    settings = row["settings"]
    if row["enabled"]:
        return settings
    reserved = msgspec.json.encode(
        {
            "paused": True,
            "paused_at": format_optional_ms(row["paused_at_ms"]),
            "paused_reason": row["paused_reason"],
        }
    )
    inside = settings.strip()[1:-1].strip()
    return reserved[:-1] + b"," + inside + b"}" if inside else reserved


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _whole(seconds: float | int | None) -> float | int | None:
    """`30` rather than `30.0`, since some clients read only whole numbers."""
    # SQLite stores whole numbers of a REAL column as integers, and RETURNING gives them back so.
    return int(seconds) if seconds is not None and float(seconds).is_integer() else seconds
