"""Sends the deliveries that are owed: finds them, makes the calls, records the results."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from spooled_lite.background.places import CallPlace, CallPlaces
from spooled_lite.background.sender import Sender
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.webhooks.deliveries import (
    FIRST_ENDPOINT,
    LAST_ENDPOINT,
    OwedDelivery,
    OwedPage,
    find_owed,
    load,
    record,
)
from spooled_lite.core.webhooks.records import Attempt, Outgoing
from spooled_lite.errors import Unavailable
from spooled_lite.metrics import Metrics
from spooled_lite.storage.database import Database

logger = logging.getLogger(__name__)

ERROR_PAUSE_SECONDS: Final = 1.0
ENDPOINTS_MAX: Final = 200  # of one read
ENDPOINTS_PER_PLACE: Final = 8  # of one read, for each free place: few places are soon taken


class Courier:
    """Used on the event loop's thread.

    Which deliveries are under way is known in memory only. After a crash they are still owed, and
    are sent again under the same number: at least once.
    """

    def __init__(
        self,
        sender: Sender,
        *,
        places_max: int,
        attempts_max: int,
        metrics: Metrics,
        wake: Callable[[], None],
    ) -> None:
        """`wake` has `run_once` called again, soon."""
        self._sender = sender
        self._places = CallPlaces(places_max)
        self._attempts_max = attempts_max
        self._metrics = metrics
        self._wake = wake
        self._tasks: set[asyncio.Task[None]] = set()
        self._taken: set[int] = set()  # deliveries not to be sent again although a read finds them
        self._over: set[int] = set()  # of these the finished ones; the next read sees their result
        # By endpoint, deliveries that the last read found due and that had no place yet.
        self._behind: dict[str, list[OwedDelivery]] = {}
        self._after = FIRST_ENDPOINT  # the endpoint that had its turn last
        self._is_stopping = False
        self._said_held = False

    def under_way(self) -> int:
        return len(self._tasks)

    async def run_once(self, database: Database) -> Pass:
        """Begin to send the deliveries that are due, endpoint by endpoint, each in its turn.

        The pass is due again when the next delivery is. The end of each delivery wakes it as well,
        so it can stop looking as soon as no place is left.
        """
        begun = 0
        next_at_ms: int | None = None
        turn = self._after
        for after, last in ((turn, LAST_ENDPOINT), (FIRST_ENDPOINT, turn)):
            position: str | None = after
            while position is not None and position < last:
                if not self._places.left:
                    return Pass(begun, None)
                found = await self._look(database, position, last)
                self._behind = {}
                for waiting in found.owed:
                    if waiting.seq in self._taken:
                        continue
                    if waiting.at_ms > self._sender.now_ms:
                        if next_at_ms is None or waiting.at_ms < next_at_ms:
                            next_at_ms = waiting.at_ms
                    elif self._begin(database, waiting):
                        begun += 1
                    else:
                        self._behind.setdefault(waiting.endpoint, []).append(waiting)
                position = found.after
        if self._places.end_round():
            self._wake()
        return Pass(begun, next_at_ms)

    def calls(self) -> frozenset[asyncio.Task[None]]:
        """The deliveries under way: each task ends when its result is recorded."""
        return frozenset(self._tasks)

    async def settled(self) -> None:
        """Wait until no delivery is under way, including those that begin meanwhile."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def finish(self, seconds: float, at_once: asyncio.Event) -> None:
        """Wait for the deliveries under way, at most this long; the others stay owed."""
        self._is_stopping = True
        hurry = asyncio.create_task(at_once.wait(), name="deliveries at once")
        try:
            async with asyncio.timeout(seconds):
                while self._tasks and not hurry.done():
                    await asyncio.wait((*self._tasks, hurry), return_when=asyncio.FIRST_COMPLETED)
        except TimeoutError:
            pass
        late = tuple(self._tasks)
        for task in (*late, hurry):
            task.cancel()
        await asyncio.gather(*late, hurry, return_exceptions=True)
        if late:
            logger.info(
                "%d webhook calls were not finished; they are made again after the next start",
                len(late),
            )
        await self._sender.close()

    async def _look(self, database: Database, after: str, last: str) -> OwedPage:
        # This read sees every result that was recorded before it begins. It may miss one that is
        # recorded meanwhile, and that delivery must not be sent again.
        self._taken -= self._over
        self._over.clear()
        endpoints_max = min(ENDPOINTS_MAX, ENDPOINTS_PER_PLACE * self._places.left)
        found = await database.readers.read(find_owed, after, last, endpoints_max)
        if found.is_held and not self._said_held:
            logger.warning(
                "webhook calls are held since a restore: none is made until"
                " POST /api/v1/admin/webhooks/resume"
            )
        self._said_held = found.is_held
        return found

    def _begin(self, database: Database, waiting: OwedDelivery) -> bool:
        place = self._places.take(waiting.endpoint, waiting.org, waiting.last_seconds)
        if place is None:
            return False
        self._after = waiting.endpoint
        self._taken.add(waiting.seq)
        task = asyncio.create_task(
            self._deliver(database, waiting.seq, place), name=f"delivery-{waiting.seq}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    def _begin_next(self, database: Database, endpoint: str) -> None:
        """Send the next delivery to an endpoint that has just answered, without another read,
        which would take as long as a quick receiver. No more in a row than one read has found, so
        that other endpoints have their turn.
        """
        behind = self._behind.get(endpoint)
        if behind and not self._is_stopping:
            self._begin(database, behind.pop(0))

    async def _deliver(self, database: Database, seq: int, place: CallPlace) -> None:
        began = time.monotonic()
        try:
            call = await database.readers.point(load, seq)
            if call is not None:
                attempt = await self._sender.send(call)
                await self._record(database, call, attempt)
        except Unavailable as error:
            # The storage has logged why; the delivery is still owed.
            logger.debug("a webhook delivery was postponed: %s", error)
            await asyncio.sleep(ERROR_PAUSE_SECONDS)
        except Exception:
            logger.exception("a webhook delivery failed unexpectedly; it will be tried again")
            await asyncio.sleep(ERROR_PAUSE_SECONDS)
        finally:
            self._places.give_back(place, seconds=time.monotonic() - began)
            self._over.add(seq)
            self._begin_next(database, place.endpoint)
            self._wake()

    async def _record(self, database: Database, call: Outgoing, attempt: Attempt) -> None:
        """Try until the result is recorded: otherwise the receiver would be called again."""
        while True:
            try:
                became = await database.write(record, call, attempt, self._attempts_max)
                break
            except Unavailable:
                if self._is_stopping:
                    raise
                await asyncio.sleep(ERROR_PAUSE_SECONDS)
        self._metrics.count("spooled_webhook_attempts_total")
        self._metrics.webhook_seconds.observe(attempt.duration_ms / 1000)
        if became == "success":
            self._metrics.count("spooled_webhook_delivered_total")
        elif became == "failed":
            self._metrics.count("spooled_webhook_failed_total")
