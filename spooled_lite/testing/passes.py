"""The loops of a world, run one pass at a time, in the order of their table.

Where production has a task for each loop, which wakes when it can, here the order is fixed: what is
due at one moment happens in the order of `background/loops.py`, in every run.
"""

import logging
from collections.abc import Collection, Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.background.deadlines import Deadlines
from spooled_lite.background.supervisor import AsyncLoop, Loop
from spooled_lite.events import Deadline
from spooled_lite.metrics import Metrics
from spooled_lite.storage.database import Database

logger = logging.getLogger(__name__)

# What callers see happen: time stops at each of these moments.
PRODUCT: Final = (
    Deadline.PROMOTION,
    Deadline.LEASE_END,
    Deadline.EXPIRY,
    Deadline.RUN_EXPIRY,
    Deadline.ROOM,
    Deadline.DEPENDENTS,
    Deadline.ITEMS,
    Deadline.WORKER_SILENCE,
    Deadline.SPREADING,
    Deadline.DELIVERY,
    Deadline.SLOT,
)
# What deletes and repairs: once, at the end of a move. What it deletes it deletes then as well.
HOUSEKEEPING: Final = (
    Deadline.DELETION,
    Deadline.CLEARING,
    Deadline.RETENTION,
    Deadline.SAFETY,
)
# Comes again and again for as long as there is a schedule, or a worker: never waited out.
RECURRING: Final = (Deadline.WORKER_SILENCE, Deadline.SLOT)
ONCE: Final = tuple(kind for kind in PRODUCT if kind not in RECURRING)
ALL: Final = (*PRODUCT, *HOUSEKEEPING)
# A clock that callers move says nothing about when a file was last backed up.
NOT_IN_TEST_MODE: Final = (
    Deadline.BACKUP,
    Deadline.ARCHIVE,
    Deadline.SHIPPING,
    Deadline.BASE,
)


class Awaited(Struct, frozen=True):
    """What waits for its time in a world: a copy of its rows takes it over, instead of finding it
    out by a first pass of every loop."""

    owed: frozenset[Deadline]
    due: tuple[tuple[int, Deadline], ...]


class Passes:
    """Used on the event loop's thread, by one caller at a time."""

    def __init__(
        self,
        database: Database,
        deadlines: Deadlines,
        loops: Sequence[Loop | AsyncLoop],
        metrics: Metrics,
    ) -> None:
        self._database = database
        self._deadlines = deadlines
        self._loops = {loop.deadline: loop for loop in loops}
        self._metrics = metrics
        # Due whatever the time is: the first passes, and those that failed.
        self._owed: set[Deadline] = set(self._loops)

    def left(self, *, is_calling: bool) -> Awaited:
        """`is_calling`: calls of webhooks are under way, which are not under way in a copy."""
        owed = {*self._owed, Deadline.DELIVERY} if is_calling else self._owed
        return Awaited(frozenset(owed), tuple(self.due(self._loops)))

    def take_over(self, left: Awaited) -> None:
        """Begin where another world was, instead of with all first passes."""
        self._owed = set(left.owed & self._loops.keys())
        for at_ms, kind in left.due:
            self._deadlines.announce(kind, at_ms)

    def first_due(self, at_ms: int, kinds: Collection[Deadline]) -> Deadline | None:
        """The first of the table that is due at this moment."""
        for kind in self._loops:
            if kind in kinds:
                due_at_ms = self._deadlines.due_at(kind)
                if kind in self._owed or (due_at_ms is not None and due_at_ms <= at_ms):
                    return kind
        return None

    def next_at(self, kinds: Collection[Deadline]) -> int | None:
        """When something is due next, as far as is known: at the earliest."""
        times = (self._deadlines.due_at(kind) for kind in kinds if kind in self._loops)
        return min((at for at in times if at is not None), default=None)

    def due(self, kinds: Collection[Deadline]) -> list[tuple[int, Deadline]]:
        """What is due and when, the soonest first."""
        times = ((self._deadlines.due_at(kind), kind) for kind in self._loops if kind in kinds)
        return sorted(
            ((at, kind) for at, kind in times if at is not None), key=lambda each: each[0]
        )

    async def run(self, kind: Deadline) -> int:
        """Run one pass; how much it did. What it raises has been noted: the pass stays owed."""
        loop = self._loops[kind]
        self._deadlines.begin(kind)
        self._owed.add(kind)
        try:
            done = await loop.run(self._database)
        except Exception:
            self._deadlines.failed(kind)
            raise
        self._owed.discard(kind)
        self._deadlines.passed(kind, done.due_again_ms)
        self._metrics.passed(loop.name, done.done)
        return done.done
