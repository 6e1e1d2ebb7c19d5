"""The one schedule of a task, or a flow, over HTTP. Contract: catbird-capabilities, S1 and S2."""

import asyncio
from collections.abc import Callable
from typing import Any

from spooled_lite.core.schedules.define import first_slot
from spooled_lite.core.schedules.of_task import (
    delete_task_schedule,
    get_task_schedule,
    put_task_schedule,
)
from spooled_lite.core.schedules.records import NewSchedule
from spooled_lite.wire.admission import admission_of, check_payload_of_plan
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.shapes.schedule_bodies import PutTaskSchedule
from spooled_lite.wire.shapes.schedules import ScheduleView


async def get(call: Call) -> Reply:
    return await shown_by(call, get_task_schedule)


async def put(call: Call) -> Reply:
    return await put_by(call, PutTaskSchedule.new_schedule, put_task_schedule)


async def delete(call: Call) -> Reply:
    return await deleted_by(call, delete_task_schedule)


async def shown_by(call: Call, operation: Callable[..., Any]) -> Reply:
    """Answer with the schedule that the operation finds by the name in the path."""
    row = await call.reads.point(operation, call.org, call.path("name"), call.scope)
    return reply(ScheduleView.of(row, call.org_id))


async def put_by(
    call: Call, made: Callable[..., NewSchedule], operation: Callable[..., Any]
) -> Reply:
    """Let the operation store the schedule that `made` makes of the body."""
    body, bytes_max = await call.body(PutTaskSchedule), call.settings.queue_max_payload_size_bytes
    new = made(body, call.path("name"), input_bytes_max=bytes_max)
    check_payload_of_plan(call, new.payload_template, "input")
    slot = await asyncio.to_thread(first_slot, new.cron_expression, new.timezone, call.now_ms)
    row = await Acting(call, "schedule", "change", made=lambda row: row["id"]).write(
        operation, call.org, new, body.also(), slot, admission_of(call), call.scope
    )
    return reply(ScheduleView.of(row, call.org_id))


async def deleted_by(call: Call, operation: Callable[..., Any]) -> Reply:
    """Let the operation delete the schedule by the name in the path."""
    await Acting(call, "schedule", "delete", made=lambda schedule_id: schedule_id).write(
        operation, call.org, call.path("name"), call.scope
    )
    return NO_CONTENT
