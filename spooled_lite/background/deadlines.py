"""The next due time of each kind of deadline, and waking the loop that waits for it."""

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from spooled_lite.clock import Clock
from spooled_lite.events import Deadline

SLEEP_SECONDS_MAX: Final = 3_600.0  # a far deadline is compared with the clock this often


class LoopState(Struct, frozen=True):
    """What a background loop has done, and when it runs again."""

    name: str
    ran_at_ms: int | None  # when the last pass began; None: none has
    due_at_ms: int | None  # None: when a commit makes something due
    failures: int  # passes that failed in a row, up to now


class Deadlines:
    """Used on the event loop's thread. A kind has at most one loop that waits for it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._announced: dict[Deadline, int] = {}
        self._changed: dict[Deadline, asyncio.Event] = {}
        self._ran_at: dict[Deadline, int] = {}
        self._due_again: dict[Deadline, int | None] = {}  # as the last pass said
        self._failures: dict[Deadline, int] = {}
        self._listener: Callable[[], None] | None = None
        clock.on_jump(self.wake_all)

    def tell(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever something is due sooner, and when the times are to be compared
        with the clock again. For a supervisor that waits for all kinds together."""
        self._listener = listener

    def announce(self, kind: Deadline, at_ms: int) -> None:
        """A commit made something due at `at_ms`. Wakes the loop if that is sooner."""
        known = self._announced.get(kind)
        if known is None or at_ms < known:
            self._announced[kind] = at_ms
            self._event(kind).set()
            if self._listener is not None:
                self._listener()

    def begin(self, kind: Deadline) -> None:
        """A pass begins, which sees everything that has been announced until now."""
        self._announced.pop(kind, None)
        self._ran_at[kind] = self._clock.now_ms()
        self._event(kind).clear()

    def passed(self, kind: Deadline, due_again_ms: int | None) -> None:
        """The pass that began is over, and said when it is due again."""
        self._due_again[kind] = due_again_ms
        self._failures.pop(kind, None)

    def failed(self, kind: Deadline) -> None:
        """The pass that began has failed, and is tried again."""
        self._failures[kind] = self._failures.get(kind, 0) + 1

    def states(self, loops: Mapping[str, Deadline]) -> list[LoopState]:
        """Of each loop, by its name and the deadline it waits for."""
        return [
            LoopState(name, self._ran_at.get(kind), self.due_at(kind), self._failures.get(kind, 0))
            for name, kind in loops.items()
        ]

    def due_at(self, kind: Deadline) -> int | None:
        """The sooner of what the last pass said and what was announced since it began."""
        times = (self._due_again.get(kind), self._announced.get(kind))
        return min((at for at in times if at is not None), default=None)

    async def wait_until(
        self, kind: Deadline, due_again_ms: int | None, stop: asyncio.Event
    ) -> None:
        """Return when the kind is due: at the time the last pass gave, or a commit since then."""
        self.passed(kind, due_again_ms)
        while not stop.is_set():
            due_at_ms = self.due_at(kind)
            seconds = math.inf if due_at_ms is None else self._clock.seconds_until(due_at_ms)
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
        if self._listener is not None:
            self._listener()

    def _event(self, kind: Deadline) -> asyncio.Event:
        return self._changed.setdefault(kind, asyncio.Event())
