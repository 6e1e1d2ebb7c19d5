"""Keeps the archive of the file: cuts windows, sends them, makes bases, deletes what is old.

Three loops, so that a slow store or a copy that takes long keeps nobody from reading the log.
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final, Literal

from msgspec import Struct

from spooled_lite import __version__
from spooled_lite.archive.base import BaseMoment, BaseWork, begin_base, make_base
from spooled_lite.archive.chain import begin_chain
from spooled_lite.archive.chain_writer import ChainWriter, SpoolFull
from spooled_lite.archive.plan import ArchivePlan
from spooled_lite.archive.retention import drop_old
from spooled_lite.archive.shipping import SecondWriter, Shipped, ship
from spooled_lite.archive.spool import ChainStanding
from spooled_lite.archive.window import BadWindow
from spooled_lite.background.own_thread import on_own_thread
from spooled_lite.background.supervisor import AsyncLoop
from spooled_lite.backups.copies import BackupFailed, Work
from spooled_lite.clock import Clock
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.events import Deadline
from spooled_lite.ids import Ids
from spooled_lite.metrics import Metrics
from spooled_lite.outbound.stores import StoreTrouble
from spooled_lite.storage.database import Database
from spooled_lite.storage.log_index import LogUnknown
from spooled_lite.storage.log_reader import LogReader
from spooled_lite.storage.transaction import Tx

logger = logging.getLogger(__name__)

SHIP_AGAIN_MS: Final = 10_000  # after a store that could not be reached
BASE_AGAIN_MS: Final = 60_000  # likewise, and between two chains that break at once
COPY_AGAIN_MS: Final = 5 * 60_000  # after a copy that failed, which costs more
BEGIN_SECONDS_MAX: Final = 30.0  # until the writing thread comes to the beginning of a base
# Less than this is not worth a new base, however small the file is.
WINDOWS_OUTWEIGH_BYTES: Final = 64 * 1024 * 1024


OfProblem = Literal["sending", "base", "chain"]  # of a problem


class _Unsent(Struct):
    """What was cut and is not known to be in the store."""

    since_ms: int  # of its first commit
    number: int | None = None  # of its last window; None: it is not in the spool yet

    def is_in(self, standing: ChainStanding) -> bool:
        return self.number is not None and self.number <= standing.number


class Archive:
    """The work of the loops. Its state is read on the event loop's thread."""

    def __init__(
        self,
        plan: ArchivePlan,
        database: Database,
        *,
        ids: Ids,
        clock: Clock,
        metrics: Metrics,
        is_stopping: Callable[[], bool],
        announce: Callable[[Deadline, int], None],
    ) -> None:
        """Go on with the chain of the file if there is one. Before the writing thread runs.

        `announce` says when a loop has something to do.
        """
        self.plan = plan
        self.shipped_to_ms: int | None = None  # what was committed by then is in the store
        self._database = database
        self._ids = ids
        self._clock = clock
        self._metrics = metrics
        self._is_stopping = is_stopping
        self._announce = announce
        self._loop = asyncio.get_running_loop()
        self._reader = database.writer.log_reader
        self._writer = ChainWriter(
            plan.spool, bytes_max=plan.spool_bytes_max, figures=partial(_figures, metrics)
        )
        self._taking = threading.Lock()  # windows go from reader to writer in their order
        self._is_refused = False
        self._problems: dict[OfProblem, str] = {}
        self._unsafe_since_ms: int | None = clock.now_ms()  # without a base
        self._unsent: deque[_Unsent] = deque()  # by when they were cut
        self._base_not_before_ms = 0
        self._go_on()
        metrics.watch("spooled_archive_lag_seconds", self.lag_seconds)
        clock.on_jump(lambda: announce(Deadline.ARCHIVE, 0))

    @property
    def loops(self) -> tuple[AsyncLoop, ...]:
        return (
            AsyncLoop("cut-windows", Deadline.ARCHIVE, self.cut_windows),
            AsyncLoop("ship-windows", Deadline.SHIPPING, self.ship_windows),
            AsyncLoop("make-bases", Deadline.BASE, self.make_bases),
        )

    @property
    def problem(self) -> str | None:
        """Why the archive is not as it should be, until it is."""
        return next(iter(self._problems.values()), None)

    @property
    def standing(self) -> ChainStanding | None:
        """Of the chain that is under way; None: there is none."""
        return self._writer.standing

    def lag_seconds(self) -> float:
        """How long the oldest commit waits that could not be restored from the store."""
        now_ms = self._clock.now_ms()
        due_ms = self._reader.cut_due_ms
        since = [
            self._unsafe_since_ms,
            self._unsent[0].since_ms if self._unsent else None,
            None if due_ms is None else due_ms - self.plan.cut_after_ms,
        ]
        return max(0, *(now_ms - each for each in since if each is not None), 0) / 1000

    def close(self) -> None:
        """The file was closed: keep the rest, and send it if that is quick. Blocks."""
        try:
            self._take()
            if self._reader.broken is None:
                self._writer.close(self._database.path)
            else:
                self._writer.end()
            ship(self.plan.spool, self.plan.store, self._writer.standing, self._shipped)
        except (SpoolFull, OSError) as error:
            logger.error("the archive was not closed in order and begins anew: %s", error)
            with contextlib.suppress(OSError):
                self._writer.end()
        except (StoreTrouble, SecondWriter) as error:
            logger.info("what is left of the archive is sent at the next start: %s", error)

    # -- the loops ------------------------------------------------------------------------------

    async def cut_windows(self, db: Database) -> Pass:
        """Cut a window if one is due, and read the log into the spool."""
        if self._writer.standing is None:
            return Pass(0, None)
        due_ms, now_ms = self._reader.cut_due_ms, self._clock.now_ms()
        # Further ahead than that only after the clock was set back.
        cut = None
        if due_ms is not None and not 0 < due_ms - now_ms <= self.plan.cut_after_ms:
            cut = _Unsent(due_ms - self.plan.cut_after_ms)
            self._unsent.append(cut)
            try:
                await db.write(_cut, self._reader)
            except BaseException:
                self._unsent.remove(cut)
                raise
        try:
            count = await on_own_thread(self._take)
        except (SpoolFull, OSError) as error:
            self._break(str(error))
            return Pass(0, None)
        if cut is not None and (standing := self._writer.standing) is not None:
            cut.number = standing.number
        if cut is not None or count:
            self._announce(Deadline.SHIPPING, 0)
        if self._reader.broken is not None:
            self._break(self._reader.broken)
        return Pass(count, self._reader.cut_due_ms)

    async def ship_windows(self, db: Database) -> Pass:
        """Send what waits."""
        shipped: list[Shipped] = []
        standing, spool, store = self._writer.standing, self.plan.spool, self.plan.store
        try:
            await on_own_thread(lambda: ship(spool, store, standing, shipped.append))
        except SecondWriter as error:
            self._refuse(str(error))
        except BadWindow as error:
            self._break(str(error))
        except (StoreTrouble, OSError) as error:
            self._failed("sending", str(error))
            return Pass(len(shipped), self._clock.now_ms() + SHIP_AGAIN_MS)
        finally:
            for each in shipped:
                self._shipped(each)
        while self._unsent and standing is not None and self._unsent[0].is_in(standing):
            self._unsent.popleft()
        self._problems.pop("sending", None)
        if self._is_base_due(self._writer.standing):
            self._announce(Deadline.BASE, 0)
        return Pass(len(shipped), None)

    async def make_bases(self, db: Database) -> Pass:
        """Make a base if one is due, beginning a chain if there is none, and delete what is old."""
        if self._is_refused:
            return Pass(0, None)
        standing, now_ms = self._writer.standing, self._clock.now_ms()
        if now_ms < self._base_not_before_ms <= now_ms + COPY_AGAIN_MS:
            return Pass(0, self._base_not_before_ms)
        if self._is_base_due(standing):
            self._base_not_before_ms = now_ms + BASE_AGAIN_MS
            if not await self._make_base(db, standing):
                return Pass(0, self._base_not_before_ms)
            await self._drop_old()
            return Pass(1, self._next_base_ms())
        return Pass(0, self._next_base_ms())

    # -- what they do ---------------------------------------------------------------------------

    def _go_on(self) -> None:
        loop, announce = self._loop, self._announce

        def wake() -> None:  # on the writing thread
            with contextlib.suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(announce, Deadline.ARCHIVE, 0)

        self._reader.attach(
            now_ms=self._clock.now_ms, wake=wake, cut_after_ms=self.plan.cut_after_ms
        )
        try:
            place = self._writer.go_on(self._database)
        except OSError as error:
            logger.error("the archive cannot go on: %s", error)
            return
        standing = self._writer.standing
        if place is not None and standing is not None:
            self._reader.go_on_from(place, standing.number)
            if standing.base_at_ms is not None:
                self._unsafe_since_ms = None

    def _take(self) -> int:
        """Bring windows from the reader into the spool. Raises SpoolFull, OSError."""
        with self._taking:
            if self._writer.standing is None:
                return 0  # it is about to begin: the windows wait
            made = self._reader.read()
            self._writer.add(made)
            return len(made)

    async def _make_base(self, db: Database, standing: ChainStanding | None) -> bool:
        plan, began = self.plan, time.monotonic()
        work = Work(
            store=plan.store,
            folder=plan.copies,
            now_ms=self._clock.now_ms,
            bytes_per_second=plan.bytes_per_second,
            on_progress=lambda progress: None,
            is_stopping=self._is_stopping,
            is_disk_low=db.writer.room.is_low,
            keeps_unsent=False,
        )
        of = BaseWork(
            database=db,
            writer=self._writer,
            work=work,
            limits=plan.limits,
            begin=self._begin_base,
            read=self._take,
        )
        try:
            if standing is None:
                # First, since it costs little: a store that cannot be reached gets no copy.
                token, now_ms = self._ids.of("archive").new_id(), self._clock.now_ms()
                chain = await on_own_thread(
                    lambda: begin_chain(
                        plan.store, db.file_id, token=token, now_ms=now_ms, program=__version__
                    )
                )
            else:
                chain = standing.chain
            begins = standing is None
            base = await on_own_thread(lambda: make_base(of, chain, begins_chain=begins))
        except StoreTrouble as error:
            self._failed("base", str(error))
            return False
        except (BackupFailed, OSError, SpoolFull) as error:
            self._base_not_before_ms = self._clock.now_ms() + COPY_AGAIN_MS
            self._failed("base", str(error))
            return False
        except Exception as error:
            # A bug. The supervisor would try again in a second, with a whole copy each time.
            logger.exception("a base failed in a way that nobody thought of")
            self._base_not_before_ms = self._clock.now_ms() + COPY_AGAIN_MS
            self._failed("base", f"{type(error).__name__}: {error}")
            return False
        finally:
            self._announce(Deadline.ARCHIVE, 0)
        seconds = time.monotonic() - began
        logger.info("the archive has a base at window %d: %.1f s", base.number, seconds)
        if self._writer.standing is not None and self._writer.standing.name == base.name:
            self._unsafe_since_ms = None
            self._problems.pop("base", None)
            self._problems.pop("chain", None)
        return True

    def _begin_base(
        self, reader: LogReader, connection: sqlite3.Connection, begins_chain: bool
    ) -> BaseMoment:
        """On the thread that copies: have the writing thread begin, and wait for it."""
        beginning = self._database.write(begin_base, reader, connection, begins_chain)
        asked = asyncio.run_coroutine_threadsafe(beginning, self._loop)
        return asked.result(BEGIN_SECONDS_MAX)

    def _is_base_due(self, standing: ChainStanding | None) -> bool:
        if standing is None or standing.base_at_ms is None:
            return not self._is_refused
        age_ms = self._clock.now_ms() - standing.base_at_ms
        outweigh = max(standing.base_bytes, WINDOWS_OUTWEIGH_BYTES)
        return age_ms >= self.plan.base_after_ms or standing.bytes_since_base > outweigh

    def _next_base_ms(self) -> int | None:
        standing = self._writer.standing
        if standing is None or standing.base_at_ms is None:
            return self._base_not_before_ms
        return standing.base_at_ms + self.plan.base_after_ms

    async def _drop_old(self) -> None:
        store, keep_ms, now_ms = self.plan.store, self.plan.keep_ms, self._clock.now_ms()
        file_id = self._database.file_id
        try:
            count = await on_own_thread(lambda: drop_old(store, file_id, keep_ms, now_ms))
        except StoreTrouble as error:
            logger.warning("old parts of the archive cannot be deleted: %s", error)
        else:
            if count:
                logger.info("%d old windows of the archive were deleted", count)

    def _shipped(self, each: Shipped) -> None:
        self._metrics.count("spooled_archive_bytes_total", each.bytes)
        self.shipped_to_ms = max(self.shipped_to_ms or 0, each.to_ms)

    def _failed(self, subject: OfProblem, problem: str) -> None:
        if not self._is_stopping() and problem != self._problems.get(subject):
            self._problems[subject] = problem
            logger.error("the archive is late: %s", problem)

    def _break(self, why: str) -> None:
        """The chain ends here. A new one begins with a new base."""
        if self._writer.standing is None:
            return
        self._ended(why)
        logger.error("the archive begins anew, with a new base: %s", why)
        self._announce(Deadline.BASE, 0)

    def _refuse(self, why: str) -> None:
        """Another server goes on in our place. Only a restart begins a new chain."""
        standing = self._writer.standing
        self._is_refused = True
        self._ended(why)
        if standing is not None:
            with contextlib.suppress(OSError):
                self.plan.spool.drop_chain(standing.name)
        logger.critical(
            "this server's archive is refused: %s. Two servers run on copies of one file: stop one"
            " of them. If this is the right one restart it, and it begins a new chain",
            why,
        )

    def _ended(self, why: str) -> None:
        self._reader.give_up(why)
        with contextlib.suppress(OSError):
            self._writer.end()
        self._unsent.clear()
        if self._unsafe_since_ms is None:
            self._unsafe_since_ms = self._clock.now_ms()
        self._problems = {"chain": why}
        self._metrics.count("spooled_archive_breaks_total")


def _cut(tx: Tx, reader: LogReader) -> None:
    try:
        reader.cut()
    except LogUnknown as error:
        reader.give_up(str(error))


def _figures(metrics: Metrics) -> tuple[int, int]:
    """How many jobs were created and settled since the start."""
    settled = ("spooled_jobs_completed_total", "spooled_jobs_deadlettered_total")
    created = metrics.counted("spooled_jobs_enqueued_total")
    return created, sum(metrics.counted(each) for each in settled)
