"""The schedule of a flow over HTTP. Contract: catbird-capabilities, S1 and S2."""

import asyncio

from spooled_lite.core.schedules.define import first_slot
from spooled_lite.core.schedules.of_flow import (
    delete_flow_schedule,
    get_flow_schedule,
    put_flow_schedule,
)
from spooled_lite.wire.admission import admission_of, check_payload_of_plan
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.shapes.schedule_bodies import PutTaskSchedule
from spooled_lite.wire.shapes.schedules import ScheduleView


async def get(call: Call) -> Reply:
    row = await call.reads.point(get_flow_schedule, call.org, call.path("name"), call.scope)
    return reply(ScheduleView.of(row, call.org_id))


async def put(call: Call) -> Reply:
    body, bytes_max = await call.body(PutTaskSchedule), call.settings.queue_max_payload_size_bytes
    new = body.new_flow_schedule(call.path("name"), input_bytes_max=bytes_max)
    check_payload_of_plan(call, new.payload_template, "input")
    slot = await asyncio.to_thread(first_slot, new.cron_expression, new.timezone, call.now_ms)
    row = await Acting(call, "schedule", "change", made=lambda row: row["id"]).write(
        put_flow_schedule, call.org, new, body.also(), slot, admission_of(call), call.scope
    )
    return reply(ScheduleView.of(row, call.org_id))


async def delete(call: Call) -> Reply:
    await Acting(call, "schedule", "delete", made=lambda schedule_id: schedule_id).write(
        delete_flow_schedule, call.org, call.path("name"), call.scope
    )
    return NO_CONTENT
