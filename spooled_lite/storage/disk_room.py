"""What room is left on the disk for the file and its log, and who may still take some of it."""

import contextlib
import logging
import os
import sqlite3
import time
from typing import Final

from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.trouble import SAY_AGAIN_SECONDS

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0  # between two looks when nothing is written
WANTED_SECONDS: Final = 10.0  # after a create was refused, room is made for the next try
FULL_BYTES: Final = 1024 * 1024  # hardly a transaction fits into less
# More than one batch can write: with so much above the reserve nobody looks within a batch.
NEAR_BYTES: Final = 256 * 1024 * 1024
# And with so much above that, more than the log grows within LOOK_SECONDS, a look at the disk will
# do: what the log owes the file is found out by the next one that is due.
FAR_BYTES: Final = 1024 * 1024 * 1024
# The last part of the reserve is for what hardly grows: small settlements, purges, renewals.
SCARCE_BYTES: Final = 16 * 1024 * 1024
SMALL_PAGES: Final = 16
GIVE_BACK_PAGES: Final = 200  # of the file in one pass: some milliseconds
GIVE_BACK_FROM: Final = 64  # free pages; fewer are not worth a commit


def free_bytes(folder: str) -> int:
    """Bytes that the disk has left for us. The seam at which tests fill a disk."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


class DiskRoom:
    """Counts what is free, less what the log still owes the file. For the writing thread.

    Whatever is committed stands in the log first and is copied into the file later, so each new
    page needs room twice, until the log is emptied. The last three questions may come from
    anywhere.
    """

    def __init__(self, path: str, *, reserve_bytes: int) -> None:
        self._path = path
        self._folder = os.path.dirname(path) or "."
        self.reserve_bytes = reserve_bytes
        self._scarce_bytes = min(SCARCE_BYTES, reserve_bytes // 4)
        self._page_bytes = 0
        self._pages = self._free_pages = 0  # when the batch began
        self._owed_bytes = 0  # by how much the file grows when the log is copied into it
        self._left_bytes = 0
        # True when what a batch takes may matter: then each operation is asked for its part.
        self.is_near = True
        self._looked_at = -LOOK_SECONDS
        self._wanted_at = -WANTED_SECONDS
        self._said_low = False
        self._said_at = -SAY_AGAIN_SECONDS

    def begin(self, connection: sqlite3.Connection) -> None:
        """A transaction begins: look at what is there."""
        if self._is_far():
            return
        if not self._page_bytes:
            self._page_bytes = _pragma(connection, "page_size")
        self._pages = _pragma(connection, "page_count")
        self._look()
        if self.is_near:
            self._free_pages = _pragma(connection, "freelist_count")

    def pages_of(self, connection: sqlite3.Connection) -> int:
        """How many pages of the file are in use at this point of the transaction."""
        return _pragma(connection, "page_count") - _pragma(connection, "freelist_count")

    def is_left_for(self, lane: Lane, connection: sqlite3.Connection, *, pages_before: int) -> bool:
        """False when an operation that has just run took what is kept for others.

        What creates leaves the reserve alone, and the log and the file are both counted. Whatever
        else there is may use the reserve, and the last part of it only when it hardly grows.
        """
        used = self.pages_of(connection)
        into_log = max(0, used - (self._pages - self._free_pages))
        into_file = max(0, _pragma(connection, "page_count") - self._pages)
        left = self._left_bytes - (into_log + into_file) * self._page_bytes
        if lane == Lane.CREATE:
            is_left = left >= self.reserve_bytes
        else:
            is_left = left >= self._scarce_bytes or used - pages_before <= SMALL_PAGES
        if not is_left:
            self.want()
        return is_left

    def want(self) -> None:
        """Somebody was refused for want of room, and may try again."""
        self._wanted_at = time.monotonic()

    def is_wanted(self) -> bool:
        """True when somebody may be waiting for room: log and file are kept short then."""
        return self.is_low() or time.monotonic() - self._wanted_at < WANTED_SECONDS

    def can_give_back(self, connection: sqlite3.Connection) -> bool:
        """True when room is wanted and the file has pages that it does not need."""
        if not self.is_wanted():
            return False
        self.begin(connection)
        return self.is_wanted() and _pragma(connection, "freelist_count") >= GIVE_BACK_FROM

    def is_low(self) -> bool:
        """True below the reserve."""
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._look()
        return self._left_bytes < self.reserve_bytes

    def left_bytes(self) -> int:
        """What is free, less what the log owes the file."""
        self.is_low()
        return max(0, self._left_bytes)

    def has_beyond_reserve(self, count: int) -> bool:
        """True when so many bytes can be taken without touching the reserve."""
        return not self.is_low() and self._left_bytes - count >= self.reserve_bytes

    def is_full(self) -> bool:
        """True when hardly a transaction fits any more."""
        return self.is_low() and self._left_bytes < FULL_BYTES

    def _is_far(self) -> bool:
        """Whether a batch cannot get near the reserve. Asks the disk alone, as every batch does."""
        if self.is_near or time.monotonic() - self._looked_at >= LOOK_SECONDS:
            return False
        try:
            left_bytes = free_bytes(self._folder) - self._owed_bytes
        except OSError:
            return False
        return left_bytes >= self.reserve_bytes + NEAR_BYTES + FAR_BYTES

    def _look(self) -> None:
        self._looked_at = time.monotonic()
        self._owed_bytes = self._owed()
        with contextlib.suppress(OSError):
            self._left_bytes = free_bytes(self._folder) - self._owed_bytes
        self.is_near = self._left_bytes < self.reserve_bytes + NEAR_BYTES
        is_low = self._left_bytes < self.reserve_bytes
        # At the edge it may change with every batch.
        if is_low != self._said_low and self._looked_at - self._said_at >= SAY_AGAIN_SECONDS:
            self._said_low, self._said_at = is_low, self._looked_at
            self._say(is_low)

    def _owed(self) -> int:
        try:
            return max(0, self._pages * self._page_bytes - os.stat(self._path).st_size)
        except OSError:
            return 0

    def _say(self, is_low: bool) -> None:
        left_mib, reserve_mib = max(0, self._left_bytes) // 2**20, self.reserve_bytes // 2**20
        if is_low:
            logger.warning(
                "the disk is nearly full: %d MiB are left, the reserve is %d MiB; new jobs are"
                " refused, while reads, claims, completions and purges still work",
                left_mib,
                reserve_mib,
            )
        else:
            logger.warning("the disk has room again: %d MiB are left", left_mib)


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    number: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return number
