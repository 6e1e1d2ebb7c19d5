"""Taking due jobs under a lease."""

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from spooled_lite.core.auth.revoke import check_not_revoked
from spooled_lite.core.breakers.standing import breaker_of, let_through
from spooled_lite.core.breakers.work_limits import WorkRooms
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.passes import fitting
from spooled_lite.core.keys.verify import check_still_valid, is_in_process
from spooled_lite.core.lifecycle import claim_statements, statements
from spooled_lite.core.lifecycle.claim_limited import next_in_line
from spooled_lite.core.lifecycle.named_leases import LeaseIdSpent, held_under, keep_name
from spooled_lite.core.lifecycle.promote import promote_due_of_queue
from spooled_lite.core.queues import statements as queue_statements
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import forget_queue, known_queue
from spooled_lite.core.queues.room import room_for
from spooled_lite.core.workers import statements as worker_statements
from spooled_lite.errors import NotFound
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Reading, Tx

# Payloads and tags that one claim hands out. The results that steps build on may be as much again
# (core.workflows.query), so that an answer has at most 8 MiB: contract amendments, G10.
CLAIM_BYTES_MAX: Final = 4 * 1024 * 1024


class Claim(Struct, frozen=True, kw_only=True, gc=False):
    """A claim: which queue, which worker, how many jobs, for how long."""

    queue_name: str
    worker_id: str
    limit: int
    lease_ms: int
    kind: Literal["message"] | None = None  # None: whatever the queue has next
    lease_id: str | None = None  # chosen by the caller, for a claim that may be made again


def claim(tx: Tx, org: int, wanted: Claim) -> list[JobRow]:
    """Take up to `limit` due jobs of a queue under one new lease, in claim order.

    A claim that is made again with the lease id it has chosen gets what it still holds, and nothing
    else: neither attempts nor the ends of leases change.

    Fewer when they are large: CLAIM_BYTES_MAX together, at least one. Their payloads are in the
    rows, or stand apart (core.jobs.bodies).

    An empty list when nothing is due, the queue is unknown or paused, or its rate limit, its
    concurrency or its breaker leaves no room. What its own task or step denies is passed over.
    A crash before the commit hands out nothing.

    Raises:
        NotFound: messages of a queue that does not exist.
        LeaseIdSpent: a claim with this lease id was made before, and holds nothing here.

    Contract: jobs, section 5 and J11; catbird-capabilities, Q10; amendments, G2.
    """
    if wanted.lease_id is not None:
        held = held_under(tx, org, wanted.lease_id, wanted.worker_id)
        if held is not None:
            return _asked_for(held, wanted)
    queue = known_queue(tx, org, wanted.queue_name)
    if queue is None and wanted.kind == "message":
        raise NotFound.thing("Queue", resource="queue")
    if queue is None or not queue["enabled"]:
        return []
    room, breaker = room_for(tx, queue, wanted.limit), breaker_of(tx, queue)
    if breaker is not None:
        room = breaker.room(room)
    if room == 0:
        return []
    promote_due_of_queue(tx, queue["seq"])
    is_read, rooms = wanted.kind is not None, None
    if queue["has_limited_work"] and not is_read:
        rooms = WorkRooms(tx, org, room)
    lease_id, lease_expires_at_ms = wanted.lease_id or tx.new_id(), tx.now_ms + wanted.lease_ms
    hand_out: dict[str, Any] = {
        "worker_id": wanted.worker_id,
        "lease_id": lease_id,
        "lease_expires_at_ms": lease_expires_at_ms,
        "now_ms": tx.now_ms,
    }
    if rooms is not None:
        seqs = next_in_line(tx, queue, room, rooms, bytes_max=CLAIM_BYTES_MAX)
        hand_out["seqs"] = msgspec.json.encode(seqs).decode()
        rows = tx.rows(claim_statements.CLAIM_THESE, hand_out)
    else:
        hand_out["queue"] = queue["seq"]
        hand_out["limit"] = _fitting(tx, queue["seq"], room, is_read=is_read)
        rows = tx.rows(
            claim_statements.CLAIM_MESSAGES if is_read else claim_statements.CLAIM, hand_out
        )
    if not rows:
        if wanted.lease_id is None:
            tx.unused_id(lease_id)
        return []
    if len(rows) > 1:
        in_claim_order(rows)
    if breaker is not None:
        let_through(tx, queue, breaker, rows)
    if rooms is not None:
        rooms.let_through(rows)
    for row in rows:
        tx.emit("job.claimed", org, row=row, was="pending")
    if queue["rate_limit"] is not None:
        take_from_window(tx, queue, len(rows))
    tx.due(Deadline.LEASE_END, lease_expires_at_ms)
    if wanted.lease_id is not None:
        keep_name(tx, org, lease_id, wanted.worker_id, rows)
    return rows


def in_claim_order(rows: list[JobRow]) -> None:
    """Sort what a statement has claimed: RETURNING promises no order."""
    rows.sort(key=lambda row: (-row["priority"], row["created_at_ms"], row["seq"]))


def take_from_window(tx: Tx, queue: QueueRow, count: int) -> None:
    """Count what a queue has handed out against its rate limit."""
    taken = {"queue": queue["seq"], "taken": count, "now_ms": tx.now_ms}
    tx.execute(queue_statements.TAKE_FROM_WINDOW, taken)
    forget_queue(tx, queue["org"], queue["queue_name"])


def note_in_process(tx: Tx, org: int, worker_id: str) -> None:
    """A worker with the key of the process has a lease now, which ends with the process."""
    tx.execute(worker_statements.NOTE_IN_PROCESS, {"org": org, "worker_id": worker_id})


def _asked_for(held: list[JobRow], wanted: Claim) -> list[JobRow]:
    """Raises LeaseIdSpent: the claim was about another queue or about another kind of work."""
    rows = [
        row
        for row in held
        if row["queue_name"] == wanted.queue_name and wanted.kind in (None, row["kind"])
    ]
    if not rows:
        raise LeaseIdSpent
    return rows


def _fitting(tx: Tx, queue: int, limit: int, *, is_read: bool) -> int:
    """How many of the next jobs fit into the bytes of one claim; at least one."""
    if limit == 1:
        return 1
    sizes = claim_statements.SIZES_OF_MESSAGES if is_read else claim_statements.SIZES
    asked = {"queue": queue, "limit": limit, "now_ms": tx.now_ms}
    return max(1, fitting(tx.values(sizes, asked), CLAIM_BYTES_MAX))


def is_held(tx: Reading, job: int, lease_id: str | None) -> bool:
    """Whether this lease is still the job's: not settled, not lost, not hidden with its queue."""
    return tx.value(statements.STILL_HELD, {"seq": job, "lease_id": lease_id}) is not None


def claim_if_still_allowed(
    tx: Tx, org: int, wanted: Claim, key: int, secret_id: str, token_id: str | None = None
) -> list[JobRow]:
    """As `claim`, for a caller let in a while ago: its secret or token may be good no longer.

    Raises:
        Unauthorized, AccessDenied: the key does not open this queue any more.
    """
    check_still_valid(tx, key, secret_id, wanted.queue_name)
    if token_id is not None:
        check_not_revoked(tx, token_id)
    rows = claim(tx, org, wanted)
    if rows and is_in_process(key):
        note_in_process(tx, org, wanted.worker_id)
    return rows
