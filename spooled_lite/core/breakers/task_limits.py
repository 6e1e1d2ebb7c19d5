"""How many runs of tasks may be handed out now: their breakers and `max_concurrency`."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.breakers import statements
from spooled_lite.core.breakers.columns import BreakerStanding, LimitedTaskRow
from spooled_lite.core.breakers.standing import begin_trial, mark, standing
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Own, Reading, Tx

# Runs that are kept out of the way of others are looked at again after so long, when nothing says
# before that their task has room: the end of one of its runs does.
HIDDEN_MS: Final = 60_000
SHOWN_MAX: Final = 100  # of these come back at once: in one operation, however much it ends


class _Shown:
    """How many hidden runs one operation has brought back; it may end hundreds of others."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


_SHOWN: Final = Own(_Shown)


class TaskRoom(Struct):
    """What one task allows, while a claim takes runs of it."""

    task: LimitedTaskRow
    breaker: BreakerStanding | None
    left: int
    until_ms: int  # not before this there is room, if none is left
    is_full: bool = False  # as many run as may at once


def room_of(tx: Reading, org: int, task_name: str, wanted: int) -> TaskRoom | None:
    """How many more runs of a task may be handed out, at most `wanted`; None: it has no limits.

    Contract: catbird-capabilities, H5 and H7.
    """
    task = tx.row(statements.LIMITS, {"org": org, "name": task_name})
    if task is None:
        return None
    left, until_ms, breaker = wanted, tx.now_ms + HIDDEN_MS, None
    if task["circuit_breaker"] is not None:
        breaker = standing(tx, "task", task["seq"])
        left = breaker.room(left)
        if breaker.state == "open" and breaker.open_until_ms is not None:
            until_ms = breaker.open_until_ms
    if task["max_concurrency"] is not None and left:
        most = task["max_concurrency"]
        asked = {"org": org, "name": task_name, "limit": most}
        left = min(left, most - (tx.value(statements.RUNNING, asked) or 0))
        return TaskRoom(task, breaker, left, until_ms, is_full=left <= 0)
    return TaskRoom(task, breaker, left, until_ms)


class TaskRooms:
    """The rooms of the tasks that one claim meets, each looked at once."""

    def __init__(self, tx: Tx, org: int, wanted: int) -> None:
        self._tx, self._org, self._wanted = tx, org, wanted
        self._rooms: dict[str, TaskRoom | None] = {}

    def of(self, task_name: str) -> TaskRoom | None:
        if task_name not in self._rooms:
            self._rooms[task_name] = room_of(self._tx, self._org, task_name, self._wanted)
        return self._rooms[task_name]

    def take(self, task_name: str | None) -> bool:
        """Whether one more run of this task may be handed out, which is counted then."""
        room = None if task_name is None else self.of(task_name)
        if room is None:
            return True
        if room.left <= 0:
            return False
        room.left -= 1
        return True

    def let_through(self, jobs: Sequence[JobRow]) -> None:
        """Have the ends of the attempts that begin now told to those tasks."""
        limited = [
            (job, room)
            for job in jobs
            if job["kind"] == "task_run"
            and job["task_name"] is not None
            and (room := self.of(job["task_name"])) is not None
        ]
        if not limited:
            return
        mark(self._tx, [job for job, _ in limited])
        for job, room in limited:
            if room.breaker is not None and room.breaker.state == "half_open":
                begin_trial(self._tx, "task", room.task["seq"], job)


def run_ended(tx: Tx, job: JobRow) -> None:
    """A run that tells its task how it ends has ended: others may be handed out in its place."""
    if job["kind"] == "task_run" and job["task_name"] is not None:
        show(tx, job["org"], job["task_name"])


def limits_changed(tx: Tx, org: int, task_name: str, queue_name: str) -> None:
    """Another definition lets other runs through."""
    show(tx, org, task_name)
    tx.feed((org, queue_name))


def hide(tx: Tx, seqs: Sequence[int], until_ms: int) -> None:
    """Keep waiting runs that may not be handed out out of the way of others until then."""
    asked = {"seqs": msgspec.json.encode(seqs).decode(), "until_ms": until_ms, "now_ms": tx.now_ms}
    tx.execute(statements.HIDE, asked)
    tx.due(Deadline.PROMOTION, until_ms)


def show(tx: Tx, org: int, task_name: str) -> None:
    """Bring runs back that were hidden, as many as there is room for now; claims look again."""
    shown = tx.own(_SHOWN)
    most = SHOWN_MAX - shown.count
    if most <= 0:
        return
    room = room_of(tx, org, task_name, most)
    limit = most if room is None else room.left
    if limit <= 0:
        return
    asked = {"org": org, "name": task_name, "limit": limit, "now_ms": tx.now_ms}
    queue_names = tx.values(statements.SHOW, asked)
    shown.count += len(queue_names)
    for queue_name in set(queue_names):
        tx.feed((org, queue_name))
