"""What takes the loop too long is done on a thread beside it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")

# Above this reading a text may take longer than the loop can be kept from everybody else.
ON_LOOP_BYTES_MAX: Final = 65_536


class OffLoop:
    """Reads large texts, one after the other: two at a time would only take the interpreter from
    the loop twice as often."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spooled-text")

    async def run(self, size_bytes: int, work: Callable[..., T], *arguments: Any) -> T:
        """Do the work on something of this size: here and now, or beside the loop in its turn."""
        if size_bytes <= ON_LOOP_BYTES_MAX:
            return work(*arguments)
        return await asyncio.get_running_loop().run_in_executor(
            self._thread, lambda: work(*arguments)
        )

    def close(self) -> None:
        """Nobody asks any more. Ends the thread, behind what it is at."""
        self._thread.shutdown(wait=False, cancel_futures=True)
