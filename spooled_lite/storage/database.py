"""The one door to the database: `write` on the writing thread, `read` beside it."""

import asyncio
import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Hashable
from functools import partial
from pathlib import Path
from typing import Any, Final, ParamSpec, Self, TypeVar

import msgspec

from spooled_lite.clock import Clock
from spooled_lite.events import Deadline, EventBus
from spooled_lite.ids import Ids
from spooled_lite.metrics import Metrics
from spooled_lite.storage.backlog import LINES_MAX, Request
from spooled_lite.storage.connection import Durability, open_writer
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.storage.file_clock import check_clock, mark_as_test
from spooled_lite.storage.file_guard import (
    SPARE_BYTES,
    CannotUseFile,
    FileLock,
    create_private,
)
from spooled_lite.storage.file_identity import (
    FileMark,
    identity_of,
    keep_identity,
    mark_of,
    openings_of,
)
from spooled_lite.storage.file_kind import check_kind, check_log_has_its_file, check_place
from spooled_lite.storage.file_name import check_log_is_here, keep_name
from spooled_lite.storage.file_place import check_not_replaced
from spooled_lite.storage.lanes import Lane, lane_of
from spooled_lite.storage.log_sync import write_log_again
from spooled_lite.storage.migrate import check_schema, migrate
from spooled_lite.storage.pin import Begin, Pin, PinLimits, begin_now, why_over
from spooled_lite.storage.readers import Readers
from spooled_lite.storage.round import WaitingLines
from spooled_lite.storage.throwaway import remove_throwaway, throwaway
from spooled_lite.storage.transaction import Hooks, Line, Operation
from spooled_lite.storage.turns import HOUSE
from spooled_lite.storage.writer import (
    Commit,
    RoundOutcome,
    Writer,
    WriterSettings,
    plain_commit,
)

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

IN_MEMORY: Final = ":memory:"
HAND_OVER_SECONDS_MAX: Final = 1.0


