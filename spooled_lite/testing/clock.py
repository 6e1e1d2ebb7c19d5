"""A clock that its callers move: it stands, or runs as fast as they say."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from msgspec import Struct

from spooled_lite.clock import JumpListener, wall_ms

ClockMode = Literal["real", "frozen", "ticking"]

RATE_MIN: Final = 0.01
RATE_MAX: Final = 86_400.0  # a day in a second
SEEDED_START_MS: Final = 1_893_456_000_000  # 2030-01-01T00:00:00Z, which two runs share
# A century before the last time that can be written: whatever is due so many days later can be.
END_MS: Final = 250_246_627_200_000  # 9900-01-01T00:00:00Z


class Going(Struct, frozen=True):
    """How time goes from a moment on: it is `base_ms` at the real moment `since_ns`."""

    mode: ClockMode
    base_ms: int
    since_ns: int  # of monotonic time
    rate: float  # milliseconds that pass in a real one; 0: it stands

    def at(self, real_ns: int) -> int:
        return self.base_ms + int((real_ns - self.since_ns) * self.rate) // 1_000_000


class VirtualClock:
    """The clock of one world, from 1970 to END_MS, where one that runs stops. Moved on the loop's
    thread; asked on any thread.

    How it goes is one value that is replaced as a whole, so whoever asks needs no lock.
    """

    def __init__(self, now_ms: int, mode: ClockMode = "frozen", rate: float = 1.0) -> None:
        """`rate` is of a clock that ticks: milliseconds in a real one."""
        self._listeners: list[JumpListener] = []
        self._going = _going(mode, now_ms, rate)

    def now_ms(self) -> int:
        going = self._going
        return min(going.at(time.monotonic_ns()), END_MS) if going.rate else going.base_ms

    def seconds_until(self, at_ms: int) -> float:
        """Real seconds: of a clock that stands 0.0, or infinite."""
        left_ms = at_ms - self.now_ms()
        if left_ms <= 0:
            return 0.0
        rate = self._going.rate
        return left_ms / 1000 / rate if rate and at_ms <= END_MS else math.inf

    def on_jump(self, listener: JumpListener) -> None:
        self._listeners.append(listener)

    @property
    def mode(self) -> ClockMode:
        return self._going.mode

    @property
    def rate(self) -> float | None:
        """How fast it is ticking; None in the other modes."""
        return self._going.rate if self._going.mode == "ticking" else None

    @property
    def stands(self) -> bool:
        return not self._going.rate

    def set(self, now_ms: int) -> None:
        """Be at this moment, and go on from there as before."""
        going = self._going
        self._change(Going(going.mode, now_ms, time.monotonic_ns(), going.rate))

    def go(self, mode: ClockMode, rate: float = 1.0) -> None:
        """Go on in another mode, from now."""
        self._change(_going(mode, self.now_ms(), rate))

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Stand still for as long as this lasts, then go on as before from where it stands then."""
        before = self._going
        if not before.rate:
            yield
            return
        # Of the same mode: those who ask meanwhile are not to see a change that nobody asked for.
        self._change(Going(before.mode, self.now_ms(), time.monotonic_ns(), 0.0))
        try:
            yield
        finally:
            self._change(_going(before.mode, self.now_ms(), before.rate))

    def _change(self, going: Going) -> None:
        self._going = going
        for listener in self._listeners:
            listener()


def is_within(at_ms: int) -> bool:
    """Whether a clock may stand at this moment."""
    return 0 <= at_ms <= END_MS


def start_ms(at_ms: int | None, seed: int | None) -> int:
    """Where a clock begins that was told a time, or a seed, or neither."""
    if at_ms is not None:
        return at_ms
    return wall_ms() if seed is None else SEEDED_START_MS


def _going(mode: ClockMode, now_ms: int, rate: float) -> Going:
    rates = {"real": 1.0, "frozen": 0.0, "ticking": rate}
    return Going(mode, now_ms, time.monotonic_ns(), rates[mode])
