"""Reading one run of a task, or a page of them."""

from typing import Final

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.filter_statements import StateWord
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.tasks import run_statements
from spooled_lite.core.tasks.query import get_task
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading

RUNS_LISTED: Final = 20


def get_run(tx: Reading, org: int, task_name: str, run_id: str, scope: Scope) -> JobRow:
    """One run, without large input and output.

    Raises:
        NotFound: there is no such task, or it has no such run.
        AccessDenied: as `get_task`.

    Contract: catbird-capabilities, T12.
    """
    get_task(tx, org, task_name, scope)
    row = tx.row(job_statements.BY_ID, {"id": run_id, "org": org})
    is_one = row is not None and row["kind"] == "task_run" and row["task_name"] == task_name
    if row is None or not is_one or not scope.allows(row["queue_name"]):
        raise NotFound.thing("Run", resource="run")
    return row


def list_runs(
    tx: Reading,
    org: int,
    task_name: str,
    state: StateWord | None,
    scope: Scope,
    *,
    limit: int,
    offset: int,
) -> list[JobRow]:
    """A page of the runs of a task, newest first, without large inputs and outputs.

    Raises: as `get_task`. Contract: catbird-capabilities, T12.
    """
    get_task(tx, org, task_name, scope)
    asked = {"org": org, "task_name": task_name, "limit": limit, "offset": offset}
    rows = tx.rows(run_statements.LISTS[state], asked)
    return [row for row in rows if scope.allows(row["queue_name"])]
