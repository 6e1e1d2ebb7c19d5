"""Fires schedules: reads what is due, decides off the writing thread, then writes."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from spooled_lite.core.jobs.passes import PASS_BYTES_MAX, Pass
from spooled_lite.core.schedules.fire import Fired, Terms, find_due, fire
from spooled_lite.core.schedules.missed import Firing, decide
from spooled_lite.errors import InternalError, Unavailable
from spooled_lite.storage.database import Database
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx

logger = logging.getLogger(__name__)

READ_MAX: Final = 500  # schedules that are read together
# Jobs of one transaction: about 10 ms of the writing thread, and always less than 50. Claims that
# arrive during a pass wait for its end.
PASS_JOBS_MAX: Final = 100
# The pause after a pass, which leaves the writing thread to others, as a share of its duration.
REST_SHARE: Final = 0.5
STUCK_MS: Final = 1_000  # the wait when schedules are due but none could fire


class Scheduler:
    """The work of the loop that fires schedules."""

    def __init__(self, terms: Terms, on_missed: Callable[[int], None] = lambda count: None) -> None:
        self._terms = terms
        self._on_missed = on_missed  # told of slots that were passed over
        self._pass_seconds = 0.0  # of the writing thread, for the last pass

    async def run_once(self, db: Database) -> Pass:
        """Fire at most READ_MAX schedules, the longest due first.

        A crash at any line loses no slot and fires none twice: a slot, its job and the next slot
        are stored in one transaction, and what has not been stored is still due.
        """
        due = await db.readers.read(find_due, READ_MAX)
        if not due.rows:
            return Pass(0, due.next_at_ms)
        firings = await asyncio.to_thread(decide, due.rows, due.now_ms)
        count = 0
        for some in in_passes(firings):
            count += await self._fire(db, some)
            if len(firings) > len(some):
                await asyncio.sleep(self._pass_seconds * REST_SHARE)
        return Pass(count, due.now_ms if count else due.now_ms + STUCK_MS)

    async def _fire(self, db: Database, firings: Sequence[Firing]) -> int:
        try:
            return self._stored(await db.write(self._fire_timed, firings))
        except Unavailable as error:
            if error.reason != "storage_full":
                raise
            return self._stored(await db.write(self._refuse_timed, firings, error.message))
        except Exception:
            if len(firings) > 1:
                # One bad schedule must not stop the others.
                return sum([await self._fire(db, [each]) for each in firings])
            logger.exception("schedule %s could not fire", firings[0].schedule)
            try:
                message = InternalError().message
                return self._stored(await db.write(self._refuse_timed, firings, message))
            except Exception:
                logger.exception("schedule %s could not move on", firings[0].schedule)
                return 0

    def _stored(self, fired: Fired) -> int:
        if fired.missed:
            self._on_missed(fired.missed)
        return fired.schedules

    @in_lane(Lane.CREATE)
    def _fire_timed(self, tx: Tx, firings: Sequence[Firing]) -> Fired:
        return self._timed(tx, firings, None)

    def _refuse_timed(self, tx: Tx, firings: Sequence[Firing], reason: str) -> Fired:
        """Record failed runs for these slots: the history of each schedule shows the reason."""
        return self._timed(tx, firings, reason)

    def _timed(self, tx: Tx, firings: Sequence[Firing], refusal: str | None) -> Fired:
        began = time.monotonic()
        fired = fire(tx, firings, self._terms, refusal)
        self._pass_seconds = time.monotonic() - began
        return fired


def in_passes(firings: Sequence[Firing]) -> Iterator[Sequence[Firing]]:
    """The firings in order, in groups of at most PASS_JOBS_MAX jobs and PASS_BYTES_MAX bytes."""
    some: list[Firing] = []
    jobs = size_bytes = 0
    for firing in firings:
        count = max(1, len(firing.slots))
        more_bytes = count * firing.size_bytes
        if some and (jobs + count > PASS_JOBS_MAX or size_bytes + more_bytes > PASS_BYTES_MAX):
            yield some
            some, jobs, size_bytes = [], 0, 0
        some.append(firing)
        jobs += count
        size_bytes += more_bytes
    if some:
        yield some
