"""What takes the loop too long is done on a thread beside it."""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")
Turn = asyncio.Future[None]

# Above this reading a text may take longer than the loop can be kept from everybody else.
ON_LOOP_BYTES_MAX: Final = 65_536


class OffLoop:
    """Reads large texts, one after the other: two at a time would only take the interpreter from
    the loop twice as often. Owners take turns: whoever sends many waits behind its own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spooled-text")
        self._lines: dict[Hashable, deque[Turn]] = {}  # the owner whose turn is next comes first
        self._is_busy = False

    async def run(
        self, owner: Hashable, size_bytes: int, work: Callable[..., T], *arguments: Any
    ) -> T:
        """Do the work on something of this size: here and now, or beside the loop in its turn."""
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
        """Nobody asks any more. Ends the thread, behind what it is at."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _begin_next(self) -> None:
        while self._lines and not self._is_busy:
            owner = next(iter(self._lines))
            line = self._lines.pop(owner)
            turn = line.popleft()
            if line:
                self._lines[owner] = line  # behind the others
            if not turn.done():  # nobody waits for one that was cancelled
                self._is_busy = True
                turn.set_result(None)
