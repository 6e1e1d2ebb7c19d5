"""Waiting for the first of several things."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def until_first(*waits: Coroutine[Any, Any, None]) -> None:
    """Run all until the first one ends, and cancel the others. Raises what that one raised."""
    tasks = [asyncio.create_task(each) for each in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.wait(tasks)
    for each in done:
        each.result()
