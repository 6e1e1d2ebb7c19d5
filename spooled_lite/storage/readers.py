"""Reads beside the writing thread: on the loop's own connection, on reader threads, in pages."""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiosqlite

from spooled_lite.clock import Clock
from spooled_lite.errors import DatabaseError, RequestTimeout
from spooled_lite.storage.connection import READER_BUSY_MS, open_reader, reader_pragmas, uri_of
from spooled_lite.storage.transaction import Reading
from spooled_lite.storage.trouble import is_interrupted, reason_of, unavailable

logger = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
Query = Callable[Concatenate[Reading, P], T]

THREADS: Final = 3
WAITING_MAX: Final = 1_000  # reads in line before more are refused
READ_SECONDS_MAX: Final = 10.0  # of one short read
PAGE_ROWS_MAX: Final = 500
PAGE_SECONDS_MAX: Final = 0.1
PAGED_MAX: Final = 16  # long reads at a time, each with a connection of its own
POINT_SECONDS_MAX: Final = 0.01  # on the loop's thread; what takes longer goes to a reader thread
_STEPS_BETWEEN_LOOKS: Final = 10_000  # virtual machine steps between looks at the clock


class Readers:
    """Read-only connections. After `reopen` each is opened again before its next use."""

    def __init__(self, path: str, *, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="spooled-reader")
        self._local = threading.local()  # each thread's connection, the loop's included
        self._opened: list[sqlite3.Connection] = []
        self._generation = 0
        self._waiting = 0
        self._paged = 0
        self._point_until = 0.0
        self._is_closed = False

    @property
    def connection_count(self) -> int:
        return len(self._opened)

    async def point(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A read of one row by its key, here and now; on a reader thread when the file is busy."""
        if self._is_closed:
            raise unavailable("shutting_down")
        self._point_until = time.monotonic() + POINT_SECONDS_MAX
        try:
            return query(Reading(self._loop_connection(), self._clock.now_ms()), *args, **kwargs)
        except sqlite3.Error:
            return await self.read(query, *args, **kwargs)

    async def read(self, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """A short read, whole in one snapshot on a reader thread."""
        return await self.read_within(READ_SECONDS_MAX, query, *args, **kwargs)

    async def read_within(
        self, seconds_max: float, query: Query[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`. Raises RequestTimeout when it takes longer, the time in line included;
        Unavailable when too many wait."""
        if self._is_closed:
            raise unavailable("shutting_down")
        if self._waiting >= WAITING_MAX:
            raise unavailable("overloaded")
        until = time.monotonic() + seconds_max
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._pool, lambda: self._run(until, query, *args, **kwargs)
            )
        finally:
            self._waiting -= 1

    async def pages(
        self, statement: str, params: Mapping[str, Any], *, key: str = "seq"
    ) -> AsyncIterator[list[sqlite3.Row]]:
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
                    rows = await self._page(connection, statement, {**params, "after": after})
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
        self._pool.shutdown(wait=True)
        for connection in self._opened:
            connection.close()
        self._opened.clear()

    async def _page(
        self, connection: aiosqlite.Connection, statement: str, params: Mapping[str, Any]
    ) -> list[sqlite3.Row]:
        until = time.monotonic() + PAGE_SECONDS_MAX
        await connection.set_progress_handler(lambda: self._is_over(until), _STEPS_BETWEEN_LOOKS)
        return list(await connection.execute_fetchall(statement, {**params, "page": PAGE_ROWS_MAX}))

    def _run(self, until: float, query: Query[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._is_closed:
            raise unavailable("shutting_down")
        if time.monotonic() > until:
            raise RequestTimeout("The read waited too long for its turn")
        try:
            connection = self._thread_connection()
            connection.set_progress_handler(lambda: self._is_over(until), _STEPS_BETWEEN_LOOKS)
            connection.execute("BEGIN")
            try:
                return query(Reading(connection, self._clock.now_ms()), *args, **kwargs)
            finally:
                # Its time may be over: the end of the transaction must not be interrupted.
                connection.set_progress_handler(None, 0)
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            raise self._as_domain(error) from error

    def _loop_connection(self) -> sqlite3.Connection:
        known = self._current()
        if known is not None:
            return known
        connection = self._open(busy_ms=0)
        # A statement that is no point read must not hold up the loop.
        connection.set_progress_handler(
            lambda: time.monotonic() > self._point_until, _STEPS_BETWEEN_LOOKS
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
            return RequestTimeout("The read took too long")
        reason = reason_of(error)
        if reason is not None:
            return unavailable(reason)
        logger.error("a read failed in SQL", exc_info=error)
        return DatabaseError()
