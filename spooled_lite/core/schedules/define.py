"""Creating, changing, pausing and deleting schedules.

The next slot is calculated before the operation, off the writing thread, and comes with the values
that it was calculated from.
"""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, structs

from spooled_lite.core.flows.query import get_flow
from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.jobs.policy import timeout_seconds_of
from spooled_lite.core.jobs.records import check_json_size, with_job_type
from spooled_lite.core.keys.records import ALL_QUEUES, Scope
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.queues.ensure import find_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.schedules import cron, statements
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.schedules.query import get_schedule
from spooled_lite.core.schedules.records import NewSchedule, ScheduleChanges
from spooled_lite.core.schedules.zones import zone_of
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.core.tasks.query import get_task
from spooled_lite.events import Deadline
from spooled_lite.plans import Caps
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Reading, Tx

RESUME: Final = ScheduleChanges(columns={"is_active": True})


class Change(Struct, frozen=True, kw_only=True):
    """New values by column, and the values of other columns that they were calculated from."""

    columns: Mapping[str, Any]
    seen: Mapping[str, Any] = {}
    next_run_at_ms: int | None = None  # used if the rule changes, or a paused schedule resumes


def slots_after(cron_expression: str, timezone: str, after_ms: int, count: int) -> list[int]:
    """The next slots of a rule. Slow for rules that seldom match: not for the writing thread.

    Raises:
        RuleBroken: the expression does not parse, or there is no such zone.
    """
    return cron.next_slots(cron.parse(cron_expression), zone_of(timezone), after_ms, count)


def first_slot(cron_expression: str, timezone: str, after_ms: int) -> int | None:
    """The first of `slots_after`; None when the rule has no more slots."""
    slots = slots_after(cron_expression, timezone, after_ms, 1)
    return slots[0] if slots else None


def worked_out(
    changes: ScheduleChanges, row: ScheduleRow, *, now_ms: int, template_bytes_max: int
) -> Change:
    """The change that is to be made to a schedule as it is now. Not for the writing thread.

    Raises:
        RuleBroken: as `slots_after`.
        PayloadTooLarge: the template, with the job type put into it, is over its limit.
    """
    columns, seen = dict(changes.columns), dict[str, Any]()
    next_run_at_ms = None
    if changes.job_type is not None:
        template = with_job_type(row["payload_template"], changes.job_type)
        check_json_size(template, template_bytes_max, "payload_template")
        columns["payload_template"] = template
        seen["payload_template"] = row["payload_template"]
    if columns.keys() & {"cron_expression", "timezone", "is_active"}:
        rule = {"cron_expression": row["cron_expression"], "timezone": row["timezone"]}
        seen |= {name: value for name, value in rule.items() if name not in columns}
        rule |= {name: columns[name] for name in rule if name in columns}
        next_run_at_ms = first_slot(**rule, after_ms=now_ms)
    return Change(columns=columns, seen=seen, next_run_at_ms=next_run_at_ms)


@in_lane(Lane.CREATE)
def create(
    tx: Tx,
    org: int,
    new: NewSchedule,
    next_run_at_ms: int | None,
    admission: Admission,
    scope: Scope = ALL_QUEUES,
) -> ScheduleRow:
    """Store a schedule. Its queue is created with its first job, not now.

    One with a task has the queue of the task, one with a flow that of its first step.

    Raises:
        NotFound, AccessDenied: as `get_task` or `get_flow`, when it names one.
        QuotaExceeded: the organization would have too many active schedules.

    Contract: schedules, section 1.2 row 2.
    """
    if new.task_name is not None:
        new = _with_task(new, get_task(tx, org, new.task_name, scope))
    if new.flow_name is not None:
        new = structs.replace(new, queue_name=first_queue(tx, org, new.flow_name, scope))
    if new.is_active:
        _check_room(tx, org, admission.caps)
    max_retries, timeout_seconds = new.max_retries, new.timeout_seconds
    if max_retries is None or timeout_seconds is None:
        queue = find_queue(tx, org, new.queue_name)
        if max_retries is None:
            max_retries = admission.max_retries if queue is None else queue["max_retries"]
        if timeout_seconds is None:
            timeout_seconds = (
                admission.timeout_seconds if queue is None else queue["default_timeout"]
            )
    row = tx.row(
        statements.INSERT,
        {
            "id": tx.new_id(),
            "org": org,
            "name": new.name,
            "description": new.description,
            "cron_expression": new.cron_expression,
            "timezone": new.timezone,
            "queue_name": new.queue_name,
            "task_name": new.task_name,
            "flow_name": new.flow_name,
            "is_of_task": int(new.is_of_task),
            "misfire_grace_seconds": new.misfire_grace_seconds,
            "payload_template": new.payload_template,
            "priority": new.priority,
            "max_retries": max_retries,
            "timeout_seconds": timeout_seconds,
            "is_active": int(new.is_active),
            "catch_up": new.catch_up,
            "tags": new.tags,
            "metadata": new.metadata,
            "next_run_at_ms": next_run_at_ms,
            "now_ms": tx.now_ms,
        },
    )
    assert row is not None, "INSERT ... RETURNING always yields a row"
    announce_slot(tx, row)
    return row


