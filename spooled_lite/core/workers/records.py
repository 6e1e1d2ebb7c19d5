"""What callers send about workers, the commands that core is given, and what they get."""

from collections.abc import Sequence
from typing import Annotated, Final, Self

import msgspec
from msgspec import Meta, Raw, Struct

from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.queues.names import checked_queue_name
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.events import Row
from spooled_lite.times import format_ms

SILENCE_MS: Final = 120_000  # without a sign of life for so long, a worker counts as offline
QUEUES_MAX: Final = 100  # of one worker
CURRENT_JOBS_MAX: Final = 1_000
METADATA_BYTES_MAX: Final = 65_536
HOSTNAME_MAX: Final = 255
UNKNOWN_HOST: Final = "unknown"
STATUSES: Final = frozenset({"healthy", "degraded", "draining", "offline"})

# \Z and not $: that would let a line break pass at the end.
WorkerId = Annotated[str, Meta(min_length=1, max_length=128, pattern=r"^[A-Za-z0-9._-]+\Z")]
Concurrency = Annotated[int, Meta(ge=1, le=100)]
ShortText = Annotated[str, Meta(max_length=50)]

_HOST_MARKS: Final = frozenset(".-_")
_EMPTY_MAP: Final = b"{}"


class RegisterWorker(Struct, kw_only=True):
    """Body of POST /workers/register. Null means absent."""

    queue_name: str | None = None
    queue: str | None = None  # alias of queue_name
    queue_names: Annotated[list[str], Meta(max_length=QUEUES_MAX)] | None = None
    hostname: str | None = None
    worker_id: WorkerId | None = None
    id: WorkerId | None = None  # alias of worker_id
    worker_type: ShortText | None = None
    version: ShortText | None = None
    max_concurrency: Concurrency | None = None
    max_concurrent_jobs: Concurrency | None = None  # alias of max_concurrency
    metadata: Raw = NULL


class NewWorker(Struct, frozen=True, kw_only=True):
    """What core is asked to register: one name per thing. gRPC builds it directly."""

    queue_names: tuple[str, ...]  # at least one
    hostname: str = UNKNOWN_HOST
    worker_id: str | None = None  # None: a new one
    worker_type: str | None = None
    version: str | None = None
    max_concurrency: int = 5
    metadata: bytes = _EMPTY_MAP

    @classmethod
    def from_wire(cls, body: RegisterWorker, *, max_concurrency: int) -> Self:
        """Merge aliases and defaults; `max_concurrency` is for a worker that names none.

        Raises:
            WrongShape: no spelling of the queue is there.
            RuleBroken: a name or a size breaks its rule.
        """
        concurrency = body.max_concurrency or body.max_concurrent_jobs
        return cls(
            queue_names=_queue_names(body),
            hostname=UNKNOWN_HOST if body.hostname is None else checked_hostname(body.hostname),
            worker_id=body.worker_id or body.id,
            worker_type=body.worker_type,
            version=body.version,
            max_concurrency=concurrency or max_concurrency,
            metadata=checked_metadata(bytes(body.metadata)) or _EMPTY_MAP,
        )


class HeartbeatWorker(Struct, frozen=True, kw_only=True):
    """Body of POST /workers/{id}/heartbeat."""

    # A number, or the ids of the jobs.
    current_jobs: Annotated[int, Meta(ge=0, le=CURRENT_JOBS_MAX)] | list[Raw] | None = None
    status: str | None = None
    metadata: Raw = NULL


class SignOfLife(Struct, frozen=True, kw_only=True):
    """What core is told by a worker that is alive."""

    current_jobs: int = 0
    status: str = "healthy"
    metadata: bytes | None = None  # None: as it is

    @classmethod
    def from_wire(cls, body: HeartbeatWorker) -> Self:
        """Count a list, and read unknown words as healthy.

        Raises:
            RuleBroken: the list or the metadata is too large.
        """
        jobs = body.current_jobs
        if isinstance(jobs, list):
            jobs = len(jobs)
            if jobs > CURRENT_JOBS_MAX:
                raise RuleBroken.of(
                    "current_jobs",
                    f"Field `current_jobs` has more than {CURRENT_JOBS_MAX} entries",
                    "range",
                )
        return cls(
            current_jobs=jobs or 0,
            status=body.status if body.status in STATUSES else "healthy",
            metadata=checked_metadata(bytes(body.metadata)),
        )


