"""What the end of a job, or its new start, means for the jobs that wait for it."""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence, Set
from typing import Final

import msgspec

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.enqueue import PARENT_FAILED
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.jobs.states import TERMINAL
from spooled_lite.core.steps import statements
from spooled_lite.core.steps.revive import revive, revive_steps
from spooled_lite.core.workflows.conditions import Standing, standing_of
from spooled_lite.events import Deadline, Row
from spooled_lite.storage.transaction import Tx

# Dependents told inside the operation: as many as a workflow has steps.
TELL_MAX: Final = 1_000
CHANGE_COST: Final = 10  # one that is cancelled or brought back counts as so many that are told
TELL_COST: Final = 10  # before a removal, one that waits costs so much more than its edges


def tell_dependents(tx: Tx, job: Row) -> None:
    """Have the jobs that wait for `job` look at it again, because its status changed.

    The first thousand hear of it in this transaction. For the rest a row stays, which the loop
    works off: a crash in between forgets nobody.

    Contract: schedules-workflows-webhooks, section 2.5.
    """
    if tx.row(statements.HAS_DEPENDENTS, {"job": job["seq"]}) is not None:
        _tell(tx, job["seq"], 0, TELL_MAX)


def tell_dependents_later(tx: Tx, job: Row) -> None:
    """As `tell_dependents`, by the loop: chains and passes have no bound, operations do."""
    if tx.row(statements.HAS_DEPENDENTS, {"job": job["seq"]}) is not None:
        tx.execute(job_statements.MARK_CASCADE, {"job": job["seq"]})
        tx.due(Deadline.DEPENDENTS, tx.now_ms)


def work_off_cascades(tx: Tx) -> Pass:
    """Tell more dependents of jobs that have many, and those of the dependents themselves."""
    told, cost = 0, 0
    while (cascade := tx.row(statements.NEXT_CASCADE)) is not None:
        if cost >= TELL_MAX:
            return Pass(told, tx.now_ms)
        # Ended first: whoever is told may begin it anew.
        tx.execute(statements.END_CASCADE, {"job": cascade["job"]})
        cost += 1 + _tell(tx, cascade["job"], cascade["told_job"], TELL_MAX - cost)
        told += 1
    return Pass(told, None)


