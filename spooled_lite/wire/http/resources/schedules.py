"""REST routes of schedules. Contract: schedules-workflows-webhooks, section 1.

Slots are calculated on other threads, because a rule that seldom matches can be slow.
"""

import asyncio
import time
from typing import Final

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.records import check_json_size
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.schedules.define import (
    RESUME,
    change,
    first_slot,
    slots_after,
    worked_out,
)
from spooled_lite.core.schedules.define import create as create_schedule
from spooled_lite.core.schedules.define import delete as delete_schedule
from spooled_lite.core.schedules.define import pause as pause_schedule
from spooled_lite.core.schedules.fire import trigger as trigger_schedule
from spooled_lite.core.schedules.query import (
    SORT_COLUMNS,
    TARGETS,
    FedBySchedule,
    ScheduleFilter,
    get_schedule,
    list_runs,
    list_schedules,
)
from spooled_lite.core.schedules.records import DEFAULT_ZONE, NewSchedule, ScheduleChanges
from spooled_lite.core.schedules.upcoming import Upcoming, upcoming_slots
from spooled_lite.errors import BadRequest, Conflict
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.admission import Storing, admission_of, check_payload_of_plan
from spooled_lite.wire.http.acting import Acting
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.paging import flag, integer, listing, page, paged
from spooled_lite.wire.shapes.schedule_bodies import (
    SLOTS_SHOWN,
    SLOTS_SHOWN_MAX,
    CreateSchedule,
    PreviewSlots,
    UpdateSchedule,
)
from spooled_lite.wire.shapes.schedules import (
    ScheduleRun,
    ScheduleTriggered,
    ScheduleView,
    Slots,
    UpcomingSlot,
)

UPCOMING_HOURS: Final = 24
UPCOMING_HOURS_MAX: Final = 7 * 24
UPCOMING_SHOWN_MAX: Final = 500
UPCOMING_SECONDS_MAX: Final = 0.05  # of a reader thread; then it says that there are more
HOUR_MS: Final = 60 * 60 * 1000
TRIES_MAX: Final = 5  # of a change, when others change the same schedule meanwhile


async def list_all(call: Call) -> Reply:
    query, shown = call.query, page(call, default=100, max=500)
    order_by = query.get("order_by", "")
    wanted = ScheduleFilter(
        queue_name=query.get("queue_name") or query.get("queue") or None,
        is_active=flag(call, "is_active") if query.get("is_active") else None,
        target=_target(query.get("target_type")),
        task_name=query.get("task_name") or None,
        flow_name=query.get("flow_name") or None,
        order_by=order_by if order_by in SORT_COLUMNS else "created_at",
        descending=query.get("order_dir", "").lower() != "asc",
        rows_max=shown.fetch,
        offset=shown.offset,
    )
    rows = await call.reads.read(list_schedules, call.org, wanted, call.scope)
    return paged([ScheduleView.of(row, call.org_id) for row in rows], shown)


async def create(call: Call) -> Reply:
    new = await call.off_loop(new_schedule, call, await call.body(CreateSchedule))
    if new.task_name is None and new.flow_name is None:
        call.scope.check(new.queue_name)
    slot = await asyncio.to_thread(first_slot, new.cron_expression, new.timezone, call.now_ms)

    def answer(row: ScheduleRow) -> Reply:
        return reply(ScheduleView.of(row, call.org_id), 201)

    acting = Acting(call, "schedule", "create", made=lambda row: row["id"])
    arguments = (call.org, new, slot, admission_of(call), call.scope)
    return await acting.write_once(answer, create_schedule, *arguments)


async def get(call: Call) -> Reply:
    return reply(ScheduleView.of(await _found(call), call.org_id))


async def update(call: Call) -> Reply:
    changes = await call.off_loop(_changes, call, await call.body_or_empty(UpdateSchedule))
    return reply(ScheduleView.of(await _changed(call, changes, "change"), call.org_id))


async def delete(call: Call) -> Reply:
    arguments = (call.org, call.path("id"), call.scope)
    await Acting(call, "schedule", "delete", call.path("id")).write(delete_schedule, *arguments)
    return NO_CONTENT


async def pause(call: Call) -> Reply:
    arguments = (call.org, call.path("id"), call.scope)
    row = await Acting(call, "schedule", "pause", call.path("id")).write(pause_schedule, *arguments)
    return reply(ScheduleView.of(row, call.org_id))


async def resume(call: Call) -> Reply:
    return reply(ScheduleView.of(await _changed(call, RESUME, "resume"), call.org_id))


async def trigger(call: Call) -> Reply:
    template = (await _found(call))["payload_template"]
    # The limits may have changed since it was stored.
    check_payload_of_plan(call, template, "payload_template")
    check_json_size(template, _template_bytes_max(call), "payload_template")

    def answer(job: JobRow) -> Reply:
        return reply(ScheduleTriggered.of(job))

    arguments = (call.org, call.path("id"), admission_of(call), call.scope)
    return await Acting(call, "schedule", "trigger", call.path("id")).write_once(
        answer, trigger_schedule, *arguments
    )


