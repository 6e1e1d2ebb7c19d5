"""The routes of tasks."""

from collections.abc import Mapping
from typing import Final

from spooled_lite.core.tasks.run_statements import RUN_STATES
from spooled_lite.core.tasks.runs import RUNS_LISTED
from spooled_lite.errors import (
    BadRequest,
    Conflict,
    LeaseExpired,
    NotFound,
    PreconditionFailed,
    QuotaExceeded,
    RequestTimeout,
)
from spooled_lite.wire.http.dispatch import Handler
from spooled_lite.wire.http.documents.described.doc import FLAG, Doc, Parameter, paging
from spooled_lite.wire.http.resources import task_runs, tasks
from spooled_lite.wire.shapes import run_bodies as run_shapes
from spooled_lite.wire.shapes import tasks as shapes
from spooled_lite.wire.shapes.jobs import Job

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

PURGED: Final = (
    Parameter(
        "older_than_seconds",
        "Runs that ended longer ago than that",
        {"type": "integer", "minimum": 0},
        example=86_400,
    ),
    Parameter("all", "With `confirm`: every run, also what runs now", FLAG),
    Parameter("confirm", "Has to be true beside `all`", FLAG),
)

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
        summary="Create a task, or replace its whole definition",
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
    task_runs.create: Doc(
        summary="Run a task",
        about="Its workers take the run from the queue of the task. 200: an unfinished run has "
        "its `concurrency_key`, and that one is answered. A run whose input does not meet the "
        "condition of the task is `skipped` at once.",
        body=run_shapes.RunTask,
        example={"input": {"amount": 10}, "concurrency_key": "order-7"},
        answer=run_shapes.RunStored,
        statuses=(201, 200),
        errors=(NotFound, QuotaExceeded),
    ),
    task_runs.list_all: Doc(
        summary="List the runs of a task, newest first",
        parameters=(
            Parameter("state", "Only runs in it", {"type": "string", "enum": list(RUN_STATES)}),
            *paging(RUNS_LISTED),
        ),
        answer=list[Job],
        is_paged=True,
        errors=(RequestTimeout,),
    ),
    task_runs.purge: Doc(
        summary="Delete runs of a task",
        about="Those that ended so long ago, or all of them, whatever they do.",
        parameters=PURGED,
        answer=run_shapes.RunsDeleted,
        errors=(BadRequest,),
    ),
    task_runs.get: Doc(summary="Show a run of a task", answer=Job),
    task_runs.cancel: Doc(
        summary="Cancel a run of a task, also while a worker has it",
        about="Its worker is refused with 409 `LEASE_EXPIRED` and the `reason` `job_canceled`. A "
        "run that has ended stays as it is, and `applied` is false. A worker cancels its own run "
        "with `lease_id`.",
        body=run_shapes.CancelRun,
        example={"reason": "operator"},
        answer=Job,
        errors=(Conflict, LeaseExpired),
    ),
}