def let_go(tx: Tx, job: int, gone: Set[int], cost_max: int) -> int:
    """Before a job is deleted: have what waits for it go on, or be cancelled; what it has cost.

    A job that never came to an end counts as cancelled. What it has brought about stays: a job it
    released alone waits for nothing more, and one it had cancelled never comes back. `gone` are
    the jobs that are to be deleted with it: they are told nothing, and keep their edge as long as
    it stays. When `cost_max` is reached there may be more dependents, and the job has to stay
    until they are told too.
    """
    asked = {"job": job, "told_job": 0, "limit": cost_max}
    dependents = tx.rows(statements.DEPENDENTS, asked)
    if not dependents:
        return 0
    some = {"job": job, "last": dependents[-1]["job"]}
    tx.execute(statements.RELEASE_FOR_GOOD, some)
    cost = len(dependents)
    for waiting in tx.rows(
        statements.WAITING_DEPENDENTS,
        {**some, "limit": cost_max // TELL_COST + len(gone) + 1},
    ):
        if waiting["job"] in gone:
            continue
        look_again(tx, waiting["job"], gone)
        cost += TELL_COST + waiting["edges"]
        if cost >= cost_max:
            some["last"] = waiting["job"]
            break
    tx.execute(statements.CANCEL_FOR_GOOD, some)
    if cost >= cost_max:
        tx.execute(statements.LET_GO, {**some, "gone": _numbers(sorted(gone))})
    return cost


def look_again(tx: Tx, seq: int, gone: Set[int] = frozenset()) -> None:
    """Decide anew whether a waiting job may run, has to wait, or never can."""
    job = tx.row(statements.BY_SEQ, {"seq": seq})
    if job is None:
        return
    rows = tx.rows(statements.EDGES, {"job": seq})
    edges = [_as_ended(row) if row["parent"] in gone else row for row in rows] if gone else rows
    _Decisions(tx).take(job, standing_of(edges, job["dependency_mode"])).carry_out()


def hold_back(tx: Tx, restarted: Sequence[Row]) -> None:
    """Of jobs that start over, let those wait again whose parents start over too."""
    jobs = [job["seq"] for job in restarted]
    waiting = [job["seq"] for job, standing in _standings(tx, jobs) if standing == "waiting"]
    _set_met(tx, waiting, met=False)


def _tell(tx: Tx, job: int, after: int, cost_max: int) -> int:
    """Tell dependents after that one, the rest of them by the loop; what it has cost."""
    asked = {"job": job, "told_job": after, "limit": cost_max}
    jobs = [row["job"] for row in tx.rows(statements.DEPENDENTS, asked)]
    decisions = _Decisions(tx)
    is_whole = len(jobs) < cost_max
    for dependent, standing in _standings(tx, jobs):
        decisions.take(dependent, standing)
        after = dependent["seq"]
        if decisions.cost >= cost_max:
            is_whole = False
            break
    else:
        after = jobs[-1] if jobs else after
    decisions.carry_out()
    if not is_whole:
        tx.execute(statements.KEEP_CASCADE, {"job": job, "told_job": after})
        tx.due(Deadline.DEPENDENTS, tx.now_ms)
    return decisions.cost


def _standings(tx: Tx, jobs: Sequence[int]) -> list[tuple[sqlite3.Row, Standing]]:
    """How those jobs stand that may change, in their order.

    One statement for all their parents, of which it yields no two that stand alike: a thousand
    jobs may have a hundred thousand.
    """
    if not jobs:
        return []
    asked = {"jobs": _numbers(jobs)}
    changeable = tx.rows(statements.CHANGEABLE, asked)
    edges: dict[int, list[sqlite3.Row]] = defaultdict(list)
    for edge in tx.rows(statements.DISTINCT_EDGES, asked) if changeable else ():
        edges[edge["job"]].append(edge)
    return [(job, standing_of(edges[job["seq"]], job["dependency_mode"])) for job in changeable]


class _Decisions:
    """What is to become of jobs that were told; those that are alike are changed together."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._met: list[int] = []
        self._unmet: list[int] = []
        self._workflows: dict[str, None] = {}
        self.cost = 0

    def take(self, job: sqlite3.Row, standing: Standing) -> "_Decisions":
        self.cost += 1
        if job["status"] == "cancelled":
            if job["cancelled_by_parent"] and standing != "impossible":
                self._bring_back(job, standing)
        elif job["status"] in ("pending", "scheduled"):
            if standing == "impossible":
                self.cost += CHANGE_COST
                _cancel(self._tx, job)
            else:
                (self._met if standing == "met" else self._unmet).append(job["seq"])
        return self

    def carry_out(self) -> None:
        _set_met(self._tx, self._met, met=True)
        _set_met(self._tx, self._unmet, met=False)
        for workflow_id in self._workflows:
            for row in revive_steps(self._tx, workflow_id):
                tell_dependents_later(self._tx, row)

    def _bring_back(self, job: sqlite3.Row, standing: Standing) -> None:
        """Of a workflow all that can be, together, before any of them comes to an end."""
        if job["workflow_id"] is None:
            self.cost += CHANGE_COST
            row = revive(self._tx, job["seq"], met=standing == "met")
            tell_dependents_later(self._tx, row)
        elif job["workflow_id"] not in self._workflows:
            self.cost += TELL_MAX if self._workflows else 0  # each may have so many steps
            self._workflows[job["workflow_id"]] = None


def _set_met(tx: Tx, jobs: Sequence[int], *, met: bool) -> None:
    if not jobs:
        return
    asked = {"jobs": _numbers(jobs), "met": int(met), "now_ms": tx.now_ms}
    for row in tx.rows(statements.SET_DEPENDENCIES_MET, asked):
        if row["claimable"]:
            tx.feed((row["org"], row["queue_name"]))


def _cancel(tx: Tx, job: sqlite3.Row) -> None:
    row = tx.row(
        statements.CANCEL_BY_PARENT,
        {"seq": job["seq"], "error": PARENT_FAILED, "now_ms": tx.now_ms},
    )
    assert row is not None, "the job was looked at in this operation"
    facts = {"reason": PARENT_FAILED}
    tx.emit("job.cancelled", row["org"], row=row, was=job["status"], facts=facts)
    tell_dependents_later(tx, row)


def _as_ended(edge: sqlite3.Row) -> Row:
    status = edge["status"] if edge["status"] in TERMINAL else "cancelled"
    return {**dict(edge), "status": status}


def _numbers(jobs: Sequence[int]) -> str:
    return msgspec.json.encode(jobs).decode()
