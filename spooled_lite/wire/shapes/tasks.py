"""Bodies and answers about tasks. Contract: catbird-capabilities, sections 6.1 and 19.8."""

from typing import Annotated, Final, Self

from msgspec import UNSET, Meta, Struct, UnsetType

from spooled_lite.core.conditions.parse import CONDITION_CHARACTERS_MAX, parse_condition
from spooled_lite.core.jobs.policy import TIMEOUT_MS_MAX, stored
from spooled_lite.core.jobs.records import CENTURY_SECONDS, RETRIES
from spooled_lite.core.queues.names import checked_queue_name
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.core.tasks.names import RESERVED_NAME, TASK_NAME_MAX
from spooled_lite.core.tasks.records import (
    RETRIES_USUAL,
    RUNS_AT_ONCE_MAX,
    TIMEOUT_MS_USUAL,
    TaskDefinition,
)
from spooled_lite.times import format_ms
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import QUEUE_LENGTH, QUEUE_NAMES, CreatedAt, UpdatedAt
from spooled_lite.wire.shapes.on_fail_bodies import OnFailBody, OnFailView, in_ms, in_seconds
from spooled_lite.wire.shapes.policy_bodies import (
    BackoffBody,
    BackoffView,
    BreakerView,
    CircuitBreakerBody,
    CircuitBreakerView,
)

DESCRIPTION: Final = Meta(max_length=1_000)
BACKOFF: Final = about("How long a failed run waits; null: as its queue says")
BREAKER: Final = about("When runs are not handed out because one after the other fails")
ON_FAIL: Final = about("The job that follows when all attempts have failed; null: none")
RETENTION_SECONDS_MIN: Final = 0.001  # times are kept in milliseconds

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
TaskName = Annotated[str, about(f"The task. 1 to {TASK_NAME_MAX} small letters, digits and `_`; not `{RESERVED_NAME}`", "charge_card", maxLength=TASK_NAME_MAX)]
TaskDescription = Annotated[str, about("A description for people", "Charge a card")]
TaskQueue = Annotated[str, about(f"Where its runs wait for workers. {QUEUE_NAMES}. Default: the name of the task", "payments", **QUEUE_LENGTH)]
SameTaskQueue = Annotated[str, about("The same as `queue_name`", "payments", **QUEUE_LENGTH)]
Condition = Annotated[str, about("Looked at when a run is made: without it the run is `skipped`. One test of `input` or a part of it", "input.amount gt 0", maxLength=CONDITION_CHARACTERS_MAX)]
TaskRetries = Annotated[int, about(f"How often a run is tried again; default {RETRIES_USUAL}", 3)]
TaskSeconds = Annotated[float | int, about("How long an attempt may take, in seconds; default 30", 20)]
TaskTimeoutMs = Annotated[int, about("The same in milliseconds, with precedence; 0: without end", 20_000)]
TaskConcurrency = Annotated[int, about(f"Runs of it that are processed at once at most, up to {RUNS_AT_ONCE_MAX:,}; null: no limit", 10)]
Retention = Annotated[float | int | None, about("Runs that have ended are deleted after so many seconds; null: with other jobs, as the plan says", 604_800)]
Revision = Annotated[int, about("Grows with each change", 1, minimum=1)]
IsChanged = Annotated[bool, about("False: it was so already", True)]
Warnings = Annotated[list[str], about("What may be said but is probably wrong", [])]
# fmt: on

_SecondsGiven = Annotated[
    float,
    Meta(ge=0, le=TIMEOUT_MS_MAX / 1000),
    about("How long an attempt may take, in seconds; default 30", 20),
]
RetentionGiven = Annotated[
    float,
    Meta(ge=RETENTION_SECONDS_MIN, le=CENTURY_SECONDS),
    about("Runs that have ended are deleted after so many seconds, with fractions", 604_800),
]


