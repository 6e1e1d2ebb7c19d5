"""Starts gRPC when it is switched on and installed, and imports the library only then."""

import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from spooled_lite.spans import Tracer
from spooled_lite.wire.access_log import AccessLog
from spooled_lite.wire.services import Services

if TYPE_CHECKING:
    from spooled_lite.wire.grpc.methods import Find
    from spooled_lite.wire.grpc.server import GrpcServer

logger = logging.getLogger(__name__)

OF_THE_EXTRA: Final = frozenset({"grpc", "google"})
HOW_TO_INSTALL: Final = "install the extra: spooled-lite[grpc]"


class NotInstalled(Exception):
    """The settings name a gRPC port, and the libraries of the extra are not installed."""


@asynccontextmanager
async def grpc_of(
    services: Services,
    find: "Find | None" = None,
    access_log: AccessLog | None = None,
    tracer: Tracer | None = None,
) -> AsyncIterator["GrpcServer | None"]:
    """Serve gRPC as the settings say.

    Gives None when gRPC is off, and when its extra is not installed and no port was set for it.
    For `find` see `GrpcServer`. Stop the server in order before leaving this context, or its calls
    are cut off.

    Raises:
        NotInstalled: a port was set, and the extra is not installed.
        PortInUse, CannotListen, CannotUseCertificate: nothing has been served.
    """
    server = _server(services, find, access_log, tracer)
    if server is None:
        yield None
        return
    await server.start()
    try:
        yield server
    finally:
        await server.stop(at_once=True)


def _server(
    services: Services,
    find: "Find | None",
    access_log: AccessLog | None,
    tracer: Tracer | None,
) -> "GrpcServer | None":
    settings = services.settings
    if settings.grpc_port == "off":
        return None
    # Otherwise the library writes a line of its own for each header that it cannot read.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        from spooled_lite.wire.grpc.server import GrpcServer
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in OF_THE_EXTRA:
            raise
        if "grpc_port" in settings.given:
            raise NotInstalled(
                f"gRPC cannot be served on port {settings.grpc_port}: {HOW_TO_INSTALL},"
                " or set grpc_port to off"
            ) from error
        logger.info("gRPC is off; to use it, %s", HOW_TO_INSTALL)
        return None
    return GrpcServer(
        services,
        host=settings.host,
        port=0 if settings.grpc_port == "auto" else settings.grpc_port,
        grace_seconds=settings.shutdown_grace_seconds,
        find=find,
        access_log=access_log,
        tracer=tracer,
    )
