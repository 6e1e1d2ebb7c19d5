"""Bodies and answers about workers. Answers give some values under two names clients read."""

from typing import Annotated, Self

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.jobs.records import NULL, SHORT
from spooled_lite.core.queues.names import checked_step_queue_name
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workers.handlers import RegisteredHandlers
from spooled_lite.core.workers.records import (
    CURRENT_JOBS_MAX,
    HOSTNAME_MAX,
    LISTED_JOBS_MAX,
    METADATA_BYTES_MAX,
    NO_METADATA,
    STEP_HANDLERS_MAX,
    TASK_HANDLERS_MAX,
    UNKNOWN_HOST,
    WORKER_CONCURRENCY_MAX,
    WORKER_QUEUES_MAX,
    WORKER_STATUSES,
    NewWorker,
    SignOfLife,
    WorkerId,
    checked_hostname,
    checked_metadata,
    step_handlers_of,
    task_handlers_of,
)
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of, texts
from spooled_lite.wire.shapes.common import (
    QUEUE_LENGTH,
    QUEUE_NAMES,
    CreatedAt,
    Id,
    IsSuccess,
    OrganizationId,
    SameQueueName,
    UpdatedAt,
)
from spooled_lite.wire.shapes.step_handlers import StepNameGiven, read_step_names


class HandlerHintsView(Struct, frozen=True):
    """What is suggested for the runs of a task, or for a step of a flow."""

    concurrency: Annotated[int, about("How many to run at once", 4)]
    batch_size: Annotated[int, about("How many to claim at once", 64)]
    timeout_ms: Annotated[int, a_count("How long an attempt may take; 0: any time", 30_000)]


# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
FirstQueue = Annotated[str, about(f"The first queue it works on. {QUEUE_NAMES}", "emails", **QUEUE_LENGTH)]
FirstQueueShown = Annotated[str, about("The first queue it works on", "emails")]
QueueNames = Annotated[list[str], Meta(max_length=WORKER_QUEUES_MAX), about(f"Every queue it works on, up to {WORKER_QUEUES_MAX}", ["emails"])]
QueueNamesShown = Annotated[Raw, texts("Every queue it works on", ["emails"])]
Hostname = Annotated[str, about(f"Where it runs: 1 to {HOSTNAME_MAX} letters, digits, `.`, `-` and `_`", "mail-host", minLength=1, maxLength=HOSTNAME_MAX)]
NewId = Annotated[WorkerId, about("Its id; a known one registers again. Default: a new one", "mailer-1")]
SameNewId = Annotated[WorkerId, about("The same as `worker_id`", "mailer-1")]
WorkerType = Annotated[str, about("What kind of worker it is", "python")]
Version = Annotated[str, about("The version", "1.4.0")]
Concurrency = Annotated[int, about(f"How many jobs it does at once, up to {WORKER_CONCURRENCY_MAX:,}", 5)]
SameConcurrency = Annotated[int, about("The same as `max_concurrency`", 5)]
Metadata = Annotated[Raw, about(f"Any JSON value up to {METADATA_BYTES_MAX} bytes", {})]
CurrentJobs = Annotated[int, a_count("How many jobs it is doing", 1)]
SameCurrentJobs = Annotated[int, a_count("The same as `current_jobs`", 1)]
NumberOrIds = Annotated[
    Annotated[int, Meta(ge=0, le=CURRENT_JOBS_MAX)] | list[Raw] | None,
    about(f"How many jobs it is doing, 0 to {CURRENT_JOBS_MAX:,}, or the list of up to {LISTED_JOBS_MAX:,} ids", 1),
]
StatusGiven = Annotated[str, about("`healthy`, `degraded`, `draining` or `offline`; other words count as `healthy`", "healthy")]
Status = Annotated[str, one_of("How it is", "healthy", "degraded", "draining", "offline")]
LastHeartbeat = Annotated[str, a_time("Its last sign of life")]
RegisteredAt = Annotated[str, a_time("When it registered last")]
JobsProcessed = Annotated[int, a_count("Jobs it completed", 12)]
JobsFailed = Annotated[int, a_count("Attempts of it that failed", 1)]
LastSettled = Annotated[str, a_time("When it last completed a job or failed an attempt; null: never yet")]
BusySince = Annotated[str, a_time("Since when its signs of life name jobs; null while they name none")]
LeaseSeconds = Annotated[int, about("How long the lease lasts, 5 to 3600 seconds; 0 is the default of the call", 30)]
Interval = Annotated[int, a_count("How often to send a sign of life", 10)]
SameInterval = Annotated[int, a_count("The same as `heartbeat_interval_secs`", 10)]
Acknowledged = Annotated[bool, about("Always true", True)]
NextHeartbeat = Annotated[int, a_count("When to send the next one", 10)]
Commands = Annotated[tuple[str, ...], about("Nothing is told to workers this way", [])]
TaskHandlers = Annotated[list[Annotated[str, SHORT]], Meta(max_length=TASK_HANDLERS_MAX), about(f"The tasks it runs, up to {TASK_HANDLERS_MAX}; a name that no task has is refused", ["send_email"])]
TaskHandlersShown = Annotated[list[str], about("The tasks it runs; absent when it named none", ["send_email"])]
StepsRun = Annotated[list[str | StepNameGiven], Meta(max_length=STEP_HANDLERS_MAX), about(f"The steps of flows it runs, up to {STEP_HANDLERS_MAX}, each as `flow.step` or as an object; one that is in no flow is refused", ["order_flow.approve"])]
StepsRunShown = Annotated[list[StepNameGiven], about("The steps of flows it runs; absent when it named none", [{"flow_name": "order_flow", "step_name": "approve"}])]
HintsShown = Annotated[dict[str, HandlerHintsView], about("What is suggested for each task and step it named, that of a step under `flow.step`; absent when it named none", {"send_email": {"concurrency": 4, "batch_size": 64, "timeout_ms": 30_000}})]
# fmt: on