class ReplaceTask(Struct, kw_only=True):
    """Body of PUT /tasks/{name}. What is left out or null gets its default; the name is that of
    the path."""

    description: Annotated[TaskDescription, DESCRIPTION] | None = None
    queue_name: TaskQueue | None = None
    queue: SameTaskQueue | None = None
    condition: Condition | None = None
    max_retries: Annotated[TaskRetries, RETRIES] | None = None
    timeout_seconds: _SecondsGiven | None = None
    timeout_ms: Annotated[TaskTimeoutMs, Meta(ge=0, le=TIMEOUT_MS_MAX)] | None = None
    backoff: Annotated[BackoffBody | None, BACKOFF] = None
    circuit_breaker: Annotated[CircuitBreakerBody | None, BREAKER] = None
    max_concurrency: Annotated[TaskConcurrency, Meta(ge=1, le=RUNS_AT_ONCE_MAX)] | None = None
    retention_seconds: RetentionGiven | None = None
    on_fail: Annotated[OnFailBody | None, ON_FAIL] = None

    def definition(self, name: str) -> TaskDefinition:
        """What is said of the task of this name.

        Raises:
            RuleBroken: the condition does not parse, or a value breaks its rule.
        """
        if self.condition is not None:
            parse_condition(self.condition)
        breaker, retention = self.circuit_breaker, self.retention_seconds
        return TaskDefinition(
            description=self.description,
            queue_name=self._queue_of(name),
            condition=self.condition,
            max_retries=RETRIES_USUAL if self.max_retries is None else self.max_retries,
            timeout_ms=self._timeout_ms(),
            backoff=stored(None if self.backoff is None else self.backoff.checked()),
            circuit_breaker=stored(None if breaker is None else breaker.breaker()),
            max_concurrency=self.max_concurrency,
            retention_ms=None if retention is None else round(retention * 1000),
            on_fail=stored(None if self.on_fail is None else self.on_fail.checked()),
        )

    def warnings(self) -> list[str]:
        """Of a condition that parses."""
        if self.condition is None:
            return []
        root = parse_condition(self.condition).path[0]
        if root == RESERVED_NAME:
            return []
        return [f"`condition` looks at `{root}`, which is never there: it sees `input` only"]

    def _queue_of(self, name: str) -> str:
        if self.queue_name is not None:
            return checked_queue_name(self.queue_name, "queue_name")
        return name if self.queue is None else checked_queue_name(self.queue, "queue")

    def _timeout_ms(self) -> int:
        if self.timeout_ms is not None:
            return self.timeout_ms
        seconds = self.timeout_seconds
        return TIMEOUT_MS_USUAL if seconds is None else in_ms(seconds)


TaskBreakerStanding = Annotated[BreakerView, about("How its circuit breaker stands, if it has one")]


class CreateTask(ReplaceTask, kw_only=True):
    """Body of POST /tasks."""

    name: TaskName


class TaskView(Struct):
    """A task: everything about it but what its workers do."""

    name: TaskName
    description: TaskDescription | None
    queue_name: TaskQueue
    condition: Condition | None
    max_retries: TaskRetries
    timeout_seconds: TaskSeconds
    timeout_ms: TaskTimeoutMs
    backoff: Annotated[BackoffView | None, BACKOFF]
    circuit_breaker: Annotated[CircuitBreakerView | None, BREAKER]
    max_concurrency: TaskConcurrency | None
    retention_seconds: Retention
    on_fail: Annotated[OnFailView | None, ON_FAIL]
    revision: Revision
    created_at: CreatedAt
    updated_at: UpdatedAt
    breaker: TaskBreakerStanding | UnsetType = UNSET  # of one that was asked for, if it has one
    changed: IsChanged | UnsetType = UNSET  # of a call that defines it
    warnings: Warnings | UnsetType = UNSET  # likewise

    @classmethod
    def of(cls, row: TaskRow) -> Self:
        backoff, breaker, on_fail = row["backoff"], row["circuit_breaker"], row["on_fail"]
        retention_ms = row["retention_ms"]
        return cls(
            name=row["name"],
            description=row["description"],
            queue_name=row["queue_name"],
            condition=row["condition"],
            max_retries=row["max_retries"],
            timeout_seconds=in_seconds(row["timeout_ms"]),
            timeout_ms=row["timeout_ms"],
            backoff=None if backoff is None else BackoffView.of(backoff),
            circuit_breaker=None if breaker is None else CircuitBreakerView.of(breaker),
            max_concurrency=row["max_concurrency"],
            retention_seconds=None if retention_ms is None else in_seconds(retention_ms),
            on_fail=None if on_fail is None else OnFailView.of(on_fail),
            revision=row["revision"],
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
        )