def first_queue(tx: Reading, org: int, flow_name: str, scope: Scope) -> str:
    """The queue of the first step of a flow. Raises: as `get_flow`."""
    document = get_flow(tx, org, flow_name, scope).document
    assert document is not None, "only pages of flows leave out documents"
    return document.steps[0].queue_name


def _with_task(new: NewSchedule, task: TaskRow) -> NewSchedule:
    seconds = new.timeout_seconds
    return structs.replace(
        new,
        queue_name=task["queue_name"],
        max_retries=task["max_retries"] if new.max_retries is None else new.max_retries,
        timeout_seconds=timeout_seconds_of(task["timeout_ms"]) if seconds is None else seconds,
    )


def change(
    tx: Tx, org: int, schedule_id: str, wanted: Change, scope: Scope, caps: Caps | None
) -> ScheduleRow | None:
    """Give a schedule new values. Its next slot changes with its rule, or when it resumes.

    Returns None and changes nothing when the schedule no longer has the values that the change was
    calculated from.

    Raises:
        NotFound, AccessDenied: as `get_schedule`.
        QuotaExceeded: the organization would have too many active schedules.

    Contract: schedules, section 1.2 rows 4 and 7.
    """
    row = get_schedule(tx, org, schedule_id, scope)
    before: dict[str, Any] = {**row}
    if any(before[name] != value for name, value in wanted.seen.items()):
        return None
    values = {**before, **wanted.columns}
    resumes = values["is_active"] and not row["is_active"]
    if resumes:
        _check_room(tx, org, caps)
    if resumes or any(values[name] != before[name] for name in ("cron_expression", "timezone")):
        values |= {"next_run_at_ms": wanted.next_run_at_ms, "caught_up": 0}
    changed = tx.row(statements.UPDATE, {**values, "seq": row["seq"], "now_ms": tx.now_ms})
    assert changed is not None, "the schedule was found in this operation"
    announce_slot(tx, changed)
    return changed


def pause(tx: Tx, org: int, schedule_id: str, scope: Scope) -> ScheduleRow:
    """Stop a schedule from firing. Its next slot stays; pausing it again changes nothing.

    Raises: as `get_schedule`. Contract: schedules, section 1.2 row 6.
    """
    row = get_schedule(tx, org, schedule_id, scope)
    return tx.row(statements.PAUSE, {"seq": row["seq"], "now_ms": tx.now_ms}) or row


def delete(tx: Tx, org: int, schedule_id: str, scope: Scope) -> None:
    """Delete a schedule and its runs; the jobs it has created stay.

    It is hidden at once. PASS_MAX of its runs are deleted now, the rest by the retention sweep.

    Raises: as `get_schedule`. Contract: schedules, section 1.2 row 5.
    """
    row = get_schedule(tx, org, schedule_id, scope)
    tx.execute(statements.MARK_DELETED, {"seq": row["seq"], "now_ms": tx.now_ms})
    remove_deleted_schedules(tx, org)


def remove_deleted_schedules(tx: Tx, org: int) -> int:
    """One pass over the runs of a deleted schedule; how many rows it deleted."""
    schedule = tx.value(statements.NEXT_DELETED, {"org": org})
    if schedule is None:
        return 0
    count = tx.execute(statements.DELETE_RUNS, {"schedule": schedule, "limit": PASS_MAX})
    if count < PASS_MAX:
        count += tx.execute(statements.DELETE, {"seq": schedule})
    return count


def announce_slot(tx: Tx, row: ScheduleRow) -> None:
    """Have an active schedule fired at its next slot. To be called when that may have changed."""
    if row["is_active"] and row["next_run_at_ms"] is not None:
        tx.due(Deadline.SLOT, row["next_run_at_ms"])


def _check_room(tx: Tx, org: int, caps: Caps | None) -> None:
    if caps is not None:
        check_room(tx, org, caps, "schedules", more=1)
