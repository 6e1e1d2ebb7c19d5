"""The clock of a world, as a test holds it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from spooled_lite.testing.public.link import Link
from spooled_lite.testing.public.times import length_of, time_in, time_of

WaitsForWorkers = Literal["wait", "ignore"] | Sequence[str]
WaitsForDeliveries = Literal["wait", "leave"]


@dataclass(frozen=True)
class Moved:
    """What a move has come to. `happened` has events and webhook calls in order, each with `at`,
    `what` and what it is about."""

    start: datetime
    now: datetime
    steps: int
    happened: list[dict[str, Any]]
    omitted: int
    left_under_way: list[dict[str, Any]]


class Clock:
    """It stands until a test moves it. Each move returns when everything that was due on the way
    is done."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._listeners: list[Callable[[datetime], None]] = []

    @property
    def now(self) -> datetime:
        return time_in(self._link.call("GET", "/test/clock")["now"])

    def advance(
        self,
        by: timedelta | str | None = None,
        *,
        to: datetime | str | None = None,
        workers: WaitsForWorkers = "wait",
        deliveries: WaitsForDeliveries = "wait",
        back: bool = False,
    ) -> Moved:
        """Let time pass: `by` such as `"7d"` or a timedelta, or until `to`.

        `workers`: whether time waits for live workers, for none, or for those with these ids.

        Raises:
            ClockStopped: the target was not reached; the clock stands at a whole step.
        """
        body: dict[str, Any] = {"workers": _workers(workers), "deliveries": deliveries}
        if by is not None:
            body["by"] = length_of(by)
        if to is not None:
            body["to"] = time_of(to)
        return self._move("advance", {**body, "back": back})

    def next(self, count: int = 1, *, workers: WaitsForWorkers = "wait") -> Moved:
        """Go to the next moment at which something happens. Raises ClockStopped."""
        return self._move("next", {"count": count, "workers": _workers(workers)})

    def idle(self, within: timedelta | str = "30d", *, workers: WaitsForWorkers = "wait") -> Moved:
        """Go on until nothing waits for time but what recurs. Raises ClockStopped."""
        return self._move("idle", {"within": length_of(within), "workers": _workers(workers)})

    def settle(self) -> Moved:
        """Stay, until nothing is due or under way. Raises ClockStopped."""
        return self._move("settle", {})

    def outage(self, by: timedelta | str) -> Moved:
        """The machine sleeps: time jumps, then all that is due happens. Raises ClockStopped."""
        return self._move("outage", {"by": length_of(by)})

    def freeze(self) -> None:
        """Let it stand."""
        self._link.call("PUT", "/test/clock", {"mode": "frozen"})

    def run(self) -> None:
        """Let it go as the machine's clock does."""
        self._link.call("PUT", "/test/clock", {"mode": "real"})

    def tick(self, rate: float) -> None:
        """Let it go `rate` times as fast."""
        self._link.call("PUT", "/test/clock", {"mode": "ticking", "rate": rate})

    def on_move(self, tell: Callable[[datetime], None]) -> None:
        """Call `tell` after each move with the time; it may move another clock, such as that of
        time_machine, along."""
        self._listeners.append(tell)

    def _move(self, act: str, body: dict[str, Any]) -> Moved:
        found = self._link.call("POST", f"/test/clock/{act}", body)
        moved = Moved(
            start=time_in(found["from"]),
            now=time_in(found["now"]),
            steps=found["steps"],
            happened=found["happened"],
            omitted=found["omitted"],
            left_under_way=found["left_under_way"],
        )
        for tell in self._listeners:
            tell(moved.now)
        return moved


def _workers(workers: WaitsForWorkers) -> str | list[str]:
    return workers if isinstance(workers, str) else list(workers)
