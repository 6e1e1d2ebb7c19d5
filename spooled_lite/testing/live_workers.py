"""Workers that work in real time while the clock stands: time waits for them."""

import asyncio
import math
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Literal

import msgspec
from msgspec import Struct

from spooled_lite.core.breakers.standing import breaker_of
from spooled_lite.core.breakers.work_limits import WorkRooms
from spooled_lite.core.lifecycle.claim_limited import next_in_line
from spooled_lite.core.queues.columns import KnownQueueRow
from spooled_lite.core.queues.ensure import known_queue
from spooled_lite.core.queues.room import room_for
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.events import Event
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Tx
from spooled_lite.testing import statements
from spooled_lite.testing.statements import BusyRow

# Real time: after a registration, a heartbeat or a claim a worker counts as one that runs.
LIVE_SECONDS: Final = 30.0
SHOWN_MAX: Final = 20  # of the jobs that time waits for

WaitFor = Literal["wait", "ignore"] | Sequence[str]


class _Live(Struct):
    org: int
    queues: tuple[str, ...]  # that it registered for
    heard_at: float  # of monotonic time; infinite while it may work on an open stream
    streamed: set[str] = msgspec.field(default_factory=set)  # queues it took from on open streams


class BusyJob(Struct, frozen=True):
    """A job that time waits for."""

    id: str
    queue_name: str
    worker_id: str | None  # None: any of those that serve its queue may take it

    @classmethod
    def of(cls, row: BusyRow) -> "BusyJob":
        return cls(row["id"], row["queue_name"], row["worker_id"])


class LiveWorkers:
    """Used on the event loop's thread. Known from events: nothing is read to know them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._workers: dict[str, _Live] = {}
        self._streams: Counter[int] = Counter()  # of jobs, that are open, by organization
        self._changed = asyncio.Event()  # something happened to a job, or a worker came or went

    def hear(self, events: Sequence[Event]) -> None:
        for event in events:
            match event.type:
                case "worker.registered":
                    self._register(event.row)
                case "worker.heartbeat":
                    self._heard_of(event.row["id"])
                    continue  # nothing has come of it
                case "worker.deregistered" | "worker.offline":
                    self._workers.pop(event.row["id"], None)
                case "job.claimed" if self._streams[event.org]:
                    name = event.row["assigned_worker_id"]
                    each = self._workers.setdefault(name, _Live(event.org, (), 0.0))
                    each.heard_at = math.inf
                    each.streamed.add(event.row["queue_name"])
                case "job.claimed":
                    self._heard_of(event.row["assigned_worker_id"])
            if event.type.startswith(("job.", "worker.")):
                self._changed.set()

    @contextmanager
    def streaming(self, org: int) -> Iterator[None]:
        """A stream of jobs is open: whoever claims a job of this organization meanwhile lives for
        as long as one is. It needs no look at queues: what can be claimed, such a stream is given
        at once."""
        self._streams[org] += 1
        try:
            yield
        finally:
            self._streams[org] -= 1
            if not self._streams[org]:
                now = time.monotonic()
                for each in self._workers.values():
                    if each.org == org:
                        each.heard_at = min(each.heard_at, now)
                        each.streamed.clear()
                self._changed.set()

    def wanted(self, which: WaitFor) -> list[str]:
        """Those of them that live, and that time is to wait for."""
        if which == "ignore":
            return []
        until = time.monotonic() - LIVE_SECONDS
        self._workers = {
            name: each for name, each in self._workers.items() if each.heard_at > until
        }
        if which == "wait":
            return list(self._workers)
        return [name for name in self._workers if name in which]

    async def busy(self, which: WaitFor) -> list[BusyJob]:
        """The jobs that they hold, or could take now."""
        workers = self.wanted(which)
        if not workers:
            return []
        self._changed.clear()  # before the look: what happens from here on is progress
        served = {
            (each.org, queue)
            for each in (self._workers[name] for name in workers)
            for queue in (*each.queues, *each.streamed)
        }
        return await self._database.write(find_busy, workers, sorted(served))

    async def keep_alive(self, which: WaitFor, until_ms: int) -> bool:
        """They do not fall silent before this time. False: there are none."""
        workers = self.wanted(which)
        if workers:
            await self._database.write(keep_alive, workers, until_ms)
        return bool(workers)

    async def has_changed(self, seconds: float) -> bool:
        """Whether something happens within this time, to a job or a worker."""
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _register(self, row: WorkerRow) -> None:
        queues = msgspec.json.decode(row["queue_names"], type=tuple[str, ...])
        self._workers[row["id"]] = _Live(row["org"], queues, time.monotonic())

    def _heard_of(self, name: str | None) -> None:
        known = self._workers.get(name or "")
        if known is not None:
            known.heard_at = max(known.heard_at, time.monotonic())


def find_busy(tx: Tx, workers: Collection[str], served: Sequence[tuple[int, str]]) -> list[BusyJob]:
    """What these workers hold, and of each queue they serve what can be claimed next.

    An operation of the writing thread: only there it is known how many jobs of a queue run.
    """
    named = msgspec.json.encode(workers).decode()
    wanted = {"workers": named, "now_ms": tx.now_ms, "limit": SHOWN_MAX}
    rows = tx.rows(statements.HELD_BY, wanted)
    for org, name in served:
        queue = known_queue(tx, org, name)
        if queue is not None and queue["enabled"] and _lets_through(tx, queue):
            asked = {"queue": queue["seq"], "now_ms": tx.now_ms}
            rows += tx.rows(statements.NEXT_CLAIMABLE, asked)
    return [BusyJob.of(row) for row in rows[:SHOWN_MAX]]


def _lets_through(tx: Tx, queue: KnownQueueRow) -> bool:
    """Whether a claim would get something, if it is there."""
    breaker = breaker_of(tx, queue)
    if not room_for(tx, queue, 1) or (breaker is not None and not breaker.room(1)):
        return False
    if not queue["has_limited_work"]:
        return True
    rooms = WorkRooms(tx, queue["org"], 1)
    return next_in_line(tx, queue, 1, rooms, bytes_max=0, hides=False) != []


def keep_alive(tx: Tx, workers: Collection[str], until_ms: int) -> None:
    named = msgspec.json.encode(workers).decode()
    tx.execute(statements.KEEP_ALIVE, {"workers": named, "until_ms": until_ms})
