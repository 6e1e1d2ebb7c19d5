"""Delete a task, and runs of tasks: all of one, those of an age, those that are kept no longer.

Always in passes.
"""

from collections.abc import Sequence

from msgspec import Struct

from spooled_lite.core.breakers import statements as breaker_statements
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.maintenance import statements as removal_statements
from spooled_lite.core.maintenance.remove import REMOVE_MAX, Removed, remove
from spooled_lite.core.maintenance.statements import RemovedRow
from spooled_lite.core.schedules import statements as schedule_statements
from spooled_lite.core.tasks import statements as task_statements
from spooled_lite.core.tasks.query import get_task
from spooled_lite.core.topics.bind import unbind_all
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


def delete_task(tx: Tx, org: int, name: str, scope: Scope) -> None:
    """Delete a task, its bindings and its schedules. `remove_runs_of_leaving` deletes its runs.

    After a crash a background loop deletes what is left of them.

    Raises: as `get_task`. Contract: catbird-capabilities, T2 and B10.
    """
    task = get_task(tx, org, name, scope)
    tx.execute(breaker_statements.CLOSE, {"scope": "task", "target": task["seq"]})
    tx.execute(task_statements.MARK_DELETED, {"seq": task["seq"], "now_ms": tx.now_ms})
    unbind_all(tx, org, ("task", name))
    gone = {"org": org, "task_name": name, "now_ms": tx.now_ms}
    tx.execute(schedule_statements.MARK_DELETED_WITH_TASK, gone)
    tx.emit("task.deleted", org, row=task)
    tx.due(Deadline.DELETION, tx.now_ms)


def remove_runs_of_leaving(tx: Tx, org: int, name: str) -> bool:
    """One pass over the runs of a deleted task, in any state; whether nothing is left of it."""
    task = tx.value(task_statements.IS_LEAVING, {"org": org, "name": name})
    if task is None:
        return True
    rows = tx.rows(removal_statements.OF_TASK, {"org": org, "task_name": name, "limit": REMOVE_MAX})
    remove_runs(tx, rows)
    if not rows:
        tx.execute(task_statements.DELETE, {"seq": task})
    return not rows


class Purge(Struct, frozen=True, kw_only=True):
    """Which runs of a task to delete: those that had ended before a moment, or, in any state, those
    that were made up to one."""

    ended_before_ms: int | None = None
    made_until_ms: int | None = None


def purge_runs_pass(tx: Tx, org: int, name: str, wanted: Purge, scope: Scope) -> Removed:
    """Delete some of the runs of a task; call again until it is through.

    Raises: as `get_task`. Contract: catbird-capabilities, G3 and G4.
    """
    get_task(tx, org, name, scope)
    asked = {"org": org, "task_name": name, "limit": REMOVE_MAX}
    if wanted.ended_before_ms is not None:
        statement = removal_statements.ENDED_OF_TASK
        asked["completed_before_ms"] = wanted.ended_before_ms
    else:
        statement = removal_statements.OF_TASK_BEFORE
        asked["created_until_ms"] = wanted.made_until_ms
    rows = tx.rows(statement, asked)
    return Removed(remove_runs(tx, rows), is_through=not rows)


def prune_task_runs(tx: Tx, org: int) -> int:
    """One pass over runs that have ended and are older than their task says; how many it saw.

    Contract: catbird-capabilities, T17 and G2.
    """
    asked = {"org": org, "now_ms": tx.now_ms, "limit": REMOVE_MAX}
    rows = tx.rows(removal_statements.OLD_OF_TASKS, asked)
    remove_runs(tx, rows)
    return len(rows)


def remove_runs(tx: Tx, rows: Sequence[RemovedRow]) -> int:
    """As `remove`, also of what runs now."""
    count = remove(tx, rows)
    for row in rows[:count]:
        if row["status"] == "processing":
            tx.feed((row["org"], row["queue_name"]))  # it may have room for one more now
    return count


def remove_runs_of_deleted_tasks(tx: Tx) -> Pass:
    """One pass over the runs of any deleted task."""
    task = tx.row(task_statements.NEXT_DELETED)
    if task is None:
        return Pass(0, None)
    remove_runs_of_leaving(tx, task["org"], task["name"])
    return Pass(1, tx.now_ms)
