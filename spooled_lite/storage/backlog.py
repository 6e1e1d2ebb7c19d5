"""Operations waiting for the writing thread: four lanes, and a bound on all of them.

In each lane the organizations take turns, and no lane keeps those behind it from being served.
"""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import Any, Final

from spooled_lite.call_notes import NOTES
from spooled_lite.errors import Unavailable
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.transaction import Line, together
from spooled_lite.storage.trouble import unavailable
from spooled_lite.storage.turns import HOUSE, Turns

SHED_SHARE: Final = 0.8  # of the bound: from here on the last lane refuses
OWNER_SHARE: Final = 0.5  # of what the last lane may hold, for one organization
LINES_MAX: Final = 200  # of one claim; fewer than a batch may run (round.PARKED_RUN_MAX)
LANE_SHARE: Final = 0.25  # of a batch, for each lane behind in which something waits
_entered_at: Final = attrgetter("entered_at")
_LINE_OF: Final = tuple(min(lane, Lane.REST) for lane in Lane)  # the last two share one


class Request:
    """One operation that somebody waits for."""

    __slots__ = (
        "answered",
        "arguments",
        "entered_at",
        "gives_back",
        "lane",
        "lines",
        "looks_for",
        "notes",
        "operation",
        "owner",
        "parks",
        "taker",
        "within",
    )

    def __init__(
        self,
        operation: Callable[..., Any],
        arguments: tuple[Any, ...],
        lane: Lane,
        owner: int,
        taker: Any,
        *,
        lines: tuple[Line, ...] = (),
        within: tuple[Line, ...] = (),
        looks_for: Hashable = None,
        parks: bool = False,
        gives_back: Callable[..., Any] | None = None,
    ) -> None:
        self.operation = operation
        self.arguments = arguments
        self.lane = lane
        self.owner = owner
        self.taker = taker  # the future that gets the answer
        self.lines = lines  # of a claim: it goes behind the claims that wait in any of them
        self.within = within  # for each of them the line that it is a part of, if it is
        self.looks_for = looks_for  # None: for whatever is in them
        self.parks = parks  # waits in its lines when it finds nothing
        self.gives_back = gives_back  # undoes a result that nobody is there to take
        self.answered = False
        self.entered_at = 0.0
        self.notes = NOTES.get()  # of the call that asks, for what the log says of it

    @property
    def count(self) -> int:
        """How many operations it asks for."""
        return len(self.arguments[0]) if self.operation is together else 1


class Backlog:
    """The lanes. Put from the loop's thread, taken by the writing thread."""

    def __init__(self, *, line_max: int) -> None:
        self._line_max = line_max
        self._shed_at = int(line_max * SHED_SHARE)
        self._owner_max = int(self._shed_at * OWNER_SHARE)
        self._lanes: tuple[Turns[Request], ...] = (Turns(), Turns(), Turns(), Turns())
        self._waiting = 0  # in all of them
        self._changed = threading.Condition()
        self._closed = False
        self._woken = False
        self.waited_seconds = 0.0  # the oldest one, when the last batch was taken

    def __len__(self) -> int:
        return self._waiting

    def lengths(self) -> dict[str, int]:
        """How many wait in each lane."""
        names = ("settle", "claim", "house", "rest")
        return {name: len(lane) for name, lane in zip(names, self._lanes, strict=True)}

    def put(self, requests: Sequence[Request]) -> list[tuple[Request, Unavailable]]:
        """Line requests up; those that are refused come back with the reason."""
        refused: list[tuple[Request, Unavailable]] = []
        now = time.monotonic()
        with self._changed:
            for request in requests:
                if self._closed:
                    refused.append((request, unavailable("shutting_down")))
                elif self._is_full_for(request):
                    refused.append((request, unavailable("overloaded")))
                else:
                    request.entered_at = now
                    self._lanes[_LINE_OF[request.lane]].put(request.owner, request)
                    self._waiting += 1
            self._changed.notify()
        return refused

    def take(self, count_max: int, *, wait_seconds: float | None) -> list[Request] | None:
        """Up to `count_max` requests, the urgent ones first; of each lane some.

        An empty list when none came within `wait_seconds` or before `wake`; None once closed and
        drained.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._woken or self._waiting > 0, wait_seconds
            )
            self._woken = False
            if not self._waiting:
                self.waited_seconds = 0.0
                return None if self._closed else []
            taken = self._all() if self._waiting <= count_max else self._some(count_max)
            self._waiting -= len(taken)
            return taken

    def put_back(self, requests: Sequence[Request]) -> None:
        """What a batch had no time for, to the front again."""
        with self._changed:
            for request in reversed(requests):
                self._lanes[_LINE_OF[request.lane]].put_back(request.owner, request)
            self._waiting += len(requests)

    def wake(self) -> None:
        """Have the writing thread look around, though no request has come."""
        with self._changed:
            self._woken = True
            self._changed.notify()

    def is_closed(self) -> bool:
        return self._closed

    def close(self) -> None:
        """Refuse what comes from now on; what is there is still taken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _all(self) -> list[Request]:
        """What waits, when it fits into one batch: nearly always."""
        taken: list[Request] = []
        for lane in self._lanes:
            if lane:
                taken += lane.take_many(self._waiting)
        self._note_oldest(taken)
        return taken

    def _some(self, count_max: int) -> list[Request]:
        """As much as fits: of each lane its share, and what others do not need of theirs."""
        taken: list[Request] = []
        self._note_oldest([first for lane in self._lanes for first in lane.firsts()])
        of_each = int(count_max * LANE_SHARE)
        for place, lane in enumerate(self._lanes):
            kept = sum(min(len(behind), of_each) for behind in self._lanes[place + 1 :])
            taken += lane.take_many(count_max - kept - len(taken))
        return taken

    def _note_oldest(self, requests: Sequence[Request]) -> None:
        oldest = min(map(_entered_at, requests))
        self.waited_seconds = max(0.0, time.monotonic() - oldest)

    def _is_full_for(self, request: Request) -> bool:
        waiting = self._waiting
        if waiting < self._owner_max:
            return False  # the lowest of the bounds
        if request.lane == Lane.HOUSE or request.owner == HOUSE:
            return False  # one for each loop that runs: they free what everybody waits for
        if request.lane < Lane.REST:
            return waiting >= self._line_max
        of_owner = self._lanes[Lane.REST].count_of(request.owner)
        return waiting >= self._shed_at or of_owner >= self._owner_max
