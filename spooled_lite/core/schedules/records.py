"""Schedules: what callers send, the commands that core is given, and what they get."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from spooled_lite.core.jobs.records import (
    NULL,
    MaxRetries,
    Priority,
    TimeoutSeconds,
    check_json_size,
    queue_of,
    strict_tags,
    with_job_type,
)
from spooled_lite.core.schedules.zones import zone_of
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.events import Row
from spooled_lite.times import format_ms, format_optional_ms

METADATA_BYTES_MAX: Final = 65_536
SLOTS_SHOWN: Final = 10
SLOTS_SHOWN_MAX: Final = 100
DEFAULT_ZONE: Final = "UTC"
ABSENT: Final = Raw(b"")  # what stands in for a JSON value that was left out, where null is one

CatchUp = Literal["skip", "one", "all"]
_CATCH_UPS: Final = frozenset({"skip", "one", "all"})

ScheduleName = Annotated[str, Meta(min_length=1, max_length=255)]
JobType = Annotated[str, Meta(max_length=255)]
SlotCount = Annotated[int, Meta(ge=1, le=SLOTS_SHOWN_MAX)]


class Rule(Struct, kw_only=True):
    """When something happens, as callers say it. Null means absent."""

    cron_expression: str | None = None
    cron: str | None = None  # alias of cron_expression
    schedule: str | None = None  # alias of cron_expression
    timezone: str | None = None

    def expression(self) -> str | None:
        """The first spelling that is there."""
        found = (self.cron_expression, self.cron, self.schedule)
        return next((each for each in found if each is not None), None)

    def required_expression(self) -> str:
        """Raises WrongShape when no spelling is there."""
        expression = self.expression()
        if expression is None:
            raise WrongShape.missing("cron_expression")
        return expression


class ScheduleFields(Rule, kw_only=True):
    """What a new schedule and a changed one have in common. Null means absent."""

    description: Annotated[str, Meta(max_length=1_000)] | None = None
    payload_template: Raw = ABSENT
    payload: Raw = ABSENT  # alias of payload_template
    priority: Priority | None = None
    max_retries: MaxRetries | None = None
    timeout_seconds: TimeoutSeconds | None = None
    is_active: bool | None = None
    enabled: bool | None = None  # alias of is_active
    tags: Raw = NULL
    metadata: Raw = NULL
    job_type: JobType | None = None
    catch_up: CatchUp | None = None

    def template(self) -> bytes | None:
        """The first spelling that is there; null is a value."""
        given = bytes(self.payload_template) or bytes(self.payload)
        return given or None

    def active(self) -> bool | None:
        return self.enabled if self.is_active is None else self.is_active


class CreateSchedule(ScheduleFields, kw_only=True):
    """Body of POST /schedules. Unknown fields are ignored."""

    name: ScheduleName
    queue_name: str | None = None
    queue: str | None = None  # alias of queue_name


class UpdateSchedule(ScheduleFields, kw_only=True):
    """Body of PUT /schedules/{id}. What is left out or null is kept; the queue is kept anyway."""

    name: ScheduleName | None = None
    queue_name: Annotated[str, Meta(max_length=255)] | None = None
    queue: Annotated[str, Meta(max_length=255)] | None = None

    def new_template(self) -> bytes | None:
        """The first spelling that is there; null is none: it keeps the template."""
        given = (bytes(self.payload_template), bytes(self.payload))
        return next((each for each in given if each not in (b"", b"null")), None)


class PreviewSlots(Rule, kw_only=True):
    """Body of POST /schedules/preview."""

    count: SlotCount | None = None


class NewSchedule(Struct, frozen=True, kw_only=True):
    """What core is asked to store: one name per thing."""

    name: str
    cron_expression: str
    queue_name: str
    payload_template: bytes
    description: str | None = None
    timezone: str = DEFAULT_ZONE
    priority: int = 0
    max_retries: int | None = None  # None: the queue's value
    timeout_seconds: int | None = None  # None: the queue's value
    is_active: bool = True
    catch_up: CatchUp = "one"
    tags: bytes | None = None
    metadata: bytes | None = None

    @classmethod
    def from_wire(cls, body: CreateSchedule, *, template_bytes_max: int) -> Self:
        """Merge aliases and defaults. Whether the expression and the zone are any is asked later.

        Raises:
            WrongShape: no spelling of a required field is there, or a value has a wrong type.
            RuleBroken: a name or a size breaks its rule.
            PayloadTooLarge: the template is over `template_bytes_max`.
        """
        template, active = body.template(), body.active()
        expression = body.required_expression()
        queue_name = queue_of(body.queue_name, body.queue)
        if template is None:
            raise WrongShape.missing("payload_template")
        template = with_job_type(template, body.job_type or None)
        check_json_size(template, template_bytes_max, "payload_template")
        metadata = _metadata(body.metadata)
        return cls(
            name=body.name,
            description=body.description,
            cron_expression=expression,
            timezone=DEFAULT_ZONE if body.timezone is None else body.timezone,
            queue_name=queue_name,
            payload_template=template,
            priority=body.priority or 0,
            max_retries=body.max_retries,
            timeout_seconds=body.timeout_seconds,
            is_active=True if active is None else active,
            catch_up=body.catch_up or _catch_up_of(metadata) or "one",
            tags=strict_tags(body.tags, "tags"),
            metadata=metadata,
        )


class ScheduleChanges(Struct, frozen=True, kw_only=True):
    """What core is asked to change: new values by column; what is not named is kept."""

    columns: Mapping[str, Any] = {}
    job_type: str | None = None  # for a template that is kept

    @classmethod
    def from_wire(cls, body: UpdateSchedule, *, template_bytes_max: int) -> Self:
        """Merge aliases. Raises: as `NewSchedule.from_wire`."""
        template = body.new_template()
        if template is not None:
            template = with_job_type(template, body.job_type or None)
            check_json_size(template, template_bytes_max, "payload_template")
        metadata = _metadata(body.metadata)
        given = {
            "name": body.name,
            "description": body.description,
            "cron_expression": body.expression(),
            "timezone": body.timezone,
            "payload_template": template,
            "priority": body.priority,
            "max_retries": body.max_retries,
            "timeout_seconds": body.timeout_seconds,
            "is_active": body.active(),
            "catch_up": body.catch_up or _catch_up_of(metadata),
            "tags": strict_tags(body.tags, "tags"),
            "metadata": metadata,
        }
        return cls(
            columns={name: value for name, value in given.items() if value is not None},
            job_type=body.job_type or None if template is None else None,
        )


class ScheduleView(Struct, frozen=True, kw_only=True):
    """A schedule as it goes over the wire. Contract: schedules, section 1.1."""

    id: str
    organization_id: str
    name: str
    description: str | None
    cron_expression: str
    timezone: str
    queue_name: str
    payload_template: Raw
    priority: int
    max_retries: int
    timeout_seconds: int
    is_active: bool
    enabled: bool
    catch_up: str
    last_run_at: str | None
    next_run_at: str | None
    run_count: int
    failed_count: int
    tags: Raw
    metadata: Raw
    created_at: str
    updated_at: str
    values_omitted: bool | UnsetType = UNSET  # true: its template is left out of a list

    @classmethod
    def of(cls, row: Row, org_id: str) -> Self:
        template: bytes | None = row["payload_template"]
        is_active = bool(row["is_active"])
        return cls(
            id=row["id"],
            organization_id=org_id,
            name=row["name"],
            description=row["description"],
            cron_expression=row["cron_expression"],
            timezone=row["timezone"],
            queue_name=row["queue_name"],
            payload_template=NULL if template is None else Raw(template),
            values_omitted=UNSET if template is not None else True,
            priority=row["priority"],
            max_retries=row["max_retries"],
            timeout_seconds=row["timeout_seconds"],
            is_active=is_active,
            enabled=is_active,
            catch_up=row["catch_up"],
            last_run_at=format_optional_ms(row["last_run_at_ms"]),
            next_run_at=format_optional_ms(row["next_run_at_ms"]),
            run_count=row["run_count"],
            failed_count=row["failed_count"],
            tags=NULL if row["tags"] is None else Raw(row["tags"]),
            metadata=NULL if row["metadata"] is None else Raw(row["metadata"]),
            created_at=format_ms(row["created_at_ms"]),
            updated_at=format_ms(row["updated_at_ms"]),
        )


class ScheduleTriggered(Struct, frozen=True, kw_only=True):
    """Answer of POST /schedules/{id}/trigger: one time under the names clients read."""

    job_id: str
    triggered_at: str
    scheduled_at: str

    @classmethod
    def of(cls, job: Row) -> Self:
        at = format_ms(job["created_at_ms"])
        return cls(job_id=job["id"], triggered_at=at, scheduled_at=at)


class ScheduleRun(Struct, frozen=True, kw_only=True):
    """A run as it goes over the wire. Contract: schedules, section 1.2 row 9."""

    id: str
    schedule_id: str
    job_id: str | None
    status: str
    error_message: str | None
    error: str | None
    started_at: str
    executed_at: str
    triggered_at: str
    completed_at: str | None
    duration: int | None  # milliseconds

    @classmethod
    def of(cls, row: Row, schedule_id: str) -> Self:
        started_at, ended_at_ms = format_ms(row["started_at_ms"]), row["completed_at_ms"]
        return cls(
            id=row["id"],
            schedule_id=schedule_id,
            job_id=row["job_id"],
            status=row["status"],
            error_message=row["error_message"],
            error=row["error_message"],
            started_at=started_at,
            executed_at=started_at,
            triggered_at=started_at,
            completed_at=format_optional_ms(ended_at_ms),
            duration=None if ended_at_ms is None else ended_at_ms - row["started_at_ms"],
        )


class Slot(Struct, frozen=True):
    utc: str
    local: str


class Slots(Struct, frozen=True):
    """The next occurrences of a rule, oldest first."""

    cron_expression: str
    timezone: str
    slots: list[Slot]

    @classmethod
    def of(cls, cron_expression: str, timezone: str, slots_ms: list[int]) -> Self:
        zone = zone_of(timezone)

        def local(at_ms: int) -> str:
            moment = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)
            return moment.isoformat(timespec="milliseconds")

        slots = [Slot(format_ms(at_ms), local(at_ms)) for at_ms in slots_ms]
        return cls(cron_expression, timezone, slots)


def _metadata(value: Raw) -> bytes | None:
    metadata = bytes(value)
    if metadata == b"null":
        return None
    if len(metadata) > METADATA_BYTES_MAX:
        raise RuleBroken.of(
            "metadata", f"Field `metadata` is larger than {METADATA_BYTES_MAX} bytes",
            "metadata_too_large",
        )  # fmt: skip
    return metadata


class _WithCatchUp(Struct):
    catch_up: Raw = NULL


def _catch_up_of(metadata: bytes | None) -> CatchUp | None:
    """What the metadata say of it: some clients refuse to send a field they do not know."""
    if metadata is None or metadata[:1] != b"{":
        return None
    raw = bytes(msgspec.json.decode(metadata, type=_WithCatchUp).catch_up)
    found = msgspec.json.decode(raw, type=str) if raw[:1] == b'"' else ""
    return found if found in _CATCH_UPS else None  # type: ignore[return-value]
