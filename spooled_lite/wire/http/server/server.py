"""The HTTP server: listens, serves one application, stops in order. Connections: protocol.py."""

import asyncio
import logging
import math
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from starlette.types import ASGIApp
from uvicorn.config import Config

from spooled_lite.wire.http.server.connections import Connections, EarlyHeaders, OnRefusal
from spooled_lite.wire.http.server.limits import (
    DEFAULTS,
    HttpLimits,
    connection_count_max,
)
from spooled_lite.wire.http.server.protocol import HttpProtocol
from spooled_lite.wire.listen import BACKLOG, file_limit, listen, raise_file_limit, reached_at

logger = logging.getLogger(__name__)

CUT_OFF_SECONDS_MAX: Final = 1.0  # how long a stop waits for the requests it has cancelled


class HttpServer:
    """Serves one application inside the running event loop. A process may have several servers.

    `on_stopping` is called once, on the loop, after the listeners are closed: it must make streams
    end and waiting calls answer. `early_headers` gives headers for answers that the server makes
    by itself; it is passed the request headers read so far. `on_sweep` is called about once a
    second with the number of seconds by which the loop was late. `on_refusal` is told of requests
    that the application never sees. `is_embedded`: the process belongs to somebody else, so its
    limit of open files stays as it is. `sockets` that listen already are served instead of host and
    port.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        port: int,
        limits: HttpLimits = DEFAULTS,
        grace_seconds: float,
        on_stopping: Callable[[], None],
        early_headers: EarlyHeaders = lambda headers: (),
        on_sweep: Callable[[float], None] | None = None,
        on_refusal: OnRefusal | None = None,
        is_embedded: bool = False,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.host = host
        self.hosts = [host]
        self.port = port  # 0 until start() has found a free one
        self._app = app
        self._limits = limits
        self._grace_seconds = grace_seconds
        self._on_stopping = on_stopping
        self._early_headers = early_headers
        self._on_sweep = on_sweep
        self._on_refusal = on_refusal
        self._is_embedded = is_embedded
        self._given = sockets
        self._listeners: list[asyncio.AbstractServer] = []
        self._connections: Connections | None = None
        self._at_once = asyncio.Event()
        self._stop: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The address at which a client on this machine reaches the server."""
        return f"http://{reached_at(self.host, self.port)}"

    @property
    def connection_count(self) -> int:
        return 0 if self._connections is None else len(self._connections.open)

    async def start(self) -> None:
        """Listen and serve.

        Raises:
            PortInUse, CannotListen: nothing has been served.
        """
        assert self._connections is None, "started once"
        sockets = self._given or await listen(self.host, self.port)
        if self._given:
            self.hosts = [each.getsockname()[0] for each in sockets]
            self.host = self.hosts[0]
        self.port = sockets[0].getsockname()[1]
        files_max = file_limit() if self._is_embedded else raise_file_limit()
        self._connections = connections = Connections(
            self._limits,
            connection_count_max=connection_count_max(self._limits, file_count_max=files_max),
            early_headers=self._early_headers,
            on_sweep=self._on_sweep,
            on_refusal=self._on_refusal,
        )
        config = _library_config(self._app)
        loop = asyncio.get_running_loop()
        connections.start_sweeping(loop)
        for each in sockets:
            self._listeners.append(
                await loop.create_server(
                    partial(_protocol, config, connections, loop), sock=each, backlog=BACKLOG
                )
            )

    async def stop(self, *, at_once: bool = False) -> None:
        """Stop in order; may be called again with `at_once` to cut short a stop that is under way.

        Closes the listeners, has the application end its streams and waits, lets open requests
        finish within the grace time, then cuts off the rest. `at_once` skips the grace time.
        """
        if at_once:
            self._at_once.set()
        if self._stop is None:
            self._stop = asyncio.create_task(self._stop_in_order(), name="http-stop")
        await asyncio.shield(self._stop)

    async def _stop_in_order(self) -> None:
        connections = self._connections
        if connections is None:
            return
        connections.is_stopping = True
        for listener in self._listeners:
            listener.close()
        try:
            self._on_stopping()
        except Exception:
            logger.exception("ending streams and waiting calls failed; the stop continues")
        connections.shut_down()
        await self._finish(connections)
        await _cut_off(connections)
        connections.stop_sweeping()

    async def _finish(self, connections: Connections) -> None:
        waits = {
            asyncio.create_task(connections.empty(), name="http-finish"),
            asyncio.create_task(self._at_once.wait(), name="http-at-once"),
        }
        _, pending = await asyncio.wait(
            waits,
            timeout=self._grace_seconds,
            return_when=asyncio.FIRST_COMPLETED,
        )
        for each in pending:
            each.cancel()
        await asyncio.wait(waits)


class _Unserved(asyncio.Protocol):
    """Cuts a connection for which no HttpProtocol could be made."""

    deadline = math.inf
    transport: asyncio.Transport

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport
        # Without a reference the transport would be collected before it is closed.
        self._connections.open[transport] = self
        self.shutdown()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.left(self.transport)

    def expire(self, now: float) -> None:
        self.shutdown()

    def shutdown(self) -> None:
        self.transport.abort()


def _protocol(
    config: Config, connections: Connections, loop: asyncio.AbstractEventLoop
) -> asyncio.Protocol:
    """The protocol of a new connection.

    Raises nothing: after an exception here uvloop would accept no further connection.
    """
    try:
        return HttpProtocol(config, connections, {}, loop)
    except Exception:
        logger.exception("a connection could not be served")
        return _Unserved(connections)


async def _cut_off(connections: Connections) -> None:
    if connections.tasks:
        logger.warning("cut off %d requests that did not finish in time", len(connections.tasks))
    connections.cut_off()
    for task in tuple(connections.tasks):
        task.cancel()
    try:
        async with asyncio.timeout(CUT_OFF_SECONDS_MAX):
            await connections.empty()
    except TimeoutError:
        logger.error("%d requests could not be cancelled", len(connections.tasks))


def _library_config(app: ASGIApp) -> Config:
    config = Config(
        lambda: app,
        factory=True,
        interface="asgi3",
        http=HttpProtocol,
        ws="none",  # our own is in upgrade.py
        lifespan="off",  # the composition root starts and stops the parts itself
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
    )
    config.load()
    return config
