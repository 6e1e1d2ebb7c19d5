"""The standard health service: whether the server is up and takes calls."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import grpc
from grpc import StatusCode

from spooled_lite.wire.grpc.accept import Handlers, service_handlers
from spooled_lite.wire.grpc.call import read
from spooled_lite.wire.grpc.descriptors import (
    HEALTH_SERVICE,
    QUEUE_SERVICE,
    WORKER_SERVICE,
    message_class,
)
from spooled_lite.wire.grpc.errors import Context

# The values of HealthCheckResponse.ServingStatus.
SERVING: Final = 1
NOT_SERVING: Final = 2
SERVICE_UNKNOWN: Final = 3

KNOWN: Final = frozenset({"", QUEUE_SERVICE, WORKER_SERVICE})
WATCHES_MAX: Final = 1000  # open at a time; bounded because they need no credential

_Request: Final = message_class("grpc.health.v1.HealthCheckRequest")
_Response: Final = message_class("grpc.health.v1.HealthCheckResponse")


class HealthService:
    """The service. It needs no credential. Contract: grpc, section 1."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._watch_count = 0

    def stop(self) -> None:
        self._stopping.set()

    def handlers(self) -> Handlers:
        said: dict[str, Any] = {"response_serializer": _Response.SerializeToString}
        return service_handlers(
            HEALTH_SERVICE,
            {
                "Check": grpc.unary_unary_rpc_method_handler(self._check, **said),
                "Watch": grpc.unary_stream_rpc_method_handler(self._watch, **said),
            },
        )

    async def _check(self, raw: bytes, context: Context) -> Any:
        request = await read(_Request, raw, context)
        if request.service not in KNOWN:
            await context.abort(StatusCode.NOT_FOUND, "Unknown service")
        return self._status()

    async def _watch(self, raw: bytes, context: Context) -> AsyncIterator[Any]:
        """Send the status, and the next one when the server stops; then end the stream.

        The watch of an unknown service stays open, as the protocol of the service demands.
        """
        request = await read(_Request, raw, context)
        if self._watch_count >= WATCHES_MAX:
            await context.abort(StatusCode.RESOURCE_EXHAUSTED, "Too many watches are open")
        self._watch_count += 1
        try:
            is_known = request.service in KNOWN
            yield self._status() if is_known else _Response(status=SERVICE_UNKNOWN)
            if not self._stopping.is_set():
                await self._stopping.wait()
                if is_known:
                    yield self._status()
        finally:
            self._watch_count -= 1
        await context.abort(StatusCode.UNAVAILABLE, "The server is stopping")

    def _status(self) -> Any:
        return _Response(status=NOT_SERVING if self._stopping.is_set() else SERVING)
