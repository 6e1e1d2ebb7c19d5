"""Ending with whoever started the server: its standard input closes when that process is gone."""

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from typing import Final

STDIN: Final = 0
READ_BYTES: Final = 4096


def when_input_ends(stop: Callable[[], None]) -> None:
    """Call `stop` in the running loop as soon as the standard input is closed; at once when it is
    already, or nothing. What is written to it is read and forgotten."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(OSError):
            while os.read(STDIN, READ_BYTES):
                pass
        with contextlib.suppress(RuntimeError):  # the server has stopped before
            loop.call_soon_threadsafe(stop)

    # A thread: the loop cannot wait for a file or a device. It ends with the process.
    threading.Thread(target=read, name="parent", daemon=True).start()
