"""What the end of a job, or its new start, means for the jobs that wait for it."""

import sqlite3
from typing import Final

from spooled_lite.core.jobs import statements as job_statements
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.passes import Pass
from spooled_lite.core.workflows.conditions import standing_of
from spooled_lite.events import Deadline, Row
from spooled_lite.storage.transaction import Tx

TELL_MAX: Final = 100  # dependents told inside the operation; each may have a hundred parents
ORPHANS_MAX: Final = 1_000  # children of one job that are told of its deletion
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


def look_again(tx: Tx, seq: int) -> None:
    """Decide anew whether a waiting job may run, has to wait, or never can."""
    job = tx.row(statements.BY_SEQ, {"seq": seq})
    if job is None:
        return
    standing = standing_of(tx.rows(statements.EDGES, {"job": seq}), job["dependency_mode"])
    if job["status"] == "cancelled" and job["cancelled_by_parent"] and standing != "impossible":
        _revive(tx, seq, met=standing == "met")
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
    _pass_on(tx, row)


def _revive(tx: Tx, seq: int, *, met: bool) -> None:
    row = tx.row(statements.REVIVE, {"seq": seq, "met": int(met), "now_ms": tx.now_ms})
    assert row is not None, "the job was looked at in this operation"
    tx.emit("job.retried", row["org"], row=row, was="cancelled")
    if row["claimable"]:
        tx.feed((row["org"], row["queue_name"]))
    if row["run_at_ms"] is not None:
        tx.due(Deadline.PROMOTION, row["run_at_ms"])
    _pass_on(tx, row)


def _pass_on(tx: Tx, row: sqlite3.Row) -> None:
    """The dependents of a dependent are told by the loop: chains have no bound, operations do."""
    if tx.row(statements.HAS_DEPENDENTS, {"job": row["seq"]}) is not None:
        tx.execute(job_statements.MARK_CASCADE, {"job": row["seq"]})
        tx.due(Deadline.DEPENDENTS, tx.now_ms)


def cancel_orphans(tx: Tx, job: Row) -> None:
    """Before a job is deleted: what still waits for it never can run, unless it was completed."""
    if job["status"] == "completed":
        return
    asked = {"job": job["seq"], "told_job": 0, "limit": ORPHANS_MAX}
    for dependent in tx.rows(statements.DEPENDENTS, asked):
        child = tx.row(statements.BY_SEQ, {"seq": dependent["job"]})
        if child is not None and child["status"] in ("pending", "scheduled"):
            _cancel(tx, child)
