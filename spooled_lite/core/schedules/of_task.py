"""The one schedule of a task: put, looked at and deleted by the name of the task.

Contract: catbird-capabilities, S1 and S2.
"""

from collections.abc import Mapping
from typing import Any

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.schedules import statements
from spooled_lite.core.schedules.columns import ScheduleRow
from spooled_lite.core.schedules.define import Change, change, create, delete
from spooled_lite.core.schedules.records import NewSchedule
from spooled_lite.core.tasks.query import get_task
from spooled_lite.errors import NotFound
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Reading, Tx


@in_lane(Lane.CREATE)
def put_task_schedule(
    tx: Tx,
    org: int,
    new: NewSchedule,
    also: Mapping[str, Any],
    next_run_at_ms: int | None,
    admission: Admission,
    scope: Scope,
) -> ScheduleRow:
    """Make the schedule of a task, or replace its rule, its input and what becomes of missed slots.

    `also` are other columns that a schedule that is there gets. The next slot is set anew if the
    rule changes only, so that what has been missed is still made up for; a paused one stays paused.

    Raises:
        NotFound, AccessDenied: as `get_task`.
        QuotaExceeded: the organization would have too many active schedules.
    """
    assert new.task_name is not None
    get_task(tx, org, new.task_name, scope)
    known = tx.row(statements.OF_TASK, {"org": org, "task_name": new.task_name})
    return put_schedule(tx, known, org, new, also, next_run_at_ms, admission, scope)


def put_schedule(
    tx: Tx,
    known: ScheduleRow | None,
    org: int,
    new: NewSchedule,
    also: Mapping[str, Any],
    next_run_at_ms: int | None,
    admission: Admission,
    scope: Scope,
) -> ScheduleRow:
    """Make the schedule that a task or a flow does not have, or replace `known`, which it has."""
    if known is None:
        return create(tx, org, new, next_run_at_ms, admission, scope)
    columns = {
        "cron_expression": new.cron_expression,
        "timezone": new.timezone,
        "payload_template": new.payload_template,
        "catch_up": new.catch_up,
        "misfire_grace_seconds": new.misfire_grace_seconds,
        **also,
    }
    wanted = Change(columns=columns, next_run_at_ms=next_run_at_ms)
    row = change(tx, org, known["id"], wanted, scope, admission.caps)
    assert row is not None, "the change was calculated from nothing"
    return row


def get_task_schedule(tx: Reading, org: int, task_name: str, scope: Scope) -> ScheduleRow:
    """Raises: as `get_task`; NotFound when the task has none."""
    get_task(tx, org, task_name, scope)
    row = tx.row(statements.OF_TASK, {"org": org, "task_name": task_name})
    if row is None:
        raise NotFound.thing("Schedule", resource="schedule")
    return row


def delete_task_schedule(tx: Tx, org: int, task_name: str, scope: Scope) -> str:
    """The id that it had. Raises: as `get_task_schedule`."""
    schedule_id = get_task_schedule(tx, org, task_name, scope)["id"]
    delete(tx, org, schedule_id, scope)
    return schedule_id
