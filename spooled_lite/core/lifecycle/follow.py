"""The job that follows when all attempts of another have failed: the one that may clean up.

It has the kind `on_fail` and is stored in the transaction that buries the other one. What comes of
it changes nothing there. Contract: catbird-capabilities, section 6.3 (T21-T26).
"""

from typing import Final, TypedDict

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.bodies import insert_job, whole
from spooled_lite.core.jobs.columns import BLANK, JobRow, Kind
from spooled_lite.core.jobs.kinds import RULES
from spooled_lite.core.jobs.policy import (
    Backoff,
    OnFail,
    OwnPolicy,
    read_on_fail,
    read_policy,
    stored,
    timeout_seconds_of,
)
from spooled_lite.core.jobs.records import NULL
from spooled_lite.core.jobs.times import announce_times
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import follow_statements as statements
from spooled_lite.core.queues.ensure import ensure_queue
from spooled_lite.core.queues.names import on_fail_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.core.tasks import statements as task_statements
from spooled_lite.errors import BodyDamaged
from spooled_lite.storage.transaction import Reading, Tx
from spooled_lite.times import format_optional_ms

RETRIES: Final = 2
TIMEOUT_MS: Final = 30_000
BACKOFF: Final = Backoff(strategy="full_jitter", min_delay_ms=250, max_delay_ms=5_000)
# A failure is not lost because a plan has no room for it: what follows counts, and has no cap.
NO_CAPS: Final = Admission()
RETRIED: Final = "the job it follows was retried"


class ToldFailure(Struct, frozen=True):
    """What the following job is told; `kinds.payload_shown` adds which attempt of its own it is."""

    task_name: str | None
    task_run_id: str
    job_id: str
    queue_name: str
    error_message: str | None
    error_type: str | None
    attempts: int
    started_at: str | None
    failed_at: str | None
    concurrency_key: str | None


class MayBeFollowedRow(TypedDict):
    """Of a job, what says whether anything can follow its failure."""

    kind: Kind
    policy: bytes | None
    task_name: str | None


def may_be_followed(row: MayBeFollowedRow) -> bool:
    """Whether anything can say that a job follows: nearly every job needs no further look."""
    has_said = row["policy"] is not None or row["task_name"] is not None
    return has_said and RULES[row["kind"]].is_followed


def follow(tx: Tx, dead: JobRow) -> None:
    """Store the job that follows a dead letter, if it or its task asks for one.

    It has a copy of the input, so that it outlives the dead letter; what is copied is counted by
    the passes that bury several. Its queue is created when it does not exist.
    """
    wanted = _wanted(tx, dead)
    if wanted is None:
        return
    name = wanted.queue_name or on_fail_queue(dead["task_name"] or dead["queue_name"])
    queue = ensure_queue(tx, dead["org"], name, NO_CAPS)
    timeout_ms = TIMEOUT_MS if wanted.timeout_ms is None else wanted.timeout_ms
    row: JobRow = {
        **BLANK,
        "id": tx.new_id(),
        "org": dead["org"],
        "queue": queue["seq"],
        "queue_name": queue["queue_name"],
        "kind": "on_fail",
        "status": "pending",
        "claimable": 1,
        "priority": dead["priority"],
        "max_retries": RETRIES if wanted.max_retries is None else wanted.max_retries,
        "timeout_seconds": timeout_seconds_of(timeout_ms),
        "timeout_ms": timeout_ms,
        "created_at_ms": tx.now_ms,
        "updated_at_ms": tx.now_ms,
        "task_name": dead["task_name"],
        "on_fail_of": dead["id"],
        "policy": stored(OwnPolicy(backoff=wanted.backoff or BACKOFF)),
        "headers": dead["headers"],
        "payload": b'{"input":%b,"failure":%b}' % (_input(tx, dead), _failure(dead)),
    }
    row["seq"] = insert_job(tx, statements.INSERT, row)
    tx.emit("job.created", row["org"], row=row)
    announce_times(tx, row)


def withdraw_following(tx: Tx, retried: JobRow) -> None:
    """Cancel what follows a failure that a retry by hand takes back, if nobody has begun with it.

    One that a worker has, or that waits for another attempt, goes on: it may have done something.
    """
    asked = {"id": retried["id"], "org": retried["org"], "now_ms": tx.now_ms, "reason": RETRIED}
    for row in tx.rows(statements.WITHDRAW, asked):
        facts = {"reason": RETRIED}
        tx.emit("job.cancelled", row["org"], row=row, was="pending", facts=facts)


def following(tx: Reading, row: JobRow, scope: Scope) -> JobRow | None:
    """The job that follows the last failure of this one, without its large payload.

    None also when its queue is outside the scope.
    """
    found = tx.row(statements.FOLLOWING, {"id": row["id"], "org": row["org"]})
    return found if found is not None and scope.allows(found["queue_name"]) else None


def _wanted(tx: Tx, dead: JobRow) -> OnFail | None:
    """What the job itself says, else its task as it is defined now."""
    if dead["policy"] is not None:
        own = read_policy(dead["policy"]).on_fail
        if own is not None:
            return own
    if dead["task_name"] is None:
        return None
    task = tx.row(task_statements.FIND, {"org": dead["org"], "name": dead["task_name"]})
    return None if task is None or task["on_fail"] is None else read_on_fail(task["on_fail"])


def _input(tx: Tx, dead: JobRow) -> bytes:
    """The payload as it was given. One that is damaged in the file is null here: the failure is
    still told of."""
    try:
        found = whole(tx, dead)
    except BodyDamaged:
        return bytes(NULL)
    assert found is not None, "its row was changed in this operation"
    assert found["payload"] is not None, "it was read in full"
    return found["payload"]


def _failure(dead: JobRow) -> bytes:
    return msgspec.json.encode(
        ToldFailure(
            task_name=dead["task_name"],
            task_run_id=dead["id"],
            job_id=dead["id"],
            queue_name=dead["queue_name"],
            error_message=dead["last_error"],
            error_type=dead["error_type"],
            attempts=dead["retry_count"] + 1,
            started_at=format_optional_ms(dead["started_at_ms"]),
            failed_at=format_optional_ms(dead["completed_at_ms"]),
            concurrency_key=dead["concurrency_key"],
        )
    )
