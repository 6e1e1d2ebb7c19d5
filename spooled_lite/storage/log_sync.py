"""Syncs the log where SQLite does not: on a timer with durability `normal`, and before it is read.

With durability `normal` a commit waits for no disk.
"""

import errno
import os
import time
from typing import Final

from spooled_lite.storage.file_guard import WAL_SUFFIX

# What was acknowledged may be this old when a power cut undoes it, and a sync takes its time too.
SYNC_SECONDS: Final = 1.0


CHUNK_BYTES: Final = 1024 * 1024
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)


def write_log_again(path: str) -> None:
    """Have all of the log of a file on the disk before SQLite reads it, byte for byte as it is.

    After a sync that failed Linux holds what was to be written for written: it can be read, but no
    later sync writes it. Commits that SQLite found there and put others behind would be lost in a
    power cut, with all that came after them.

    Raises OSError: the disk fails.
    """
    try:
        descriptor = os.open(path + WAL_SUFFIX, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        at = 0
        while chunk := os.pread(descriptor, CHUNK_BYTES, at):
            at += os.pwrite(descriptor, chunk, at)
        if at:
            sync(descriptor)
    except OSError as error:
        if error.errno not in _NO_ROOM:  # some file systems take new room for it
            raise
    finally:
        os.close(descriptor)


def sync(descriptor: int) -> None:
    """The seam at which tests see, or break, a sync."""
    os.fsync(descriptor)


class LogSync:
    """Keeps the log open beside SQLite, which has no locks on it, and syncs it in time."""

    def __init__(self, path: str, *, is_needed: bool) -> None:
        self._path = path + WAL_SUFFIX
        self._is_needed = is_needed
        self._descriptor: int | None = None
        self._due_at: float | None = None  # None: nothing was written since the last sync

    def written(self) -> None:
        """A batch was committed."""
        if self._is_needed and self._due_at is None:
            self._due_at = time.monotonic() + SYNC_SECONDS

    def seconds_to_wait(self) -> float | None:
        return None if self._due_at is None else max(0.0, self._due_at - time.monotonic())

    def sync_if_due(self) -> bool:
        """True when it was time to. Raises OSError: what was written may be lost."""
        if self._due_at is None or time.monotonic() < self._due_at:
            return False
        self._due_at = None
        if self._descriptor is None:
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        sync(self._descriptor)
        return True

    def close(self) -> None:
        """SQLite closes the log: it may be removed and made anew."""
        self._due_at = None
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
