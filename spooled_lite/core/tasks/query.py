"""Reading one definition of a task, or a page of them."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.tasks import statements
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading

TASKS_LISTED: Final = 100


def find_task(tx: Reading, org: int, name: str) -> TaskRow | None:
    return tx.row(statements.FIND, {"org": org, "name": name})


def queues_of_tasks(tx: Reading, org: int, names: Sequence[str]) -> list[str]:
    """Where runs of each task are made, also of one that is still to be defined."""
    tasks = (find_task(tx, org, name) for name in names)
    return [
        name if task is None else task["queue_name"]
        for name, task in zip(names, tasks, strict=True)
    ]


def get_task(tx: Reading, org: int, name: str, scope: Scope) -> TaskRow:
    """One task.

    Raises:
        NotFound: there is no such task.
        AccessDenied: its queue is outside of the scope.

    Contract: catbird-capabilities, T2.
    """
    row = find_task(tx, org, name)
    if row is None:
        raise NotFound.thing("Task", resource="task")
    scope.check(row["queue_name"])
    return row


def list_tasks(tx: Reading, org: int, scope: Scope, *, limit: int, offset: int) -> list[TaskRow]:
    """A page of the tasks whose queues are in the scope, by name."""
    listed: list[TaskRow] = []
    after = ""  # before every name
    while True:
        page = tx.rows(statements.PAGE, {"org": org, "after": after, "limit": TASKS_LISTED})
        listed += [row for row in page if scope.allows(row["queue_name"])]
        if len(page) < TASKS_LISTED or len(listed) >= offset + limit:
            return listed[offset : offset + limit]
        after = page[-1]["name"]
