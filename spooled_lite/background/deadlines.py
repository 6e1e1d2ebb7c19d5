"""The next due time of each kind; wakes the loop that waits for it."""

import asyncio
import math
from typing import Final

from spooled_lite.clock import Clock
from spooled_lite.events import Deadline

SLEEP_SECONDS_MAX: Final = 3_600.0  # a timer far away is looked at again now and then


class Deadlines:
    """Used on the event loop's thread. A kind has at most one loop that waits for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._announced: dict[Deadline, int] = {}
        self._changed: dict[Deadline, asyncio.Event] = {}
        clock.on_jump(self.wake_all)

    def announce(self, kind: Deadline, at_ms: int) -> None:
        """A commit made something due at `at_ms`; wakes the loop when that is nearer."""
        known = self._announced.get(kind)
        if known is None or at_ms < known:
            self._announced[kind] = at_ms
            self._event(kind).set()

    def begin(self, kind: Deadline) -> None:
        """A pass begins: it will see what has been announced until now."""
        self._announced.pop(kind, None)
        self._event(kind).clear()

    def take_due(self) -> dict[Deadline, int]:
        """What was announced and no pass has begun for: the nearest time of each kind.

        For a supervisor that keeps the times itself: it forgets them, as `begin` does.
        """
        taken, self._announced = self._announced, {}
        return taken

    async def wait_until(
        self, kind: Deadline, due_again_ms: int | None, stop: asyncio.Event
    ) -> None:
        """Return when the kind is due: as the last pass said, or as a commit said since."""
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
        """Have every loop look at its deadline again: time has moved, or the server stops."""
        for event in self._changed.values():
            event.set()

    def _event(self, kind: Deadline) -> asyncio.Event:
        return self._changed.setdefault(kind, asyncio.Event())
