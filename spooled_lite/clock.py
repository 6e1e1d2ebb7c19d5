"""The only source of time: wall time in milliseconds since the epoch, UTC."""

import math
import time
from collections.abc import Callable
from typing import Final, Protocol

CHECK_SECONDS: Final = 1.0
JUMP_MS: Final = 250  # at least this far apart, wall and monotonic time count as a jump

JumpListener = Callable[[], None]


class Clock(Protocol):
    """The time for everything in the product but sockets and keep-alives, which use real time."""

    def now_ms(self) -> int:
        """Milliseconds since the epoch, UTC. It is wall time, so it may go backwards."""
        ...

    def seconds_until(self, at_ms: int) -> float:
        """Real seconds until `at_ms`: 0.0 when it is past, infinite when time stands still."""
        ...

    def on_jump(self, listener: JumpListener) -> None:
        """Call `listener`, on the event loop's thread, after each jump of the time."""
        ...


def wall_ms() -> int:
    """The time of the machine's clock in milliseconds. It may jump."""
    return time.time_ns() // 1_000_000


class SystemClock:
    """The machine's clock, except that it jumps only when `jump` is called.

    Between two jumps it advances as monotonic time does. So leases and other deadlines can be moved
    before anything is compared with the new time.
    """

    def __init__(self, wall_ms: Callable[[], int] = wall_ms) -> None:
        self._listeners: list[JumpListener] = []
        self._wall_ms = wall_ms
        self._slipped_ms = 0  # small corrections since the listeners were called
        self.offset_ms = wall_ms() - _steady_ms()  # this clock's time minus monotonic time

    def now_ms(self) -> int:
        # `_steady_ms` written out, because this is called very often.
        return time.monotonic_ns() // 1_000_000 + self.offset_ms

    def seconds_until(self, at_ms: int) -> float:
        return max(0.0, (at_ms - self.now_ms()) / 1000)

    def on_jump(self, listener: JumpListener) -> None:
        self._listeners.append(listener)

    def jump_ms(self) -> int:
        """How far the machine's clock has jumped: 0, or at least JUMP_MS ahead or back.

        Call it every CHECK_SECONDS. A smaller difference is corrected at once.
        """
        moved_ms = self._wall_ms() - self.now_ms()
        if abs(moved_ms) >= JUMP_MS:
            return moved_ms
        self.offset_ms += moved_ms
        self._slipped_ms += moved_ms
        if abs(self._slipped_ms) >= JUMP_MS:
            self.tell_listeners()
        return 0

    def jump(self, offset_ms: int) -> None:
        """Follow a jump by setting `offset_ms`; doing it again changes nothing.

        May be called on any thread. Call `tell_listeners` afterwards.
        """
        self.offset_ms = offset_ms

    def tell_listeners(self) -> None:
        """Call all listeners, which then check their deadlines again."""
        self._slipped_ms = 0
        for listener in self._listeners:
            listener()


def _steady_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class ManualClock:
    """A clock for tests and test mode: it stands still until it is moved, on the loop's thread."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._listeners: list[JumpListener] = []

    def now_ms(self) -> int:
        return self._now_ms

    def seconds_until(self, at_ms: int) -> float:
        return 0.0 if at_ms <= self._now_ms else math.inf

    def on_jump(self, listener: JumpListener) -> None:
        self._listeners.append(listener)

    def advance(self, *, seconds: float) -> None:
        self.set(self._now_ms + round(seconds * 1000))

    def set(self, now_ms: int) -> None:
        self._now_ms = now_ms
        for listener in self._listeners:
            listener()
