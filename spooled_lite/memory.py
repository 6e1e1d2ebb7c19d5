"""Gives memory back to the system that large requests and answers have left behind.

Knows the allocator of glibc. With another one it does nothing.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final

# From this size on a buffer is mapped by itself, and given back when it is freed. Left alone, glibc
# raises the threshold with each large buffer that is freed, and keeps them in its arenas.
MAPPED_BYTES_MIN: Final = 256 * 1024
_M_MMAP_THRESHOLD: Final = -3

LOOK_EVERY: Final = 5  # ticks, of a second each
# So much more than after the last look: what small requests leave behind is used again.
GROWN_BYTES: Final = 16 * 1024 * 1024

_STATM: Final = Path("/proc/self/statm")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class Memory:
    """Looks at the memory of the process now and then. `tick` it every second."""

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
        """Every LOOK_EVERY times: when it has grown, give back what is free, on another thread."""
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
        # What is still in use is no reason to look again.
        self._least = self._resident()
        self._is_busy = False


def map_large_buffers() -> None:
    """Have buffers of MAPPED_BYTES_MIN and more given back as soon as they are freed.

    For a process of our own, and before it has made any.
    """
    with suppress(OSError, AttributeError):
        _glibc().mallopt(_M_MMAP_THRESHOLD, MAPPED_BYTES_MIN)


def give_back_free_memory() -> None:
    with suppress(OSError, AttributeError):
        _glibc().malloc_trim(0)


def resident_bytes() -> int:
    """The memory of this process; 0 where the system does not say."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError, ValueError):
        return 0


def _glibc() -> ctypes.CDLL:
    """This process's C library. Using what it does not have raises AttributeError."""
    if sys.platform != "linux":
        raise OSError
    return ctypes.CDLL(None)
