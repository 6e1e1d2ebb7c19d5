"""Reads waiting for a reader thread: which one goes next, and how many slow ones may run."""

import asyncio
import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Literal

from spooled_lite.errors import RequestTimeout
from spooled_lite.storage.quiet_moment import QuietMoment
from spooled_lite.storage.transaction import Reading
from spooled_lite.storage.trouble import unavailable
from spooled_lite.storage.turns import Turns

THREADS: Final = 4
SLOW_MAX: Final = THREADS - 1  # slow reads that run: one thread is always there for quick ones
SLOW_OF_ONE_MAX: Final = 2  # of one owner, so that the slow read of another starts as well
QUICK_SECONDS: Final = 0.05  # a read that runs for longer is a slow one
WAITING_MAX: Final = 1_000  # reads in line or running before more are refused
WAITING_OF_ONE_MAX: Final = 500  # of one owner
WAIT_SECONDS_MAX: Final = 10.0  # in line; for a read that turned out to be slow, once more
# How often a read that was ended for a moment without readers is run again. Then it is refused:
# with reads that can neither be ended nor refused, the log would grow without end.
MOMENTS_MAX: Final = 2


class Read:
    """One read that a caller waits for. It may be ended by us and run again later."""

    __slots__ = (
        "ended_for",
        "is_slow",
        "loop",
        "moments_left",
        "owner",
        "quick_until",
        "run",
        "seconds_max",
        "state",
        "taker",
        "until",
        "wait_ends",
    )

    def __init__(
        self,
        owner: int,
        seconds_max: float,
        run: Callable[[Reading], Any],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.owner = owner
        self.seconds_max = seconds_max
        self.run = run
        self.loop = loop
        self.taker: asyncio.Future[Any] = loop.create_future()
        self.state: Literal["waits", "runs", "done"] = "waits"
        self.is_slow = False  # and runs, in a place for slow ones
        self.ended_for: Literal["moment", "slow ones"] | None = None  # by us, to be run again
        self.moments_left = MOMENTS_MAX
        self.until = self.quick_until = 0.0
        self.wait_ends: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Its time counts from here: what it waited in line is not taken from it."""
        self.state = "runs"
        self.ended_for = None
        now = time.monotonic()
        self.until = now + self.seconds_max
        self.quick_until = now + QUICK_SECONDS

    def answer(self, result: Any) -> None:
        """From any thread. Does nothing when the caller has gone away or the loop is closed."""
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._answered, result)

    def _answered(self, result: Any) -> None:
        if self.wait_ends is not None:
            self.wait_ends.cancel()
        if self.taker.done():
            return
        if isinstance(result, StopIteration):
            result = RuntimeError("a query raised StopIteration")  # a future refuses it
        if isinstance(result, BaseException):
            self.taker.set_exception(result)
        else:
            self.taker.set_result(result)


class WaitingReads:
    """The line. Every read begins as a quick one, in turns by owner. One that runs for longer
    goes on when a slow one more may run; else it is ended, and run again when its turn comes.

    Put from the loop's thread, taken by the reader threads.
    """

    def __init__(self) -> None:
        self._quick: Turns[Read] = Turns()
        self._slow: Turns[Read] = Turns()
        self._slow_running: Counter[int] = Counter()
        self._owners: Counter[int] = Counter()  # of all reads that are not done
        self._idle_threads = 0
        self._is_closed = False
        self._changed = threading.Condition()
        self.moment = QuietMoment(self._changed)

    @property
    def needs_thread(self) -> bool:
        """Whether more reads wait than threads that are there to take them."""
        return len(self._quick) > self._idle_threads

    def put(self, read: Read) -> None:
        """Line a read up. Called on its loop. Raises Unavailable when too many wait."""
        with self._changed:
            if self._is_closed:
                raise unavailable("shutting_down")
            if (
                self._owners.total() >= WAITING_MAX
                or self._owners[read.owner] >= WAITING_OF_ONE_MAX
            ):
                raise unavailable("overloaded")
            self._owners[read.owner] += 1
            self._quick.put(read.owner, read)
            self._changed.notify()
            is_next = len(self._quick) <= self._idle_threads and not self.moment.is_asked
        if not is_next:
            self._bound_its_wait(read)

    def take(self) -> Read | None:
        """The read whose turn it is, begun; None once closed. A thread waits here for work."""
        with self._changed:
            while not self._is_closed:
                read = self._next()
                if read is not None:
                    read.begin()
                    self.moment.read_begins()
                    return read
                self._idle_threads += 1
                self._changed.wait()
                self._idle_threads -= 1
            return None

    def must_end(self, read: Read) -> bool:
        """Asked by a read that runs, often: whether it is to be ended, and `set_aside`."""
        if self.moment.ends_reads():
            read.ended_for = "moment"
        elif not read.is_slow and time.monotonic() > read.quick_until:
            read.ended_for = None if self._may_go_on(read) else "slow ones"
        return read.ended_for is not None

    def set_aside(self, read: Read) -> None:
        """A read that was ended waits for its turn again: behind other slow ones, or, ended for
        a moment without readers, as the next of its owner."""
        if read.ended_for == "moment":
            read.moments_left -= 1
            if read.moments_left < 0:
                self.finish(
                    read, RequestTimeout("The read took too long while many writes were waiting")
                )
                return
        with self._changed:
            self.moment.read_ends()
            read.state = "waits"
            line = self._slow if read.is_slow or read.ended_for == "slow ones" else self._quick
            self._take_place(read)
            is_closed = self._is_closed
            if not is_closed:
                lines_up = line.put_back if read.ended_for == "moment" else line.put
                lines_up(read.owner, read)
        if is_closed:
            self.finish(read, unavailable("shutting_down"))
            return
        with contextlib.suppress(RuntimeError):  # the loop was closed: no caller waits
            read.loop.call_soon_threadsafe(self._bound_its_wait, read)

    def finish(self, read: Read, result: Any) -> None:
        """Answer a read that has run, or that will not be run."""
        self._forget(read)
        read.answer(result)

    def caller_left(self, read: Read) -> None:
        """The caller has gone away: its read leaves the line. One that runs notices by itself."""
        with self._changed:
            if read.state == "waits":
                self._forget(read)

    def close(self) -> None:
        """Refuse what waits; what runs is still answered."""
        left: list[Read] = []
        with self._changed:
            self._is_closed = True
            while (read := self._quick.take() or self._slow.take()) is not None:
                left.append(read)
            self._changed.notify_all()
        for read in left:
            self.finish(read, unavailable("shutting_down"))

    def _next(self) -> Read | None:
        if self.moment.is_asked:
            return None
        # Slow ones first: there are few of them, and quick ones always have a thread left.
        while True:
            read = self._slow.take(self._has_place)
            is_slow = read is not None
            read = read or self._quick.take()
            if read is None or read.state == "waits":
                break
        if read is not None and is_slow:
            self._give_place(read)
        return read

    def _forget(self, read: Read) -> None:
        with self._changed:
            if read.state == "done":
                return
            if read.state == "runs":
                self.moment.read_ends()
            read.state = "done"
            self._take_place(read)
            self._owners[read.owner] -= 1
            if not self._owners[read.owner]:
                del self._owners[read.owner]

    def _may_go_on(self, read: Read) -> bool:
        """Whether one that has run for longer than a quick one does gets a place for slow ones."""
        with self._changed:
            # Those that were set aside before it come first.
            is_free = self._slow.next_owner(self._has_place) is None and self._has_place(read.owner)
            if is_free:
                self._give_place(read)
            return is_free

    def _has_place(self, owner: int) -> bool:
        running = self._slow_running
        return running.total() < SLOW_MAX and running[owner] < SLOW_OF_ONE_MAX

    def _give_place(self, read: Read) -> None:
        read.is_slow = True
        self._slow_running[read.owner] += 1

    def _take_place(self, read: Read) -> None:
        if read.is_slow:
            read.is_slow = False
            self._slow_running[read.owner] -= 1
            if not self._slow_running[read.owner]:
                del self._slow_running[read.owner]

    def _bound_its_wait(self, read: Read) -> None:
        """On the loop: refuse the read if it is not begun in time."""
        if read.wait_ends is not None:
            read.wait_ends.cancel()
        if read.state == "waits":
            read.wait_ends = read.loop.call_later(WAIT_SECONDS_MAX, self._give_up, read)

    def _give_up(self, read: Read) -> None:
        with self._changed:
            waits = read.state == "waits"
            if waits:
                self._forget(read)
        if waits:
            read.answer(unavailable("overloaded"))
