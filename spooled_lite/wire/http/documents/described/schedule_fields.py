"""Every field of schedules by its name; `Type.name` where it means something else elsewhere."""

from typing import Final

from spooled_lite.core.jobs.records import TAGS_BYTES_MAX
from spooled_lite.core.schedules.cron import EXPRESSION_LENGTH_MAX
from spooled_lite.core.schedules.records import METADATA_BYTES_MAX, SLOTS_SHOWN
from spooled_lite.wire.http.documents.described.field import (
    Field,
    count,
    in_each,
    length,
    one_of,
    time,
)

_GIVEN: Final = ("CreateSchedule", "UpdateSchedule")
_ALL: Final = (*_GIVEN, "ScheduleView")
_ID: Final = "7d444840-9dc0-41d1-b245-5ffdce74fad2"

# One line a field, however long.
# ruff: noqa: E501
# fmt: off
SCHEDULES: Final = {
    **in_each(_ALL, "name", Field("The name, 1 to 255 characters; need not be unique", "Daily report")),
    **in_each(_ALL, "description", Field("For people, up to 1,000 characters", "What sold yesterday")),
    "cron_expression": Field(f"5 fields, or 6 with the second first, or `@daily` and the like; at most {EXPRESSION_LENGTH_MAX} characters, given back as they came", "0 9 * * MON-FRI"),
    "cron": Field("The same as `cron_expression`", "0 9 * * MON-FRI"),
    "schedule": Field("The same as `cron_expression`", "0 9 * * MON-FRI"),
    "timezone": Field("The time zone of the expression: an IANA name, or an offset such as `+05:30`. Default: UTC", "America/New_York"),
    "ScheduleView.values_omitted": Field("True: its template is left out, the list would be too large", False),
    "payload_template": Field("The payload of its jobs: any JSON value", {"kind": "daily"}),
    **in_each(_GIVEN, "payload", Field("The same as `payload_template`", {"kind": "daily"})),
    **in_each(_GIVEN, "job_type", Field("Put into a template that is an object and has none", "daily_report")),
    **in_each(_ALL, "is_active", Field("False: it is paused", True)),
    **in_each(_ALL, "enabled", Field("The same as `is_active`", True)),
    "catch_up": one_of("Runs after downtime: one for all missed slots (`one`), none (`skip`), or one for each (`all`, up to 1,000). Also read from `metadata.catch_up`", "one", "skip", "all"),
    **in_each(_ALL, "tags", Field(f"The tags of its jobs: an object or a list, up to {TAGS_BYTES_MAX} bytes", ["report"])),
    **in_each(_ALL, "metadata", Field(f"Any JSON value up to {METADATA_BYTES_MAX} bytes, for callers", {})),
    "UpdateSchedule.queue_name": Field("Ignored: the queue stays", "reports", length(0, 255)),
    "UpdateSchedule.queue": Field("Ignored: the queue stays", "reports", length(0, 255)),
    "last_run_at": time("When it last created a job"),
    "next_run_at": time("The next slot; null: there is none", "2026-10-02T13:00:00.000Z"),
    "run_count": count("How many jobs it has created", 1),
    "failed_count": count("How many slots failed to create a job"),
    "triggered_at": time("When the job was made"),
    "ScheduleTriggered.scheduled_at": time("The same as `triggered_at`"),
    "schedule_id": Field("The id of the schedule", _ID),
    "ScheduleRun.job_id": Field("The job; null when none was created, or it was deleted", _ID),
    "ScheduleRun.status": one_of("`completed` when the job was created, whatever happens to it later", "completed", "failed", "running", "pending"),
    "ScheduleRun.error_message": Field("Why there is no job", None),
    "ScheduleRun.error": Field("The same as `error_message`", None),
    "ScheduleRun.started_at": time("When it ran"),
    "ScheduleRun.executed_at": time("The same as `started_at`"),
    "ScheduleRun.triggered_at": time("The same as `started_at`"),
    "ScheduleRun.completed_at": time("When that was done"),
    "duration": count("How long it took, in milliseconds"),
    "PreviewSlots.count": Field(f"How many slots. Default: {SLOTS_SHOWN}", 3),
    "slots": Field("The next ones, the earliest first"),
    "utc": time("The slot", "2026-10-02T13:00:00.000Z"),
    "local": time("The same moment by the clock of the zone", "2026-10-02T09:00:00.000-04:00"),
}
# fmt: on
