"""Moves the clock of a world, and runs its loops: in place of the supervisor of production.

Between two moves what becomes due is run as it is announced, or as a running clock reaches it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

from msgspec import Struct

from spooled_lite.app import Running
from spooled_lite.background.deadlines import SLEEP_SECONDS_MAX, Deadlines
from spooled_lite.background.supervisor import ERROR_PAUSE_SECONDS, AsyncLoop, Loop
from spooled_lite.core.workers.sweep import set_back_heartbeats
from spooled_lite.errors import Unavailable
from spooled_lite.events import Deadline
from spooled_lite.metrics import Metrics
from spooled_lite.storage.database import Database
from spooled_lite.testing.clock import END_MS, ClockMode, VirtualClock, is_within
from spooled_lite.testing.deliveries import DeliveryCall, WatchedPoster
from spooled_lite.testing.happened import Happening, Happenings
from spooled_lite.testing.live_workers import LiveWorkers
from spooled_lite.testing.move import How, Move, UnderWay
from spooled_lite.testing.passes import ALL, ONCE, PRODUCT, Awaited, Passes
from spooled_lite.testing.refusals import Backwards, ClockBusy, ClockRuns, Stopped, TooFar
from spooled_lite.times import format_ms
from spooled_lite.wire.services import ServerState

logger = logging.getLogger(__name__)

FAR_MS: Final = 10 * 366 * 86_400_000  # one move goes at most this far: ten years
REPORT: Final = 200  # happenings that the answer to a move tells


class Moved(Struct, frozen=True):
    """What a move has come to."""

    from_ms: int
    now_ms: int
    steps: int
    real_ms: int
    happened: list[Happening]
    omitted: int  # happenings that are not told
    left_under_way: list[DeliveryCall]  # nobody waited any longer for their receivers


class Stepper:
    """Used on the event loop's thread. One call at a time moves the clock.

    `run` takes the place of `run_loops`; `attach` follows as soon as the server is there.
    """

    def __init__(
        self, clock: VirtualClock, poster: WatchedPoster, left: Awaited | None = None
    ) -> None:
        """`left`: what waits for its time in the world that this one is a copy of."""
        self.clock = clock
        self._left = left
        self.on_step: Callable[[int], None] | None = None  # hears of moments time was moved to
        self._poster = poster
        self._happened = Happenings(clock)
        poster.listen(self._happened.delivered)
        self._turn = asyncio.Lock()  # held while passes are run
        self._is_moving = False
        self._woken = asyncio.Event()  # something is due sooner, or the clock was moved
        self._quiet = asyncio.Event()  # nothing is due that was not run
        self._begun = asyncio.Event()
        self._passes: Passes
        self._stop: asyncio.Event
        self._state: ServerState
        self._database: Database
        self.live: LiveWorkers
        self._under_way: UnderWay

    def attach(self, app: Running) -> None:
        """Learn what happens in the world, and what it has under way."""
        self.live = LiveWorkers(app.services.db)
        self._state = app.services.state
        self._under_way = UnderWay(app.deliveries, app.services.mail.settled)
        app.services.bus.listen(self.live.hear)
        app.services.bus.listen(self._happened.hear)

    # -- between two moves -------------------------------------------------------------------------

    async def run(
        self,
        database: Database,
        deadlines: Deadlines,
        loops: Sequence[Loop | AsyncLoop],
        stop: asyncio.Event,
        metrics: Metrics,
    ) -> None:
        """Run what is due until `stop`. A pass that has begun is finished, never cancelled."""
        self._passes = Passes(database, deadlines, loops, metrics)
        if self._left is not None:
            self._passes.take_over(self._left)
        self._database, self._stop = database, stop
        deadlines.tell(self._wake)
        try:
            while not stop.is_set():
                self._woken.clear()
                async with self._turn:
                    await self._work_off()
                self._begun.set()  # the first passes have been run
                if not self._woken.is_set():
                    self._quiet.set()
                await self._sleep()
        finally:
            self._quiet.set()

    async def until_quiet(self) -> None:
        """Return when everything that is due now was run, or the clock is being moved.

        Before each request of a world whose clock stands: so what follows from one request never
        races the next one, and two runs of the same requests give the same answers.
        """
        if self.clock.stands and not self._quiet.is_set():
            await self._quiet.wait()

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[Passes]:
        """No pass runs and the clock is not moved for as long as this lasts; it begins when what
        is due now was run, and a move under way is over."""
        await self._begun.wait()
        await self.until_quiet()
        async with self._turn:
            yield self._passes

    def due(self) -> list[tuple[int, Deadline]]:
        """What is due and when, as far as is known, the soonest first."""
        return self._passes.due(PRODUCT) if self._begun.is_set() else []

    def live_count(self) -> int:
        """How many workers count as live."""
        return len(self.live.wanted("wait"))

    async def _work_off(self) -> None:
        kinds = set(ALL)
        # The first passes come before the first move.
        while not (self._stop.is_set() or (self._is_moving and self._begun.is_set())):
            kind = self._passes.first_due(self.clock.now_ms(), kinds)
            if kind is None:
                break
            try:
                await self._passes.run(kind)
            except Exception as error:
                _log_failure(kind, error)
                kinds.discard(kind)
        if len(kinds) < len(ALL):
            self._quiet.set()  # nobody is kept waiting by what cannot be done
            await _pause_unless(self._stop)
            self._woken.set()

    async def _sleep(self) -> None:
        """Until something may be due: a clock that runs gets there, or a commit says so."""
        next_ms = None if self._is_moving else self._passes.next_at(ALL)
        seconds = SLEEP_SECONDS_MAX
        if next_ms is not None:
            seconds = min(seconds, self.clock.seconds_until(next_ms))
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            pass

    def _wake(self) -> None:
        self._woken.set()
        if not self._is_moving:
            self._quiet.clear()

    # -- moves -------------------------------------------------------------------------------------

    async def advance(
        self, to_ms: int, how: How, *, report: int = REPORT, may_go_back: bool = False
    ) -> Moved:
        """Go to a moment, from one due moment to the next.

        Raises:
            Backwards, TooFar: it is out of reach.
            ClockBusy, Stopped: see there; so do the other moves.
        """
        self.check_target(to_ms, may_go_back=may_go_back)
        async with self._move(how, report) as it:
            await it.move.rest()
            await it.move.walk(to_ms)
            await self._end(it.move, to_ms)
        return it.moved()

    def check_target(self, to_ms: int, *, may_go_back: bool) -> None:
        """Raises Backwards, TooFar: the clock cannot be led there."""
        now_ms = self.clock.now_ms()
        if to_ms < now_ms and not may_go_back:
            raise Backwards
        _check_reach(to_ms, now_ms)

    async def settle(self, how: How, *, report: int = REPORT) -> Moved:
        """Stay, until nothing is due or under way now."""
        async with self._move(how, report) as it:
            await it.move.rest()
        return it.moved()

    async def next(self, count: int, how: How, *, report: int = REPORT) -> Moved:
        """Go to the next moment at which something happens, `count` times; less often when
        nothing waits for time any more."""
        self._check_stands()
        async with self._move(how, report) as it:
            await self._look_ahead(it.move)
            limit_ms = min(self.clock.now_ms() + FAR_MS, END_MS)
            while count > 0 and (at_ms := self._passes.next_at(PRODUCT)) is not None:
                if at_ms > limit_ms:
                    raise _too_far()
                if await it.move.passes_over(at_ms, limit_ms):
                    continue
                # What was announced and taken back is due, but then nothing happens.
                count -= bool(await it.move.step(at_ms))
            await self._end(it.move, self.clock.now_ms())
        return it.moved()

    async def idle(self, within_ms: int, how: How, *, report: int = REPORT) -> Moved:
        """Go on until nothing waits for time but what recurs, at most `within_ms`."""
        self._check_stands()
        until_ms = self.clock.now_ms() + within_ms
        _check_reach(until_ms, self.clock.now_ms())
        async with self._move(how, report) as it:
            await self._look_ahead(it.move)
            await it.move.walk(until_ms, ONCE)
            await self._end(it.move, self.clock.now_ms())
            if due := self._passes.due(ONCE):
                raise Stopped.not_idle(
                    [{"at": format_ms(at_ms), "kind": kind.value} for at_ms, kind in due]
                )
        return it.moved()

    async def outage(self, by_ms: int, how: How, *, report: int = REPORT) -> Moved:
        """The machine slept: time jumps, and then all that is due runs at the end."""
        self._check_stands()
        to_ms = self.clock.now_ms() + by_ms
        _check_reach(to_ms, self.clock.now_ms())
        async with self._move(how, report) as it:
            await it.move.rest()
            await self._end(it.move, to_ms)
        return it.moved()

    def go(self, mode: ClockMode, rate: float = 1.0) -> None:
        """Let the clock stand, or run. Raises ClockBusy."""
        if self._is_moving:
            raise ClockBusy
        self.clock.go(mode, rate)

    async def _end(self, move: Move, to_ms: int) -> None:
        await move.step(to_ms, is_last=True)
        await move.keep_house()

    async def _look_ahead(self, move: Move) -> None:
        """Know exactly what is due next: what was announced may have been taken back."""
        await move.rest()
        for kind in ONCE:
            await self._passes.run(kind)
        await move.rest()

    @asynccontextmanager
    async def _move(self, how: How, report: int) -> AsyncIterator["_Moving"]:
        if self._is_moving:
            raise ClockBusy
        self._is_moving = True
        self._quiet.set()  # requests are served meanwhile, at the moment that the clock shows
        try:
            await self._begun.wait()
            async with self._turn:
                with self.clock.standing():
                    it = self._begin(how, report)
                    try:
                        yield it
                    finally:
                        self._happened.end()
                        if it.move.has_kept_alive:
                            await self._database.write(set_back_heartbeats)
        except Stopped as error:
            raise error.told(self.clock.now_ms(), self._happened) from None
        finally:
            self._is_moving = False
            self._wake()

    def _begin(self, how: How, report: int) -> "_Moving":
        self._happened.begin(report)
        move = Move(
            self.clock,
            self._passes,
            self.live,
            self._under_way,
            self._is_stopping,
            how,
            self.on_step,
        )
        return _Moving(move, self._happened, self._poster, self.clock)

    def _is_stopping(self) -> bool:
        """A move ends before the listeners do, so that its caller is answered."""
        return self._state.is_stopping or self._stop.is_set()

    def _check_stands(self) -> None:
        if not self.clock.stands:
            raise ClockRuns


class _Moving:
    """A move that has begun, and what is told of it in the end."""

    def __init__(
        self, move: Move, happened: Happenings, poster: WatchedPoster, clock: VirtualClock
    ) -> None:
        self.move = move
        self._happened = happened
        self._poster = poster
        self._clock = clock
        self._from_ms = clock.now_ms()
        self._began = time.monotonic()

    def moved(self) -> Moved:
        return Moved(
            from_ms=self._from_ms,
            now_ms=self._clock.now_ms(),
            steps=self.move.steps,
            real_ms=round((time.monotonic() - self._began) * 1000),
            happened=self._happened.told,
            omitted=self._happened.omitted,
            left_under_way=self._poster.under_way(),
        )


def _check_reach(to_ms: int, now_ms: int) -> None:
    if to_ms > now_ms + FAR_MS or not is_within(to_ms):
        raise _too_far()


def _too_far() -> TooFar:
    return TooFar("ten years at a time, and within the years 1970 to 9899")


def _log_failure(kind: Deadline, error: Exception) -> None:
    if isinstance(error, Unavailable):  # the storage has logged why
        logger.debug("%s: %s", kind.value, error)
    else:
        logger.error("%s: pass failed", kind.value, exc_info=error)


async def _pause_unless(stop: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(ERROR_PAUSE_SECONDS):
            await stop.wait()
    except TimeoutError:
        pass
