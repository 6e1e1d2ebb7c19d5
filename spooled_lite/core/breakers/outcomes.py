"""What the end of an attempt means for the breakers of its queue and its task.

Called for jobs with `tells_breaker`. Only completed and failed attempts count: one that was
cancelled, handed back or lost says nothing about what it called.
"""

from collections.abc import Iterator
from typing import TypedDict

from msgspec import Struct

from spooled_lite.core.breakers import statements
from spooled_lite.core.breakers.columns import BreakerRow, Scoped
from spooled_lite.core.jobs.columns import Kind
from spooled_lite.core.jobs.policy import CircuitBreaker, read_breaker
from spooled_lite.core.queues.ensure import known_queue
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


class AttemptRow(TypedDict):
    """Of a job, what says which breakers its attempts count for."""

    seq: int
    org: int
    queue_name: str
    kind: Kind
    task_name: str | None


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
    if attempt["kind"] == "task_run":
        task = tx.row(statements.LIMITS, {"org": attempt["org"], "name": attempt["task_name"]})
        if task is not None and task["circuit_breaker"] is not None:
            yield _Guard("task", task["seq"], read_breaker(task["circuit_breaker"]))
