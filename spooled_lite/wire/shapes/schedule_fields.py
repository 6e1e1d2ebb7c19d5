"""The fields of schedules with their descriptions."""

from typing import Annotated, Final

from msgspec import Raw

from spooled_lite.core.jobs.records import TAGS_BYTES_MAX
from spooled_lite.core.schedules.cron import EXPRESSION_LENGTH_MAX
from spooled_lite.core.schedules.records import GRACE_SECONDS, CatchUp
from spooled_lite.wire.shapes.about import a_count, a_time, about, one_of
from spooled_lite.wire.shapes.common import AN_ID

METADATA_BYTES_MAX: Final = 65_536

_IGNORED: Final = {"minLength": 0, "maxLength": 255}
_CATCH_UP: Final = "Runs after downtime: one for all missed slots (`one`), none (`skip`), or one for each (`all`, up to 1,000). Also read from `metadata.catch_up`"

# One line per field, whatever its length.
# ruff: noqa: E501
# fmt: off
Name = Annotated[str, about("The name, 1 to 255 characters; need not be unique", "Daily report")]
Description = Annotated[str, about("For people, up to 1,000 characters", "What sold yesterday")]
CronExpression = Annotated[str, about(f"5 fields, or 6 with the second first, or `@daily` and the like; at most {EXPRESSION_LENGTH_MAX} characters, given back as they came", "0 9 * * MON-FRI")]
SameCronExpression = Annotated[str, about("The same as `cron_expression`", "0 9 * * MON-FRI")]
Timezone = Annotated[str, about("The time zone of the expression: an IANA name, or an offset such as `+05:30`. Default: UTC", "America/New_York")]
PayloadTemplate = Annotated[Raw, about("The payload of its jobs: any JSON value", {"kind": "daily"})]
SamePayloadTemplate = Annotated[Raw, about("The same as `payload_template`", {"kind": "daily"})]
JobTypeGiven = Annotated[str, about("Put into a template that is an object and has none", "daily_report")]
IsActive = Annotated[bool, about("False: it is paused", True)]
Enabled = Annotated[bool, about("The same as `is_active`", True)]
CatchUpGiven = Annotated[CatchUp | None, about(_CATCH_UP, "one")]
CatchUpShown = Annotated[str, one_of(_CATCH_UP, "one", "skip", "all")]
TaskName = Annotated[str, about("The task that it runs, in place of creating jobs. Also read from `metadata.task_name`", "charge_card")]
FlowNameGiven = Annotated[str, about("The flow that it runs, in place of creating jobs. Also read from `metadata.flow_name`", "order_flow")]
FlowIgnored = Annotated[str, about("Ignored: what it feeds stays", "order_flow", **_IGNORED)]
WorkflowMade = Annotated[str, about("The run of the flow", AN_ID)]
TaskIgnored = Annotated[str, about("Ignored: what it feeds stays", "charge_card", **_IGNORED)]
Input = Annotated[Raw, about("The input of the runs: any JSON value. The same as `payload_template`", {"amount": 1})]
GraceSeconds = Annotated[int, about("With `skip`: a slot fires if it is at most so late and the only one that is due", GRACE_SECONDS)]
LastScheduledFor = Annotated[str, a_time("The latest slot that fired")]
Tags = Annotated[Raw, about(f"The tags of its jobs: an object or a list, up to {TAGS_BYTES_MAX} bytes", ["report"])]
Metadata = Annotated[Raw, about(f"Any JSON value up to {METADATA_BYTES_MAX} bytes, for callers", {})]
QueueIgnored = Annotated[str, about("Ignored: the queue stays", "reports", **_IGNORED)]
LastRunAt = Annotated[str, a_time("When it last created a job")]
NextRunAt = Annotated[str, a_time("The next slot; null: there is none", "2026-10-02T13:00:00.000Z")]
RunCount = Annotated[int, a_count("How many jobs it has created", 1)]
FailedCount = Annotated[int, a_count("How many slots failed to create a job")]
ValuesOmitted = Annotated[bool, about("True: its template is left out, the list would be too large", False)]
TriggeredAt = Annotated[str, a_time("When the job was made")]
SameTriggeredAt = Annotated[str, a_time("The same as `triggered_at`")]
ScheduleId = Annotated[str, about("The id of the schedule", AN_ID)]
JobMade = Annotated[str, about("The job; null when none was created, or it was deleted", AN_ID)]
RunStatus = Annotated[str, one_of("`completed` when the job was created, whatever happens to it later", "completed", "failed", "running", "pending")]
ErrorMessage = Annotated[str, about("Why there is no job")]
SameErrorMessage = Annotated[str, about("The same as `error_message`")]
StartedAt = Annotated[str, a_time("When it ran")]
SameStartedAt = Annotated[str, a_time("The same as `started_at`")]
CompletedAt = Annotated[str, a_time("When that was done")]
DurationMs = Annotated[int, a_count("How long it took, in milliseconds")]
SlotUtc = Annotated[str, a_time("The slot", "2026-10-02T13:00:00.000Z")]
SlotLocal = Annotated[str, a_time("The same moment by the clock of the zone", "2026-10-02T09:00:00.000-04:00")]
# fmt: on
