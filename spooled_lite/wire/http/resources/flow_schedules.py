"""The schedule of a flow over HTTP. Contract: catbird-capabilities, S1 and S2."""

from spooled_lite.core.schedules.of_flow import (
    delete_flow_schedule,
    get_flow_schedule,
    put_flow_schedule,
)
from spooled_lite.wire.http.call import Call, Reply
from spooled_lite.wire.http.resources.task_schedules import deleted_by, put_by, shown_by
from spooled_lite.wire.shapes.schedule_bodies import PutTaskSchedule


async def get(call: Call) -> Reply:
    return await shown_by(call, get_flow_schedule)


async def put(call: Call) -> Reply:
    return await put_by(call, PutTaskSchedule.new_flow_schedule, put_flow_schedule)


async def delete(call: Call) -> Reply:
    return await deleted_by(call, delete_flow_schedule)