_SHORT = Meta(max_length=50)
_CONCURRENCY = Meta(ge=1, le=WORKER_CONCURRENCY_MAX)


class RegisterWorker(Struct, kw_only=True):
    """Body of POST /workers/register. Null means absent."""

    queue_name: FirstQueue | None = None
    queue: SameQueueName | None = None
    queue_names: QueueNames | None = None
    hostname: Hostname | None = None
    worker_id: NewId | None = None
    id: SameNewId | None = None
    worker_type: Annotated[WorkerType, _SHORT] | None = None
    version: Annotated[Version, _SHORT] | None = None
    task_handlers: TaskHandlers | None = None
    step_handlers: StepsRun | None = None
    max_concurrency: Annotated[Concurrency, _CONCURRENCY] | None = None
    max_concurrent_jobs: Annotated[SameConcurrency, _CONCURRENCY] | None = None
    metadata: Metadata = NULL

    def new_worker(self, *, max_concurrency: int) -> NewWorker:
        """Merge the spellings of fields and the defaults.

        `max_concurrency` is the default for a worker that names none.

        Raises:
            WrongShape: the queue is missing in all its spellings.
            RuleBroken: a name or a size breaks its rule; it names a step.
        """
        concurrency = self.max_concurrency or self.max_concurrent_jobs
        return NewWorker(
            queue_names=self._every_queue(),
            hostname=UNKNOWN_HOST if self.hostname is None else checked_hostname(self.hostname),
            worker_id=self.worker_id or self.id,
            worker_type=self.worker_type,
            version=self.version,
            task_handlers=tuple(dict.fromkeys(self.task_handlers or ())),
            step_handlers=read_step_names(self.step_handlers or ()),
            max_concurrency=concurrency or max_concurrency,
            metadata=checked_metadata(bytes(self.metadata)) or NO_METADATA,
        )

    def _every_queue(self) -> tuple[str, ...]:
        """Every queue once; the one from the field for a single queue comes first."""
        names: list[str] = []
        if self.queue_name is not None:
            names.append(checked_step_queue_name(self.queue_name))
        elif self.queue is not None:
            names.append(checked_step_queue_name(self.queue, "queue"))
        for position, name in enumerate(self.queue_names or ()):
            names.append(checked_step_queue_name(name, f"queue_names[{position}]"))
        if not names:
            raise WrongShape.missing("queue_name")
        return tuple(dict.fromkeys(names))


