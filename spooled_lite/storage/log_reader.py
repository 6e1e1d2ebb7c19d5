"""Reads the log behind the writing thread, so that no page of it is lost when it begins anew.

What is read is kept as the newest image of each page, and cut into windows: at a cut that was asked
for, and where it gets long. The log may begin anew only after it was read to its end.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from msgspec import Struct

from spooled_lite.storage.file_guard import WAL_SUFFIX
from spooled_lite.storage.log_frames import (
    FRAME_BYTES,
    LogChanged,
    LogFrames,
    LogPlace,
    frames_between,
    start_of_log,
)
from spooled_lite.storage.log_index import (
    COMMITS_MODULO,
    NO_SALTS,
    PAGE_BYTES,
    LogEnd,
    LogIndex,
    LogUnknown,
)

NEW_LOG: Final = LogPlace(NO_SALTS, 0, (0, 0))  # before the first commit of a file without a log
# A window is closed before its time when it gets this long. It is held in memory, once.
WINDOW_BYTES_MAX: Final = 64 * 1024 * 1024
WINDOWS_HELD_MAX: Final = 3  # that nobody has taken yet
# After each piece that is read, so that the threads that serve requests have their turn.
PAUSE_SECONDS: Final = 0.001
# What is left of the log is read on the writing thread when it is no more: a millisecond.
REST_FRAMES_MAX: Final = 64
# Checkpoints are put off while the log is read. What is not read by then is given up.
UNREAD_BYTES_MAX: Final = 256 * 1024 * 1024


class PagesOfWindow(Struct, frozen=True, kw_only=True):
    """The newest image of each page that was changed between two commits."""

    number: int
    pages: dict[int, bytes]
    size_pages: int  # of the database at its end
    place: LogPlace  # where it ends
    at_ms: int  # everything in it was committed by then


class Cut(Struct):
    """The end of a window: what was committed before it belongs to the window."""

    end: LogEnd
    at_ms: int | None  # None: the log is read to there, and no window ends
    number: int | None = None  # of the window that ended there, once it is read


class LogReader:
    """Shared by the writing thread, which asks and is never kept waiting, and the one that reads.

    When it cannot go on it says why in `broken`, and follows the log no more.
    """

    def __init__(self, database: str) -> None:
        self.broken: str | None = None
        self._index = LogIndex(database)
        self._log = database + WAL_SUFFIX
        self._reading = threading.Lock()  # held for all that follows
        self._place: LogPlace | None = None  # None: the log is not followed
        self._pages: dict[int, bytes] = {}
        self._size_pages = 0
        self._number = 0  # of the last window
        self._commits_left: int | None = None  # as counted at `_place`; None: not known yet
        self._made: deque[PagesOfWindow] = deque()
        self._cuts: deque[Cut] = deque()
        self._now_ms: Callable[[], int] = lambda: 0
        self._wake: Callable[[], None] = lambda: None
        self._cut_after_ms = 0
        self._changes = -1
        # When a cut is due, some time after the first commit since the last one; None: no commit.
        self.cut_due_ms: int | None = None

    @property
    def is_followed(self) -> bool:
        return self._place is not None

    @property
    def place(self) -> LogPlace | None:
        """How far it is read; None: it is not followed."""
        return self._place

    def attach(
        self, *, now_ms: Callable[[], int], wake: Callable[[], None], cut_after_ms: int
    ) -> None:
        """`wake` is called, on the writing thread, when the log is to be read now. A cut is due so
        long after the first commit that no window has."""
        self._now_ms, self._wake, self._cut_after_ms = now_ms, wake, cut_after_ms

    # -- before the writing thread runs, or on it ------------------------------------------------

    def go_on_from(self, place: LogPlace, number: int) -> None:
        """Follow the log from a place that was noted before the start: NEW_LOG, or of a log that
        was left. Whether it is still there is found out by the first reading.

        `number`: of the window that ended there.
        """
        self._begin(place, number, 0 if place == NEW_LOG else None)

    def begin(self) -> LogPlace:
        """Follow the log from here on. The first window has the number 1.

        Raises LogUnknown.
        """
        end = self._index.end()
        place = LogPlace(end.salts, end.frames, end.sums)
        self._begin(place, 0, end.commits)
        return place

    def _begin(self, place: LogPlace, number: int, commits: int | None) -> None:
        with self._reading:
            self._pages, self._made, self._cuts = {}, deque(), deque()
            self._place, self._number, self._commits_left = place, number, commits
            self.broken = None
            self.cut_due_ms = self._now_ms()

    def cut(self) -> Cut:
        """End the window here, between two commits.

        Raises LogUnknown.
        """
        cut = Cut(self._index.end(), self._now_ms())
        self.cut_due_ms = None
        self._cuts.append(cut)
        return cut

    def committed(self, total_changes: int) -> int | None:
        """A batch was committed. When the next cut is due, if that was the first since the last
        cut that changed rows."""
        if self._place is None or total_changes == self._changes:
            return None
        self._changes = total_changes
        if self.cut_due_ms is not None:
            return None
        self.cut_due_ms = self._now_ms() + self._cut_after_ms
        return self.cut_due_ms

    def may_begin_anew(self) -> bool:
        """Whether a checkpoint may let the log begin anew. If not, reading it is asked for."""
        place = self._place
        if place is None:
            return True
        try:
            end = self._index.end()
        except LogUnknown as error:
            self.give_up(str(error))
            return True
        if not self._cuts and _is_at(place, end):
            return True
        unread = end.frames - (place.frames if place.salts == end.salts else 0)
        if unread <= REST_FRAMES_MAX and self._reading.acquire(blocking=False):
            try:
                self._read_to(end)
            finally:
                self._reading.release()
            return True  # read to the end, or given up
        if unread * FRAME_BYTES > UNREAD_BYTES_MAX:
            self.give_up("the log grows faster than it is read")
            return True
        if not self._cuts:
            self._cuts.append(Cut(end, None))
        self._wake()
        return False

    def read_rest(self) -> None:
        """The last commit is done, and the log is about to be removed: wait for all of it."""
        if self._place is not None:
            with suppress(LogUnknown):
                cut = self.cut()
                with self._reading:
                    self._read_to(cut.end)
                return
            self.give_up("the log was not read to its end")

    def give_up(self, why: str) -> None:
        """Follow the log no more. What was cut before stays right."""
        if self._place is not None:
            self.broken = self.broken or why
            self._place = None

    def close(self) -> None:
        """After SQLite has closed the file."""
        self._index.close()

    # -- on the thread that reads ----------------------------------------------------------------

    def read(self) -> list[PagesOfWindow]:
        """Read as far as was asked for. Returns the windows that have ended. Blocks."""
        with self._reading:
            if self._place is not None:
                self._read_to(None, pause_seconds=PAUSE_SECONDS)
            made = list(self._made)
            self._made.clear()
            return made

    def _read_to(self, end: LogEnd | None, *, pause_seconds: float = 0) -> None:
        try:
            while self._cuts and self._place is not None:
                cut = self._cuts[0]
                self._advance(cut.end, pause_seconds)
                if cut.at_ms is not None:
                    self._make(cut.at_ms)
                cut.number = self._number
                self._cuts.popleft()
            if end is not None and self._place is not None:
                self._advance(end, pause_seconds)
        except (LogChanged, LogUnknown) as error:
            self.give_up(str(error))
        except OSError as error:
            self.give_up(f"{self._log}: {error.strerror}")

    def _advance(self, end: LogEnd, pause_seconds: float) -> None:
        place = self._place
        assert place is not None, "the log is followed"
        if end.salts != place.salts:
            # Only a count of commits tells that the log had no more than was read of it.
            if self._commits_left is None or not _follows(place.salts, end.salts):
                raise LogChanged("the log began anew before it was read")
            place = self._place = LogPlace(end.salts, 0, (0, 0))
        if end.frames > place.frames:
            descriptor = os.open(self._log, os.O_RDONLY | os.O_CLOEXEC)
            try:
                if not place.frames:
                    place = start_of_log(descriptor, end.salts)
                # Its own count of commits, and of frames, is the word of the SQLite that runs.
                was_found = self._commits_left is None
                for frames in frames_between(descriptor, place, end.frames, checks_all=was_found):
                    self._keep(frames)
                    if pause_seconds:
                        time.sleep(pause_seconds)
            finally:
                os.close(descriptor)
        self._check_end(end)

    def _keep(self, frames: LogFrames) -> None:
        self._pages.update(frames.pages)
        self._size_pages, self._place = frames.size_pages, frames.place
        if self._commits_left is not None:
            self._commits_left = (self._commits_left + frames.commits) % COMMITS_MODULO
        if len(self._pages) * PAGE_BYTES >= WINDOW_BYTES_MAX:
            self._make(self._now_ms())

    def _check_end(self, end: LogEnd) -> None:
        """The checksum of the last frame, and the count of commits: a log that began anew unseen
        would hide some."""
        place = self._place
        assert place is not None, "the log is followed"
        if place.frames != end.frames or (end.frames and place.sums != end.sums):
            raise LogChanged("the log ends elsewhere")
        if self._commits_left is None:
            self._commits_left = end.commits
        elif self._commits_left != end.commits:
            raise LogChanged("the log began anew before it was read")

    def _make(self, at_ms: int) -> None:
        place = self._place
        assert place is not None, "the log is followed"
        if not self._pages:
            return
        if len(self._made) >= WINDOWS_HELD_MAX:
            raise LogChanged("nobody takes what was read")
        self._number += 1
        size_pages = self._size_pages
        self._made.append(
            PagesOfWindow(
                number=self._number,
                # Pages that a later commit of the window gave back are beyond its end.
                pages={page: text for page, text in self._pages.items() if page <= size_pages},
                size_pages=size_pages,
                place=place,
                at_ms=at_ms,
            )
        )
        self._pages = {}


def _is_at(place: LogPlace, end: LogEnd) -> bool:
    return (place.salts, place.frames) == (end.salts, end.frames)


def _follows(salts: bytes, next_salts: bytes) -> bool:
    """SQLite counts the first salt up each time that the log begins anew."""
    if salts == NO_SALTS:
        return True
    first = int.from_bytes(salts[:4], "big")
    return int.from_bytes(next_salts[:4], "big") == (first + 1) % 2**32
