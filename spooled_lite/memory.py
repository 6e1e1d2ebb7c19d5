"""Gives memory back to the system that large requests and answers have used.

Works with the allocator of glibc, and does nothing with others.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

# A buffer of at least this size gets a mapping of its own, which is given back when it is freed. By
# default glibc raises this threshold whenever a larger buffer is freed, and keeps such buffers.
MAPPED_BYTES_MIN: Final = 256 * 1024
_M_MMAP_THRESHOLD: Final = -3

LOOK_EVERY: Final = 5  # ticks of a second each
# Growth from which memory is given back; small requests reuse what earlier ones have left.
GROWN_BYTES: Final = 16 * 1024 * 1024

_STATM: Final = Path("/proc/self/statm")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Memory:
    """Watches the memory of the process. Call `tick` every second."""

    def __init__(
        self,
        *,
        resident: Callable[[], int] | None = None,
        give_back: Callable[[], None] | None = None,
    ) -> None:
        self._resident = resident or resident_bytes
        self._give_back = give_back or give_back_free_memory
        self._least = 0
        self._ticks = 0
        self._is_busy = False
        self._thread: Executor = ThreadPoolExecutor(1, thread_name_prefix="spooled-memory")

    def tick(self) -> None:
        """Every LOOK_EVERY calls, give back free memory if it has grown, on another thread."""
        self._ticks += 1
        if self._is_busy or self._ticks % LOOK_EVERY:
            return
        resident = self._resident()
        if not self._least:
            self._least = resident
        if resident < self._least + GROWN_BYTES:
            return
        self._is_busy = True
        self._thread.submit(self._shrink)

    def close(self) -> None:
        self._thread.shutdown()

    def _shrink(self) -> None:
        self._give_back()
        # Growth is measured from here: memory still in use is no reason to try again.
        self._least = self._resident()
        self._is_busy = False


def map_large_buffers() -> None:
    """Have buffers of MAPPED_BYTES_MIN and more given back as soon as they are freed.

    It concerns the whole process. Call it before such buffers exist.
    """
    with suppress(OSError, AttributeError):
        _glibc().mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES_MIN)


def give_back_free_memory() -> None:
    with suppress(OSError, AttributeError):
        _glibc().malloc_trim(0)


def resident_bytes() -> int:
    """The resident memory of this process; 0 when the system does not report it."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0


def _glibc() -> ctypes.CDLL:
    """The C library of this process. Using a function that it lacks raises AttributeError."""
    if sys.platform != "linux":
        raise OSError
    return ctypes.CDLL(None)
