"""Lines of schedules and of their runs."""

from typing import Final

from spooled_lite.core.export.fields import (
    checked,
    flag,
    json,
    number,
    of,
    organization,
    text,
    time,
)
from spooled_lite.core.export.kind import LineKind
from spooled_lite.core.queues.names import checked_step_queue_name
from spooled_lite.core.schedules.cron import parse
from spooled_lite.core.schedules.zones import zone_of

SCHEDULE: Final = LineKind(
    name="schedule",
    table="schedules",
    fields=(
        text("id"),
        organization(),
        text("name"),
        text("description", may_lack=True),
        checked("cron_expression", parse),
        checked("timezone", zone_of),
        checked("queue_name", checked_step_queue_name),
        text("task_name", may_lack=True),
        text("flow_name", may_lack=True),
        flag("is_of_task"),
        number("priority"),
        number("max_retries"),
        number("timeout_seconds"),
        flag("is_active"),
        text("catch_up"),
        number("misfire_grace_seconds"),
        time("last_run_at", may_lack=True),
        time("last_scheduled_for", may_lack=True),
        time("next_run_at", may_lack=True),
        number("caught_up"),
        number("run_count"),
        number("failed_count"),
        time("created_at"),
        time("updated_at"),
        # Its runs still have to be deleted.
        time("deleted_at", may_lack=True),
        json("tags", may_lack=True),
        json("metadata", may_lack=True),
        json("payload_template"),
    ),
    left_out={"seq": "a number in the file"},
)

SCHEDULE_RUN: Final = LineKind(
    name="schedule_run",
    table="schedule_runs",
    fields=(
        text("id"),
        organization(),
        of("schedule_id", "schedule", "schedules", "schedule"),
        time("slot_at", may_lack=True),
        text("job_id", may_lack=True),
        text("status"),
        text("error_message", may_lack=True),
        time("started_at"),
        time("completed_at", may_lack=True),
    ),
    left_out={"seq": "a number in the file"},
)
