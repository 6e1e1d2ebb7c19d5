"""Answers about schedules, their runs and their slots. Contract: schedules, section 1."""

from datetime import UTC, datetime
from typing import Annotated, Self

from msgspec import UNSET, Raw, Struct, UnsetType

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.schedules.columns import ListedScheduleRow, RunRow, ScheduleRow
from spooled_lite.core.schedules.records import GRACE_SECONDS
from spooled_lite.core.schedules.upcoming import ComingSlot
from spooled_lite.core.schedules.zones import zone_of
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.shapes import job_fields as job
from spooled_lite.wire.shapes import schedule_fields as fields
from spooled_lite.wire.shapes.about import a_time, about
from spooled_lite.wire.shapes.common import (
    AN_ID,
    CreatedAt,
    Id,
    OrganizationId,
    QueueName,
    UpdatedAt,
)


class ScheduleView(Struct, frozen=True, kw_only=True):
    """A schedule. Contract: schedules, section 1.1."""

    id: Id
    organization_id: OrganizationId
    name: fields.Name
    description: fields.Description | None
    cron_expression: fields.CronExpression
    timezone: fields.Timezone
    queue_name: QueueName
    payload_template: fields.PayloadTemplate
    priority: job.Priority
    max_retries: job.MaxRetries
    timeout_seconds: job.TimeoutSeconds
    is_active: fields.IsActive
    enabled: fields.Enabled
    catch_up: fields.CatchUpShown
    last_run_at: fields.LastRunAt | None
    next_run_at: fields.NextRunAt | None
    run_count: fields.RunCount
    failed_count: fields.FailedCount
    tags: fields.Tags
    metadata: fields.Metadata
    created_at: CreatedAt
    updated_at: UpdatedAt
    values_omitted: fields.ValuesOmitted | UnsetType = UNSET
    task_name: fields.TaskName | UnsetType = UNSET  # when it runs a task, as those that follow
    flow_name: fields.FlowNameGiven | UnsetType = UNSET  # when it runs a flow, likewise
    input: fields.Input | UnsetType = UNSET
    misfire_grace_seconds: fields.GraceSeconds | UnsetType = UNSET  # or when it is not the usual
    last_scheduled_for: fields.LastScheduledFor | UnsetType | None = UNSET

    @classmethod
    def of(cls, row: ScheduleRow | ListedScheduleRow, org_id: str) -> Self:
        template = row["payload_template"]
        is_active = bool(row["is_active"])
        task_name, grace_seconds = row["task_name"], row["misfire_grace_seconds"]
        makes_jobs = task_name is None and row["flow_name"] is None
        is_usual = makes_jobs and grace_seconds == GRACE_SECONDS
        last_slot = format_optional_ms(row["last_scheduled_for_ms"])
        return cls(
            task_name=UNSET if task_name is None else task_name,
            flow_name=UNSET if row["flow_name"] is None else row["flow_name"],
            input=UNSET if makes_jobs or template is None else Raw(template),
            misfire_grace_seconds=UNSET if is_usual else grace_seconds,
            last_scheduled_for=UNSET if makes_jobs else last_slot,
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
    """Answer of POST /schedules/{id}/trigger: one time under all names that clients read."""

    job_id: job.JobId
    triggered_at: fields.TriggeredAt
    scheduled_at: fields.SameTriggeredAt
    workflow_id: fields.WorkflowMade | UnsetType = UNSET  # when it runs a flow

    @classmethod
    def of(cls, made: JobRow) -> Self:
        """The answer for the job that was created."""
        at = format_ms(made["created_at_ms"])
        workflow_id = made["workflow_id"]
        return cls(
            job_id=made["id"],
            triggered_at=at,
            scheduled_at=at,
            workflow_id=UNSET if workflow_id is None else workflow_id,
        )


class ScheduleRun(Struct, frozen=True, kw_only=True):
    """A row of GET /schedules/{id}/history. Contract: schedules, section 1.2 row 9."""

    id: Id
    schedule_id: fields.ScheduleId
    job_id: fields.JobMade | None
    status: fields.RunStatus
    error_message: fields.ErrorMessage | None
    error: fields.SameErrorMessage | None
    started_at: fields.StartedAt
    executed_at: fields.SameStartedAt
    triggered_at: fields.SameStartedAt
    completed_at: fields.CompletedAt | None
    duration: fields.DurationMs | None
    workflow_id: fields.WorkflowMade | UnsetType = UNSET  # when it runs a flow

    @classmethod
    def of(cls, row: RunRow, schedule_id: str) -> Self:
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
            workflow_id=UNSET if row["workflow_id"] is None else row["workflow_id"],
        )


class Slot(Struct, frozen=True):
    utc: fields.SlotUtc
    local: fields.SlotLocal


class Slots(Struct, frozen=True):
    """The next occurrences of a rule, oldest first."""

    cron_expression: fields.CronExpression
    timezone: fields.Timezone
    slots: Annotated[list[Slot], about("The next ones, the earliest first")]

    @classmethod
    def of(cls, cron_expression: str, timezone: str, slots_ms: list[int]) -> Self:
        zone = zone_of(timezone)

        def local(at_ms: int) -> str:
            moment = datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone)
            return moment.isoformat(timespec="milliseconds")

        slots = [Slot(format_ms(at_ms), local(at_ms)) for at_ms in slots_ms]
        return cls(cron_expression, timezone, slots)


class UpcomingSlot(Struct, frozen=True):
    """A row of GET /schedules/upcoming."""

    at: Annotated[str, a_time("When it fires")]
    schedule_id: Annotated[str, about("The schedule", AN_ID)]
    name: fields.Name
    queue_name: QueueName

    @classmethod
    def of(cls, slot: ComingSlot) -> Self:
        schedule = slot.schedule
        return cls(format_ms(slot.at_ms), schedule["id"], schedule["name"], schedule["queue_name"])
