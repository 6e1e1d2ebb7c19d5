"""Copies a moment of the file into another one, in steps between which others have their turn."""

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Final

from spooled_lite.storage.file_guard import create_private

STEP_BYTES: Final = 1024 * 1024
NICE: Final = 10  # of a thread that copies: requests come first
WHOLE: Final = -1  # pages of a step: all of them


class CopyPace:
    """Sleeps so that no more than so many bytes a second are read or written."""

    def __init__(self, bytes_per_second: int) -> None:
        """0: as fast as it goes."""
        self._bytes_per_second = bytes_per_second
        self._free_at = time.monotonic()

    def took(self, count: int) -> None:
        if not self._bytes_per_second:
            return
        now = time.monotonic()
        # A pause that was longer than needed is not made up for by a burst.
        self._free_at = max(self._free_at, now - count / self._bytes_per_second)
        self._free_at += count / self._bytes_per_second
        time.sleep(max(0.0, self._free_at - now))


def copy_file(
    source: sqlite3.Connection,
    path: str,
    *,
    pace: CopyPace | None,
    on_step: Callable[[int, int], None],
) -> None:
    """Copy what `source` reads into a new file at `path`, readable by its owner only.

    `source` holds a read transaction: then the copy is of that moment and never begins again.
    `on_step` is told how many bytes of how many are copied; what it raises ends the copy. With a
    pace each step is synced to the disk, so that the commits of the server never wait for much.
    Without one the file is copied in one step.

    The copy is one file, with no log beside it, and is on the disk when this returns.

    Raises:
        sqlite3.Error, OSError: the disk is full, for example. What was copied is left there.
    """
    page_bytes: int = source.execute("PRAGMA page_size").fetchone()[0]
    create_private(path)
    target = sqlite3.connect(path, isolation_level=None)
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        # Nothing of it is worth anything until it is whole, so it needs no journal.
        for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -2048"):
            target.execute(f"PRAGMA {pragma}").fetchall()

        def stepped(status: int, left_pages: int, all_pages: int) -> None:
            if pace is not None:
                os.fdatasync(descriptor)
            on_step((all_pages - left_pages) * page_bytes, all_pages * page_bytes)
            if pace is not None and left_pages:
                pace.took(STEP_BYTES)

        pages = WHOLE if pace is None else STEP_BYTES // page_bytes
        source.backup(target, pages=pages, progress=stepped)
        # The header says that there is a log; a copy has none.
        target.execute("PRAGMA journal_mode = DELETE").fetchall()
    finally:
        target.close()
        # After SQLite has closed the file: closing a descriptor drops the locks of the process.
        os.close(descriptor)
    sync(path)


def sync(path: str) -> None:
    """Have a file and its name on the disk."""
    _sync(path)
    sync_folder(os.path.dirname(path) or ".")


def sync_folder(path: str) -> None:
    """Have the names in a folder on the disk: those that are there, and that others are not."""
    _sync(path)


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lower_priority() -> None:
    """Of this thread, where the system knows the priority of a thread. It ends with its work."""
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
