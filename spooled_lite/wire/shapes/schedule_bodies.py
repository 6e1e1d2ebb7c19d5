"""Bodies about schedules. Null means absent; of several spellings of a field the first one wins."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Raw, Struct, structs

from spooled_lite.core.jobs.records import (
    CENTURY_SECONDS,
    NULL,
    PRIORITIES,
    RETRIES,
    SHORT,
    TIMEOUT_SECONDS,
    check_json_size,
    queue_of,
    strict_tags,
    with_job_type,
)
from spooled_lite.core.schedules.records import (
    CATCH_UPS,
    DEFAULT_ZONE,
    GRACE_SECONDS,
    CatchUp,
    NewSchedule,
    ScheduleChanges,
)
from spooled_lite.errors import RuleBroken, WrongShape
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes import schedule_fields as fields
from spooled_lite.wire.shapes.about import about
from spooled_lite.wire.shapes.common import QueueName, SameQueueName

SLOTS_SHOWN: Final = 10  # when the caller names no number
SLOTS_SHOWN_MAX: Final = 100
NO_INPUT: Final = b"{}"  # of a run that brings none
ABSENT: Final = Raw(b"")  # the default of a JSON field for which null is a value

_NameGiven = Annotated[fields.Name, Meta(min_length=1, max_length=255)]
GraceGiven = Annotated[fields.GraceSeconds, Meta(ge=0, le=CENTURY_SECONDS)]
_SlotCount = Annotated[
    int,
    Meta(ge=1, le=SLOTS_SHOWN_MAX),
    about(f"How many slots. Default: {SLOTS_SHOWN}", 3),
]


class Rule(Struct, kw_only=True):
    """The fields that say when a schedule runs."""

    cron_expression: fields.CronExpression | None = None
    cron: fields.SameCronExpression | None = None
    schedule: fields.SameCronExpression | None = None
    timezone: fields.Timezone | None = None

    def expression(self) -> str | None:
        """The first spelling of the expression that is given."""
        found = (self.cron_expression, self.cron, self.schedule)
        return next((each for each in found if each is not None), None)

    def required_expression(self) -> str:
        """The expression. Raises WrongShape when it is missing in all spellings."""
        expression = self.expression()
        if expression is None:
            raise WrongShape.missing("cron_expression")
        return expression


class ScheduleFields(Rule, kw_only=True):
    """Fields that a new schedule and a change of one have in common."""

    description: Annotated[fields.Description, Meta(max_length=1_000)] | None = None
    payload_template: fields.PayloadTemplate = ABSENT
    payload: fields.SamePayloadTemplate = ABSENT
    priority: Annotated[job.Priority, PRIORITIES] | None = None
    max_retries: Annotated[job.MaxRetries, RETRIES] | None = None
    timeout_seconds: Annotated[job.TimeoutSeconds, TIMEOUT_SECONDS] | None = None
    is_active: fields.IsActive | None = None
    enabled: fields.Enabled | None = None
    tags: fields.Tags = NULL
    metadata: fields.Metadata = NULL
    job_type: Annotated[fields.JobTypeGiven, SHORT] | None = None
    catch_up: fields.CatchUpGiven = None
    input: fields.Input = ABSENT
    misfire_grace_seconds: GraceGiven | None = None

    def active(self) -> bool | None:
        return self.enabled if self.is_active is None else self.is_active

    def checked_metadata(self) -> bytes | None:
        """Raises RuleBroken: they are too large."""
        metadata = bytes(self.metadata)
        if metadata == b"null":
            return None
        if len(metadata) > fields.METADATA_BYTES_MAX:
            raise RuleBroken.of(
                "metadata",
                f"Field `metadata` is larger than {fields.METADATA_BYTES_MAX} bytes",
                "metadata_too_large",
            )
        return metadata


class CreateSchedule(ScheduleFields, kw_only=True):
    """Body of POST /schedules. Unknown fields are ignored."""

    name: _NameGiven
    queue_name: QueueName | None = None
    queue: SameQueueName | None = None
    task_name: Annotated[fields.TaskName, SHORT] | None = None
    flow_name: Annotated[fields.FlowNameGiven, SHORT] | None = None

    def new_schedule(self, *, template_bytes_max: int) -> NewSchedule:
        """Merge the spellings of fields and the defaults; core checks the expression and the zone.

        Raises:
            WrongShape: a required field is missing in all its spellings, or a type is wrong.
            RuleBroken: a name or a size breaks its rule.
            PayloadTooLarge: the template is over `template_bytes_max`.
        """
        active = self.active()
        expression = self.required_expression()
        metadata = self.checked_metadata()
        said = _of_metadata(metadata)
        task_name = self.task_name or _text(said.task_name)
        flow_name = self.flow_name or _text(said.flow_name)
        if task_name is not None and flow_name is not None:
            raise RuleBroken.of(
                "flow_name", "Field `flow_name` is not possible beside `task_name`", "invalid_value"
            )
        # That of a task or a flow is found when the schedule is stored.
        makes_jobs = task_name is None and flow_name is None
        queue_name = queue_of(self.queue_name, self.queue) if makes_jobs else ""
        # Null is a value. A run that brings none has an empty object.
        given = bytes(self.payload_template) or bytes(self.payload) or bytes(self.input)
        if not given and makes_jobs:
            raise WrongShape.missing("payload_template")
        template = with_job_type(given or NO_INPUT, self.job_type or None)
        check_json_size(template, template_bytes_max, "payload_template")
        return NewSchedule(
            name=self.name,
            description=self.description,
            cron_expression=expression,
            timezone=DEFAULT_ZONE if self.timezone is None else self.timezone,
            queue_name=queue_name,
            payload_template=template,
            priority=self.priority or 0,
            max_retries=self.max_retries,
            timeout_seconds=self.timeout_seconds,
            is_active=True if active is None else active,
            catch_up=self.catch_up or _catch_up(said) or "one",
            tags=strict_tags(self.tags, "tags"),
            metadata=metadata,
            misfire_grace_seconds=_grace(self.misfire_grace_seconds),
            task_name=task_name,
            flow_name=flow_name,
        )


class UpdateSchedule(ScheduleFields, kw_only=True):
    """Body of PUT /schedules/{id}. What is left out or null is kept; the queue never changes."""

    name: _NameGiven | None = None
    queue_name: Annotated[fields.QueueIgnored, SHORT] | None = None
    queue: Annotated[fields.QueueIgnored, SHORT] | None = None
    task_name: Annotated[fields.TaskIgnored, SHORT] | None = None
    flow_name: Annotated[fields.FlowIgnored, SHORT] | None = None

    def changes(self, *, template_bytes_max: int) -> ScheduleChanges:
        """Merge aliases. Raises: as `CreateSchedule.new_schedule`."""
        template = self._new_template()
        if template is not None:
            template = with_job_type(template, self.job_type or None)
            check_json_size(template, template_bytes_max, "payload_template")
        metadata = self.checked_metadata()
        given = {
            "name": self.name,
            "description": self.description,
            "cron_expression": self.expression(),
            "timezone": self.timezone,
            "payload_template": template,
            "priority": self.priority,
            "max_retries": self.max_retries,
            "timeout_seconds": self.timeout_seconds,
            "is_active": self.active(),
            "catch_up": self.catch_up or _catch_up(_of_metadata(metadata)),
            "misfire_grace_seconds": self.misfire_grace_seconds,
            "tags": strict_tags(self.tags, "tags"),
            "metadata": metadata,
        }
        return ScheduleChanges(
            columns={name: value for name, value in given.items() if value is not None},
            job_type=self.job_type or None if template is None else None,
        )

    def _new_template(self) -> bytes | None:
        """The first spelling that is given and not null; None keeps the template."""
        given = (bytes(self.payload_template), bytes(self.payload), bytes(self.input))
        return next((each for each in given if each not in (b"", b"null")), None)


class PreviewSlots(Rule, kw_only=True):
    """Body of POST /schedules/preview."""

    count: _SlotCount | None = None


class PutTaskSchedule(Rule, kw_only=True):
    """Body of PUT /tasks/{name}/schedule and PUT /flows/{name}/schedule. What is left out is as for
    a new one, except whether it is active, its description and its priority, which stay."""

    input: fields.Input = ABSENT
    catch_up: fields.CatchUpGiven = None
    misfire_grace_seconds: GraceGiven | None = None
    description: Annotated[fields.Description, Meta(max_length=1_000)] | None = None
    priority: Annotated[job.Priority, PRIORITIES] | None = None
    is_active: fields.IsActive | None = None
    enabled: fields.Enabled | None = None

    def new_schedule(self, task_name: str, *, input_bytes_max: int) -> NewSchedule:
        """Raises: as `CreateSchedule.new_schedule`."""
        given = bytes(self.input) or NO_INPUT
        check_json_size(given, input_bytes_max, "input")
        also = self.also()
        return NewSchedule(
            name=task_name,
            description=self.description,
            cron_expression=self.required_expression(),
            timezone=DEFAULT_ZONE if self.timezone is None else self.timezone,
            queue_name="",  # that of its task
            payload_template=given,
            priority=self.priority or 0,
            is_active=also.get("is_active", True),
            catch_up=self.catch_up or "one",
            misfire_grace_seconds=_grace(self.misfire_grace_seconds),
            task_name=task_name,
            is_of_task=True,
        )

    def new_flow_schedule(self, flow_name: str, *, input_bytes_max: int) -> NewSchedule:
        """The same of a flow. Raises: likewise."""
        new = self.new_schedule(flow_name, input_bytes_max=input_bytes_max)
        return structs.replace(new, task_name=None, flow_name=flow_name)

    def also(self) -> dict[str, Any]:
        """By column, what stays unless it is given."""
        active = self.enabled if self.is_active is None else self.is_active
        given = {
            "description": self.description,
            "priority": self.priority,
            "is_active": active,
        }
        return {name: value for name, value in given.items() if value is not None}


class _OfMetadata(Struct):
    """What some clients cannot send as fields."""

    catch_up: Raw = NULL
    task_name: Raw = NULL
    flow_name: Raw = NULL


def _of_metadata(metadata: bytes | None) -> _OfMetadata:
    if metadata is None or metadata[:1] != b"{":
        return _OfMetadata()
    return msgspec.json.decode(metadata, type=_OfMetadata)


def _text(given: Raw) -> str | None:
    raw = bytes(given)
    return (msgspec.json.decode(raw, type=str) if raw[:1] == b'"' else "") or None


def _catch_up(said: _OfMetadata) -> CatchUp | None:
    found = _text(said.catch_up)
    return found if found in CATCH_UPS else None  # type: ignore[return-value]


def _grace(seconds: int | None) -> int:
    return GRACE_SECONDS if seconds is None else seconds
