"""The work that waits for named handlers: where it is, and what of it comes next."""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from spooled_lite.core.breakers.columns import BreakerStanding
from spooled_lite.core.breakers.standing import breaker_of, let_through
from spooled_lite.core.breakers.work_limits import WorkRooms, work_of
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.lifecycle import claim_statements as statements
from spooled_lite.core.lifecycle.claim import CLAIM_BYTES_MAX, take_from_window
from spooled_lite.core.lifecycle.claim_statements import DueWorkRow
from spooled_lite.core.lifecycle.handlers import HandlerClaim, StepName
from spooled_lite.core.lifecycle.promote import promote_due_of_queue
from spooled_lite.core.queues import statements as queue_statements
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.core.queues.ensure import known_queue
from spooled_lite.core.queues.room import room_for
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Tx

# Pairs of a handler and a queue with work for it that one claim looks at. A task or a step has one
# queue, its items perhaps another, and work in others only if it was made before they were moved.
PLACES_MAX: Final = 200
READ_AT_ONCE: Final = 16  # jobs of one place, when those before them were all taken


class _Source(Struct):
    """A queue that work is taken from, and how much it may still hand out."""

    queue: QueueRow
    breaker: BreakerStanding | None
    room: int
    taken: int = 0


class _Place(Struct):
    """Work for one handler in one queue."""

    source: _Source
    statement: Statement[DueWorkRow]
    named: Mapping[str, Any]


class DueWork:
    """What waits for the handlers of one claim, and what it takes of that."""

    def __init__(self, tx: Tx, org: int, wanted: HandlerClaim, scope: Scope) -> None:
        self._tx, self._org, self._wanted, self._scope = tx, org, wanted, scope
        self._sources: dict[int, _Source | None] = {}  # each queue that was looked at
        self._rooms = WorkRooms(tx, org, wanted.limit)

    def take(self) -> list[int]:
        """The numbers of the jobs to hand out: of all places in one order, as far as there is room.

        What a queue may not hand out is left out: it is paused, outside of the scope, or its limits
        or its breaker leave no room; and so is what the limits of its task or step deny.
        """
        for name in dict.fromkeys(place.queue_name for place in self._wanted.places):
            queue = known_queue(self._tx, self._org, name)
            if queue is not None:
                promote_due_of_queue(self._tx, queue["seq"])
        places = self._open_places()
        limit = self._wanted.limit
        seqs: list[int] = []
        bytes_left = CLAIM_BYTES_MAX
        # Of many places each is asked for its share at first: few claims need more of one.
        at_once = min(READ_AT_ONCE, 1 + limit // max(1, len(places)))
        for job in heapq.merge(*(self._due(place, at_once) for place in places), key=_in_order):
            source = self._sources[job["queue"]]
            if source is None or source.taken >= source.room:
                continue
            bytes_left -= job["size_bytes"]
            if bytes_left < 0 and seqs:
                break
            if not self._rooms.take(work_of(job)):
                continue
            seqs.append(job["seq"])
            source.taken += 1
            if len(seqs) >= limit:
                break
        return seqs

    def count(self, rows: Sequence[JobRow]) -> None:
        """Count what was handed out against the limits of its queues, tasks and steps."""
        for source in self._sources.values():
            if source is None or not source.taken:
                continue
            queue = source.queue
            if source.breaker is not None:
                taken = [row for row in rows if row["queue"] == queue["seq"]]
                let_through(self._tx, queue, source.breaker, taken)
            if queue["rate_limit"] is not None:
                take_from_window(self._tx, queue, source.taken)
        self._rooms.let_through(rows)

    def _open_places(self) -> list[_Place]:
        """Where work may be handed out now."""
        places: list[_Place] = []
        for number, statement, named in self._places():
            if number not in self._sources:
                self._sources[number] = self._source(number)
            source = self._sources[number]
            if source is not None and source.room:
                places.append(_Place(source, statement, {**named, "queue": number}))
            if len(places) >= PLACES_MAX:
                break
        return places

    def _places(self) -> Iterator[tuple[int, Statement[DueWorkRow], dict[str, Any]]]:
        only = None
        if self._wanted.queue_name is not None:
            queue = known_queue(self._tx, self._org, self._wanted.queue_name)
            if queue is None:
                return
            only = queue["seq"]
        for task_name in self._wanted.task_names:
            named = {"org": self._org, "task_name": task_name}
            for number in [only] if only is not None else self._queues_of_task(named):
                yield number, statements.DUE_RUNS, named
        for step in self._wanted.steps:
            for phase, number in self._places_of_step(step):
                if only in (None, number):
                    named = {"org": self._org, "flow_name": step.flow_name, "phase": phase}
                    yield number, statements.DUE_STEPS, {**named, "step_key": step.step_name}

    def _queues_of_task(self, named: Mapping[str, Any]) -> Iterator[int]:
        after = 0
        while True:
            asked = {**named, "after": after}
            number = self._tx.value(statements.NEXT_QUEUE_OF_TASK, asked)
            if number is None:
                return
            yield number
            after = number

    def _places_of_step(self, step: StepName) -> Iterator[tuple[str, int]]:
        wanted = self._wanted.phase
        named = {"org": self._org, "flow_name": step.flow_name, "step_key": step.step_name}
        phase, number = wanted or "", 0
        while True:
            asked = {**named, "phase": phase, "queue": number}
            row = self._tx.row(statements.NEXT_PLACE_OF_STEP, asked)
            if row is None or wanted not in (None, row["phase"]):
                return
            phase, number = row["phase"], row["queue"]
            yield phase, number

    def _source(self, number: int) -> _Source | None:
        tx, limit = self._tx, self._wanted.limit
        queue = tx.row(queue_statements.FIND_BY_SEQ, {"queue": number})
        if queue is None or not queue["enabled"] or not self._scope.allows(queue["queue_name"]):
            return None  # None also for one that was deleted: its jobs go in passes
        room, breaker = room_for(tx, queue, limit), breaker_of(tx, queue)
        return _Source(queue, breaker, room if breaker is None else breaker.room(room))

    def _due(self, place: _Place, at_once: int) -> Iterator[DueWorkRow]:
        """The due jobs of one place in their order, as long as its queue and its limits have room.

        The jobs of a place have the limits of the first ones, if they have any.
        """
        offset, work = 0, None
        while place.source.taken < place.source.room and not self._rooms.is_full(work):
            asked = {**place.named, "limit": at_once, "offset": offset, "now_ms": self._tx.now_ms}
            rows = self._tx.rows(place.statement, asked)
            yield from rows
            if len(rows) < at_once:
                return
            work = work_of(rows[-1])
            offset, at_once = offset + at_once, READ_AT_ONCE


def _in_order(job: DueWorkRow) -> tuple[int, int, int]:
    return -job["priority"], job["created_at_ms"], job["seq"]
