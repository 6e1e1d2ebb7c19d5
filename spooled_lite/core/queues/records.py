"""What callers send about queues, the commands that core is given, and what they get."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.jobs.records import CENTURY_SECONDS, NULL, MaxRetries, TimeoutSeconds
from spooled_lite.core.queues.names import checked_queue_name
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.events import Row
from spooled_lite.plans import Caps
from spooled_lite.times import format_ms, format_optional_ms

SETTINGS_BYTES_MAX: Final = 65_536
REASON_MAX: Final = 500
RATE_LIMIT_MAX: Final = 100_000  # jobs per second
CONCURRENCY_MAX: Final = 1_000_000
# Kept by the server in the settings of a paused queue, whatever a caller sends.
RESERVED_SETTINGS: Final = frozenset({"paused", "paused_at", "paused_reason"})

# Ends in a year that can be written down, as the delay of a job.
Seconds = Annotated[float, Meta(ge=0, le=CENTURY_SECONDS)]
RateLimit = Annotated[int, Meta(ge=1, le=RATE_LIMIT_MAX)] | UnsetType | None
Concurrency = Annotated[int, Meta(ge=1, le=CONCURRENCY_MAX)] | UnsetType | None


class Admission(Struct, frozen=True):
    """What a new job or queue is let in under: the organization's caps, the server's defaults."""

    caps: Caps | None = None
    max_retries: int = 3
    timeout_seconds: int = 300


class UpdateQueue(Struct, kw_only=True):
    """Body of PUT /queues/{name}/config. What is left out is kept; null clears the two limits.

    Any other null is as good as left out. The name in the path wins over one in the body.
    """

    max_retries: MaxRetries | None = None
    default_timeout: TimeoutSeconds | None = None
    timeout_seconds: TimeoutSeconds | None = None  # alias of default_timeout
    timeout: TimeoutSeconds | None = None  # alias of default_timeout
    rate_limit: RateLimit = UNSET
    rate_limit_per_second: RateLimit = UNSET  # alias of rate_limit
    max_concurrency: Concurrency = UNSET
    max_concurrent_jobs: Concurrency = UNSET  # alias of max_concurrency
    retry_delay_seconds: Seconds | None = None
    backoff_base_seconds: Seconds | None = None
    backoff_multiplier: Annotated[float, Meta(ge=1, le=10)] | None = None
    backoff_max_seconds: Seconds | None = None
    enabled: bool | None = None
    description: Annotated[str, Meta(max_length=1_000)] | None = None
    settings: Raw = NULL


class CreateQueue(UpdateQueue, kw_only=True):
    """Body of POST /queues. A null is as good as left out, the limits included."""

    name: str | None = None
    queue_name: str | None = None  # alias of name
    queue: str | None = None  # alias of name

    def named_queue(self) -> str:
        """Raises WrongShape when no spelling is there, RuleBroken for a bad name."""
        for field in ("name", "queue_name", "queue"):
            given = getattr(self, field)
            if given is not None:
                return checked_queue_name(given, field)
        raise WrongShape.missing("name")


class PauseQueue(Struct, frozen=True):
    """Body of POST /queues/{name}/pause."""

    reason: str | None = None

    def checked_reason(self) -> str | None:
        if self.reason is not None and len(self.reason) > REASON_MAX:
            raise RuleBroken.of(
                "reason", f"Field `reason` is longer than {REASON_MAX} characters",
                "reason_too_long",
            )  # fmt: skip
        return self.reason or None


class QueueChanges(Struct, frozen=True):
    """What core is asked to change: new values by column, and whether the queue hands out jobs."""

    columns: Mapping[str, Any] = {}
    enabled: bool | None = None  # None: as it is

    @classmethod
    def from_wire(cls, body: UpdateQueue, *, null_clears: bool) -> Self:
        """Merge aliases.

        Raises:
            WrongShape: `settings` is no object.
            RuleBroken: `settings` is too large, or cannot be read back.
        """
        given: dict[str, Any] = {
            "max_retries": body.max_retries,
            "default_timeout": _first(body.default_timeout, body.timeout_seconds, body.timeout),
            "retry_delay_seconds": body.retry_delay_seconds,
            "backoff_base_seconds": body.backoff_base_seconds,
            "backoff_multiplier": body.backoff_multiplier,
            "backoff_max_seconds": body.backoff_max_seconds,
            "description": body.description,
            "settings": _settings(bytes(body.settings)),
        }
        columns = {name: value for name, value in given.items() if value is not None}
        limits = {
            "rate_limit": (body.rate_limit, body.rate_limit_per_second),
            "max_concurrency": (body.max_concurrency, body.max_concurrent_jobs),
        }
        for name, spellings in limits.items():
            said = [value for value in spellings if value is not UNSET]
            value = _first(*said)
            if value is not None or (said and null_clears):
                columns[name] = value
        return cls(columns, body.enabled)


class QueueView(Struct, frozen=True, kw_only=True):
    """A queue as it goes over the wire, with the twin fields that clients read. Jobs, 11.1."""

    id: str
    organization_id: str
    queue_name: str
    name: str
    description: str | None
    max_retries: int
    default_timeout: int
    timeout_seconds: int
    timeout: int
    retry_delay_seconds: float | int | None
    retry_delay: float | int | None
    rate_limit: int | None
    max_concurrency: int | None
    backoff_base_seconds: float | int | None
    backoff_multiplier: float | int | None
    backoff_max_seconds: float | int | None
    enabled: bool
    paused: bool
    settings: Raw
    created_at: str
    updated_at: str

    @classmethod
    def of(cls, row: Row, org_id: str) -> Self:
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
            enabled=bool(row["enabled"]),
            paused=not row["enabled"],
            settings=Raw(shown_settings(row)),
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
        )


class QueuePaused(Struct, frozen=True, kw_only=True):
    """Answer of POST /queues/{name}/pause."""

    queue_name: str
    name: str
    paused: bool = True
    enabled: bool = False
    paused_at: str
    reason: str | None

    @classmethod
    def of(cls, row: Row) -> Self:
        return cls(
            queue_name=row["queue_name"],
            name=row["queue_name"],
            paused_at=format_ms(row["paused_at_ms"]),
            reason=row["paused_reason"],
        )


class QueueResumed(Struct, frozen=True, kw_only=True):
    """Answer of POST /queues/{name}/resume."""

    queue_name: str
    name: str
    resumed: bool = True
    paused: bool = False
    enabled: bool = True
    paused_duration_secs: int


class QueueStats(Struct, frozen=True, kw_only=True):
    """Answer of GET /queues/{name}/stats. Jobs, 11.3.

    The twins without `_24h` count everything still stored; `failed_count` is failed and dead
    letters together, as in `failed_jobs_24h`. `throughput` is the jobs completed in an hour.
    """

    queue_name: str
    name: str
    pending_jobs: int = 0
    processing_jobs: int = 0
    completed_jobs_24h: int = 0
    failed_jobs_24h: int = 0
    avg_processing_time_ms: int | None = None
    max_job_age_seconds: int | None = None
    active_workers: int = 0
    pending: int = 0
    scheduled: int = 0
    claimed: int = 0
    processing: int = 0
    completed: int = 0
    failed: int = 0
    deadletter: int = 0
    dead_letter: int = 0
    cancelled: int = 0
    total: int = 0
    avg_processing_time: int | None = None
    throughput: int = 0
    pending_count: int = 0
    processing_count: int = 0
    completed_count: int = 0
    failed_count: int = 0
    oldest_job_age_seconds: int | None = None
    paused: bool = False


class QueueDepth(Struct, frozen=True, kw_only=True):
    """How many jobs of a queue stand where, by status, and how long the oldest one waits."""

    counts: Mapping[str, int]
    oldest_age_ms: int = 0


def shown_settings(row: Row) -> bytes:
    """The settings as stored, behind the reserved keys while the queue is paused."""
    settings: bytes = row["settings"]
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


def _settings(given: bytes) -> bytes | None:
    """What is stored of the settings a caller sent; None when there are none."""
    if given == b"null":
        return None
    if given.strip()[:1] == b"[" and not given.strip()[1:-1].strip():
        return b"{}"  # PHP writes an empty map so
    if given[:1] != b"{":
        raise WrongShape.wrong_type("settings", "an object")
    if len(given) > SETTINGS_BYTES_MAX:
        raise RuleBroken.of(
            "settings", f"Field `settings` is larger than {SETTINGS_BYTES_MAX} bytes",
            "settings_too_large",
        )  # fmt: skip
    try:
        # As a whole: what cannot be read back would fail later, when a backoff is looked up.
        msgspec.json.decode(given)
    except (msgspec.DecodeError, ValueError) as error:
        raise RuleBroken.of(
            "settings", f"Field `settings` cannot be read: {error}", "invalid_value"
        ) from None
    members = msgspec.json.decode(given, type=dict[str, Raw])
    if RESERVED_SETTINGS.isdisjoint(members):
        return given
    kept = {name: value for name, value in members.items() if name not in RESERVED_SETTINGS}
    return msgspec.json.encode(kept)


def _first(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _whole(seconds: float | int | None) -> float | int | None:
    """`30` rather than `30.0`: some clients read whole numbers only."""
    # SQLite keeps whole numbers of a REAL column as integers, and RETURNING shows them so.
    return int(seconds) if seconds is not None and float(seconds).is_integer() else seconds
