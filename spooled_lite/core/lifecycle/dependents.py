"""What the end of a job, or its new start, means for the jobs that wait for it."""

import sqlite3
from collections.abc import Set
from typing import Final

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.passes import Pass
from spooled_lite.core.lifecycle.revive import revive, revive_steps
from spooled_lite.core.lifecycle.states import TERMINAL
from spooled_lite.core.workflows.conditions import standing_of
from spooled_lite.events import Deadline, Row
from spooled_lite.storage.transaction import Tx

TELL_MAX: Final = 100  # dependents told inside the operation; each may have a hundred parents
PARENT_FAILED: Final = "Parent job failed or was deadlettered"  # contract README, section 5


def tell_dependents(tx: Tx, job: Row) -> None:
    """Have the jobs that wait for `job` look at it again, because its status changed.

    The first hundred hear of it in this transaction. For the rest a row stays, which the loop
    works off: a crash in between forgets nobody.

    Contract: schedules-workflows-webhooks, section 2.5.
    """
    if tx.row(statements.HAS_DEPENDENTS, {"job": job["seq"]}) is not None:
        tx.execute(job_statements.MARK_CASCADE, {"job": job["seq"]})
        if tell_some(tx, job["seq"], told_job=0, tell_max=TELL_MAX) == TELL_MAX:
            tx.due(Deadline.DEPENDENTS, tx.now_ms)


def work_off_cascades(tx: Tx) -> Pass:
    """Tell more dependents of jobs that have many, and those of the dependents themselves."""
    told = 0
    for cascade in tx.rows(statements.CASCADES, {"limit": TELL_MAX}):
        if told >= TELL_MAX:
            break
        told += tell_some(tx, cascade["job"], cascade["told_job"], TELL_MAX - told)
    is_more = tx.row(statements.CASCADES, {"limit": 1}) is not None
    return Pass(told, tx.now_ms if is_more else None)


def tell_some(tx: Tx, job: int, told_job: int, tell_max: int) -> int:
    """Tell dependents after `told_job`; how many were told. Ends the cascade after the last."""
    asked = {"job": job, "told_job": told_job, "limit": tell_max}
    dependents = tx.rows(statements.DEPENDENTS, asked)
    for dependent in dependents:
        look_again(tx, dependent["job"])
    if len(dependents) < tell_max:
        tx.execute(statements.END_CASCADE, {"job": job})
    else:
        tx.execute(statements.TOLD, {"job": job, "told_job": dependents[-1]["job"]})
    return len(dependents)


def tell_dependents_later(tx: Tx, job: Row) -> None:
    """As `tell_dependents`, by the loop: chains and passes have no bound, operations do."""
    if tx.row(statements.HAS_DEPENDENTS, {"job": job["seq"]}) is not None:
        tx.execute(job_statements.MARK_CASCADE, {"job": job["seq"]})
        tx.due(Deadline.DEPENDENTS, tx.now_ms)


def tell_of_removal(tx: Tx, job: int, gone: Set[int], tell_max: int) -> int:
    """Before a job is deleted: have what waits for it go on, or be cancelled; how many were told.

    A job that never came to an end counts as cancelled. `gone` are the jobs that are deleted with
    it: they are told nothing. When `tell_max` were told there may be more, and the job has to
    stay until they are told too.
    """
    waiting = tx.rows(statements.WAITING_DEPENDENTS, {"job": job, "limit": tell_max})
    for dependent in waiting:
        if dependent["job"] not in gone:
            look_again(tx, dependent["job"], gone)
    if len(waiting) == tell_max:
        tx.execute(statements.LET_GO, {"job": job, "told_job": waiting[-1]["job"]})
    return len(waiting)


def look_again(tx: Tx, seq: int, gone: Set[int] = frozenset()) -> None:
    """Decide anew whether a waiting job may run, has to wait, or never can."""
    job = tx.row(statements.BY_SEQ, {"seq": seq})
    if job is None:
        return
    rows = tx.rows(statements.EDGES, {"job": seq})
    edges = [_as_ended(row) if row["parent"] in gone else row for row in rows] if gone else rows
    standing = standing_of(edges, job["dependency_mode"])
    if job["status"] == "cancelled" and job["cancelled_by_parent"] and standing != "impossible":
        _revive(tx, job, met=standing == "met")
    elif job["status"] in ("pending", "scheduled"):
        if standing == "impossible":
            _cancel(tx, job)
        else:
            _set_met(tx, seq, met=standing == "met")


def _set_met(tx: Tx, seq: int, *, met: bool) -> None:
    row = tx.row(
        statements.SET_DEPENDENCIES_MET, {"seq": seq, "met": int(met), "now_ms": tx.now_ms}
    )
    if row is not None and row["claimable"]:
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


def _revive(tx: Tx, job: sqlite3.Row, *, met: bool) -> None:
    """Bring one back; of a workflow all that can be, before any of them comes to an end."""
    if job["workflow_id"] is None:
        revived = [revive(tx, job["seq"], met=met)]
    else:
        revived = revive_steps(tx, job["workflow_id"])
    for row in revived:
        tell_dependents_later(tx, row)


def _as_ended(edge: sqlite3.Row) -> Row:
    status = edge["status"] if edge["status"] in TERMINAL else "cancelled"
    return {**dict(edge), "status": status}
