"""The only source of time: wall time in milliseconds since the epoch, UTC."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import Final, Protocol

CHECK_SECONDS: Final = 1.0
JUMP_MS: Final = 250  # a jump is this far between wall and monotonic time within one check

Listener = Callable[[], None]


class Clock(Protocol):
    """What the product asks for the time; sockets and keep-alives keep real time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC. May go backwards: it is wall time."""
        ...

    def seconds_until(self, at_ms: int) -> float:
        """Real seconds until `at_ms`: 0.0 when it has come, infinite when time stands still."""
        ...

    def on_jump(self, listener: Listener) -> None:
        """Call `listener`, on the event loop's thread, after time moved other than by passing."""
        ...


class SystemClock:
    """The machine's clock, with an eye on its jumps."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def seconds_until(self, at_ms: int) -> float:
        return max(0.0, (at_ms - self.now_ms()) / 1000)

    def on_jump(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def watch(self, stop: asyncio.Event) -> None:
        """Compare wall and monotonic time every second, and tell the listeners of a jump."""
        offset_ms = self._offset_ms()
        while not stop.is_set():
            try:
                async with asyncio.timeout(CHECK_SECONDS):
                    await stop.wait()
            except TimeoutError:
                pass
            moved_ms = self._offset_ms() - offset_ms
            if abs(moved_ms) >= JUMP_MS:
                offset_ms += moved_ms
                for listener in self._listeners:
                    listener()

    def _offset_ms(self) -> int:
        return self.now_ms() - time.monotonic_ns() // 1_000_000


class ManualClock:
    """A clock that stands still until it is moved, on the loop's thread: for tests, test mode."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._listeners: list[Listener] = []

    def now_ms(self) -> int:
        return self._now_ms

    def seconds_until(self, at_ms: int) -> float:
        return 0.0 if at_ms <= self._now_ms else math.inf

    def on_jump(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def advance(self, *, seconds: float) -> None:
        self.set(self._now_ms + round(seconds * 1000))

    def set(self, now_ms: int) -> None:
        self._now_ms = now_ms
        for listener in self._listeners:
            listener()
