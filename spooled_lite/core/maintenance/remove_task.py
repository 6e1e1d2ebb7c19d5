"""Delete a task with all its runs: it is hidden at once, and its runs go in passes."""

from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.maintenance import statements as removal_statements
from spooled_lite.core.maintenance.remove import REMOVE_MAX, remove
from spooled_lite.core.tasks import statements as task_statements
from spooled_lite.core.tasks.query import get_task
from spooled_lite.core.topics.bind import unbind_all
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


def delete_task(tx: Tx, org: int, name: str, scope: Scope) -> None:
    """Delete a task and its bindings. `remove_runs_of_leaving` deletes its runs.

    After a crash a background loop deletes what is left of them.

    Raises: as `get_task`. Contract: catbird-capabilities, T2 and B10.
    """
    task = get_task(tx, org, name, scope)
    tx.execute(task_statements.MARK_DELETED, {"seq": task["seq"], "now_ms": tx.now_ms})
    unbind_all(tx, org, ("task", name))
    tx.due(Deadline.DELETION, tx.now_ms)


def remove_runs_of_leaving(tx: Tx, org: int, name: str) -> bool:
    """One pass over the runs of a deleted task, in any state; whether nothing is left of it."""
    task = tx.value(task_statements.IS_LEAVING, {"org": org, "name": name})
    if task is None:
        return True
    rows = tx.rows(removal_statements.OF_TASK, {"org": org, "task_name": name, "limit": REMOVE_MAX})
    count = remove(tx, rows)
    for row in rows[:count]:
        if row["status"] == "processing":
            tx.feed((org, row["queue_name"]))  # it may have room for one more now
    if not rows:
        tx.execute(task_statements.DELETE, {"seq": task})
    return not rows


def remove_runs_of_deleted_tasks(tx: Tx) -> Pass:
    """One pass over the runs of any deleted task."""
    task = tx.row(task_statements.NEXT_DELETED)
    if task is None:
        return Pass(0, None)
    remove_runs_of_leaving(tx, task["org"], task["name"])
    return Pass(1, tx.now_ms)