class WorkerView(Struct, frozen=True, kw_only=True):
    """A worker as it goes over the wire, with the twin fields that clients read. Jobs, 12.1."""

    id: str
    organization_id: str
    queue_name: str
    queue_names: Raw
    hostname: str
    worker_type: str | None
    version: str | None
    max_concurrency: int
    max_concurrent_jobs: int
    current_jobs: int
    current_job_count: int
    status: str
    last_heartbeat: str
    metadata: Raw
    registered_at: str
    created_at: str
    updated_at: str
    jobs_processed: int
    jobs_failed: int

    @classmethod
    def of(cls, row: Row, org_id: str) -> Self:
        registered_at = format_ms(row["registered_at_ms"])
        return cls(
            id=row["id"],
            organization_id=org_id,
            queue_name=row["queue_name"],
            queue_names=Raw(row["queue_names"].encode()),
            hostname=row["hostname"],
            worker_type=row["worker_type"],
            version=row["version"],
            max_concurrency=row["max_concurrency"],
            max_concurrent_jobs=row["max_concurrency"],
            current_jobs=row["current_jobs"],
            current_job_count=row["current_jobs"],
            status=row["status"],
            last_heartbeat=format_ms(row["last_heartbeat_ms"]),
            metadata=Raw(row["metadata"]),
            registered_at=registered_at,
            created_at=registered_at,
            updated_at=format_ms(row["updated_at_ms"]),
            jobs_processed=row["jobs_processed"],
            jobs_failed=row["jobs_failed"],
        )


class WorkerRegistered(Struct, frozen=True, kw_only=True):
    """Answer of POST /workers/register."""

    id: str
    queue_name: str
    queue_names: Raw
    lease_duration_secs: int
    heartbeat_interval_secs: int
    heartbeat_interval_seconds: int
    status: str
    registered_at: str

    @classmethod
    def of(cls, row: Row, *, lease_seconds: int, heartbeat_seconds: int) -> Self:
        return cls(
            id=row["id"],
            queue_name=row["queue_name"],
            queue_names=Raw(row["queue_names"].encode()),
            lease_duration_secs=lease_seconds,
            heartbeat_interval_secs=heartbeat_seconds,
            heartbeat_interval_seconds=heartbeat_seconds,
            status=row["status"],
            registered_at=format_ms(row["registered_at_ms"]),
        )


class HeartbeatTaken(Struct, frozen=True, kw_only=True):
    """Answer of POST /workers/{id}/heartbeat."""

    success: bool = True
    acknowledged: bool = True
    next_heartbeat_seconds: int
    commands: tuple[str, ...] = ()


def queue_names_of(row: Row) -> list[str]:
    return msgspec.json.decode(row["queue_names"], type=list[str])


def queue_names_json(names: Sequence[str]) -> str:
    return msgspec.json.encode(names).decode()


def checked_hostname(hostname: str) -> str:
    """The hostname itself. Raises RuleBroken. Contract: jobs, section 2.4."""
    if not 1 <= len(hostname) <= HOSTNAME_MAX:
        raise RuleBroken.of(
            "hostname", f"Field `hostname` must have 1 to {HOSTNAME_MAX} characters", "length"
        )
    if not all(each.isalnum() or each in _HOST_MARKS for each in hostname):
        raise RuleBroken.of(
            "hostname",
            "Field `hostname` may hold letters, digits, `.`, `-` and `_` only",
            "invalid_hostname",
        )
    if hostname[0] in ".-" or hostname[-1] in ".-":
        raise RuleBroken.of(
            "hostname",
            "Field `hostname` must not start or end with `.` or `-`",
            "invalid_hostname_format",
        )
    return hostname


def checked_metadata(given: bytes) -> bytes | None:
    """What is stored of the metadata a caller sent; None when there is none."""
    if given == b"null":
        return None
    if len(given) > METADATA_BYTES_MAX:
        raise RuleBroken.of(
            "metadata", f"Field `metadata` is larger than {METADATA_BYTES_MAX} bytes",
            "metadata_too_large",
        )  # fmt: skip
    # PHP writes an empty map as an empty list.
    is_empty_list = given[:1] == b"[" and not given[1:-1].strip()
    return _EMPTY_MAP if is_empty_list else given


def _queue_names(body: RegisterWorker) -> tuple[str, ...]:
    """Every queue once; the one named alone is the first."""
    names: list[str] = []
    if body.queue_name is not None:
        names.append(checked_queue_name(body.queue_name))
    elif body.queue is not None:
        names.append(checked_queue_name(body.queue, "queue"))
    for position, name in enumerate(body.queue_names or ()):
        names.append(checked_queue_name(name, f"queue_names[{position}]"))
    if not names:
        raise WrongShape.missing("queue_name")
    return tuple(dict.fromkeys(names))
