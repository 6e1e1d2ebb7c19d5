"""SIGTERM and SIGINT: the first stops in order, the second at once, a third ends the process.

SIGHUP stops in order when the server was started in a terminal: it means that the terminal closes.
Otherwise it asks for the settings to be read again.
"""

import asyncio
import os
import signal
from typing import Final, Protocol, Self

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stoppable(Protocol):
    async def stop(self, *, at_once: bool = False) -> None: ...


class StopSignals:
    """Installs our signal handlers while entered. Use it on the main thread, in the event loop."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.at_once = asyncio.Event()
        self.reload = asyncio.Event()  # cleared by whoever reads the settings again

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        for each in STOP_SIGNALS:
            self._loop.add_signal_handler(each, self.receive)
        # `nohup` starts a program with SIGHUP ignored.
        self._takes_hang_up = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN
        if self._takes_hang_up:
            self._has_terminal = _has_terminal()
            self._loop.add_signal_handler(signal.SIGHUP, self.hang_up)
        return self

    def __exit__(self, *_: object) -> None:
        self._release()
        if self._takes_hang_up:
            self._loop.remove_signal_handler(signal.SIGHUP)

    def receive(self) -> None:
        if not self.stopping.is_set():
            self.stopping.set()
        else:
            self.at_once.set()
            self._release()  # a third signal ends the process even if stopping hangs

    def hang_up(self) -> None:
        """Stop in order, also when SIGHUP comes twice: from the terminal and from its shell."""
        if self._has_terminal:
            self.stopping.set()
        else:
            self.reload.set()

    def _release(self) -> None:
        for each in STOP_SIGNALS:
            self._loop.remove_signal_handler(each)


def _has_terminal() -> bool:
    """Whether the process belongs to a terminal, whatever its input and output are."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


async def stop_on_signal(server: Stoppable, signals: StopSignals) -> None:
    """Wait for the first signal and stop the server; a second signal cuts that stop short."""
    await signals.stopping.wait()
    stop = asyncio.create_task(server.stop(), name="stop")
    at_once = asyncio.create_task(signals.at_once.wait(), name="stop at once")
    await asyncio.wait({stop, at_once}, return_when=asyncio.FIRST_COMPLETED)
    if at_once.done():
        await server.stop(at_once=True)
    at_once.cancel()
    await asyncio.wait({at_once})
    await stop
