"""Runs what blocks on a thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


async def on_own_thread(work: Callable[[], T]) -> T:
    """A store may be slow, and work may lower the priority of its thread: so none is shared."""
    executor = ThreadPoolExecutor(1, thread_name_prefix="spooled-store")
    try:
        return await asyncio.get_running_loop().run_in_executor(executor, work)
    finally:
        executor.shutdown(wait=False)
