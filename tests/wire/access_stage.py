"""A real server that writes the access log, over HTTP and gRPC, and the lines that it wrote."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import httpx
import uvloop
from msgspec import structs
from starlette.types import ASGIApp

from spooled_lite.app import Running, running
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.serving import Serving, serving
from spooled_lite.wire.access_log import LOGGER
from spooled_lite.wire.http.server.limits import HttpLimits
from tests.wire.grpc.stage import NOW_MS
from tests.wire.http.raw_http import short_limits

PATIENCE_SECONDS: Final = 20.0

Line = dict[str, Any]
Script = Callable[["AccessStage"], Coroutine[Any, Any, None]]


class Lines(logging.Handler):
    """The fields of each line; used on the loop that the server runs on."""

    def __init__(self) -> None:
        super().__init__()
        self.fields: list[Line] = []
        self.records: list[logging.LogRecord] = []
        self._more = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.fields.append(cast(Any, record).fields)
        self.records.append(record)
        self._more.set()

    async def take(self, count: int = 1) -> list[Line]:
        """The next lines: an answer may be there a moment before its line."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while len(self.fields) < count:
                self._more.clear()
                await self._more.wait()
        taken, self.fields = self.fields[:count], self.fields[count:]
        return taken


class AccessStage:
    def __init__(self, it: Running, server: Serving, lines: Lines) -> None:
        assert it.key is not None, "the file is new"
        self.it = it
        self.server = server
        self.lines = lines
        self.key = it.key
        self.org_id = it.organization_id
        self.client = httpx.AsyncClient(
            base_url=server.url, headers={"Authorization": f"Bearer {it.key}"}
        )

    async def line(self) -> Line:
        """The only line that was written and not taken."""
        [line] = await self.lines.take()
        assert self.lines.fields == []
        return line

    async def say(self, data: bytes) -> bytes:
        """Send these bytes, and return all that comes back until the server closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.http.port)
        try:
            writer.write(data)
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def a_stage(
    asgi: ASGIApp | None, limits: HttpLimits, settings: dict[str, Any]
) -> AsyncIterator[AccessStage]:
    chosen = structs.replace(
        Settings(database=":memory:", access_log=True),
        **{"port": 0, "grpc_port": "off", "shutdown_grace_seconds": 5.0, **settings},
    )
    lines, logger = Lines(), logging.getLogger(LOGGER)
    logger.addHandler(lines)
    try:
        async with (
            running(chosen, clock=ManualClock(NOW_MS)) as it,
            serving(it, asgi=asgi, limits=limits) as server,
        ):
            stage = AccessStage(it, server, lines)
            async with stage.client:
                yield stage
            await server.stop()
    finally:
        logger.removeHandler(lines)


def play(
    script: Script,
    *,
    asgi: ASGIApp | None = None,
    limits: HttpLimits | None = None,
    **settings: Any,
) -> list[logging.LogRecord]:
    """Run a test against a server of its own. All lines that it wrote."""
    records: list[logging.LogRecord] = []

    async def main() -> None:
        async with (
            asyncio.timeout(PATIENCE_SECONDS * 3),
            a_stage(asgi, limits or short_limits(header_seconds_max=5.0), settings) as stage,
        ):
            records.extend(stage.lines.records)
            stage.lines.records = records
            await script(stage)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    return records
