"""SIGTERM and SIGINT: the first stops in order, the second at once, the third is the system's."""

import asyncio
import signal
from typing import Final, Protocol, Self

STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Stoppable(Protocol):
    async def stop(self, *, at_once: bool = False) -> None: ...


class StopSignals:
    """Our handlers, from entering to leaving. On the main thread, inside the event loop."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.at_once = asyncio.Event()

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        for each in STOP_SIGNALS:
            self._loop.add_signal_handler(each, self.receive)
        return self

    def __exit__(self, *_: object) -> None:
        self._release()

    def receive(self) -> None:
        if not self.stopping.is_set():
            self.stopping.set()
        else:
            self.at_once.set()
            self._release()  # a third signal ends the process even if stopping hangs

    def _release(self) -> None:
        for each in STOP_SIGNALS:
            self._loop.remove_signal_handler(each)


async def stop_on_signal(server: Stoppable, signals: StopSignals) -> None:
    """Wait for the first signal and stop the server; a second one meanwhile cuts that short."""
    await signals.stopping.wait()
    stop = asyncio.create_task(server.stop(), name="stop")
    at_once = asyncio.create_task(signals.at_once.wait(), name="stop at once")
    await asyncio.wait({stop, at_once}, return_when=asyncio.FIRST_COMPLETED)
    if at_once.done():
        await server.stop(at_once=True)
    at_once.cancel()
    await asyncio.wait({at_once})
    await stop
