"""A server in a thread of this process, with an event loop of its own.

It touches nothing that the process owns: no signal handlers, no root logger, no settings of the
garbage collector, no limit of open files.
"""

import asyncio
import threading
from typing import Final

import uvloop

from spooled_lite.config import load
from spooled_lite.serving import serving
from spooled_lite.testing.clock import VirtualClock, start_ms
from spooled_lite.testing.public.choice import ReadyServer, ServerChoice
from spooled_lite.testing.seeding.files import SeedFile
from spooled_lite.testing.worlds import worlds
from spooled_lite.times import parse_ms

STOP_SECONDS_MAX: Final = 30.0


class ThreadServer:
    def __init__(self, choice: ServerChoice) -> None:
        self._choice = choice
        self._about: ReadyServer | None = None
        self._error: BaseException | None = None
        self._told = threading.Event()  # it has started, or failed to
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="spooled-lite", daemon=True)

    def start(self) -> ReadyServer:
        """Raises: what the start has raised."""
        self._thread.start()
        self._told.wait()
        if self._about is None:
            self._thread.join()
            assert self._error is not None, "it has started, or says why not"
            raise self._error
        return self._about

    def close(self) -> None:
        """Return when everything has stopped."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(STOP_SECONDS_MAX)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._error = error
        finally:
            self._told.set()

    async def _serve(self) -> None:
        choice = self._choice
        settings, _ = load(flags=choice.texts(), environ={})
        at_ms = None if choice.at is None else parse_ms(choice.at, "at")
        seed_file = None if choice.seed_file is None else SeedFile.read(choice.seed_file)
        clock, at_once = VirtualClock(start_ms(at_ms, choice.seed)), asyncio.Event()
        async with (
            worlds(settings, clock, seed=choice.seed, seed_file=seed_file, at_once=at_once) as it,
            serving(
                it.front, asgi=it.router, find=it.router.find, current=it.current, is_embedded=True
            ) as server,
        ):
            self._loop = asyncio.get_running_loop()
            entrance = it.root.entrance
            self._about = ReadyServer(
                server.url,
                server.grpc_address,
                entrance.organization_id,
                entrance.api_key,
                entrance.keys,
            )
            self._told.set()
            await self._stop.wait()
            at_once.set()
            await server.stop(at_once=True)
