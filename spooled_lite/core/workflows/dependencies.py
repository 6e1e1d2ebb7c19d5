"""Which jobs a job waits for, and which wait for it."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.workflows import edge_statements
from spooled_lite.core.workflows.columns import ChildRow, ParentRow
from spooled_lite.core.workflows.records import PARENTS_MAX, Mode
from spooled_lite.errors import Conflict, NotFound, RuleBroken
from spooled_lite.storage.texts import array_of
from spooled_lite.storage.transaction import Reading, Tx

SHOWN_MAX: Final = 1_000  # edges of one job that are shown
ANCESTORS_MAX: Final = 10_000  # jobs that are searched for a cycle


class Dependencies(Struct, frozen=True):
    """A job, the parents it waits for, and the children that wait for it."""

    job: JobRow
    parents: Sequence[ParentRow]
    children: Sequence[ChildRow]


def get_dependencies(tx: Reading, org: int, job_id: str, scope: Scope) -> Dependencies:
    """Raises NotFound: there is no such job. Contract: schedules-workflows-webhooks, 2.2 row 19."""
    job = get_job(tx, org, job_id, scope)
    around = {"job": job["seq"], "limit": SHOWN_MAX}
    return Dependencies(
        job, tx.rows(edge_statements.PARENTS, around), tx.rows(edge_statements.CHILDREN, around)
    )


def add_dependencies(
    tx: Tx, org: int, job_id: str, *, depends_on: Sequence[str], mode: Mode, scope: Scope
) -> int:
    """Let a waiting job wait for more jobs; how many dependencies are new.

    A dependency on itself, or one that would close a cycle, is silently left out. The mode replaces
    that of the job. The caller must decide about the job again (`steps.dependents.look_again`).

    Raises:
        NotFound: the job, or one it is to wait for, does not exist; nothing is added.
        Conflict: the job is no longer waiting.
        RuleBroken: it would have too many parents.

    Contract: schedules-workflows-webhooks, section 2.2 row 20.
    """
    job = get_job(tx, org, job_id, scope)
    if job["status"] not in ("pending", "scheduled"):
        raise Conflict(f"Dependencies can be added to a waiting job only; it is {job['status']}")
    parents = _find_all(tx, org, depends_on, scope)
    added = 0
    for parent in parents:
        if parent != job["seq"] and not _reaches(tx, start=parent, goal=job["seq"]):
            added += tx.execute(edge_statements.ADD_EDGE, {"job": job["seq"], "parent": parent})
    if (tx.value(edge_statements.COUNT_EDGES, {"job": job["seq"]}) or 0) > PARENTS_MAX:
        raise RuleBroken.of("depends_on", f"A job may wait for at most {PARENTS_MAX} jobs", "range")
    tx.execute(edge_statements.SET_MODE, {"seq": job["seq"], "mode": mode})
    return added


def _find_all(tx: Tx, org: int, job_ids: Sequence[str], scope: Scope) -> list[int]:
    found = [
        row["seq"]
        for row in tx.rows(edge_statements.FIND, {"ids": array_of(job_ids), "org": org})
        if scope.allows(row["queue_name"])
    ]
    if len(found) < len(set(job_ids)):
        raise NotFound("A job in `depends_on` was not found")
    return found


def _reaches(tx: Tx, *, start: int, goal: int) -> bool:
    row = tx.row(edge_statements.REACHES, {"start": start, "goal": goal, "limit": ANCESTORS_MAX})
    assert row is not None, "an aggregate always yields a row"
    # Past the bound it is unknown; to be safe, the dependency counts as one that closes a cycle.
    return bool(row["found"]) or row["seen"] >= ANCESTORS_MAX
