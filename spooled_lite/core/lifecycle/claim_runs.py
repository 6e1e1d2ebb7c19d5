"""Taking due runs of tasks by the names of the tasks."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.auth.revoke import check_not_revoked
from spooled_lite.core.breakers.columns import BreakerStanding
from spooled_lite.core.breakers.standing import breaker_of, let_through
from spooled_lite.core.breakers.task_limits import TaskRoom, TaskRooms
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.keys.verify import is_in_process, valid_scope
from spooled_lite.core.lifecycle import claim_statements as statements
from spooled_lite.core.lifecycle.claim import (
    CLAIM_BYTES_MAX,
    in_claim_order,
    note_in_process,
    take_from_window,
)
from spooled_lite.core.lifecycle.claim_statements import DueRunRow
from spooled_lite.core.lifecycle.named_leases import LeaseIdSpent, held_under, keep_name
from spooled_lite.core.lifecycle.promote import promote_due_of_queue
from spooled_lite.core.queues import statements as queue_statements
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import known_queue
from spooled_lite.core.queues.room import room_for
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Line, Tx

TASK_NAMES_MAX: Final = 100  # that one claim may name
# Pairs of a task and a queue with runs of it that one claim looks at. A task has one queue, and
# runs in others only if they were made before it was moved.
PLACES_MAX: Final = 200
READ_AT_ONCE: Final = 16  # runs of one place, when those before them were all taken


class RunPlace(Struct, frozen=True):
    """Where runs of a task wait, by the names of both."""

    queue_name: str
    task_name: str

    def line(self, org: int) -> Line:
        """Where claims of these runs stand."""
        return (org, self.queue_name, self.task_name)


class RunClaim(Struct, frozen=True, kw_only=True):
    """A claim: of which tasks, which worker, how many runs, for how long."""

    queue_name: str | None  # None: whichever queues they are in that the key may use
    task_names: Sequence[str]
    places: Sequence[RunPlace]  # where runs of these tasks are made: what the claim waits for
    worker_id: str
    limit: int
    lease_ms: int
    lease_id: str | None = None  # chosen by the caller, for a claim that may be made again


class _Source(Struct):
    """A queue that runs are taken from, and how many it may still hand out."""

    queue: QueueRow
    breaker: BreakerStanding | None
    room: int
    taken: int = 0


def claim_runs(tx: Tx, org: int, wanted: RunClaim, scope: Scope) -> list[JobRow]:
    """Take up to `limit` due runs of the tasks under one new lease: those of all tasks and queues
    in one order, by priority, then by age.

    What a queue may not hand out is left out: it is paused, outside of the scope, or its limits or
    its breaker leave no room; and so are runs whose task leaves none. Fewer when they are large,
    and made again, as `claim`.

    Raises:
        LeaseIdSpent: a claim with this lease id was made before, and holds nothing here.

    Contract: catbird-capabilities, T7; amendments, G9.
    """
    if wanted.lease_id is not None:
        held = held_under(tx, org, wanted.lease_id, wanted.worker_id)
        if held is not None:
            return _asked_for(held, wanted, scope)
    sources: dict[int, _Source | None] = {}
    rooms = TaskRooms(tx, org, wanted.limit)
    places = _open_places(tx, org, wanted, scope, sources)
    seqs = _next_runs(tx, org, places, sources, rooms, wanted.limit)
    if not seqs:
        return []
    lease_id, ends_at_ms = wanted.lease_id or tx.new_id(), tx.now_ms + wanted.lease_ms
    rows = tx.rows(
        statements.CLAIM_THESE,
        {
            "seqs": msgspec.json.encode(seqs).decode(),
            "worker_id": wanted.worker_id,
            "lease_id": lease_id,
            "lease_expires_at_ms": ends_at_ms,
            "now_ms": tx.now_ms,
        },
    )
    in_claim_order(rows)
    for source in sources.values():
        if source is not None and source.taken:
            _count(tx, source, rows)
    rooms.let_through(rows)
    for row in rows:
        tx.emit("job.claimed", org, row=row, was="pending")
    tx.due(Deadline.LEASE_END, ends_at_ms)
    if wanted.lease_id is not None:
        keep_name(tx, org, lease_id, wanted.worker_id, rows)
    return rows


def claim_runs_if_still_allowed(
    tx: Tx, org: int, wanted: RunClaim, key: int, secret_id: str, token_id: str | None = None
) -> list[JobRow]:
    """As `claim_runs`, for a caller let in a while ago: its secret or token may be good no longer.

    Raises:
        Unauthorized: it is not.
        AccessDenied: the key does not open the queue that was named any more.
    """
    scope = valid_scope(tx, key, secret_id)
    if wanted.queue_name is not None:
        scope.check(wanted.queue_name)
    if token_id is not None:
        check_not_revoked(tx, token_id)
    rows = claim_runs(tx, org, wanted, scope)
    if rows and is_in_process(key):
        note_in_process(tx, org, wanted.worker_id)
    return rows


def _open_places(
    tx: Tx, org: int, wanted: RunClaim, scope: Scope, sources: dict[int, _Source | None]
) -> list[tuple[_Source, str]]:
    """Where runs may be handed out now. `sources` gets each queue that was looked at."""
    for name in dict.fromkeys(place.queue_name for place in wanted.places):
        queue = known_queue(tx, org, name)
        if queue is not None:
            promote_due_of_queue(tx, queue["seq"])
    places: list[tuple[_Source, str]] = []
    for task_name in wanted.task_names:
        for number in _queues_of(tx, org, wanted, task_name):
            if number not in sources:
                sources[number] = _source(tx, number, wanted.limit, scope)
            source = sources[number]
            if source is not None and source.room:
                places.append((source, task_name))
            if len(places) >= PLACES_MAX:
                return places
    return places


def _queues_of(tx: Tx, org: int, wanted: RunClaim, task_name: str) -> Iterator[int]:
    if wanted.queue_name is not None:
        queue = known_queue(tx, org, wanted.queue_name)
        if queue is not None:
            yield queue["seq"]
        return
    after = 0
    while True:
        asked = {"org": org, "task_name": task_name, "after": after}
        number = tx.value(statements.NEXT_QUEUE_OF_TASK, asked)
        if number is None:
            return
        yield number
        after = number


def _source(tx: Tx, number: int, limit: int, scope: Scope) -> _Source | None:
    queue = tx.row(queue_statements.FIND_BY_SEQ, {"queue": number})
    if queue is None or not queue["enabled"] or not scope.allows(queue["queue_name"]):
        return None  # None also for one that was deleted: its jobs go in passes
    room, breaker = room_for(tx, queue, limit), breaker_of(tx, queue)
    return _Source(queue, breaker, room if breaker is None else breaker.room(room))


def _count(tx: Tx, source: _Source, rows: Sequence[JobRow]) -> None:
    """Count what was taken against the limits of its queue."""
    queue = source.queue
    if source.breaker is not None:
        taken = [row for row in rows if row["queue"] == queue["seq"]]
        let_through(tx, queue, source.breaker, taken)
    if queue["rate_limit"] is not None:
        take_from_window(tx, queue, source.taken)


def _next_runs(
    tx: Tx,
    org: int,
    places: Sequence[tuple[_Source, str]],
    sources: Mapping[int, _Source | None],
    rooms: TaskRooms,
    limit: int,
) -> list[int]:
    """The numbers of the runs to hand out: of all places in one order, as far as there is room."""
    seqs: list[int] = []
    bytes_left = CLAIM_BYTES_MAX
    # Of many places each is asked for its share at first: few claims need more of one.
    at_once = min(READ_AT_ONCE, 1 + limit // max(1, len(places)))
    runs = (
        _runs_of(tx, org, source, task_name, rooms.of(task_name), at_once)
        for source, task_name in places
    )
    for run in heapq.merge(*runs, key=_in_order):
        source = sources[run["queue"]]
        if source is None or source.taken >= source.room:
            continue
        bytes_left -= run["size_bytes"]
        if bytes_left < 0 and seqs:
            break
        if not rooms.take(run["task_name"]):
            continue
        seqs.append(run["seq"])
        source.taken += 1
        if len(seqs) >= limit:
            break
    return seqs


def _runs_of(
    tx: Tx, org: int, source: _Source, task_name: str, room: TaskRoom | None, at_once: int
) -> Iterator[DueRunRow]:
    """The due runs of one place in their order, as long as its queue and its task have room."""
    asked = {"org": org, "task_name": task_name, "queue": source.queue["seq"], "now_ms": tx.now_ms}
    offset = 0
    while source.taken < source.room and (room is None or room.left > 0):
        rows = tx.rows(statements.DUE_RUNS, {**asked, "limit": at_once, "offset": offset})
        yield from rows
        if len(rows) < at_once:
            return
        offset, at_once = offset + at_once, READ_AT_ONCE


def _in_order(run: DueRunRow) -> tuple[int, int, int]:
    return -run["priority"], run["created_at_ms"], run["seq"]


def _asked_for(held: list[JobRow], wanted: RunClaim, scope: Scope) -> list[JobRow]:
    """Raises LeaseIdSpent: the claim was about other tasks, or another queue."""
    rows = [
        row
        for row in held
        if row["task_name"] in wanted.task_names
        and wanted.queue_name in (None, row["queue_name"])
        and scope.allows(row["queue_name"])
    ]
    if not rows:
        raise LeaseIdSpent
    return rows
