"""When the writing thread moves the log into the file; no other thread does."""

import logging
import sqlite3
import time
from collections.abc import Callable
from typing import Final

from spooled_lite.storage.file_guard import FileWatch
from spooled_lite.storage.quiet_moment import QuietMoment
from spooled_lite.storage.trouble import SAY_AGAIN_SECONDS

logger = logging.getLogger(__name__)

PASSIVE_CHANGES: Final = 20_000  # rows changed before the log is moved, readers undisturbed
PASSIVE_BYTES: Final = 16 * 1024 * 1024  # or this much growth of the log, whichever comes first
# A log this long is emptied even under load. A passive checkpoint lets the log be written from its
# start again only when there is no reader, and never shortens it; this bounds it.
TRUNCATE_BYTES: Final = 64 * 1024 * 1024
# While room is wanted on the disk the log is kept this short: settlements and purges need the room.
SHORT_BYTES: Final = 1024 * 1024
IDLE_SECONDS: Final = 1.0  # of silence before the log is emptied
IDLE_SECONDS_MAX: Final = 60.0  # between tries, when readers were in the way again and again
MOMENT_SECONDS_MAX: Final = 1.0  # that reads are held back; a reader that stays has its way
FRAME_BYTES: Final = 4_096  # of a page in the log


class Checkpointer:
    """Decides between batches. A checkpoint that fails is tried again later: the log is enough.

    Emptying the log needs a moment without readers. It is asked for, and batches go on meanwhile.
    """

    def __init__(
        self,
        file: FileWatch,
        moment: QuietMoment,
        *,
        is_pinned: Callable[[], bool],
        wake: Callable[[], None],
        may_begin_anew: Callable[[], bool] = lambda: True,
    ) -> None:
        """`is_pinned`: a backup reads a moment of the file, so the log cannot be emptied.

        `may_begin_anew`: all of the log was read that the archive keeps. Each checkpoint may let it
        begin anew with the next commit, so none is made before.
        """
        self._file = file
        self._moment = moment
        self._is_pinned = is_pinned
        self._wake = wake  # called when the moment is there
        self._may_begin_anew = may_begin_anew
        self._has_log = True
        self._idle_seconds = IDLE_SECONDS
        self._bytes_before = 0
        self._changes_before = 0
        self._was_short = False
        self._moment_ends_at = 0.0
        self._say_again_at = 0.0
        self._frames = 0  # pages in the log, when it was last moved
        self._moved = 0  # of these, the pages that were in the file then
        # As many when a reader of another process, a backup perhaps, kept the others in the log.
        self._stuck_at: int | None = None
        self._moved_at: float | None = None  # when all of the log was last in the file

    @property
    def age_seconds(self) -> float | None:
        """Since all of the log was in the file; None: not yet since the start."""
        moved_at = self._moved_at
        return None if moved_at is None else time.monotonic() - moved_at

    def wait_seconds(self) -> float | None:
        """How long to wait for requests before there is something to do; None: no matter."""
        if self._moment.is_asked:
            return max(0.0, self._moment_ends_at - time.monotonic())
        return self._idle_seconds if self._has_log else None

    def after_batch(
        self,
        connection: sqlite3.Connection,
        *,
        idle: bool,
        short: bool = False,
        keeps_room: bool = False,
    ) -> None:
        """`idle`: no request came for as long as `wait_seconds` said. `short`: room is wanted.

        `keeps_room`: what the log has of the disk would be lost to others if it were shortened. It
        is written from its start again instead, as soon as all of it is in the file.
        """
        is_pinned = self._is_pinned()
        if is_pinned:
            self.give_up()
        elif keeps_room:
            self._keep_short(connection)
            return
        elif self._moment.is_asked:
            self._take_moment(connection)
            return
        wal_bytes = self._file.wal_bytes()
        if idle:
            # While a moment is pinned silence changes nothing. Who lets go of it wakes the thread.
            self._has_log = wal_bytes > 0 and not is_pinned
            if self._has_log:
                self._empty(connection)
            return
        self._has_log = True
        self._idle_seconds = IDLE_SECONDS
        if short and not self._was_short:
            self._bytes_before = 0
        self._was_short = short
        self._bytes_before = min(self._bytes_before, wal_bytes)  # SQLite shortens it by itself
        if (
            connection.total_changes - self._changes_before >= PASSIVE_CHANGES
            or wal_bytes - self._bytes_before >= (SHORT_BYTES if short else PASSIVE_BYTES)
        ):
            self._checkpoint(connection, "PASSIVE")
            is_long = wal_bytes >= (SHORT_BYTES if short else TRUNCATE_BYTES)
            if is_long and not is_pinned and self._moved != self._stuck_at:
                self._empty(connection)

    def give_up(self) -> None:
        """The storage is in trouble: no log is emptied, and readers are not held back for it."""
        if self._moment.is_asked:
            self._moment.end()

    def at_close(self, connection: sqlite3.Connection) -> None:
        self.give_up()
        self._checkpoint(connection, "TRUNCATE")

    def _keep_short(self, connection: sqlite3.Connection) -> None:
        """Have the log written from its start again, without making the file of it shorter."""
        self._has_log = False  # silence changes nothing
        if self._moment.is_asked:
            self._take_moment(connection, "RESTART")
        elif connection.total_changes != self._changes_before:
            self._checkpoint(connection, "PASSIVE")
            if self._frames * FRAME_BYTES >= SHORT_BYTES:  # readers that overlap were in the way
                self._empty(connection, "RESTART")

    def _empty(self, connection: sqlite3.Connection, mode: str = "TRUNCATE") -> None:
        """Truncate the log, or restart it, now or as soon as there is no reader."""
        if not self._may_begin_anew():
            return  # reads are not held back for a checkpoint that cannot be made yet
        self._moment_ends_at = time.monotonic() + MOMENT_SECONDS_MAX
        self._moment.ask(self._wake)
        self._take_moment(connection, mode)

    def _take_moment(self, connection: sqlite3.Connection, mode: str = "TRUNCATE") -> None:
        """Use the moment without readers if it is there, give it up if it does not come."""
        is_over = time.monotonic() >= self._moment_ends_at
        if not self._moment.is_there and not is_over:
            return
        try:
            is_empty = (
                self._moment.is_there
                and self._moves_all(connection)
                and self._checkpoint(connection, mode)
            )
        finally:
            self._moment.end()
        self._has_log = not is_empty
        if is_empty:
            return
        # Not tried at every batch, nor every second of a long silence.
        self._bytes_before = self._file.wal_bytes()
        self._idle_seconds = min(2 * self._idle_seconds, IDLE_SECONDS_MAX)

    def _moves_all(self, connection: sqlite3.Connection) -> bool:
        """Move all of the log into the file, in a moment without readers of this process.

        Whoever is in the way then is of another process and may stay for minutes. To wait for it
        would hold up all writes.
        """
        if not self._checkpoint(connection, "PASSIVE"):
            return False
        self._stuck_at = None if self._moved == self._frames else self._moved
        return self._stuck_at is None

    def _checkpoint(self, connection: sqlite3.Connection, mode: str) -> bool:
        """Returns False when a reader was in the way, or it is put off to a later batch."""
        if not self._may_begin_anew():
            return False
        was_whole = False
        try:
            [(is_busy, self._frames, self._moved)] = connection.execute(
                f"PRAGMA wal_checkpoint({mode})"
            ).fetchall()
            was_whole = not is_busy
            if was_whole and self._moved == self._frames:
                self._moved_at = time.monotonic()
        except sqlite3.Error as error:
            if time.monotonic() >= self._say_again_at:
                self._say_again_at = time.monotonic() + SAY_AGAIN_SECONDS
                logger.warning("a checkpoint failed and will be tried again: %s", error)
        self._changes_before = connection.total_changes
        self._bytes_before = self._file.wal_bytes()
        return was_whole
