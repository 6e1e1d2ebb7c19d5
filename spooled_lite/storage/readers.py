"""Reads beside the writing thread: on the loop's own connection, on reader threads, in pages."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiosqlite

from spooled_lite.clock import Clock
from spooled_lite.errors import DatabaseError, RequestTimeout
from spooled_lite.storage.connection import (
    READER_BUSY_MS,
    STEPS_BETWEEN_LOOKS,
    open_reader,
    reader_pragmas,
    uri_of,
)
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Reading
from spooled_lite.storage.trouble import is_interrupted, reason_of, unavailable
from spooled_lite.storage.turns import HOUSE
from spooled_lite.storage.waiting_reads import THREADS, Read, WaitingReads

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")
Query = Callable[Concatenate[Reading, P], T]

READ_SECONDS_MAX: Final = 10.0  # of one short read
PAGE_ROWS_MAX: Final = 500
PAGE_SECONDS_MAX: Final = 0.1
PAGED_MAX: Final = 16  # long reads at a time, each with a connection of its own
POINT_SECONDS_MAX: Final = 0.01  # on the loop's thread; what takes longer goes to a reader thread
_TOO_LONG: Final = "The read took too long"


class Reads:
    """The reads of one owner: an organization, the house, or those outside."""

    __slots__ = ("_owner", "_readers")

    def __init__(self, readers: "Readers", owner: int) -> None:
        self._readers = readers
        self._owner = owner

    async def point(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A read of one row by its key, here and now; on a reader thread when the file is busy."""
        try:
            return self._readers.at_once(query, *args, **kwargs)
        except sqlite3.Error:
            return await self.read(query, *args, **kwargs)

    async def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A short read, whole in one snapshot on a reader thread. See `read_within`."""
        return await self.read_within(READ_SECONDS_MAX, query, *args, **kwargs)

    async def read_within(
        self, seconds_max: float, query: Query[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, with a time limit of its own. The query may be run twice.

        Raises:
            RequestTimeout: it took longer than `seconds_max`, counted from when it began.
            Unavailable: too many wait, or its turn did not come in time.
        """
        return await self._readers.in_turn(
            self._owner, seconds_max, lambda reading: query(reading, *args, **kwargs)
        )


