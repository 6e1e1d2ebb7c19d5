"""Applies windows to a copy of the file that no program has open."""

import os
from collections.abc import Iterable
from pathlib import Path

from spooled_lite.archive.window import BadWindow, WholeWindow
from spooled_lite.storage.log_index import PAGE_BYTES


def apply_all(path: str | Path, windows: Iterable[WholeWindow]) -> WholeWindow | None:
    """Put the pages of windows into a file, one window after another, and have it on the disk.

    Returns the last window, if there was any. A crash amid it leaves a file of no moment: then it
    is begun again from its base.

    Raises:
        BadWindow: a page has no place in the file; and what `windows` raises.
        OSError: the disk is full, for example.
    """
    last = None
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        for window in windows:
            _apply(descriptor, window)
            last = window
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return last


def _apply(descriptor: int, window: WholeWindow) -> None:
    size_pages = window.head.size_pages
    for number, page in window.pages():
        if not 0 < number <= size_pages:
            raise BadWindow(f"window {window.head.number:,}: it has a page without a place")
        os.pwrite(descriptor, page, (number - 1) * PAGE_BYTES)
    os.ftruncate(descriptor, size_pages * PAGE_BYTES)
