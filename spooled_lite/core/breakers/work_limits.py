"""How much of limited work may be handed out now: runs of tasks, and steps and items of flows.

Both have breakers and `max_concurrency`.
"""

from collections.abc import Sequence
from typing import Final, TypedDict

import msgspec
from msgspec import Struct

from spooled_lite.core.breakers import statements
from spooled_lite.core.breakers.columns import BreakerStanding, LimitedWork, LimitsRow
from spooled_lite.core.breakers.standing import begin_trial, mark, standing
from spooled_lite.core.jobs.columns import JobRow, Kind
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Own, Reading, Tx

# Work that is kept out of the way of others is looked at again after so long, when nothing says
# before that there is room for it: the end of one of its attempts does.
HIDDEN_MS: Final = 60_000
SHOWN_MAX: Final = 100  # of it come back at once: in one operation, however much it ends


class WorkRow(TypedDict):
    """Of a job, what says which limits are its."""

    kind: Kind
    task_name: str | None
    guard: int | None


class _Shown:
    """How much hidden work one operation has brought back; it may end hundreds of others."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


_SHOWN: Final = Own(_Shown)


class WorkRoom(Struct):
    """What the limits of one task or step allow, while a claim takes of it."""

    limits: LimitsRow
    breaker: BreakerStanding | None
    left: int
    until_ms: int  # not before this there is room, if none is left
    is_full: bool = False  # as many are handed out as may be at once


def work_of(job: WorkRow | JobRow) -> LimitedWork | None:
    """What a job is of that may have limits of its own, beside those of its queue."""
    if job["kind"] == "task_run":
        return None if job["task_name"] is None else ("task", job["task_name"])
    return None if job["guard"] is None else ("step", job["guard"])


def room_of(tx: Reading, org: int, work: LimitedWork, wanted: int) -> WorkRoom | None:
    """How many more of it may be handed out, at most `wanted`; None: it has no limits.

    Contract: catbird-capabilities, H5 and H7.
    """
    scope, name = work
    named = {"org": org, "name": name}
    limits = tx.row(statements.LIMITS_OF[scope], named)
    if limits is None:
        return None
    left, until_ms, breaker = wanted, tx.now_ms + HIDDEN_MS, None
    if limits["circuit_breaker"] is not None:
        breaker = standing(tx, scope, limits["seq"])
        left = breaker.room(left)
        if breaker.state == "open" and breaker.open_until_ms is not None:
            until_ms = breaker.open_until_ms
    if limits["max_concurrency"] is not None and left:
        most = limits["max_concurrency"]
        left = min(
            left, most - (tx.value(statements.RUNNING_OF[scope], {**named, "limit": most}) or 0)
        )
        return WorkRoom(limits, breaker, left, until_ms, is_full=left <= 0)
    return WorkRoom(limits, breaker, left, until_ms)


class WorkRooms:
    """The rooms of the tasks and steps that one claim meets, each looked at once."""

    def __init__(self, tx: Tx, org: int, wanted: int) -> None:
        self._tx, self._org, self._wanted = tx, org, wanted
        self._rooms: dict[LimitedWork, WorkRoom | None] = {}

    def of(self, work: LimitedWork) -> WorkRoom | None:
        if work not in self._rooms:
            self._rooms[work] = room_of(self._tx, self._org, work, self._wanted)
        return self._rooms[work]

    def is_full(self, work: LimitedWork | None) -> bool:
        """Whether no more of it may be handed out."""
        room = None if work is None else self.of(work)
        return room is not None and room.left <= 0

    def take(self, work: LimitedWork | None) -> bool:
        """Whether one more of it may be handed out, which is counted then."""
        room = None if work is None else self.of(work)
        if room is None:
            return True
        if room.left <= 0:
            return False
        room.left -= 1
        return True

    def let_through(self, jobs: Sequence[JobRow]) -> None:
        """Have the ends of the attempts that begin now told to those limits."""
        limited = [
            (job, work[0], room)
            for job in jobs
            if (work := work_of(job)) is not None and (room := self.of(work)) is not None
        ]
        if not limited:
            return
        mark(self._tx, [job for job, _, _ in limited])
        for job, scope, room in limited:
            if room.breaker is not None and room.breaker.state == "half_open":
                begin_trial(self._tx, scope, room.limits["seq"], job)


def work_ended(tx: Tx, job: JobRow) -> None:
    """A job that tells its task or its step how it ends has ended: others may be handed out in its
    place."""
    work = work_of(job)
    if work is not None:
        show(tx, job["org"], work)


def limits_changed(tx: Tx, org: int, work: LimitedWork, queue_names: Sequence[str]) -> None:
    """Another definition lets more or less of it through."""
    show(tx, org, work)
    for queue_name in queue_names:
        tx.feed((org, queue_name))


def hide(tx: Tx, seqs: Sequence[int], until_ms: int) -> None:
    """Keep waiting work that may not be handed out out of the way of others until then."""
    asked = {"seqs": msgspec.json.encode(seqs).decode(), "until_ms": until_ms, "now_ms": tx.now_ms}
    tx.execute(statements.HIDE, asked)
    tx.due(Deadline.PROMOTION, until_ms)


def show(tx: Tx, org: int, work: LimitedWork) -> None:
    """Bring work back that was hidden, as much as there is room for now; claims look again."""
    shown = tx.own(_SHOWN)
    most = SHOWN_MAX - shown.count
    if most <= 0:
        return
    room = room_of(tx, org, work, most)
    limit = most if room is None else room.left
    if limit <= 0:
        return
    scope, name = work
    asked = {"org": org, "name": name, "limit": limit, "now_ms": tx.now_ms}
    queue_names = tx.values(statements.SHOW_OF[scope], asked)
    shown.count += len(queue_names)
    for queue_name in set(queue_names):
        tx.feed((org, queue_name))
