"""Runs work on large texts on a thread beside the event loop."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")
Turn = asyncio.Future[None]

# Reading a larger text on the loop would hold up all other callers for too long.
ON_LOOP_BYTES_MAX: Final = 65_536


class OffLoop:
    """Works on large texts one after the other, and the owners take turns.

    There is one thread, since two would only take the interpreter from the loop twice as often.
    An owner that sends many texts waits only for its own and for one of each other owner.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spooled-text")
        self._lines: dict[Hashable, deque[Turn]] = {}  # the owner whose turn is next comes first
        self._is_busy = False

    async def run(
        self, owner: Hashable, size_bytes: int, work: Callable[..., T], *arguments: Any
    ) -> T:
        """Do work on a text of this size: at once when it is small, else on the thread in turn."""
        if size_bytes <= ON_LOOP_BYTES_MAX:
            return work(*arguments)
        loop = asyncio.get_running_loop()
        turn: Turn = loop.create_future()
        self._lines.setdefault(owner, deque()).append(turn)
        self._begin_next()
        try:
            await turn
            return await loop.run_in_executor(self._thread, lambda: work(*arguments))
        finally:
            if turn.done() and not turn.cancelled():
                self._is_busy = False
                self._begin_next()

    def close(self) -> None:
        """End the thread once its present work is done. Call it when no more work comes."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begin_next(self) -> None:
        while self._lines and not self._is_busy:
            owner = next(iter(self._lines))
            line = self._lines.pop(owner)
            turn = line.popleft()
            if line:
                self._lines[owner] = line  # behind the others
            if not turn.done():  # skips the turns of cancelled callers
                self._is_busy = True
                turn.set_result(None)
