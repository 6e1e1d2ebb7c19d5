"""The routes of tasks."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.errors import Conflict, PreconditionFailed
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import Doc, Parameter, paging
from spooled_lite.wire.http.resources import tasks
from spooled_lite.wire.shapes import tasks as shapes

_TASK: Final = {
    "description": "Charge a card",
    "queue_name": "payments",
    "condition": "input.amount gt 0",
    "max_retries": 3,
    "timeout_seconds": 20,
    "retention_seconds": 604_800,
    "backoff": {"strategy": "full_jitter", "min_delay_ms": 500, "max_delay_ms": 10_000},
    "circuit_breaker": {"failure_threshold": 5, "open_timeout_ms": 30_000},
    "on_fail": {"queue_name": "payments_alerts", "max_retries": 3},
}

TASKS: Final[Mapping[Handler, Doc]] = {
    tasks.list_all: Doc(
        summary="List tasks by name",
        parameters=paging(100, 500),
        answer=list[shapes.TaskView],
        is_paged=True,
    ),
    tasks.create: Doc(
        summary="Create a task, unless there is one of this name",
        about="200: there is one already, and it stays as it is.",
        body=shapes.CreateTask,
        example={"name": "send_email", "queue_name": "emails"},
        answer=shapes.TaskView,
        statuses=(201, 200),
        errors=(Conflict,),
    ),
    tasks.get: Doc(summary="Show one task", answer=shapes.TaskView),
    tasks.replace: Doc(
        summary="Create a task, or replace everything that is said of it",
        about="What is left out gets its default. Runs that are there keep their queue, retries "
        "and time.",
        parameters=(
            Parameter(
                "If-Match",
                "A revision that was seen, or `*` for any: refused when the task has another one",
                place="header",
                example="3",
            ),
        ),
        body=shapes.ReplaceTask,
        example=_TASK,
        answer=shapes.TaskView,
        errors=(Conflict, PreconditionFailed),
    ),
    tasks.delete: Doc(
        summary="Delete a task with all its runs and bindings",
        about="Also what runs now; whoever works on it is told that there is no such job.",
        statuses=(204,),
    ),
}
