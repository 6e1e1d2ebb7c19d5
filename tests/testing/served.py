"""A world that is served over HTTP, on a loop of its own in a thread."""

import asyncio
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvloop
from msgspec import Struct

from spooled_lite.serving import serving
from spooled_lite.testing.clock import VirtualClock
from spooled_lite.testing.world import World, world
from tests.testing.stage import START_MS, settings_of

HOUR: Final = 3_600_000
SECONDS_MAX: Final = 60.0


class Served(Struct, frozen=True):
    world: World
    url: str
    key: str
    grpc_address: str | None

    def call(self, method: str, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api/v1/{path}",
            None if body is None else json.dumps(body).encode(),
            {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=SECONDS_MAX) as answer:
            return json.loads(answer.read() or b"null")

    def refusal(self, method: str, path: str, body: Any = None) -> str:
        """The message of the error that this call is answered with."""
        try:
            found = self.call(method, path, body)
        except urllib.error.HTTPError as error:
            with error:
                return str(json.loads(error.read())["message"])
        raise AssertionError(found)


@contextmanager
def served(**fields: Any) -> Iterator[Served]:
    there, found = threading.Event(), list[Served]()
    stop: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def main() -> None:
        ended = asyncio.Event()
        stop.append((asyncio.get_running_loop(), ended))
        async with (
            world(settings_of(**fields), VirtualClock(START_MS), seed=1) as it,
            serving(it.app) as server,
        ):
            assert it.app.key is not None
            found.append(Served(it, server.url, it.app.key, server.grpc_address))
            there.set()
            await ended.wait()
            await server.stop()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(main())
        finally:
            there.set()

    thread = threading.Thread(target=run, name="served", daemon=True)
    thread.start()
    assert there.wait(SECONDS_MAX)
    assert found, "it has not started"
    try:
        yield found[0]
    finally:
        loop, ended = stop[0]
        loop.call_soon_threadsafe(ended.set)
        thread.join(SECONDS_MAX)
