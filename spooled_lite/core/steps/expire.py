"""Runs of documents whose time is over. Contract: catbird-capabilities, F23."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.jobs.passes import PASS_MAX, Pass, next_pass
from spooled_lite.core.steps import close_statements as statements
from spooled_lite.core.steps.close import close_open_steps
from spooled_lite.core.workflows.columns import WorkflowRow
from spooled_lite.storage.transaction import Tx

EXPIRED: Final = "expired"  # workers read this word in `details.reason`: section 19.3
RUNS_MAX: Final = 100  # that one pass looks at: an expired run has a step or two on average


def expire_runs(tx: Tx) -> Pass:
    """End runs whose `expires_at` has passed, until some PASS_MAX steps are closed.

    A run that was cancelled, and has steps that still run, expires as well. Nothing follows the
    failure of a run that has expired, for it has none.
    """
    found = tx.rows(statements.EXPIRED, {"now_ms": tx.now_ms, "limit": RUNS_MAX})
    done = _expire_some(tx, found)
    if done < len(found) or len(found) == RUNS_MAX:
        return Pass(done, tx.now_ms)
    return next_pass(tx, done, statements.NEXT_EXPIRY, found=len(found))


def expire_runs_of(tx: Tx, org: int) -> int:
    """As a pass of `expire_runs`, in one organization; how many have expired."""
    asked = {"org": org, "now_ms": tx.now_ms, "limit": RUNS_MAX}
    return _expire_some(tx, tx.rows(statements.EXPIRED_OF_ORG, asked))


def expire_run(tx: Tx, workflow: WorkflowRow) -> int:
    """End one run whose time is over; how many steps that has closed."""
    named = {"seq": workflow["seq"], "ended_as": EXPIRED, "now_ms": tx.now_ms}
    tx.execute(statements.END_AS, named)
    return close_open_steps(tx, workflow, state="canceled", reason=EXPIRED)


def _expire_some(tx: Tx, found: Sequence[WorkflowRow]) -> int:
    closed = 0
    for done, workflow in enumerate(found):
        if closed >= PASS_MAX:
            return done
        closed += expire_run(tx, workflow)
    return len(found)
