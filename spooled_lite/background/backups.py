"""Backs the file up by a cron expression or when asked, keeps what is to be kept, and drills."""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from spooled_lite.background.own_thread import on_own_thread
from spooled_lite.background.supervisor import AsyncLoop
from spooled_lite.backups.copies import BackupFailed, CopyProgress, Work, back_up_running
from spooled_lite.backups.manifest import Manifest
from spooled_lite.backups.plan import BackupPlan
from spooled_lite.backups.sending import STORE_FAILURES, send_unsent, unsent
from spooled_lite.backups.shelf import Shelf, on_shelf, prune, verify
from spooled_lite.clock import Clock
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.errors import Conflict
from spooled_lite.events import Deadline
from spooled_lite.metrics import Metrics
from spooled_lite.outbound.stores import StoreTrouble
from spooled_lite.storage.database import Database
from spooled_lite.times import format_ms

logger = logging.getLogger(__name__)

RETRY_MS: Final = 5 * 60_000  # after a backup that failed
# Listed for the administrator; with the usual terms there are some twenty.
LISTED_MAX: Final = 1_000


class BackupRun(Struct, frozen=True):
    """A backup that is being made."""

    since_ms: int
    progress: CopyProgress | None


class Backups:
    """The work of the loop that backs up. Its state is read on the loop's thread."""

    def __init__(
        self,
        plan: BackupPlan,
        *,
        clock: Clock,
        metrics: Metrics,
        is_stopping: Callable[[], bool],
        wake: Callable[[], None],
    ) -> None:
        """`wake` has the loop run a pass now."""
        self.plan = plan
        self.under_way: BackupRun | None = None
        self.newest: Manifest | None = None
        # Of the last backup or drill that failed, until one is well.
        self.problem: str | None = None
        self.tries = 0  # that have ended since the start, well or not
        self._clock = clock
        self._metrics = metrics
        self._is_stopping = is_stopping
        self._wake = wake
        self._is_asked = False
        self._has_looked = False
        self._listing: asyncio.Task[Shelf] | None = None
        self._drill_at_ms = plan.next_drill(clock.now_ms())
        metrics.watch("spooled_backup_age_seconds", self._age_seconds)
        clock.on_jump(self._clock_jumped)

    @property
    def loop(self) -> AsyncLoop:
        return AsyncLoop("make-backups", Deadline.BACKUP, self.run_once)

    @property
    def next_at_ms(self) -> int | None:
        """When the next one is made by itself, as far as is known."""
        return None if self.newest is None else self.plan.next_backup(self.newest.made_at_ms)

    def ask(self) -> None:
        """Have one made now.

        Raises:
            Conflict: one is being made, or is about to be.
        """
        if self.under_way is not None:
            since = format_ms(self.under_way.since_ms)
            raise Conflict(f"A backup has been under way since {since}")
        if self._is_asked:
            raise Conflict("A backup is about to be made")
        self._is_asked = True
        self._wake()

    async def listed(self) -> Shelf:
        """Whoever asks while the store is read shares the answer: a store may be slow.

        Raises StoreTrouble.
        """
        if self._listing is None or self._listing.done():
            reading = on_own_thread(lambda: on_shelf(self.plan.store))
            self._listing = asyncio.create_task(reading, name="list of backups")
        shelf = await asyncio.shield(self._listing)
        return Shelf(shelf.manifests[-LISTED_MAX:], shelf.problems[:LISTED_MAX])

    async def run_once(self, db: Database) -> Pass:
        """Make a backup if one is due or asked for, and check the newest one if that is due."""
        now_ms = self._clock.now_ms()
        if not self._has_looked and not await self._look(db) and not self._is_asked:
            return Pass(0, self._clock.now_ms() + RETRY_MS)
        made = 0
        if not await self._sent(db):
            return Pass(0, self._clock.now_ms() + RETRY_MS)
        if self._is_asked or self._is_due():
            self._is_asked = False
            if not await self._make(db, now_ms):
                return Pass(0, self._clock.now_ms() + RETRY_MS)
            made = 1
        if self._drill_at_ms is not None and self._drill_at_ms <= now_ms:
            self._drill_at_ms = self.plan.next_drill(now_ms)
            await self._drill()
        return Pass(made, self._due_at())

    async def _look(self, db: Database) -> bool:
        """Find the newest backup of this file, so that one that was missed is made up for. False:
        the store cannot be read, so that nothing is known of it."""
        try:
            shelf = await self.listed()
        except StoreTrouble as error:
            self._failed(str(error))
            return False
        now_ms = self._clock.now_ms()
        # One of the future was made before the clock was set back: it is not of today.
        ours = [
            each
            for each in shelf.manifests
            if each.file_id == db.file_id and each.made_at_ms <= now_ms
        ]
        self.newest = ours[-1] if ours else None
        self._has_looked = True
        return True

    def _clock_jumped(self) -> None:
        if self.newest is not None and self.newest.made_at_ms > self._clock.now_ms():
            self.newest = None  # the clock was set back: what was made before says nothing of now
            self._wake()

    async def _sent(self, db: Database) -> bool:
        """Send a backup that could not be sent. False: it still cannot, and no newer one is due."""
        spool, store = self.plan.spool, self.plan.store
        waiting = None
        try:
            waiting = await on_own_thread(lambda: unsent(spool, db.file_id))
            if waiting is None:
                return True
            sent = await on_own_thread(lambda: send_unsent(spool, db.file_id, store))
        except STORE_FAILURES as error:
            if waiting is None or self._is_asked or self._is_after(waiting):
                return True  # the newer one takes its place
            self._failed(str(error))
            return False
        if sent is not None and (self.newest is None or self.newest.made_at_ms < sent.made_at_ms):
            self.newest, self.problem = sent, None
            logger.info("backup %s was sent, which had waited", sent.name)
        return True

    def _is_after(self, manifest: Manifest) -> bool:
        """Whether a newer one than this is due."""
        slot_ms = self.plan.next_backup(manifest.made_at_ms)
        return slot_ms is not None and slot_ms <= self._clock.now_ms()

    def _is_due(self) -> bool:
        if self.newest is None:
            return True  # a file without a backup, and a place that was not tried yet
        return self._is_after(self.newest)

    def _due_at(self) -> int | None:
        made_at_ms = self._clock.now_ms() if self.newest is None else self.newest.made_at_ms
        times = (self.plan.next_backup(made_at_ms), self._drill_at_ms)
        return min((at for at in times if at is not None), default=None)

    async def _make(self, db: Database, now_ms: int) -> bool:
        began = time.monotonic()
        self.under_way = BackupRun(now_ms, None)
        loop = asyncio.get_running_loop()
        store = self.plan.store
        work = Work(
            store=store,
            folder=self.plan.spool,
            now_ms=self._clock.now_ms,
            bytes_per_second=self.plan.bytes_per_second,
            on_progress=lambda progress: _tell(loop, self._progressed, progress),
            is_stopping=self._is_stopping,
            is_disk_low=db.writer.room.is_low,
        )
        try:
            pin = db.pin(self.plan.limits, is_stopping=self._is_stopping)
            made = self.newest = await on_own_thread(lambda: back_up_running(pin, work))
        except BackupFailed as error:
            self._failed(str(error))
            return False
        except Exception as error:
            # A bug. The supervisor would try again in a second, with a whole copy each time.
            logger.exception("a backup failed in a way that nobody thought of")
            self._failed(f"{type(error).__name__}: {error}")
            return False
        else:
            seconds = time.monotonic() - began
            self.problem = None
            self._metrics.show("spooled_backup_seconds", seconds)
            size = made.packed_bytes // 2**20
            logger.info("backup %s: %d MiB in %.1f s", made.name, size, seconds)
            await self._prune(db)
            return True
        finally:
            self.under_way = None
            self.tries += 1

    async def _prune(self, db: Database) -> None:
        """Delete what need not be kept. What cannot be deleted now is so after the next backup."""
        store, keep, now_ms = self.plan.store, self.plan.keep, self._clock.now_ms()
        try:
            gone = await on_own_thread(
                lambda: prune(store, keep, file_id=db.file_id, now_ms=now_ms)
            )
        except StoreTrouble as error:
            logger.warning("old backups cannot be deleted: %s", error)
        else:
            logger.info("%d older backups were deleted", len(gone))

    async def _drill(self) -> None:
        """Bring the newest backup back into a temporary file, and look at all of it."""
        newest = self.newest
        if newest is None:
            return
        now_ms, is_stopping = self._clock.now_ms(), self._is_stopping
        try:
            found = await on_own_thread(
                lambda: verify(self.plan.store, newest, now_ms, is_stopping)
            )
        except (StoreTrouble, OSError) as error:
            found = [str(error)]
        if is_stopping():
            return
        if found:
            self._failed(f"the backup {newest.name} cannot be restored: {'; '.join(found)}")
        else:
            logger.info("the backup %s was restored for a try and is whole", newest.name)

    def _progressed(self, progress: CopyProgress) -> None:
        if self.under_way is not None:
            self.under_way = BackupRun(self.under_way.since_ms, progress)

    def _failed(self, problem: str) -> None:
        if self._is_stopping():
            return
        self.problem = problem
        self._metrics.count("spooled_backup_failures_total")
        logger.error("no backup: %s", problem)

    def _age_seconds(self) -> float:
        if self.newest is None:
            return math.nan
        return max(0, self._clock.now_ms() - self.newest.made_at_ms) / 1000


def _tell(
    loop: asyncio.AbstractEventLoop, tell: Callable[[CopyProgress], None], progress: CopyProgress
) -> None:
    loop.call_soon_threadsafe(tell, progress)
