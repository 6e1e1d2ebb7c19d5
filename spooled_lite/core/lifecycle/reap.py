"""What happens when a lease expires: the job is retried, dead-lettered or cancelled."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.jobs.passes import PASS_MAX, Pass, first_of, next_pass
from spooled_lite.core.lifecycle import statements
from spooled_lite.core.lifecycle.follow import may_be_followed
from spooled_lite.core.lifecycle.settle import bury, retry_later
from spooled_lite.core.lifecycle.statements import HeldRow, LeaseOverRow
from spooled_lite.core.lifecycle.stop import stop
from spooled_lite.core.steps.dependents import tell_dependents_later
from spooled_lite.storage.transaction import Tx

# Clients and alert rules know these words: contract README, section 5.
LEASE_OVER: Final = "Lease expired (worker timeout)"
ATTEMPTS_OVER: Final = "Max retries exceeded after lease expiration"
# Announced by one pass. A job that is given back makes one, or two with its dead letter.
EVENTS_MAX: Final = 2 * PASS_MAX


def reap_expired_leases(tx: Tx) -> Pass:
    """Return jobs whose lease has run out to their queue, or to the dead letters.

    Jobs whose workflow told them to stop are cancelled.

    Changes at most PASS_MAX jobs, or PASS_BYTES_MAX, those that expired first before the others; a
    job that may be followed when it has failed counts as two. A step that fails may close all steps
    of its run: then no other job is looked at. Due again at once when there may be more, else at
    the next lease end.

    Contract: jobs, section 6 ("Lease expiry").
    """
    over = tx.rows(statements.LEASES_OVER, {"now_ms": tx.now_ms, "limit": PASS_MAX})
    some = first_of(_within_rows(over))
    for count, held in enumerate(some):
        if len(tx.events) >= EVENTS_MAX:
            some = some[:count]
            break
        end_attempt(tx, held)
    return next_pass(tx, len(some), statements.NEXT_LEASE_END, found=len(over))


def _within_rows(over: Sequence[LeaseOverRow]) -> Sequence[LeaseOverRow]:
    left = PASS_MAX
    for count, held in enumerate(over):
        is_last = held["retry_count"] >= held["max_retries"]
        left -= 2 if is_last and may_be_followed(held) else 1
        if left < 0:
            return over[:count]
    return over


def end_attempt(tx: Tx, held: HeldRow) -> None:
    """The lease of a job is over: it is retried at once, dead-lettered or cancelled.

    Nothing happens to a step that was closed in this operation, because another has failed.
    """
    if held["kind"] in ("step", "item"):
        asked = {"seq": held["seq"], "lease_id": held["lease_id"]}
        if tx.value(statements.STILL_HELD, asked) is None:
            return
    if held["stop_reason"] is not None and stop(tx, held):
        return
    if held["retry_count"] < held["max_retries"]:
        retry_later(tx, held, LEASE_OVER, run_at_ms=None)
    else:
        tell_dependents_later(tx, bury(tx, held, ATTEMPTS_OVER))
