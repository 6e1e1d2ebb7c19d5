"""Whether a file is whole and agrees with itself: for `spooled-lite check` and for backups."""

from typing import Final

from spooled_lite.core.inbox.check import wrong_unseen_counts
from spooled_lite.core.jobs.check import conservation
from spooled_lite.core.maintenance.deep_check import deep_problems
from spooled_lite.core.steps.advance import status_of
from spooled_lite.core.steps.check import wrong_runs
from spooled_lite.core.workflows import edge_statements, statements
from spooled_lite.core.workflows.columns import CountedWorkflowRow
from spooled_lite.core.workflows.records import ENDED
from spooled_lite.storage.integrity import damages
from spooled_lite.storage.transaction import Reading

ORPHANS_SHOWN: Final = 20
_STANDING: Final = ("waiting", "processing")


def problems(tx: Reading, *, deep: bool = False) -> list[str]:
    """Every problem of the file as a sentence; an empty list when all is well.

    A file that is damaged is not looked at further. `deep`: see `deep_problems`.
    """
    if found := damages(tx):
        return found
    of_sums = [*conservation(tx), *wrong_unseen_counts(tx)]
    return [*of_sums, *recount(tx), *(deep_problems(tx) if deep else ())]


def recount(tx: Reading) -> list[str]:
    """A sentence for each workflow that does not agree with its steps, and each lost dependency;
    and what `wrong_runs` finds.

    A workflow counts its steps by status. A step that was deleted stays counted where it ended, so
    of the ended ones there may be fewer rows than the counter says, but never more.
    """
    orphans = [
        f"job {row['job']}, which is not there, waits for job {row['parent']}"
        for row in tx.rows(edge_statements.ORPHANED_EDGES, {"limit": ORPHANS_SHOWN})
    ]
    workflows = tx.rows(statements.ALL_WITH_FOUND)
    of_workflows = (said for row in workflows for said in _of_workflow(row))
    return [*orphans, *of_workflows, *wrong_runs(tx)]


def _of_workflow(row: CountedWorkflowRow) -> list[str]:
    problems = []
    counts = {
        "waiting": (row["waiting_jobs"], row["waiting_found"]),
        "processing": (row["processing_jobs"], row["processing_found"]),
        "completed": (row["completed_jobs"], row["completed_found"]),
        "failed": (row["failed_jobs"], row["failed_found"]),
        "cancelled": (row["cancelled_jobs"], row["cancelled_found"]),
    }
    for name, (counted, found) in counts.items():
        if counted < found or (counted > found and name in _STANDING):
            problems.append(f"{counted} {name} jobs by the counter, {found} rows")
    if row["status"] != status_of(row):
        problems.append(f"is {row['status']}, its counters say {status_of(row)}")
    if (row["completed_at_ms"] is None) == (row["status"] in ENDED):
        problems.append(f"is {row['status']}, completed at {row['completed_at_ms']}")
    return [f"workflow {row['id']}: {said}" for said in problems]
