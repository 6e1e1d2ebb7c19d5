"""Delayed jobs and waiting retries become claimable when their time has come."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.jobs.choice import find_named
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.passes import PASS_MAX, Pass, first_of, next_pass
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import claim_statements as statements
from spooled_lite.core.lifecycle.claim_statements import DueJobRow
from spooled_lite.storage.transaction import Cache, Tx

_PROMOTED: Final = Cache[int, int]()  # by queue: everything due up to this moment has been promoted


def promote_due(tx: Tx) -> Pass:
    """Promote due jobs of all queues, the longest due first: PASS_MAX, or PASS_BYTES_MAX."""
    due = tx.rows(statements.DUE, {"now_ms": tx.now_ms, "limit": PASS_MAX})
    some = first_of(due)
    _promote(tx, some)
    return next_pass(tx, len(some), statements.NEXT_PROMOTION, found=len(due))


def promote_due_of_queue(tx: Tx, queue: int) -> None:
    """Promote due jobs of one queue before a claim, which so never depends on the loop's timing.

    Runs once per queue and moment: nothing else becomes due in the same batch at the same time.
    """
    promoted = tx.cache(_PROMOTED)
    if promoted.get(queue) == tx.now_ms:
        return
    promoted[queue] = tx.now_ms
    wanted = {"queue": queue, "now_ms": tx.now_ms, "limit": PASS_MAX}
    _promote(tx, first_of(tx.rows(statements.DUE_OF_QUEUE, wanted)))


def run_now(tx: Tx, org: int, job_ids: Sequence[str], scope: Scope) -> int:
    """Make delayed and retry-waiting jobs among a few jobs claimable now; returns how many.

    This is one pass, so the caller must not pass many.
    """
    count = 0
    for was in find_named(tx, org, job_ids, scope):
        asked = {"id": was["id"], "org": org, "now_ms": tx.now_ms}
        row = tx.row(statements.RUN_NOW, asked)
        if row is not None:
            _announce(tx, row, was=was["status"])
            count += 1
    return count


def _promote(tx: Tx, due: Sequence[DueJobRow]) -> None:
    for was in due:
        row = tx.row(statements.PROMOTE, {"seq": was["seq"], "now_ms": tx.now_ms})
        assert row is not None, "nothing changes a job between two statements of an operation"
        _announce(tx, row, was=was["status"])


def _announce(tx: Tx, row: JobRow, *, was: str) -> None:
    if was == "scheduled":
        tx.emit("job.promoted", row["org"], row=row, was="scheduled")
    if row["claimable"]:
        tx.feed((row["org"], row["queue_name"]))
