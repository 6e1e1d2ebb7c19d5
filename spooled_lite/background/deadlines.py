"""The next due time of each kind of deadline, and waking the loop that waits for it."""

import asyncio
import math
from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.events import Deadline

SLEEP_SECONDS_MAX: Final = 3_600.0  # a far deadline is compared with the clock this often


class Deadlines:
    """Used on the event loop's thread. A kind has at most one loop that waits for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._announced: dict[Deadline, int] = {}
        self._changed: dict[Deadline, asyncio.Event] = {}
        clock.on_jump(self.wake_all)

    def announce(self, kind: Deadline, at_ms: int) -> None:
        """A commit made something due at `at_ms`. Wakes the loop if that is sooner."""
        known = self._announced.get(kind)
        if known is None or at_ms < known:
            self._announced[kind] = at_ms
            self._event(kind).set()

    def begin(self, kind: Deadline) -> None:
        """A pass begins, which sees everything that has been announced until now."""
        self._announced.pop(kind, None)
        self._event(kind).clear()

    def take_due(self) -> dict[Deadline, int]:
        """The soonest announced time of each kind for which no pass has begun; then forget them.

        For a supervisor that keeps the times itself.
        """
        taken, self._announced = self._announced, {}
        return taken

    async def wait_until(
        self, kind: Deadline, due_again_ms: int | None, stop: asyncio.Event
    ) -> None:
        """Return when the kind is due: at the time the last pass gave, or a commit since then."""
        while not stop.is_set():
            times = [at for at in (due_again_ms, self._announced.get(kind)) if at is not None]
            seconds = self._clock.seconds_until(min(times)) if times else math.inf
            if seconds <= 0:
                return
            event = self._event(kind)
            event.clear()
            try:
                async with asyncio.timeout(min(seconds, SLEEP_SECONDS_MAX)):
                    await event.wait()
            except TimeoutError:
                pass

    def wake_all(self) -> None:
        """Have every loop compare its deadline with the clock again: it was set, or we stop."""
        for event in self._changed.values():
            event.set()

    def _event(self, kind: Deadline) -> asyncio.Event:
        return self._changed.setdefault(kind, asyncio.Event())