async def history(call: Call) -> Reply:
    shown, schedule_id = page(call, default=50, max=500), call.path("id")
    rows = await call.reads.read(
        list_runs, call.org, schedule_id, call.scope, limit=shown.fetch, offset=shown.offset
    )
    return paged([ScheduleRun.of(row, schedule_id) for row in rows], shown)


async def next_slots(call: Call) -> Reply:
    count, row = _count(call), await _found(call)
    return reply(await _slots(call, row["cron_expression"], row["timezone"], count))


async def upcoming(call: Call) -> Reply:
    hours = integer(call, "hours", default=UPCOMING_HOURS, least=1, most=UPCOMING_HOURS_MAX)
    rows_max = integer(call, "limit", default=UPCOMING_SHOWN_MAX, least=1, most=UPCOMING_SHOWN_MAX)
    each_max = integer(call, "each", default=0, least=1, most=UPCOMING_SHOWN_MAX) or None
    found = await call.reads.read(
        _upcoming, call.org, call.scope, call.now_ms + hours * HOUR_MS, rows_max, each_max
    )
    slots = [UpcomingSlot.of(slot) for slot in found.slots]
    return listing(slots, has_more=found.has_more)


async def preview(call: Call) -> Reply:
    body = await call.body(PreviewSlots)
    zone = DEFAULT_ZONE if body.timezone is None else body.timezone
    count = SLOTS_SHOWN if body.count is None else body.count
    return reply(await _slots(call, body.required_expression(), zone, count))


def _upcoming(
    tx: Reading, org: int, scope: Scope, until_ms: int, rows_max: int, each_max: int | None
) -> Upcoming:
    late_at = time.monotonic() + UPCOMING_SECONDS_MAX

    def is_late() -> bool:
        return time.monotonic() > late_at

    return upcoming_slots(
        tx,
        org,
        scope,
        until_ms=until_ms,
        rows_max=rows_max,
        each_max=each_max,
        is_late=is_late,
    )


async def _found(call: Call) -> ScheduleRow:
    return await call.reads.point(get_schedule, call.org, call.path("id"), call.scope)


async def _changed(call: Call, changes: ScheduleChanges, act: str) -> ScheduleRow:
    """Calculate a change and make it; again when others changed the schedule in between."""
    acting = Acting(
        call, "schedule", act, call.path("id"), count=lambda row: 0 if row is None else 1
    )
    for _ in range(TRIES_MAX):
        row = await _found(call)
        wanted = await asyncio.to_thread(
            worked_out,
            changes,
            row,
            now_ms=call.now_ms,
            template_bytes_max=_template_bytes_max(call),
        )
        if "payload_template" in wanted.columns:
            check_payload_of_plan(call, wanted.columns["payload_template"], "payload_template")
        changed = await acting.write(
            change, call.org, call.path("id"), wanted, call.scope, admission_of(call).caps
        )
        if changed is not None:
            return changed
    raise Conflict("The schedule is being changed by others; try again")


async def _slots(call: Call, cron_expression: str, timezone: str, count: int) -> Slots:
    found = await asyncio.to_thread(slots_after, cron_expression, timezone, call.now_ms, count)
    return Slots.of(cron_expression, timezone, found)


def new_schedule(call: Storing, body: CreateSchedule) -> NewSchedule:
    """What core is to store. Raises: as `CreateSchedule.new_schedule` and
    `check_payload_of_plan`."""
    new = body.new_schedule(template_bytes_max=_template_bytes_max(call))
    check_payload_of_plan(call, new.payload_template, "payload_template")
    return new


def _target(given: str | None) -> FedBySchedule | None:
    """Raises BadRequest for an unknown one."""
    for target in TARGETS:
        if given == target:
            return target
    if given:
        raise BadRequest(f"Query parameter `target_type` must be one of: {', '.join(TARGETS)}")
    return None


def _changes(call: Call, body: UpdateSchedule) -> ScheduleChanges:
    return body.changes(template_bytes_max=_template_bytes_max(call))


def _template_bytes_max(call: Storing) -> int:
    return call.settings.queue_max_payload_size_bytes


def _count(call: Call) -> int:
    """A number out of range is an error here, unlike the limit of a page."""
    text = call.query.get("count")
    if not text:
        return SLOTS_SHOWN
    is_number = text.isascii() and text.isdigit() and len(text) <= len(str(SLOTS_SHOWN_MAX))
    if not is_number or not 1 <= int(text) <= SLOTS_SHOWN_MAX:
        raise BadRequest(f"Query parameter `count` must be from 1 to {SLOTS_SHOWN_MAX}")
    return int(text)