class HeartbeatWorker(Struct, frozen=True, kw_only=True):
    """Body of POST /workers/{id}/heartbeat."""

    current_jobs: NumberOrIds = None
    status: StatusGiven | None = None
    metadata: Metadata = NULL

    def sign_of_life(self) -> SignOfLife:
        """The heartbeat: a list of jobs is counted, and an unknown status counts as healthy.

        Raises:
            RuleBroken: the list or the metadata is too large.
        """
        jobs = self.current_jobs
        if isinstance(jobs, list):
            jobs = len(jobs)
            if jobs > LISTED_JOBS_MAX:
                raise RuleBroken.of(
                    "current_jobs",
                    f"Field `current_jobs` has more than {LISTED_JOBS_MAX} entries",
                    "range",
                )
        return SignOfLife(
            current_jobs=jobs or 0,
            status=self.status if self.status in WORKER_STATUSES else "healthy",
            metadata=checked_metadata(bytes(self.metadata)),
        )


class WorkerView(Struct, frozen=True, kw_only=True):
    """A worker. Contract: jobs, 12.1."""

    id: Id
    organization_id: OrganizationId
    queue_name: FirstQueueShown
    queue_names: QueueNamesShown
    hostname: Hostname
    worker_type: WorkerType | None
    version: Version | None
    max_concurrency: Concurrency
    max_concurrent_jobs: SameConcurrency
    current_jobs: CurrentJobs
    current_job_count: SameCurrentJobs
    status: Status
    last_heartbeat: LastHeartbeat
    metadata: Metadata
    registered_at: RegisteredAt
    created_at: CreatedAt
    updated_at: UpdatedAt
    jobs_processed: JobsProcessed
    jobs_failed: JobsFailed
    last_settled_at: LastSettled | None
    busy_since: BusySince | None
    task_handlers: TaskHandlersShown | UnsetType = UNSET
    step_handlers: StepsRunShown | UnsetType = UNSET

    @classmethod
    def of(cls, row: WorkerRow, org_id: str) -> Self:
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
            last_settled_at=format_optional_ms(row["last_settled_ms"]),
            busy_since=format_optional_ms(row["busy_since_ms"]),
            task_handlers=task_handlers_of(row["task_handlers"]) or UNSET,
            step_handlers=_steps_shown(row) or UNSET,
        )


class WorkerRegistered(Struct, frozen=True, kw_only=True):
    """Answer of POST /workers/register."""

    id: Id
    queue_name: FirstQueueShown
    queue_names: QueueNamesShown
    lease_duration_secs: LeaseSeconds
    heartbeat_interval_secs: Interval
    heartbeat_interval_seconds: SameInterval
    status: Status
    registered_at: RegisteredAt
    task_handlers: TaskHandlersShown | UnsetType = UNSET
    step_handlers: StepsRunShown | UnsetType = UNSET
    hints: HintsShown | UnsetType = UNSET

    @classmethod
    def of(cls, it: RegisteredHandlers, *, lease_seconds: int, heartbeat_seconds: int) -> Self:
        row = it.row
        return cls(
            id=row["id"],
            queue_name=row["queue_name"],
            queue_names=Raw(row["queue_names"].encode()),
            lease_duration_secs=lease_seconds,
            heartbeat_interval_secs=heartbeat_seconds,
            heartbeat_interval_seconds=heartbeat_seconds,
            status=row["status"],
            registered_at=format_ms(row["registered_at_ms"]),
            task_handlers=task_handlers_of(row["task_handlers"]) or UNSET,
            step_handlers=_steps_shown(row) or UNSET,
            hints={
                name: HandlerHintsView(hints.concurrency, hints.batch_size, hints.timeout_ms)
                for name, hints in it.hints.items()
            }
            or UNSET,
        )


def _steps_shown(row: WorkerRow) -> list[StepNameGiven]:
    named = step_handlers_of(row["step_handlers"])
    return [StepNameGiven(each.flow_name, each.step_name) for each in named]


class HeartbeatTaken(Struct, frozen=True, kw_only=True):
    """Answer of POST /workers/{id}/heartbeat."""

    success: IsSuccess = True
    acknowledged: Acknowledged = True
    next_heartbeat_seconds: NextHeartbeat
    commands: Commands = ()
