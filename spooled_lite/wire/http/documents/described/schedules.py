"""The routes of schedules."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.schedules.query import SORT_COLUMNS, TARGETS
from spooled_lite.core.schedules.upcoming import SCHEDULES_MAX
from spooled_lite.errors import Conflict, NotFound, PayloadTooLarge, QuotaExceeded
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, paging, whole
from spooled_lite.wire.http.resources import flow_schedules, schedules, task_schedules
from spooled_lite.wire.shapes.schedule_bodies import (
    SLOTS_SHOWN,
    SLOTS_SHOWN_MAX,
    CreateSchedule,
    PreviewSlots,
    PutTaskSchedule,
    UpdateSchedule,
)
from spooled_lite.wire.shapes.schedules import (
    ScheduleRun,
    ScheduleTriggered,
    ScheduleView,
    Slots,
    UpcomingSlot,
)

_RULE: Final = {"cron_expression": "0 9 * * MON-FRI", "timezone": "America/New_York"}

SCHEDULES: Final[Mapping[Handler, Doc]] = {
    schedules.list_all: Doc(
        summary="List schedules",
        parameters=(
            Parameter("queue_name", "Only rows of this queue"),
            Parameter("queue", "The same as `queue_name`"),
            Parameter(
                "target_type", "Only those that create jobs, run tasks or run flows",
                {"type": "string", "enum": list(TARGETS)},
            ),
            Parameter("task_name", "Only those that run this task"),
            Parameter("flow_name", "Only those that run this flow"),
            Parameter("is_active", "Only active or only paused ones", {"type": "boolean"}),
            Parameter(
                "order_by", f"One of {', '.join(SORT_COLUMNS)}; others count as `created_at`",
                example="created_at",
            ),
            Parameter("order_dir", "`asc` or `desc`; others count as `desc`", example="desc"),
            *paging(100, 500),
        ),
        answer=list[ScheduleView],
        is_paged=True,
    ),
    schedules.create: Doc(
        summary="Create a schedule",
        about="`queue_name` and `payload_template` are required too, under one of their names,"
        " unless it runs a task (`task_name`): then its queue is that of the task, and the template"
        " is the `input` of the runs, an empty object if there is none.",
        body=CreateSchedule,
        needs=("cron_expression", "cron", "schedule"),
        example={
            "name": "Daily report",
            **_RULE,
            "queue_name": "reports",
            "payload_template": {"kind": "daily"},
        },
        answer=ScheduleView,
        statuses=(201,),
        errors=(NotFound, QuotaExceeded),
    ),
    task_schedules.get: Doc(summary="Show the schedule of a task", answer=ScheduleView),
    task_schedules.put: Doc(
        summary="Make the schedule of a task, or replace it",
        about="Its runs are as the task says. The next slot is calculated again only when the"
        " expression or the zone changes; a paused one stays paused.",
        body=PutTaskSchedule,
        needs=("cron_expression", "cron", "schedule"),
        example={"cron_expression": "@hourly", "input": {"amount": 1}, "catch_up": "all"},
        answer=ScheduleView,
        errors=(PayloadTooLarge, QuotaExceeded),
    ),
    task_schedules.delete: Doc(summary="Delete the schedule of a task", statuses=(204,)),
    flow_schedules.get: Doc(summary="Show the schedule of a flow", answer=ScheduleView),
    flow_schedules.put: Doc(
        summary="Make the schedule of a flow, or replace it",
        about="As that of a task. Each slot runs the flow with the input.",
        body=PutTaskSchedule,
        needs=("cron_expression", "cron", "schedule"),
        example={"cron_expression": "0 2 * * *", "input": {}, "catch_up": "skip"},
        answer=ScheduleView,
        errors=(PayloadTooLarge, QuotaExceeded),
    ),
    flow_schedules.delete: Doc(summary="Delete the schedule of a flow", statuses=(204,)),
    schedules.get: Doc(summary="Show one schedule", answer=ScheduleView),
    schedules.update: Doc(
        summary="Change a schedule",
        about="Fields that are left out or null do not change, nor does the queue. The next run is"
        " calculated again when the expression or the zone changes, or when a paused schedule"
        " is resumed.",
        body=UpdateSchedule,
        example={"cron_expression": "30 8 * * *", "catch_up": "skip"},
        answer=ScheduleView,
        errors=(Conflict, QuotaExceeded),
    ),
    schedules.delete: Doc(
        summary="Delete a schedule and its history; its jobs stay", statuses=(204,)
    ),
    schedules.pause: Doc(summary="Pause a schedule", answer=ScheduleView),
    schedules.resume: Doc(
        summary="Resume a schedule from the next slot on",
        about="Slots that were missed while it was paused are not made up.",
        answer=ScheduleView,
        errors=(Conflict, QuotaExceeded),
    ),
    schedules.trigger: Doc(
        summary="Create one job now, also when the schedule is paused",
        answer=ScheduleTriggered,
        errors=(PayloadTooLarge, QuotaExceeded),
    ),
    schedules.history: Doc(
        summary="List the runs of a schedule, newest first",
        parameters=paging(50, 500),
        answer=list[ScheduleRun],
        is_paged=True,
    ),
    schedules.next_slots: Doc(
        summary="Show the next slots of a schedule, also of a paused one",
        parameters=(
            Parameter(
                "count", "How many", whole(SLOTS_SHOWN, 1, SLOTS_SHOWN_MAX)
            ),
        ),
        answer=Slots,
    ),
    schedules.upcoming: Doc(
        summary="List the next slots of all active schedules, earliest first",
        about="No slot is missing between two of them, unless `each` leaves some out. It ends"
        f" earlier, and says that there are more, with more than {SCHEDULES_MAX} schedules or when"
        " it would take long.",
        parameters=(
            Parameter(
                "hours",
                "How far from now; a value out of range counts as the nearest one in it",
                whole(schedules.UPCOMING_HOURS, 1, schedules.UPCOMING_HOURS_MAX),
            ),
            Parameter(
                "limit",
                "How many; a value out of range counts as the nearest one in it",
                whole(schedules.UPCOMING_SHOWN_MAX, 1, schedules.UPCOMING_SHOWN_MAX),
            ),
            Parameter(
                "each",
                "How many of one schedule at most, so that one that fires often does not take the"
                " place of all others",
                {"type": "integer", "minimum": 1, "maximum": schedules.UPCOMING_SHOWN_MAX},
            ),
        ),
        answer=list[UpcomingSlot],
        is_paged=True,
    ),
    schedules.preview: Doc(
        summary="Show the next slots of a cron expression",
        about="Nothing is stored.",
        body=PreviewSlots,
        needs=("cron_expression", "cron", "schedule"),
        example={**_RULE, "count": 3},
        answer=Slots,
    ),
}  # fmt: skip
