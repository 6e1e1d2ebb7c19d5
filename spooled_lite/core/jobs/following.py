"""The job that follows a failure, wherever that came from: the one that may clean up.

It has the kind `on_fail`. What comes of it changes nothing where it came from. Contract:
catbird-capabilities, sections 6.3 and 8.7.
"""

from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs import following_statements as statements
from spooled_lite.core.jobs.bodies import insert_job
from spooled_lite.core.jobs.columns import BLANK, JobRow
from spooled_lite.core.jobs.policy import Backoff, OnFail, OwnPolicy, stored, timeout_seconds_of
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.ensure import ensure_queue
from spooled_lite.core.queues.names import on_fail_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.storage.transaction import Reading, Tx

RETRIES: Final = 2
TIMEOUT_MS: Final = 30_000
BACKOFF: Final = Backoff(strategy="full_jitter", min_delay_ms=250, max_delay_ms=5_000)
# A failure is not lost because a plan has no room for it: what follows counts, and has no cap.
NO_CAPS: Final = Admission()


class FailedThing(Struct, frozen=True, kw_only=True):
    """The job or the workflow that has failed, and what the following job is told."""

    org: int
    id: str
    name: str  # after which the queue is named, where nothing else is said
    priority: int
    headers: bytes | None
    input: bytes  # JSON
    failure: bytes  # a JSON object, see `kinds.payload_shown`
    task_name: str | None = None


def store_following(tx: Tx, failed: FailedThing, wanted: OnFail) -> None:
    """Store the job that follows a failure.

    It has a copy of the input, so that it outlives what has failed. Its queue is created when it
    does not exist.
    """
    name = wanted.queue_name or on_fail_queue(failed.name)
    queue = ensure_queue(tx, failed.org, name, NO_CAPS)
    timeout_ms = TIMEOUT_MS if wanted.timeout_ms is None else wanted.timeout_ms
    row: JobRow = {
        **BLANK,
        "id": tx.new_id(),
        "org": failed.org,
        "queue": queue["seq"],
        "queue_name": queue["queue_name"],
        "kind": "on_fail",
        "status": "pending",
        "claimable": 1,
        "priority": failed.priority,
        "max_retries": RETRIES if wanted.max_retries is None else wanted.max_retries,
        "timeout_seconds": timeout_seconds_of(timeout_ms),
        "timeout_ms": timeout_ms,
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
        "task_name": failed.task_name,
        "on_fail_of": failed.id,
        "policy": stored(OwnPolicy(backoff=wanted.backoff or BACKOFF)),
        "headers": failed.headers,
        "payload": b'{"input":%b,"failure":%b}' % (failed.input, failed.failure),
    }
    row["seq"] = insert_job(tx, statements.INSERT, row)
    tx.emit("job.created", row["org"], row=row)
    announce_times(tx, row)


def withdraw_following(tx: Tx, org: int, failed_id: str, reason: str) -> None:
    """Cancel what follows a failure that a retry by hand takes back, if nobody has begun with it.

    One that a worker has, or that waits for another attempt, goes on: it may have done something.
    """
    asked = {"id": failed_id, "org": org, "now_ms": tx.now_ms, "reason": reason}
    for row in tx.rows(statements.WITHDRAW, asked):
        tx.emit("job.cancelled", org, row=row, was="pending", facts={"reason": reason})


def following(tx: Reading, org: int, failed_id: str, scope: Scope) -> JobRow | None:
    """The job that follows the last failure of a job or a workflow, without its large payload.

    None also when its queue is outside the scope.
    """
    found = tx.row(statements.FOLLOWING, {"id": failed_id, "org": org})
    return found if found is not None and scope.allows(found["queue_name"]) else None
