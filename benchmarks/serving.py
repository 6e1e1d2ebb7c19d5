"""Runs a server that is measured as a process of its own, and tells the others when it is ready."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import msgspec
import uvloop

KEY: Final = "sk_test_benchmarks_use_this_one"
QUEUE: Final = "emails"

# Starts listening and returns the address.
Start = Callable[[], Awaitable[str]]


async def until_stopped(start: Start, ready_file: str) -> None:
    """Listen, write the ready file as `serve` does, and stay until a signal."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    _say_ready(await start(), ready_file)
    await stop.wait()


def _say_ready(url: str, ready_file: str) -> None:
    partial = Path(f"{ready_file}.partial")
    partial.write_bytes(msgspec.json.encode({"url": url, "api_key": KEY, "pid": os.getpid()}))
    partial.replace(ready_file)


def run(main: Awaitable[None]) -> None:
    async def whole() -> None:
        await main

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())
