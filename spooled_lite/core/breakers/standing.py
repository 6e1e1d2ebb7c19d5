"""How a breaker stands, and the one attempt that it lets through to find out.

What is in the file is the truth: a restart, a copy or a batch that is lost changes nothing.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from spooled_lite.core.breakers import statements
from spooled_lite.core.breakers.columns import SCOPES, BreakerRow, BreakerStanding, Scoped
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.storage.transaction import Reading, Tx

CLOSED: Final = BreakerStanding()


def standing(tx: Reading, scope: Scoped, target: int) -> BreakerStanding:
    """Contract: catbird-capabilities, H7."""
    row = tx.row(statements.FIND, {"scope": scope, "target": target})
    return CLOSED if row is None else standing_of(tx, row)


def standing_of(tx: Reading, row: BreakerRow) -> BreakerStanding:
    until_ms = row["open_until_ms"]
    if until_ms is None:
        return BreakerStanding(failures=row["failures"])
    is_open = tx.now_ms < until_ms
    return BreakerStanding(
        state="open" if is_open else "half_open",
        failures=row["failures"],
        opened_at_ms=row["opened_at_ms"],
        open_until_ms=until_ms,
        is_tried=not is_open and is_tried(tx, row),
    )


def is_tried(tx: Reading, row: BreakerRow) -> bool:
    """Whether the attempt that was let through is under way. However it ends, its slot is free:
    its lease has gone."""
    if row["trial_job"] is None:
        return False
    asked = {"trial_job": row["trial_job"], "trial_lease_id": row["trial_lease_id"]}
    return tx.value(statements.IS_TRIED, asked) is not None


def breaker_of(tx: Reading, queue: QueueRow) -> BreakerStanding | None:
    """How the breaker of a queue stands; None when it has none, which costs nothing."""
    return None if queue["circuit_breaker"] is None else standing(tx, "queue", queue["seq"])


def let_through(tx: Tx, queue: QueueRow, breaker: BreakerStanding, jobs: Sequence[JobRow]) -> None:
    """Have the ends of these attempts, which begin now, told to the breaker of their queue.

    While it is half open there is one of them, which decides whether it closes.
    """
    mark(tx, jobs)
    if breaker.state == "half_open":
        [trial] = jobs
        begin_trial(tx, "queue", queue["seq"], trial)


def mark(tx: Tx, jobs: Sequence[JobRow]) -> None:
    """The ends of these attempts have to be told."""
    seqs = msgspec.json.encode([job["seq"] for job in jobs]).decode()
    tx.execute(statements.MARK_JOBS, {"seqs": seqs})


def begin_trial(tx: Tx, scope: Scoped, target: int, job: JobRow) -> None:
    """This job, claimed just now, is the one that a half-open breaker lets through."""
    tx.execute(
        statements.BEGIN_TRIAL,
        {"scope": scope, "target": target, "job": job["seq"], "lease_id": job["lease_id"]},
    )


def breakers_open(tx: Reading) -> dict[str, int]:
    """How many are open or half open, for each scope."""
    counted = {row["scope"]: row["count"] for row in tx.rows(statements.COUNT_OPEN)}
    return {scope: counted.get(scope, 0) for scope in SCOPES}
