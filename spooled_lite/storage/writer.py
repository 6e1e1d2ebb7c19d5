"""The writing thread: takes what waits, commits once, answers all. Knows no resource."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal

from msgspec import Struct

from spooled_lite.clock import Clock
from spooled_lite.errors import DatabaseError, SpooledError, Unavailable
from spooled_lite.events import Deadline, Event, EventOf
from spooled_lite.ids import Ids
from spooled_lite.metrics import Metrics
from spooled_lite.storage.backlog import Backlog, Request
from spooled_lite.storage.checkpoint import Checkpointer
from spooled_lite.storage.connection import Durability
from spooled_lite.storage.disk_room import DiskRoom
from spooled_lite.storage.file_guard import SPARE_BYTES, FileLock
from spooled_lite.storage.log_reader import LogReader
from spooled_lite.storage.pin import Pins
from spooled_lite.storage.quiet_moment import QuietMoment
from spooled_lite.storage.recovery import TROUBLE_PAUSE_SECONDS, OpenFile
from spooled_lite.storage.round import Answer, Round, TransactionLost, WaitingLines
from spooled_lite.storage.shrink import shrink
from spooled_lite.storage.slow import SLOW_SECONDS, SlowOperations
from spooled_lite.storage.time_shares import run_in_time
from spooled_lite.storage.transaction import Batch, Hooks, Line, together
from spooled_lite.storage.trouble import as_answer, reason_of, unavailable

logger = logging.getLogger(__name__)

STALLED_SECONDS: Final = 2.0

Commit = Callable[[sqlite3.Connection], None]


class RoundOutcome(Struct, frozen=True):
    """What one commit, or one refusal, has to tell."""

    answers: Sequence[Answer]
    events: Sequence[Event] = ()
    due_at_ms: dict[Deadline, int] = {}


class WriterSettings(Struct, frozen=True, kw_only=True):
    durability: Durability = "full"
    line_max: int = 10_000
    batch_max: int = 256
    batch_ms_max: int = 20
    disk_reserve_bytes: int = 64 * 1024 * 1024


class _StorageTrouble(Exception):
    """The batch is lost because of the storage."""

    def __init__(self, refusal: Unavailable) -> None:
        self.refusal = refusal


def plain_commit(connection: sqlite3.Connection) -> None:
    """The seam at which tests inject a commit that fails."""
    connection.execute("COMMIT")


class Writer:
    """Owns the only writing connection. Everything below `close` runs on its thread."""

    def __init__(
        self,
        path: str,
        settings: WriterSettings,
        *,
        connection: sqlite3.Connection,
        room: DiskRoom,
        spare: FileLock | None,
        clock: Clock,
        ids: Ids,
        hooks: Hooks,
        waiting: WaitingLines,
        tell: Callable[[RoundOutcome], None],
        on_reopen: Callable[[], None],
        moment: QuietMoment,
        commit: Commit = plain_commit,
        metrics: Metrics | None = None,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._ids = ids
        self._hooks = hooks
        self._waiting = waiting
        self._tell = tell
        self._commit = commit
        self._metrics = metrics or Metrics()
        self.room = room
        self._spare = spare
        self.backlog = Backlog(line_max=settings.line_max)
        self._open = OpenFile(
            path,
            settings.durability,
            connection,
            before_reopen=self._before_reopen,
            after_reopen=self._tell_reopened,
            is_stopping=self.backlog.is_closed,
        )
        self._on_reopen = on_reopen
        self.file = self._open.watch
        self.log_reader = LogReader(path)
        self.pins = Pins(on_last=self.backlog.wake)
        self._checkpointer = Checkpointer(
            self.file,
            moment,
            is_pinned=self.pins.any,
            wake=self.backlog.wake,
            may_begin_anew=self.log_reader.may_begin_anew,
        )
        self._shrinks = False  # room is wanted and the file can be made smaller yet
        self._slow = SlowOperations()
        self._hungry: set[Line] = set()  # fed lines that a batch had no room to serve whole
        self._hungry_at = 0.0  # when to serve the hungry lines, if no request comes before
        self._busy_since: float | None = None
        self.busy_total_seconds = 0.0  # without the batch in hand
        self._thread = threading.Thread(target=self._run, name="spooled-writer", daemon=True)

    @property
    def _connection(self) -> sqlite3.Connection:
        return self._open.connection

    @property
    def state(self) -> Literal["ok", "stalled", "failed"]:
        """What `/health` says of the writer (contract: platform, section 13)."""
        if not self._open.is_well:
            return "failed"
        if self._busy_since is not None and self.busy_seconds >= STALLED_SECONDS:
            return "stalled"
        return "ok"

    @property
    def busy_seconds(self) -> float:
        """How long the batch in hand has taken so far; 0 when there is none."""
        busy_since = self._busy_since
        return 0.0 if busy_since is None else time.monotonic() - busy_since

    @property
    def checkpoint_age_seconds(self) -> float | None:
        """Since all that was committed stood in the file; None: not yet since the start."""
        return self._checkpointer.age_seconds

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Write what waits, empty the log, close the file. Blocks until that is done."""
        self.backlog.close()
        if self._thread.is_alive():
            self._thread.join()
        else:
            self._open.close()

    def _run(self) -> None:
        while True:
            requests = self.backlog.take(
                self._settings.batch_max, wait_seconds=self._seconds_to_wait()
            )
            if requests is None:
                break
            began = self._busy_since = time.monotonic()
            try:
                self._turn(requests)
            except BaseException:
                # This thread is the only one that writes: whatever happens, it goes on.
                logger.exception("the writing thread had an unexpected error")
                self._hungry_at = time.monotonic() + TROUBLE_PAUSE_SECONDS
                self._fail_all(requests, DatabaseError())
            self._busy_since = None
            self.busy_total_seconds += time.monotonic() - began
        if self._open.is_open:
            self.log_reader.read_rest()
            self._checkpointer.at_close(self._connection)
        else:
            self.log_reader.give_up("the file could not be closed in order")
        self._open.close()

    def _seconds_to_wait(self) -> float | None:
        """How long to wait for a request before there is something to do without one."""
        if (seconds := self._open.seconds_to_trial()) is not None:
            return seconds
        if self._shrinks:
            return 0.0
        if self._hungry:
            return max(0.0, self._hungry_at - time.monotonic())
        times = (self._checkpointer.wait_seconds(), self._open.log.seconds_to_wait())
        return min((each for each in times if each is not None), default=None)

    def _turn(self, requests: list[Request]) -> None:
        """One batch; without requests, what is left to do when nobody asks."""
        if requests or self._hungry:
            self._serve(requests)
        elif self._open.refusal() is None:
            self._open.try_to_write()
        if self._open.is_open and self._open.sync_log() and not requests:
            return  # that was what there was to do: no silence has passed
        if self._open.is_open:
            # What is given back in pieces is no silence: reads are not held back for each.
            self._keep_room(is_idle=not requests and not self._hungry and not self._shrinks)
        else:
            self._checkpointer.give_up()

    def _keep_room(self, *, is_idle: bool) -> None:
        """Empty the log in time; when room is wanted give back what the file does not need."""
        is_short = self.room.is_wanted()
        keeps_room = is_short and self._spare is not None and not self._spare.has_spare
        self._checkpointer.after_batch(
            self._connection, idle=is_idle, short=is_short, keeps_room=keeps_room
        )
        self._shrinks = shrink(self._connection, self.room)
        has_room = not is_short and self.room.has_beyond_reserve(SPARE_BYTES)
        if has_room and self._spare is not None and not self._spare.has_spare:
            self._spare.keep_spare()

    # -- one batch ---------------------------------------------------------------------------

    def _serve(self, requests: list[Request]) -> None:
        refusal = self._open.refusal()
        if refusal is not None:
            self._hungry_at = time.monotonic() + TROUBLE_PAUSE_SECONDS
            if self._open.failed is not None:
                self._hungry.clear()
            self._fail_all(requests, refusal)
            return
        try:
            self._transaction(requests)
        except TransactionLost as lost:
            self._waiting.leave(lost.culprit)
            lost.culprit.answered = True
            self._tell(RoundOutcome([(lost.culprit, as_answer(lost.error))]))
            for request in requests:
                if not request.answered:
                    self._serve([request])
        except _StorageTrouble as trouble:
            if trouble.refusal.reason == "storage_full":
                self.room.want()
                if self._gave_up_spare():
                    self._serve(requests)  # nothing of them is left, and nobody was answered
                    return
            self._hungry_at = time.monotonic() + TROUBLE_PAUSE_SECONDS
            self._fail_all(requests, trouble.refusal)

    def _gave_up_spare(self) -> bool:
        """True when there is room now that was not there before."""
        if self._spare is None or not self._spare.has_spare:
            return False
        logger.warning("the disk is full: using the room that was kept for settlements and purges")
        self._spare.give_up_spare()
        self.file.lengthen_log(SPARE_BYTES)  # at once: whoever has filled the disk goes on
        return True

    def _transaction(self, requests: list[Request]) -> None:
        """Run the requests, and the waiting claims they feed, and commit once.

        Dies with the process at any line: nothing was answered, so nothing was promised.
        """
        connection = self._connection
        batch = Batch(connection, self._hooks, self._ids)
        batch.fed |= self._hungry
        round_ = Round(
            batch, self._waiting, now_ms=self._clock.now_ms, room=self.room, slow=self._slow
        )
        try:
            connection.execute("BEGIN IMMEDIATE")
            self.room.begin(connection)
            self._run_while_there_is_time(round_, requests)
            left = round_.serve_fed()
            batch.flush()
            began = time.monotonic()
            self._commit(connection)
            self._measure(requests, time.monotonic() - began)
        except BaseException as error:
            round_.undo()
            self._roll_back()
            if isinstance(error, sqlite3.Error) and (reason := reason_of(error)) is not None:
                self._metrics.count("spooled_storage_errors_total")
                raise _StorageTrouble(self._open.trouble(error, reason)) from error
            raise
        self._hungry = left
        self._hungry_at = 0.0
        round_.keep()
        if round_.postponed:
            self.backlog.put_back(round_.postponed)
        self._open.written()
        if self._open.is_disturbed():
            # Committed into a file nobody will find again: not to be acknowledged.
            self._fail_all([request for request, _ in round_.answers], unavailable("storage_error"))
            return
        if (cut_at_ms := self.log_reader.committed(connection.total_changes)) is not None:
            batch.due_at_ms[Deadline.ARCHIVE] = cut_at_ms
        self._tell(RoundOutcome(round_.answers, batch.events, batch.due_at_ms))

    def _measure(self, requests: Sequence[Request], commit_seconds: float) -> None:
        of_many = [each.count for each in requests if each.operation is together]
        if commit_seconds > SLOW_SECONDS:
            self._slow.committed(commit_seconds)
        self._metrics.commit_seconds.observe(commit_seconds)
        self._metrics.batch_operations.observe(len(requests) + sum(of_many) - len(of_many))
        self._metrics.wait_seconds.observe(self.backlog.waited_seconds)

    def _run_while_there_is_time(self, round_: Round, requests: list[Request]) -> None:
        left = run_in_time(requests, self._settings.batch_ms_max / 1000, round_.run)
        if left:
            self.backlog.put_back(left)
            not_run = set(left)
            requests[:] = [each for each in requests if each not in not_run]

    def _before_reopen(self) -> None:
        self.log_reader.give_up("the storage failed, and the file was opened again")
        self._on_reopen()

    def _tell_reopened(self) -> None:
        self._tell(
            RoundOutcome(
                [], [EventOf("storage.reopened", org=0, at_ms=self._clock.now_ms(), row={})]
            )
        )

    def _roll_back(self) -> None:
        # After some errors the transaction is gone already, and with others it cannot be ended.
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            logger.error("rolling back failed: %s", error)

    def _fail_all(self, requests: Sequence[Request], error: SpooledError) -> None:
        if requests:
            self._tell(RoundOutcome([(request, error) for request in requests]))
