"""Workers that say which tasks and which steps of flows they run."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.flows.handlers import find_step, queues_of_step
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle.handlers import StepName
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.core.tasks.names import TASK_NAME_MAX
from spooled_lite.core.tasks.query import find_task
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workers.records import NewWorker
from spooled_lite.core.workers.register import register
from spooled_lite.core.workflows.document import StepDocument
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.transaction import Tx

HANDLERS_AT_ONCE: Final = 4  # of one task or step, in one worker
CLAIMED_AT_ONCE: Final = 64


class HandlerHints(Struct, frozen=True):
    """What a worker should do for a task or a step, unless it knows better."""

    concurrency: int
    batch_size: int
    timeout_ms: int  # of an attempt; 0: any time


class RegisteredHandlers(Struct, frozen=True):
    """A worker, and the hints for each of its tasks by name, and for each of its steps by
    `flow.step`."""

    row: WorkerRow
    hints: dict[str, HandlerHints]


def register_handlers(
    tx: Tx, org: int, worker: NewWorker, admission: Admission, scope: Scope
) -> RegisteredHandlers:
    """As `register`, with hints for the tasks and steps that the worker runs.

    Raises, besides:
        RuleBroken: there is no task of a name, or no such step of a flow.
        AccessDenied: its queue is outside of the scope.

    Contract: catbird-capabilities, W2, H4, H5 and H6.
    """
    tasks = _tasks(tx, org, worker.task_handlers, scope)
    steps = _steps(tx, org, worker.step_handlers, scope)
    row = register(tx, org, worker, admission)
    hints = {task["name"]: _hints(task["max_concurrency"], task["timeout_ms"]) for task in tasks}
    for name, step in zip(worker.step_handlers, steps, strict=True):
        hints[name.handler] = _hints(step.max_concurrency, step.timeout_ms)
    return RegisteredHandlers(row, hints)


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


def _steps(tx: Tx, org: int, names: Sequence[StepName], scope: Scope) -> list[StepDocument]:
    steps = []
    for position, name in enumerate(names):
        step, field = find_step(tx, org, name), f"step_handlers[{position}]"
        if step is None:
            message = f"Field `{field}`: there is no step `{name.handler}`; define its flow first"
            raise RuleBroken.of(field, message, "unknown_step")
        for queue_name in queues_of_step(step):
            scope.check(queue_name)
        steps.append(step)
    return steps


def _hints(max_concurrency: int | None, timeout_ms: int | None) -> HandlerHints:
    at_once = min(HANDLERS_AT_ONCE, max_concurrency or HANDLERS_AT_ONCE)
    return HandlerHints(at_once, CLAIMED_AT_ONCE, timeout_ms or 0)
