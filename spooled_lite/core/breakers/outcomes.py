"""What the end of an attempt means for the breakers of its queue and of its task or step.

Called for jobs with `tells_breaker`. Only completed and failed attempts count: one that was
cancelled, handed back or lost says nothing about what it called.
"""

from collections.abc import Iterator

from msgspec import Struct

from spooled_lite.core.breakers import statements
from spooled_lite.core.breakers.columns import BreakerRow, Scoped
from spooled_lite.core.breakers.work_limits import WorkRow, work_of
from spooled_lite.core.jobs.policy import CircuitBreaker, read_breaker
from spooled_lite.core.queues.ensure import known_queue
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


class AttemptRow(WorkRow):
    """Of a job, what says which breakers its attempts count for."""

    seq: int
    org: int
    queue_name: str


class _Guard(Struct, frozen=True):
    scope: Scoped
    target: int
    breaker: CircuitBreaker

    @property
    def key(self) -> dict[str, object]:
        return {"scope": self.scope, "target": self.target}


def attempt_succeeded(tx: Tx, attempt: AttemptRow, lease_id: str | None) -> None:
    """Failures in a row have ended; a half-open breaker that this one was the trial of closes."""
    for guard in _guards(tx, attempt):
        row = tx.row(statements.FIND, guard.key)
        if row is None or not _counts(row, attempt, lease_id):
            continue
        tx.execute(statements.CLOSE, guard.key)
        if row["open_until_ms"] is not None:
            tx.feed((attempt["org"], attempt["queue_name"]))


def attempt_failed(tx: Tx, attempt: AttemptRow, lease_id: str | None) -> None:
    """One more failure in a row, which may open a breaker; that of a trial opens it again."""
    for guard in _guards(tx, attempt):
        row = tx.row(statements.FIND, guard.key)
        if row is not None and not _counts(row, attempt, lease_id):
            continue
        failures = tx.value(statements.COUNT_FAILURE, {**guard.key, "org": attempt["org"]}) or 0
        was_open = row is not None and row["open_until_ms"] is not None
        if was_open or failures >= guard.breaker.failure_threshold:
            open_until_ms = tx.now_ms + guard.breaker.open_timeout_ms
            opened = {"open_until_ms": open_until_ms, "now_ms": tx.now_ms}
            tx.execute(statements.OPEN, {**guard.key, **opened})
            tx.due(Deadline.ROOM, open_until_ms)


def _counts(row: BreakerRow, attempt: AttemptRow, lease_id: str | None) -> bool:
    """Whether this attempt decides: each while the breaker is closed, then its trial alone. Others
    were handed out before it opened."""
    if row["open_until_ms"] is None:
        return True
    return row["trial_job"] == attempt["seq"] and row["trial_lease_id"] == lease_id


def _guards(tx: Tx, attempt: AttemptRow) -> Iterator[_Guard]:
    queue = known_queue(tx, attempt["org"], attempt["queue_name"])
    if queue is not None and queue["circuit_breaker"] is not None:
        yield _Guard("queue", queue["seq"], read_breaker(queue["circuit_breaker"]))
    work = work_of(attempt)
    if work is None:
        return
    scope, name = work
    limits = tx.row(statements.LIMITS_OF[scope], {"org": attempt["org"], "name": name})
    if limits is not None and limits["circuit_breaker"] is not None:
        yield _Guard(scope, limits["seq"], read_breaker(limits["circuit_breaker"]))
