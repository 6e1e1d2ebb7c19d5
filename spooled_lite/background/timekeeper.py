"""Following the machine's clock when it jumps: ahead with care, back with repairs."""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from spooled_lite.background.deadlines import Deadlines
from spooled_lite.clock import CHECK_SECONDS, JUMP_MS, SystemClock
from spooled_lite.core.breakers.set_back import set_back_breakers
from spooled_lite.core.lifecycle.clock_jumps import (
    WaitPosition,
    keep_leases,
    set_back_creation,
    set_back_leases,
    set_back_waits,
)
from spooled_lite.core.schedules.set_back import decide_anew, find_ahead, set_back_slots
from spooled_lite.core.webhooks.set_back import OwedPosition, set_back_deliveries
from spooled_lite.core.workers.sweep import keep_heartbeats, set_back_heartbeats
from spooled_lite.errors import Unavailable
from spooled_lite.events import Deadline
from spooled_lite.storage import event_log
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Reading

logger = logging.getLogger(__name__)

# After a jump ahead nothing old is deleted for this long: the clock may be wrong for a moment, and
# setting it right does not bring back what was deleted.
PRUNING_HELD_MS: Final = 3_600_000
SLOTS_PER_WRITE: Final = 100


class Timekeeper:
    """Used on the event loop's thread.

    Ahead: heartbeats and live leases are moved first, and the clock jumps in the transaction that
    moves the last lease. Back: the clock jumps at once, and rows with times of the old clock are
    found and repaired then. A start does the same when the newest event lies in the future.
    """

    def __init__(self, database: Database, clock: SystemClock, deadlines: Deadlines) -> None:
        self._database = database
        self._clock = clock
        self._deadlines = deadlines
        self._is_set_back = False  # and not everything is repaired yet
        self._pruning_from_ms = 0

    def may_prune(self, now_ms: int) -> bool:
        return now_ms >= self._pruning_from_ms

    async def run(self, stop: asyncio.Event) -> None:
        """Look at the clock every CHECK_SECONDS until `stop`."""
        await self._survive(self.check_start)
        while not stop.is_set():
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                await self._survive(self.check)

    async def check_start(self) -> None:
        """Repair what has to be if the clock was set back while no server ran."""
        newest = await self._database.readers.read(Reading.value, event_log.NEWEST_AT)
        if newest is not None and newest >= self._clock.now_ms() + JUMP_MS:
            logger.warning("the clock has been set back since the last run")
            self._is_set_back = True
        await self._repair()

    async def check(self) -> None:
        """Follow the machine's clock, if it has jumped."""
        await self._repair()  # what failed before, so that no lease is moved twice
        jump_ms = self._clock.jump_ms()
        if jump_ms > 0:
            logger.warning("the clock was set forward by %.1f seconds", jump_ms / 1000)
            await self._go_ahead(jump_ms)
        elif jump_ms < 0:
            logger.warning("the clock was set back by %.1f seconds", -jump_ms / 1000)
            self._clock.jump(self._clock.offset_ms + jump_ms)
            self._pruning_from_ms = 0
            self._is_set_back = True
        if jump_ms:
            self._look_again()
        await self._repair()

    async def _go_ahead(self, by_ms: int) -> None:
        marked_ms = self._clock.now_ms() + by_ms
        self._pruning_from_ms = marked_ms + PRUNING_HELD_MS
        before = self._clock.offset_ms
        jump = partial(self._clock.jump, before + by_ms)
        try:
            worker: int | None = 0
            while worker is not None:
                worker = await self._database.write(keep_heartbeats, by_ms, marked_ms, worker)
            while not await self._database.write(keep_leases, by_ms, marked_ms, jump):
                pass
        except BaseException:
            # Some leases may have been moved, and the clock may have jumped in a transaction that
            # was not committed. Both are taken back, and the jump is tried again.
            self._clock.jump(before)
            self._is_set_back = True
            raise

    async def _repair(self) -> None:
        """Set back every time that lies in the future. Each step may be repeated."""
        if not self._is_set_back:
            return
        while not await self._database.write(set_back_leases):
            pass
        await self._database.write(set_back_breakers)
        waiting: WaitPosition | None = WaitPosition()
        while waiting is not None:
            waiting = await self._database.write(set_back_waits, waiting)
        org: int | None = 0
        while org is not None:
            org = await self._database.write(set_back_creation, org)
        owed: OwedPosition | None = OwedPosition()
        while owed is not None:
            owed = await self._database.write(set_back_deliveries, owed)
        while not await self._database.write(set_back_heartbeats):
            pass
        await self._set_back_schedules()
        self._is_set_back = False
        self._look_again()

    async def _set_back_schedules(self) -> None:
        after: int | None = 0
        while after is not None:
            ahead = await self._database.readers.read(find_ahead, after)
            anew = await asyncio.to_thread(decide_anew, ahead)
            for at in range(0, len(anew), SLOTS_PER_WRITE):
                await self._database.write(set_back_slots, anew[at : at + SLOTS_PER_WRITE])
            after = ahead.after

    def _look_again(self) -> None:
        """Have every loop run: the time it waits for may be years away."""
        for kind in Deadline:
            if (
                kind is not Deadline.SAFETY
            ):  # it would only find what the other loops are about to do
                self._deadlines.announce(kind, 0)
        self._clock.tell_listeners()

    async def _survive(self, act: Callable[[], Any]) -> None:
        try:
            await act()
        except Unavailable as error:
            # The storage has logged why; the next check comes in a second.
            logger.debug("following the clock failed: %s", error)
        except Exception:
            logger.exception("following the clock failed; it is tried again in a second")
