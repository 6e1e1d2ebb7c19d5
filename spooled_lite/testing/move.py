"""One move of the clock: from one due moment to the next, and at each of them until all is done."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine
from typing import Any, Final, TypeVar

from msgspec import Struct

from spooled_lite.errors import Unavailable
from spooled_lite.events import Deadline
from spooled_lite.testing.asking import Gone
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.live_workers import LiveWorkers, WaitFor
from spooled_lite.testing.passes import HOUSEKEEPING, PRODUCT, Passes
from spooled_lite.testing.refusals import Stopped
from spooled_lite.wire.http.body import ClientGone

T = TypeVar("T")

MOVE_STEPS_MAX: Final = 10_000
REAL_MS_MAX: Final = 25_000  # a handler has 30 seconds
WAIT_MS: Final = 10_000  # for a live worker that makes no progress
DELIVERY_WAIT_MS: Final = 5_000  # for a receiver that does not answer
LOOK_SECONDS: Final = 1.0  # a worker that ends without a word is not waited for long


class How(Struct, frozen=True, kw_only=True):
    """How time is moved."""

    workers: WaitFor = "wait"
    waits_for_deliveries: bool = True
    wait_ms: int = WAIT_MS
    steps_max: int = MOVE_STEPS_MAX
    real_ms_max: int = REAL_MS_MAX
    gone: Gone | None = None  # done when nobody wants the move any more


class UnderWay(Struct, frozen=True):
    """What a world has sent and waits for."""

    deliveries: Callable[[], frozenset[asyncio.Task[None]]]
    mails: Callable[[], Coroutine[Any, Any, None]]  # until all are sent


class Move:
    """Used on the event loop's thread, by the one call that moves the clock.

    Each of its acts raises ClientGone as soon as that call is gone: between two passes, so that the
    clock stands at a whole step, and what is left to do there is done as between two moves.
    """

    def __init__(
        self,
        clock: VirtualClock,
        passes: Passes,
        live: LiveWorkers,
        under_way: UnderWay,
        is_stopping: Callable[[], bool],
        how: How,
        on_step: Callable[[int], None] | None = None,
    ) -> None:
        self._clock = clock
        self._passes = passes
        self._live = live
        self._under_way = under_way
        self._is_stopping = is_stopping
        self._how = how
        self._on_step = on_step
        self._ends_at = time.monotonic() + how.real_ms_max / 1000
        self._left: frozenset[asyncio.Task[None]] = frozenset()  # not waited for any more
        self._waits_for_mails = how.waits_for_deliveries
        self.steps = 0
        self.has_kept_alive = False  # live workers were heard of later than now

    async def step(self, to_ms: int, *, is_last: bool = False) -> int:
        """Be at a moment, and stay until nothing is due there; how much was done.

        The last one, to where the move leads, is counted only when something is due there.
        """
        next_ms = self._passes.next_at(PRODUCT)
        if not is_last or (next_ms is not None and next_ms <= to_ms):
            if self.steps >= self._how.steps_max:
                raise Stopped.by_budget(f"These were {self.steps} steps")
            self.steps += 1
        self._clock.set(to_ms)
        if self._on_step is not None:
            self._on_step(to_ms)
        return await self.rest()

    async def walk(self, to_ms: int, kinds: Collection[Deadline] = PRODUCT) -> None:
        """Go from one due moment to the next, as long as something of these kinds is due until
        `to_ms`. What else is due on the way happens as well."""
        while (last_ms := self._passes.next_at(kinds)) is not None and last_ms <= to_ms:
            at_ms = self._passes.next_at(PRODUCT)
            assert at_ms is not None, "what is due last is due"
            if not await self.passes_over(at_ms, to_ms):
                await self.step(max(at_ms, self._clock.now_ms()))

    async def passes_over(self, at_ms: int, to_ms: int) -> bool:
        """Whether at the next moment only live workers would have fallen silent: they do not until
        `to_ms`, and time need not stop there."""
        if self._passes.next_at((Deadline.WORKER_SILENCE,)) != at_ms:
            return False
        if not await self._live.keep_alive(self._how.workers, to_ms):
            return False
        self.has_kept_alive = True
        await self._passes.run(Deadline.WORKER_SILENCE)  # which finds out who is silent next
        next_ms = self._passes.next_at(PRODUCT)
        return next_ms is None or next_ms > at_ms

    async def rest(self) -> int:
        """Stay here until nothing is due, nothing is under way, and no live worker has work."""
        done = await self.settle()
        waits_until = self._until_patience_ends()
        while jobs := await self._live.busy(self._how.workers):
            if await self._while_wanted(self._live.has_changed(LOOK_SECONDS)):
                waits_until = self._until_patience_ends()
            elif time.monotonic() >= waits_until:
                raise Stopped.by_workers(jobs)
            done += await self.settle()
        return done

    async def settle(self) -> int:
        """Run what is due here until nothing is, and wait for what that has sent; how much."""
        done = 0
        while True:
            self._check()
            kind = self._passes.first_due(self._clock.now_ms(), PRODUCT)
            if kind is not None:
                done += await self._passes.run(kind)
            elif not await self._waited():
                return done

    async def keep_house(self) -> None:
        """Delete and repair what is due here, to the end."""
        while (kind := self._passes.first_due(self._clock.now_ms(), HOUSEKEEPING)) is not None:
            self._check()
            await self._passes.run(kind)
        await self.settle()

    def _check(self) -> None:
        if self._is_stopping():
            raise Unavailable("shutting_down", "The server is stopping")
        if self._how.gone is not None and self._how.gone.done():
            raise ClientGone
        if time.monotonic() >= self._ends_at:
            raise Stopped.by_budget(f"This took {self._how.real_ms_max} ms of real time")

    def _until_patience_ends(self) -> float:
        return time.monotonic() + self._how.wait_ms / 1000

    async def _waited(self) -> bool:
        """Wait for deliveries and mails under way. False: there is nothing that may follow."""
        if not self._how.waits_for_deliveries:
            return False
        seconds = min(self._how.wait_ms, DELIVERY_WAIT_MS) / 1000
        if calls := self._under_way.deliveries() - self._left:
            _, late = await self._while_wanted(asyncio.wait(calls, timeout=seconds))
            self._left |= late
            return True
        if self._waits_for_mails:
            try:
                async with asyncio.timeout(seconds):
                    await self._while_wanted(self._under_way.mails())
            except TimeoutError:
                self._waits_for_mails = False
        return False

    async def _while_wanted(self, wait: Coroutine[Any, Any, T]) -> T:
        """Wait, but no longer than the caller is there."""
        gone = self._how.gone
        if gone is None:
            return await wait
        waiting = asyncio.create_task(wait, name="move-waits")
        try:
            await asyncio.wait({waiting, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not waiting.done():
                raise ClientGone
            return waiting.result()
        finally:
            waiting.cancel()
