"""What rows of schedules and of their runs hold. Times are milliseconds since the epoch."""

from typing import TypedDict


class _Shown(TypedDict):
    seq: int
    id: str
    name: str
    description: str | None
    cron_expression: str
    timezone: str
    queue_name: str
    task_name: str | None  # it runs this task, in whose queue
    flow_name: str | None  # it runs this flow, whose first step is in its queue
    priority: int
    max_retries: int
    timeout_seconds: int
    is_active: int
    catch_up: str  # skip, one or all
    misfire_grace_seconds: int
    last_run_at_ms: int | None
    last_scheduled_for_ms: int | None  # the latest slot that fired
    next_run_at_ms: int | None  # None: there is no next slot
    run_count: int
    failed_count: int
    created_at_ms: int
    updated_at_ms: int
    tags: bytes | None
    metadata: bytes | None


class ScheduleRow(_Shown):
    """A whole row; flags are 0 or 1."""

    org: int
    is_of_task: int
    caught_up: int
    deleted_at_ms: int | None
    payload_template: bytes


class ListedScheduleRow(_Shown):
    """A schedule in a list, where its template is filled in as long as there is room."""

    payload_template: bytes | None
    size_bytes: int | None  # of the template


class ScheduleOfAnyOrgRow(ListedScheduleRow):
    org_id: str


class DueScheduleRow(TypedDict):
    """A schedule whose next slot has come, without its template."""

    seq: int
    cron_expression: str
    timezone: str
    catch_up: str
    misfire_grace_seconds: int
    next_run_at_ms: int
    caught_up: int
    size_bytes: int  # of each job that it makes


class UpcomingRow(TypedDict):
    """An active schedule, and its next slot."""

    id: str
    name: str
    queue_name: str
    cron_expression: str
    timezone: str
    next_run_at_ms: int


class AheadRow(TypedDict):
    """An active schedule whose next slot is still to come, or that has none."""

    seq: int
    cron_expression: str
    timezone: str
    next_run_at_ms: int | None
    last_slot_ms: int | None  # the latest slot that fired


class RunRow(TypedDict):
    """A run in the history of a schedule."""

    id: str
    status: str
    error_message: str | None
    started_at_ms: int
    completed_at_ms: int | None
    job_id: str | None  # None also when the job is gone
    workflow_id: str | None  # of a job that is a step
