"""What happens to the jobs that wait for a job when it ends or starts over."""

from collections import defaultdict
from collections.abc import Sequence, Set
from typing import Final

import msgspec

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.enqueue import PARENT_FAILED
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.jobs.states import TERMINAL
from spooled_lite.core.steps import activate_statements, statements
from spooled_lite.core.steps.activate import NONE_ENDED, EndedSteps, activate
from spooled_lite.core.steps.columns import DependentRow, NumberedRow
from spooled_lite.core.steps.items import reopen_items
from spooled_lite.core.steps.revive import revive, revive_steps
from spooled_lite.core.workflows.columns import ParentStandingRow, StandingRow
from spooled_lite.core.workflows.conditions import SKIPPED, Standing, standing_of
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx

# Dependents that are told inside the operation: as many as a workflow has steps.
TELL_MAX: Final = 1_000
CHANGE_COST: Final = 10  # cancelling a job or bringing it back costs as much as telling so many
TELL_COST: Final = 10  # before a removal, a job that waits costs this much more than its edges


def tell_dependents(tx: Tx, job: NumberedRow) -> None:
    """Decide again about the jobs that wait for `job`, because its status changed.

    For the first thousand this happens in this transaction. For the rest a row of `job_cascades`
    is kept, which a loop works off: a crash in between loses none of them.

    Contract: schedules-workflows-webhooks, section 2.5.
    """
    if tx.value(statements.HAS_DEPENDENTS, {"job": job["seq"]}) is not None:
        _tell(tx, job["seq"], 0, TELL_MAX)


def tell_dependents_later(tx: Tx, job: NumberedRow) -> None:
    """As `tell_dependents`, but all of it by the loop.

    For callers that cannot bound the work: those that change many jobs, or follow a chain.
    """
    if tx.value(statements.HAS_DEPENDENTS, {"job": job["seq"]}) is not None:
        tx.execute(job_statements.MARK_CASCADE, {"job": job["seq"]})
        tx.due(Deadline.DEPENDENTS, tx.now_ms)


def work_off_cascades(tx: Tx) -> Pass:
    """One pass over `job_cascades`, which tells about TELL_MAX dependents."""
    told, cost = 0, 0
    while (cascade := tx.row(statements.NEXT_CASCADE)) is not None:
        if cost >= TELL_MAX:
            return Pass(told, tx.now_ms)
        # Deleted first, because telling may add the row again.
        tx.execute(statements.END_CASCADE, {"job": cascade["job"]})
        cost += 1 + _tell(tx, cascade["job"], cascade["told_up_to"], TELL_MAX - cost)
        told += 1
    return Pass(told, None)


def let_go(tx: Tx, job: int, gone: Set[int], cost_max: int) -> int:
    """Before a job is deleted: release or cancel the jobs that wait for it; what that has cost.

    A job that has not ended counts as cancelled. Its past effects stay: a job that it alone
    released waits for nothing else, and a job that was cancelled because of it never comes back.
    `gone` are the jobs that are deleted with it: they are not told, and keep their edge as long as
    the job stays. When the cost reaches `cost_max` there may be more dependents, and the job must
    stay until they are told too.
    """
    asked = {"job": job, "told_up_to": 0, "limit": cost_max}
    dependents = tx.values(statements.DEPENDENTS, asked)
    if not dependents:
        return 0
    some = {"job": job, "last": dependents[-1]}
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
    """Decide again whether a waiting job may run, has to wait, or can never run.

    Parents in `gone` count as ended, because they are about to be deleted.
    """
    job = tx.row(statements.BY_SEQ, {"seq": seq})
    if job is None:
        return
    rows = tx.rows(statements.EDGES, {"job": seq})
    edges = [_as_ended(row) if row["parent"] in gone else row for row in rows] if gone else rows
    decisions = _Decisions(tx).take(job, standing_of(edges, job["dependency_mode"]))
    _follow_ended(tx, decisions.carry_out())


def activate_steps(tx: Tx, steps: Sequence[int]) -> None:
    """Decide about steps of documents whose dependencies are resolved, and about all that follows
    from the ones that end at once, as far as it goes.
    """
    _follow_ended(tx, activate(tx, steps))


def bring_back_steps(tx: Tx, workflow_id: str) -> int:
    """Bring back every cancelled step of a workflow that can run again, and decide about each; how
    many have come back.
    """
    rows = revive_steps(tx, workflow_id)
    for row in rows:
        tell_dependents_later(tx, row)
    decide_again(tx, rows)
    return len(rows)


def decide_again(tx: Tx, restarted: Sequence[JobRow], *, from_start: bool = False) -> None:
    """Of steps that start over, activate those of documents that wait for nothing any more.

    With `from_start` they are made anew, with their items.
    """
    steps = [row["seq"] for row in restarted if row["phase"] is not None]
    for seq in steps:
        reopen_items(tx, {"seq": seq}, from_start=from_start)
    decisions = _Decisions(tx)
    for step, standing in _standings(tx, steps):
        decisions.take(step, standing)
    _follow_ended(tx, decisions.carry_out())


def hold_back(tx: Tx, restarted: Sequence[NumberedRow]) -> None:
    """Of jobs that start over, let those wait whose parents start over too."""
    jobs = [job["seq"] for job in restarted]
    waiting = [job["seq"] for job, standing in _standings(tx, jobs) if standing == "waiting"]
    _set_met(tx, waiting, met=False)