class Readers:
    """Read-only connections. After `reopen` each is opened again before its next use."""

    def __init__(self, path: str, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._line = WaitingReads()
        self._threads: list[threading.Thread] = []
        self._local = threading.local()  # each thread's connection, the loop's included
        self._opened: list[sqlite3.Connection] = []
        self._generation = 0
        self._paged = 0
        self._point_until = 0.0
        self._is_closed = False
        self.moment = self._line.moment
        # What the server reads for itself needs no owner to be named.
        house = self.of(HOUSE)
        self.point, self.read, self.read_within = house.point, house.read, house.read_within

    @property
    def generation(self) -> int:
        """How often the file was opened again."""
        return self._generation

    @property
    def connection_count(self) -> int:
        return len(self._opened)

    def of(self, owner: int) -> Reads:
        """The reads of an organization. Reader threads are shared in turns by owner."""
        return Reads(self, owner)

    def at_once(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A point read on the loop's thread. Raises sqlite3.Error when the file is busy."""
        if self._is_closed:
            raise unavailable("shutting_down")
        self._point_until = time.monotonic() + POINT_SECONDS_MAX
        return query(Reading(self._loop_connection(), self._clock.now_ms()), *args, **kwargs)

    async def in_turn(self, owner: int, seconds_max: float, run: Callable[[Reading], T]) -> T:
        """A read on a reader thread. See `Reads.read_within`."""
        read = Read(owner, seconds_max, run, asyncio.get_running_loop())
        self._line.put(read)
        if len(self._threads) < THREADS and self._line.needs_thread:
            self._start_thread()
        try:
            answer: T = await read.taker
            return answer
        except asyncio.CancelledError:
            self._line.caller_left(read)
            raise

    async def pages(
        self, statement: Statement[R], params: Mapping[str, Any], *, key: str = "seq"
    ) -> AsyncIterator[list[R]]:
        """A long read, in pages by key; nothing stays open between two pages.

        The statement takes `:after` (the key of the last row seen) and `:page`, and is ordered
        by its column `key`, an integer above 0.
        """
        if self._paged >= PAGED_MAX:
            raise unavailable("overloaded")
        self._paged += 1
        try:
            async with aiosqlite.connect(
                uri_of(self._path), uri=True, isolation_level=None
            ) as connection:
                connection.row_factory = sqlite3.Row
                for name, value in reader_pragmas(busy_ms=int(PAGE_SECONDS_MAX * 1000)).items():
                    await connection.execute_fetchall(f"PRAGMA {name} = {value}")
                after = 0
                while True:
                    rows = await self._page(connection, statement.text, {**params, "after": after})
                    if rows:
                        yield rows
                    if len(rows) < PAGE_ROWS_MAX:
                        return
                    after = rows[-1][key]
        except sqlite3.Error as error:
            raise self._as_domain(error) from error
        finally:
            self._paged -= 1

    def reopen(self) -> None:
        """Called by the writing thread when it opens the file again."""
        self._generation += 1

    def close(self) -> None:
        """End the reads that run, refuse the others, close the connections."""
        self._is_closed = True
        self._line.close()
        for thread in self._threads:
            thread.join()
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    async def _page(
        self, connection: aiosqlite.Connection, statement: str, params: Mapping[str, Any]
    ) -> list[Any]:
        await self.moment.page_begins()
        try:
            until = time.monotonic() + PAGE_SECONDS_MAX
            await connection.set_progress_handler(lambda: self._is_over(until), STEPS_BETWEEN_LOOKS)
            return list(
                await connection.execute_fetchall(statement, {**params, "page": PAGE_ROWS_MAX})
            )
        finally:
            self.moment.page_ends()

    def _start_thread(self) -> None:
        name = f"spooled-reader-{len(self._threads)}"
        thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _serve(self) -> None:
        """What a reader thread does."""
        while (read := self._line.take()) is not None:
            try:
                result = self._run(read)
            except BaseException as error:
                result = error
            if read.ended_for is not None:
                self._line.set_aside(read)
            else:
                self._line.finish(read, result)

    def _run(self, read: Read) -> Any:
        if self._is_over(read.until):  # closed, or it has no time at all
            raise unavailable("shutting_down") if self._is_closed else RequestTimeout(_TOO_LONG)
        try:
            connection = self._thread_connection()
            connection.set_progress_handler(lambda: self._ends(read), STEPS_BETWEEN_LOOKS)
            connection.execute("BEGIN")
            try:
                return read.run(Reading(connection, self._clock.now_ms()))
            finally:
                # Its time may be over: the end of the transaction must not be interrupted.
                connection.set_progress_handler(None, 0)
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise self._as_domain(error) from error

    def _ends(self, read: Read) -> bool:
        """Asked by a read that runs, every few steps: whether it is to be interrupted."""
        return self._is_over(read.until) or read.taker.done() or self._line.must_end(read)

    def _loop_connection(self) -> sqlite3.Connection:
        known = self._current()
        if known is not None:
            return known
        connection = self._open(busy_ms=0)
        # A statement that is no point read must not hold up the loop.
        connection.set_progress_handler(
            lambda: time.monotonic() > self._point_until, STEPS_BETWEEN_LOOKS
        )
        return connection

    def _thread_connection(self) -> sqlite3.Connection:
        return self._current() or self._open(busy_ms=READER_BUSY_MS)

    def _current(self) -> sqlite3.Connection | None:
        """This thread's connection, unless the file was opened again since."""
        known: tuple[int, sqlite3.Connection] | None = getattr(self._local, "connection", None)
        if known is None:
            return None
        generation, connection = known
        if generation == self._generation:
            return connection
        del self._local.connection
        self._opened.remove(connection)
        connection.close()
        return None

    def _open(self, *, busy_ms: int) -> sqlite3.Connection:
        generation = self._generation
        connection = open_reader(self._path, busy_ms=busy_ms)
        self._opened.append(connection)
        self._local.connection = (generation, connection)
        return connection

    def _is_over(self, until: float) -> bool:
        return self._is_closed or time.monotonic() > until

    def _as_domain(self, error: sqlite3.Error) -> Exception:
        if is_interrupted(error):
            if self._is_closed:
                return unavailable("shutting_down")
            return RequestTimeout(_TOO_LONG)
        reason = reason_of(error)
        if reason is not None:
            return unavailable(reason)
        logger.error("a read failed in SQL", exc_info=error)
        return DatabaseError()