class Database:
    """One file, one writing thread, many readers. Use it from one event loop."""

    def __init__(
        self,
        path: str,
        settings: WriterSettings,
        *,
        clock: Clock,
        ids: Ids,
        bus: EventBus,
        hooks: Hooks,
        waiting: WaitingLines,
        on_due: Callable[[Deadline, int], None],
        commit: Commit = plain_commit,
        metrics: Metrics | None = None,
        image: bytes | None = None,
        is_test: bool = False,
    ) -> None:
        """Take the file and bring it to the newest schema. Nothing runs before `start`.

        `image`: the pages that a throw-away file begins with, as SQLite serializes them.
        `is_test`: a file that lasts has to be new, or made by such a server.

        Raises:
            CannotUseFile: another server holds it, it belongs to another program, it needs a newer
                version of this one, or its log stands elsewhere. Nothing of it was changed.
            sqlite3.Error, OSError: the file cannot be opened.
        """
        self._is_throwaway = path == IN_MEMORY
        assert image is None or self._is_throwaway, "pages are put into no file that lasts"
        # One name per file: the lock stands beside it, and readers open it later by this name.
        self.path = (
            throwaway(in_memory=is_test, removes_leftovers=image is None)
            if self._is_throwaway
            else os.path.realpath(path)
        )
        self.found: FileMark | None = None  # how the file was before it was opened
        self.openings = 0  # how often the file was opened before, see `count_opening`
        self._bus = bus
        self._on_due = on_due
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._gathered: list[Request] = []
        # Told of each operation that is lined up, in the task that asks for it; None: nobody is.
        self.on_enter: Callable[[Request], None] | None = None
        if self._is_throwaway:
            settings = msgspec.structs.replace(settings, durability="off")
        room = DiskRoom(self.path, reserve_bytes=settings.disk_reserve_bytes)
        self._keeps_spare = settings.disk_reserve_bytes > 0 and not self._is_throwaway
        check_place(self.path)
        check_not_replaced(self.path)
        self.lock = FileLock(self.path).acquire()
        is_full = room.is_full()
        try:
            if is_full:
                self.lock.give_up_spare()  # what SQLite keeps beside the file needs room as well
            connection = self._opened(settings.durability, image, ids, is_test=is_test)
        except BaseException as error:
            self.lock.leave_no_trace()
            if self._is_throwaway:
                remove_throwaway(self.path)
            if isinstance(error, sqlite3.OperationalError) and room.is_full():
                raise CannotUseFile(
                    f"{self.path}: the disk is full, there is no room to open the file: free some"
                    f" megabytes ({error})"
                ) from error
            raise
        if self._keeps_spare and not room.is_low():
            self.lock.keep_spare()
        self.file_id = identity_of(connection)  # kept in it all its life; empty for a throw-away
        self.readers = Readers(self.path, clock=clock)
        self.writer = Writer(
            self.path,
            settings,
            connection=connection,
            room=room,
            spare=self.lock if self._keeps_spare else None,
            clock=clock,
            ids=ids,
            hooks=hooks,
            waiting=waiting,
            tell=self._tell,
            on_reopen=self.readers.reopen,
            moment=self.readers.moment,
            commit=commit,
            metrics=metrics,
        )
        if is_full and self._keeps_spare:
            self.writer.file.lengthen_log(SPARE_BYTES)  # what of the spare room is not used yet

    def _opened(
        self, durability: Durability, image: bytes | None, ids: Ids, *, is_test: bool
    ) -> sqlite3.Connection:
        """Look whether the file is ours, then open it and bring it to the newest schema."""
        check_log_has_its_file(self.path)
        create_private(self.path)
        if image is not None:
            Path(self.path).write_bytes(image)
        self.lock.hold_file()
        if not self._is_throwaway:  # that one is empty, or what was written just now
            check_kind(self.path)
            check_schema(self.path)
            check_clock(self.path, is_test=is_test)
            check_log_is_here(self.path)
            self.found = mark_of(self.path)
            write_log_again(self.path)
        connection = open_writer(self.path, durability)
        try:
            migrate(connection, copy_to=self.path)
            if not self._is_throwaway:
                # First: writing the name down moves all of it into the file itself.
                keep_identity(connection, ids.of("file").new_id())
                keep_name(connection, self.path)
                self.openings = openings_of(connection)
                if is_test:
                    mark_as_test(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def start(self) -> Self:
        """Start the writing thread; answers and events come back to the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self.writer.start()
        return self

    async def write(
        self,
        operation: Operation[P, T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Run an operation of the house on the writing thread. See `submit`."""
        return await self.submit(HOUSE, operation, *args, **kwargs)

    def submit(
        self, owner: int, operation: Operation[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> asyncio.Future[T]:
        """Line an operation up, in its lane and in the turn of its owner: an organization, or those
        outside. The future holds its answer once it is committed.

        A caller that goes away does not cancel the write.

        Raises, through the future:
            SpooledError: the operation's own refusal, with nothing of it stored.
            Unavailable: overload, storage trouble, or the server is stopping.
        """
        bound = partial(operation, **kwargs) if kwargs else operation
        taker: asyncio.Future[T] = self._running_loop().create_future()
        self.enter(Request(bound, args, lane_of(operation, owner), owner, taker))
        return taker

    def submit_claim(
        self,
        operation: Callable[..., Any],
        arguments: tuple[Any, ...],
        *,
        owner: int,
        lines: tuple[Line, ...],
        within: tuple[Line, ...] = (),
        looks_for: Hashable = None,
        parks: bool,
        gives_back: Operation[[Any], Any],
    ) -> Request:
        """Line a claim up: behind those that wait in its lines, and to wait there if it `parks`.

        It stands in all of them until one has something for it, and then leaves all of them.
        `within` has for each line the one that it is a part of: who feeds that one feeds it, too.
        `looks_for` says what it would take of what is there; None: anything.

        Its answer is in the request's `taker`, a future. When nobody takes what it found,
        because the future was settled or cancelled before, `gives_back` is run with it.
        """
        assert 0 < len(lines) <= LINES_MAX, "a claim stands in some lines, and not in too many"
        taker = self._running_loop().create_future()
        request = Request(
            operation,
            arguments,
            Lane.CLAIM,
            owner,
            taker,
            lines=lines,
            within=within,
            looks_for=looks_for,
            parks=parks,
            gives_back=gives_back,
        )
        self.enter(request)
        return request

    def pin(
        self, limits: PinLimits, *, is_stopping: Callable[[], bool], begin: Begin = begin_now
    ) -> Pin:
        """A moment that stays readable, to be entered and left by one thread of the caller's.

        It is lost when the server stops, the storage fails, or one of the limits is reached.
        `begin` begins to read, for who wants to know more of the moment.
        """
        writer, path = self.writer, self.path
        reopened = self.readers.generation

        def is_well() -> bool:
            return writer.state != "failed" and self.readers.generation == reopened

        return Pin(
            path,
            writer.pins,
            why_over(
                limits,
                is_stopping=is_stopping,
                is_disk_low=writer.room.is_low,
                is_well=is_well,
                wal_bytes=writer.file.wal_bytes,
            ),
            begin,
        )

    def enter(self, request: Request) -> asyncio.Future[Any]:
        # Handed over once per turn of the loop: requests that were parsed in one turn share a
        # batch, and the two threads do not take turns at every request.
        self._gathered.append(request)
        if self.on_enter is not None:
            self.on_enter(request)
        if len(self._gathered) == 1:
            self._running_loop().call_soon(self._hand_over)
        taker: asyncio.Future[Any] = request.taker
        return taker

    def close(self) -> None:
        """Write what waits, then close everything. Blocks; nothing acknowledged is lost.

        Call it from any thread, after the last reader has its answer: reads that still run are
        ended, because they would keep the log from being emptied.
        """
        self._hand_over_from_anywhere()
        self.readers.close()
        self.writer.close()
        self.writer.log_reader.close()
        self._let_go()

    def _let_go(self) -> None:
        if self._keeps_spare:
            self.lock.keep_spare()  # the log is gone now: the next start may find a full disk
        self.lock.release()
        if self._is_throwaway:
            remove_throwaway(self.path)

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        assert self._loop is not None, "the database was started"
        return self._loop

    def _hand_over(self) -> None:
        gathered, self._gathered = self._gathered, []
        for request, refusal in self.writer.backlog.put(gathered):
            _answer(request, refusal)

    def _hand_over_from_anywhere(self) -> None:
        # What is gathered belongs to the loop's thread: two threads would hand it over twice.
        loop = self._loop
        if loop is None or not loop.is_running() or threading.get_ident() == self._loop_thread:
            self._hand_over()
            return
        handed = threading.Event()

        def hand_over() -> None:
            self._hand_over()
            handed.set()

        with contextlib.suppress(RuntimeError):  # the loop was closed just now
            loop.call_soon_threadsafe(hand_over)
            # If the loop is held up longer, what it gathered is refused when it goes on.
            handed.wait(HAND_OVER_SECONDS_MAX)

    def _tell(self, outcome: RoundOutcome) -> None:
        """Called by the writing thread: one call into the event loop for a whole batch."""
        # Without a loop there is no caller to answer; what was accepted is still written.
        with contextlib.suppress(RuntimeError):
            self._running_loop().call_soon_threadsafe(self._told, outcome)

    def _told(self, outcome: RoundOutcome) -> None:
        # Events first: a caller that reads its own write must find every cache up to date.
        if outcome.events:
            self._bus.publish(outcome.events)
        try:
            for kind, at_ms in outcome.due_at_ms.items():
                self._on_due(kind, at_ms)
        except Exception:
            logger.exception("a due time was not announced")
        for request, result in outcome.answers:
            if not _answer(request, result) and request.gives_back is not None:
                self._give_back(request, result)

    def _give_back(self, request: Request, result: Any) -> None:
        if result and not isinstance(result, Exception):
            assert request.gives_back is not None, "only what can be given back comes here"
            self.submit(request.owner, request.gives_back, result)


def _answer(request: Request, result: Any) -> bool:
    """Answer one caller. False if it has gone away; the write is committed anyway."""
    taker: asyncio.Future[Any] = request.taker
    if taker.done():
        return False
    if isinstance(result, StopIteration):
        result = RuntimeError("an operation raised StopIteration")  # a future refuses it
    if isinstance(result, Exception):
        taker.set_exception(result)
        # A caller that does not wait never looks at the error; asyncio is not to warn about it.
        taker.exception()
    else:
        taker.set_result(result)
    return True