def _tell(tx: Tx, job: int, after: int, cost_max: int) -> int:
    """Tell the dependents after that one, the rest of them by the loop; what it has cost."""
    asked = {"job": job, "told_up_to": after, "limit": cost_max}
    jobs = tx.values(statements.DEPENDENTS, asked)
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
    _follow_ended(tx, decisions.carry_out())
    if not is_whole:
        tx.execute(statements.KEEP_CASCADE, {"job": job, "told_up_to": after})
        tx.due(Deadline.DEPENDENTS, tx.now_ms)
    return decisions.cost


def _follow_ended(tx: Tx, ended: EndedSteps) -> None:
    """Tell the steps of the same workflows that waited for steps that nobody works on, and so on
    until nothing changes: at most STEPS_MAX steps of each. Jobs outside are told by the loop.

    Contract: catbird-capabilities, F15.
    """
    all_ended: list[int] = []
    workflows: set[str] = set()
    while ended.steps:
        all_ended += ended.steps
        workflows.update(ended.workflows)
        asked = {"steps": _numbers(ended.steps), "workflows": _texts(ended.workflows)}
        # One that waits for several of the steps comes several times.
        found = {
            each["seq"]: each for each in tx.rows(activate_statements.DEPENDENTS_IN_WORKFLOW, asked)
        }
        decisions = _Decisions(tx)
        for dependent, standing in _standings_of(tx, [found[seq] for seq in sorted(found)]):
            decisions.take(dependent, standing)
        ended = decisions.carry_out()
    if all_ended:
        asked = {"steps": _numbers(all_ended), "workflows": _texts(sorted(workflows))}
        if tx.execute(activate_statements.MARK_CASCADES_OUTSIDE, asked):
            tx.due(Deadline.DEPENDENTS, tx.now_ms)


def _standings(tx: Tx, jobs: Sequence[int]) -> list[tuple[DependentRow, Standing]]:
    """Those of the jobs that may change, in order, and how each stands with its parents.

    A thousand jobs may have a hundred thousand parents. One statement reads them all, and gives
    parents of a job that do not differ as one row.
    """
    if not jobs:
        return []
    return _standings_of(tx, tx.rows(statements.CHANGEABLE, {"jobs": _numbers(jobs)}))


def _standings_of(
    tx: Tx, changeable: Sequence[DependentRow]
) -> list[tuple[DependentRow, Standing]]:
    if not changeable:
        return []
    asked = {"jobs": _numbers([job["seq"] for job in changeable])}
    edges: dict[int, list[StandingRow]] = defaultdict(list)
    for edge in tx.rows(statements.DISTINCT_EDGES, asked):
        edges[edge["job"]].append(edge)
    return [(job, standing_of(edges[job["seq"]], job["dependency_mode"])) for job in changeable]


class _Decisions:
    """Collects the changes of many jobs, so that equal changes are made by one statement."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._met: list[int] = []
        self._unmet: list[int] = []
        self._resolved: list[int] = []
        self._workflows: dict[str, None] = {}
        self.cost = 0

    def take(self, job: DependentRow, standing: Standing) -> "_Decisions":
        self.cost += 1
        if job["status"] == "cancelled":
            if job["cancelled_by_parent"] and standing != "impossible":
                self._bring_back(job, standing)
        elif job["status"] in ("pending", "scheduled"):
            if standing == "impossible":
                self.cost += CHANGE_COST
                _cancel(self._tx, job)
            elif job["phase"] is not None and standing == "met":
                if not job["dependencies_met"]:
                    self._resolved.append(job["seq"])
            else:
                (self._met if standing == "met" else self._unmet).append(job["seq"])
        return self

    def carry_out(self) -> EndedSteps:
        _set_met(self._tx, self._met, met=True)
        _set_met(self._tx, self._unmet, met=False)
        for workflow_id in self._workflows:
            bring_back_steps(self._tx, workflow_id)
        return activate(self._tx, self._resolved) if self._resolved else NONE_ENDED

    def _bring_back(self, job: DependentRow, standing: Standing) -> None:
        """Bring the job back; the steps of a workflow all together, when all are decided."""
        if job["workflow_id"] is None:
            self.cost += CHANGE_COST
            row = revive(self._tx, job["seq"], met=standing == "met")
            tell_dependents_later(self._tx, row)
        elif job["workflow_id"] not in self._workflows:
            self.cost += TELL_MAX if self._workflows else 0  # each may have this many steps
            self._workflows[job["workflow_id"]] = None


def _set_met(tx: Tx, jobs: Sequence[int], *, met: bool) -> None:
    if not jobs:
        return
    asked = {"jobs": _numbers(jobs), "met": int(met), "now_ms": tx.now_ms}
    for row in tx.rows(statements.SET_DEPENDENCIES_MET, asked):
        if row["claimable"]:
            tx.feed((row["org"], row["queue_name"]))


def _cancel(tx: Tx, job: DependentRow) -> None:
    row = tx.row(
        statements.CANCEL_BY_PARENT,
        {"seq": job["seq"], "error": PARENT_FAILED, "now_ms": tx.now_ms},
    )
    assert row is not None, "the job was looked at in this operation"
    facts = {"reason": PARENT_FAILED}
    tx.emit("job.cancelled", row["org"], row=row, was=job["status"], facts=facts)
    tell_dependents_later(tx, row)


def _as_ended(edge: ParentStandingRow) -> ParentStandingRow:
    has_ended = edge["status"] in TERMINAL or edge["status"] == SKIPPED
    status = edge["status"] if has_ended else "cancelled"
    return {**edge, "status": status}


def _numbers(jobs: Sequence[int]) -> str:
    return msgspec.json.encode(jobs).decode()


def _texts(workflows: Sequence[str]) -> str:
    return msgspec.json.encode(workflows).decode()
