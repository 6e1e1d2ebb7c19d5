"""Creating a task and replacing what is said of it."""

import msgspec

from spooled_lite.core.breakers import statements as breaker_statements
from spooled_lite.core.breakers.work_limits import limits_changed
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.schedules import statements as schedule_statements
from spooled_lite.core.tasks import statements
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.core.tasks.query import find_task
from spooled_lite.core.tasks.records import TASKS_MAX, TaskDefinition
from spooled_lite.core.tasks.revision import Defined, IfMatch
from spooled_lite.errors import Conflict
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx


@in_lane(Lane.CREATE)
def create_task(
    tx: Tx, org: int, name: str, wanted: TaskDefinition, scope: Scope
) -> Defined[TaskRow]:
    """Store a task; one that is there already stays as it is.

    Raises: as `define_task`. Contract: catbird-capabilities, T1.
    """
    known = find_task(tx, org, name)
    if known is None:
        return define_task(tx, org, name, wanted, scope, None)
    scope.check(known["queue_name"])
    return Defined(known, is_new=False, is_changed=False)


@in_lane(Lane.CREATE)
def define_task(
    tx: Tx, org: int, name: str, wanted: TaskDefinition, scope: Scope, if_match: IfMatch | None
) -> Defined[TaskRow]:
    """Store a task, or replace everything that is said of one. Nothing new is no change.

    Runs that are there keep the queue, the retries and the time that they were made with.

    Raises:
        AccessDenied: the queue of the task that is there is outside of the scope.
        PreconditionFailed: its revision is none of `if_match`.
        Conflict: the organization has as many tasks as it may, or the runs of a deleted task of
            this name are still being deleted.

    Contract: catbird-capabilities, T1; amendments, G18.
    """
    known = find_task(tx, org, name)
    if known is not None:
        scope.check(known["queue_name"])
    if if_match is not None:
        if_match.check(None if known is None else known["revision"], "task")
    columns = msgspec.structs.asdict(wanted)
    if known is None:
        _check_room(tx, org, name)
        row = tx.row(statements.INSERT, {**columns, "org": org, "name": name, "now_ms": tx.now_ms})
        assert row is not None, "INSERT ... RETURNING always yields a row"
        tx.emit("task.created", org, row=row)
        return Defined(row, is_new=True, is_changed=True)
    if all(known[column] == value for column, value in columns.items()):  # type: ignore[literal-required]
        return Defined(known, is_new=False, is_changed=False)
    row = tx.row(statements.REPLACE, {**columns, "seq": known["seq"], "now_ms": tx.now_ms})
    assert row is not None, "the task was found in this operation"
    if row["queue_name"] != known["queue_name"]:
        follow = {"org": org, "task_name": name, "queue_name": row["queue_name"]}
        tx.execute(schedule_statements.FOLLOW_TASK, follow)
    if row["circuit_breaker"] != known["circuit_breaker"]:
        # Another breaker begins closed.
        tx.execute(breaker_statements.CLOSE, {"scope": "task", "target": row["seq"]})
    limits_changed(tx, org, ("task", name), [row["queue_name"]])
    return Defined(row, is_new=False, is_changed=True)


def _check_room(tx: Tx, org: int, name: str) -> None:
    if tx.value(statements.IS_LEAVING, {"org": org, "name": name}) is not None:
        raise Conflict("The runs of the deleted task of this name are still being deleted")
    if (tx.value(statements.COUNT, {"org": org}) or 0) >= TASKS_MAX:
        raise Conflict(f"An organization may have at most {TASKS_MAX} tasks")
