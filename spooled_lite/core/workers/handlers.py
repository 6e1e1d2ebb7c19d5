"""Workers that say which tasks they run."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.core.tasks.names import TASK_NAME_MAX
from spooled_lite.core.tasks.query import find_task
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workers.records import NewWorker
from spooled_lite.core.workers.register import register
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.transaction import Tx

HANDLERS_AT_ONCE: Final = 4  # of one task, in one worker
CLAIMED_AT_ONCE: Final = 64


class HandlerHints(Struct, frozen=True):
    """What a worker should do for a task, unless it knows better."""

    concurrency: int
    batch_size: int
    timeout_ms: int  # of an attempt; 0: any time


class RegisteredHandlers(Struct, frozen=True):
    """A worker, and the hints for each of its tasks by name."""

    row: WorkerRow
    hints: dict[str, HandlerHints]


def register_handlers(
    tx: Tx, org: int, worker: NewWorker, admission: Admission, scope: Scope
) -> RegisteredHandlers:
    """As `register`, with hints for the tasks that the worker runs.

    Raises, besides:
        RuleBroken: there is no task of a name.
        AccessDenied: its queue is outside of the scope.

    Contract: catbird-capabilities, W2, H4, H5 and H6.
    """
    tasks = _tasks(tx, org, worker.task_handlers, scope)
    row = register(tx, org, worker, admission)
    return RegisteredHandlers(row, {task["name"]: _hints(task) for task in tasks})


def _tasks(tx: Tx, org: int, names: Sequence[str], scope: Scope) -> list[TaskRow]:
    tasks = []
    for position, name in enumerate(names):
        task, field = find_task(tx, org, name), f"task_handlers[{position}]"
        if task is None:
            shown = name[:TASK_NAME_MAX]
            message = f"Field `{field}`: there is no task `{shown}`; define it first"
            raise RuleBroken.of(field, message, "unknown_task")
        scope.check(task["queue_name"])
        tasks.append(task)
    return tasks


def _hints(task: TaskRow) -> HandlerHints:
    at_once = min(HANDLERS_AT_ONCE, task["max_concurrency"] or HANDLERS_AT_ONCE)
    return HandlerHints(at_once, CLAIMED_AT_ONCE, task["timeout_ms"])
