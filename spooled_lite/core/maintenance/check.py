"""Do workflows agree with their steps? For `spooled-lite check`: it looks at every one."""

from typing import Final

from spooled_lite.core.steps.advance import status_of
from spooled_lite.core.workflows import statements
from spooled_lite.events import Row
from spooled_lite.storage.transaction import Reading

ORPHANS_SHOWN: Final = 20
_STANDING: Final = ("waiting", "processing")
_ENDED: Final = ("completed", "failed", "cancelled")


def recount(tx: Reading) -> list[str]:
    """What does not add up, a sentence each; nothing when all is well.

    The counters of a workflow are those of its steps. A step that was deleted is counted where it
    ended, so there may be fewer rows than that, and never more.
    """
    orphans = [
        f"job {row['job']}, which is not there, waits for job {row['parent']}"
        for row in tx.rows(statements.ORPHANED_EDGES, {"limit": ORPHANS_SHOWN})
    ]
    workflows = tx.rows(statements.ALL_WITH_FOUND)
    return [*orphans, *(said for row in workflows for said in _of_workflow(row))]


def _of_workflow(row: Row) -> list[str]:
    problems = []
    for name in (*_STANDING, *_ENDED):
        counted, found = row[f"{name}_jobs"], row[f"{name}_found"]
        if counted < found or (counted > found and name in _STANDING):
            problems.append(f"{counted} {name} jobs by the counter, {found} rows")
    if row["status"] != status_of(row):
        problems.append(f"is {row['status']}, its counters say {status_of(row)}")
    if (row["completed_at_ms"] is None) == (row["status"] in _ENDED):
        problems.append(f"is {row['status']}, completed at {row['completed_at_ms']}")
    return [f"workflow {row['id']}: {said}" for said in problems]
