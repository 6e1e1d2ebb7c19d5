"""A moment without readers, which emptying the log needs and overlapping reads never leave."""

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import Callable
from typing import Final

# Reads that still run so long after the moment was asked for are ended, and run again after it.
PATIENCE_SECONDS: Final = 0.1


class QuietMoment:
    """The writing thread asks for it; until it ends no read begins. Readers say when they begin
    and end, holding the lock that is given here; they wait on the same.
    """

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._running = 0
        self._on_quiet: Callable[[], None] | None = None
        self._pages: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []  # wait for its end
        self._patience_ends = math.inf

    @property
    def is_asked(self) -> bool:
        return self._on_quiet is not None

    @property
    def is_there(self) -> bool:
        return self.is_asked and not self._running

    def ends_reads(self) -> bool:
        """Asked by reads that run, often, and so without the lock."""
        return time.monotonic() > self._patience_ends

    def ask(self, on_quiet: Callable[[], None]) -> None:
        """Let no read begin from now on. `on_quiet` is called by the last one that ends."""
        with self._changed:
            self._on_quiet = on_quiet
            self._patience_ends = time.monotonic() + PATIENCE_SECONDS

    def end(self) -> None:
        with self._changed:
            self._on_quiet = None
            self._patience_ends = math.inf
            pages, self._pages = self._pages, []
            self._changed.notify_all()
        for loop, event in pages:
            with contextlib.suppress(RuntimeError):  # the loop was closed
                loop.call_soon_threadsafe(event.set)

    def read_begins(self) -> None:
        self._running += 1

    def read_ends(self) -> None:
        self._running -= 1
        if not self._running and self._on_quiet is not None:
            self._on_quiet()

    async def page_begins(self) -> None:
        """As `read_begins`, for a page of a long read, which needs no reader thread."""
        while True:
            with self._changed:
                if not self.is_asked:
                    self.read_begins()
                    return
                ended = asyncio.Event()
                self._pages.append((asyncio.get_running_loop(), ended))
            await ended.wait()

    def page_ends(self) -> None:
        with self._changed:
            self.read_ends()
