"""One server: a running application, its listeners, and the file that tells their addresses."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from starlette.types import ASGIApp

from spooled_lite.app import Running
from spooled_lite.config import Settings
from spooled_lite.ready_file import ReadyFile
from spooled_lite.spans import Tracer
from spooled_lite.wire.access_log import AccessLog
from spooled_lite.wire.grpc.start import grpc_of
from spooled_lite.wire.http.access_log import AccessLogged
from spooled_lite.wire.http.resources.metrics_port import MetricsPort
from spooled_lite.wire.http.server.connections import OnRefusal
from spooled_lite.wire.http.server.limits import HttpLimits
from spooled_lite.wire.http.server.server import HttpServer
from spooled_lite.wire.http.traced import TracedHttp

if TYPE_CHECKING:
    from spooled_lite.wire.grpc.methods import Find
    from spooled_lite.wire.grpc.server import GrpcServer

METRICS_GRACE_SECONDS: Final = 1.0  # for a scrape under way when the server stops


class Serving(Struct, frozen=True):
    """A server that accepts connections."""

    app: Running
    http: HttpServer
    grpc: "GrpcServer | None"
    metrics_url: str | None

    @property
    def url(self) -> str:
        return self.http.url

    @property
    def grpc_address(self) -> str | None:
        return None if self.grpc is None else self.grpc.address

    async def stop(self, *, at_once: bool = False) -> None:
        """Stop HTTP and gRPC in order; `at_once` cuts short a stop that is under way."""
        listeners = (self.http,) if self.grpc is None else (self.http, self.grpc)
        await asyncio.gather(*(each.stop(at_once=at_once) for each in listeners))


@asynccontextmanager
async def serving(
    app: Running,
    *,
    asgi: ASGIApp | None = None,
    find: "Find | None" = None,
    current: Callable[[], Running] | None = None,
    limits: HttpLimits | None = None,
    ready_file: ReadyFile | None = None,
    on_sweep: Callable[[], None] = lambda: None,
    tracer: Tracer | None = None,
    is_embedded: bool = False,
    sockets: Sequence[socket.socket] = (),
) -> AsyncIterator[Serving]:
    """Listen as the settings of the application say: REST, gRPC, metrics.

    `asgi` is served over HTTP instead of the application, and `find` chooses the services for a
    gRPC call. `current` gives the application as it is now, where another one may take its place:
    metrics are always of that one. `on_sweep` is called about once a second. `tracer`
    is told of requests and calls. `is_embedded` and
    `sockets` are as for `HttpServer`.

    Call `stop` to end in order. Connections that are left on the way out are cut off, except those
    of the metrics port, which answers to the end.

    Raises:
        CannotListen, CannotUseCertificate, NotInstalled: nothing is served.
        CannotWriteReadyFile: the server stops, since programs could not find it.
    """
    services, settings = app.services, app.services.settings
    now: Callable[[], Running] = current or (lambda: app)

    def sweep(lag_seconds: float) -> None:
        now().services.metrics.tick(lag_seconds)
        on_sweep()

    access_log = AccessLog() if settings.access_log else None
    inner = asgi or app.application
    if tracer is not None:
        inner = TracedHttp(inner, tracer)
    outer, on_refusal = _logged(inner, access_log, settings)
    http = HttpServer(
        outer,
        host=settings.host,
        port=settings.port,
        limits=limits or HttpLimits(connections_per_address_max=settings.connection_share),
        grace_seconds=settings.shutdown_grace_seconds,
        on_stopping=app.begin_stop,
        early_headers=lambda headers: now().application.early_headers(headers),
        on_sweep=sweep,
        on_refusal=on_refusal,
        is_embedded=is_embedded,
        sockets=sockets,
    )
    services.metrics.watch("spooled_http_connections", lambda: http.connection_count)
    async with (
        _written_to_the_end(access_log),
        _metrics_port(now, access_log) as metrics_url,
        grpc_of(services, find, access_log, tracer) as grpc,
    ):
        server = Serving(app, http, grpc, metrics_url)
        try:
            await http.start()
            services.db.lock.describe(url=server.url)
            if ready_file is not None:
                ready_file.write(_about(server))
            yield server
        finally:
            await http.stop(at_once=True)


def _logged(
    asgi: ASGIApp, access_log: AccessLog | None, settings: Settings
) -> tuple[ASGIApp, OnRefusal | None]:
    """With the access log what stands before the application, without it the application itself."""
    if access_log is None:
        return asgi, None
    logged = AccessLogged(asgi, access_log, settings)
    return logged, logged.refused


@asynccontextmanager
async def _written_to_the_end(access_log: AccessLog | None) -> AsyncIterator[None]:
    """Entered first and so left last: the requests that a stop cut off have lines as well."""
    try:
        yield
    finally:
        if access_log is not None:
            access_log.flush()


def _about(server: Serving) -> dict[str, object]:
    more = {"keys": server.app.keys} if server.app.keys else {}
    return {
        "url": server.url,
        "grpc_address": server.grpc_address,
        "organization_id": server.app.organization_id,
        "api_key": server.app.key,
        "admin_key": server.app.services.settings.admin_key,
        "pid": os.getpid(),
        **more,
    }


@asynccontextmanager
async def _metrics_port(
    now: Callable[[], Running], access_log: AccessLog | None
) -> AsyncIterator[str | None]:
    """Serve the metrics on a port of their own if the settings name one. Gives its address."""
    settings = now().services.settings
    if not settings.metrics_port:
        yield None
        return
    outer, on_refusal = _logged(MetricsPort(lambda: now().services), access_log, settings)
    server = HttpServer(
        outer,
        host=settings.host,
        port=settings.metrics_port,
        on_refusal=on_refusal,
        grace_seconds=METRICS_GRACE_SECONDS,
        on_stopping=lambda: None,
    )
    await server.start()
    try:
        yield server.url
    finally:
        await server.stop()
