"""Running a task: storing one execution of it, for its workers to take; and cancelling one."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.conditions.evaluate import holds_for
from spooled_lite.core.conditions.parse import parse_condition
from spooled_lite.core.jobs import key_statements
from spooled_lite.core.jobs.bodies import insert_job
from spooled_lite.core.jobs.columns import BLANK, JobRow
from spooled_lite.core.jobs.policy import timeout_seconds_of
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle.cancel import Cancelled, Cancelling, cancel_now, expire
from spooled_lite.core.orgs.usage import check_room_for_jobs
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import ensure_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.tasks import run_statements
from spooled_lite.core.tasks.columns import TaskRow
from spooled_lite.core.tasks.names import RESERVED_NAME
from spooled_lite.core.tasks.query import get_task
from spooled_lite.core.tasks.records import NewTaskRun
from spooled_lite.core.tasks.runs import get_run
from spooled_lite.errors import RuleBroken
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Own, Tx

SKIPPED = "skipped"  # the state of a run whose condition was not met

# Of the inputs of several runs that one call makes: a fifth of a second at worst.
COMPARED_BYTES_MAX: Final = 1024 * 1024


class _Compared:
    """How much of inputs the conditions of one operation have compared."""

    __slots__ = ("size_bytes",)

    def __init__(self) -> None:
        self.size_bytes = 0

    def count(self, size_bytes: int) -> None:
        self.size_bytes += size_bytes


_COMPARED: Final = Own(_Compared)


class RunMade(Struct, frozen=True):
    """A run, or the one that has its concurrency key."""

    row: JobRow
    created: bool


@in_lane(Lane.CREATE)
def run_task(
    tx: Tx, org: int, task_name: str, run: NewTaskRun, admission: Admission, scope: Scope
) -> RunMade:
    """Store a run of a task. Its queue is created when it does not exist.

    One whose concurrency key an unfinished run of the task has is not stored: the older one is
    answered, as it is. One whose input does not meet the condition of the task is stored as skipped
    and never handed out.

    Raises:
        NotFound, AccessDenied: as `get_task`.
        QuotaExceeded: a cap would be passed.

    Contract: catbird-capabilities, T4-T6 and T15.
    """
    return run_known_task(tx, get_task(tx, org, task_name, scope), run, admission)


def run_known_task(tx: Tx, task: TaskRow, run: NewTaskRun, admission: Admission) -> RunMade:
    """As `run_task`, for a task that was found in this operation."""
    org = task["org"]
    held = _holder_of_key(tx, org, task["name"], run.concurrency_key)
    if held is not None:
        return RunMade(held, created=False)
    if admission.caps is not None:
        check_room_for_jobs(tx, org, admission.caps, more=1)
    queue = ensure_queue(tx, org, task["queue_name"], admission)
    row = _new_row(tx, task, queue, run)
    if not _meets_condition(tx, task, run):
        return RunMade(_store_skipped(tx, row), created=True)
    row["seq"] = insert_job(tx, run_statements.INSERT, row)
    tx.emit("job.created", org, row=row)
    announce_times(tx, row)
    return RunMade(row, created=True)


@in_lane(Lane.SETTLE)
def cancel_run(
    tx: Tx, org: int, task_name: str, run_id: str, how: Cancelling, scope: Scope
) -> Cancelled:
    """Cancel a run that waits or is being processed; one that has ended stays as it is.

    Raises: as `get_run` and `cancel_now`. Contract: catbird-capabilities, T13 and T14.
    """
    get_run(tx, org, task_name, run_id, scope)
    return cancel_now(tx, org, run_id, how, scope)


def check_compared(tx: Tx, field: str) -> None:
    """For a call that makes several runs, before each. `field` has those that it asks for.

    Raises RuleBroken: the conditions of those before have compared so much that others wait.
    """
    if tx.own(_COMPARED).size_bytes > COMPARED_BYTES_MAX:
        raise RuleBroken.of(
            field,
            f"Field `{field}` makes conditions of tasks compare over {COMPARED_BYTES_MAX} bytes of"
            " inputs: make several calls of it, or conditions that look at smaller parts",
            "too_much_to_compare",
        )


def _holder_of_key(tx: Tx, org: int, task_name: str, key: str | None) -> JobRow | None:
    """The unfinished run that has the key. One whose time is over expires now."""
    if key is None:
        return None
    asked = {"org": org, "task_name": task_name, "concurrency_key": key}
    held = tx.row(key_statements.HOLDING_RUN, asked)
    if held is None or held["expires_at_ms"] is None or held["expires_at_ms"] > tx.now_ms:
        return held
    expire(tx, held)
    return None


def _meets_condition(tx: Tx, task: TaskRow, run: NewTaskRun) -> bool:
    if task["condition"] is None:
        return True
    condition, count = parse_condition(task["condition"]), tx.own(_COMPARED).count
    return holds_for(condition, RESERVED_NAME, run.input, count)


def _store_skipped(tx: Tx, row: JobRow) -> JobRow:
    skipped: JobRow = {
        **row,
        "status": "completed",
        "state": SKIPPED,
        "claimable": 0,
        "run_at_ms": None,
        "completed_at_ms": tx.now_ms,
    }
    row["seq"] = skipped["seq"] = insert_job(tx, run_statements.INSERT, skipped)
    tx.emit("job.created", row["org"], row=row)
    tx.emit("job.skipped", row["org"], row=skipped, was=row["status"])
    return skipped


def _new_row(tx: Tx, task: TaskRow, queue: QueueRow, run: NewTaskRun) -> JobRow:
    timeout_ms = task["timeout_ms"] if run.timeout_ms is None else run.timeout_ms
    return {
        **BLANK,
        **run.columns(tx.now_ms),
        "id": tx.new_id(),
        "org": task["org"],
        "queue": queue["seq"],
        "queue_name": queue["queue_name"],
        "kind": "task_run",
        "task_name": task["name"],
        "max_retries": task["max_retries"] if run.max_retries is None else run.max_retries,
        "timeout_seconds": timeout_seconds_of(timeout_ms),
        "timeout_ms": timeout_ms,
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
        "policy": run.policy,
        "payload": run.input,
    }
