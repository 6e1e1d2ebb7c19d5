"""The gRPC server: listens, serves both services, health and reflection, stops in order."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

import grpc
from grpc import aio

from spooled_lite.spans import Tracer
from spooled_lite.wire.access_log import AccessLog
from spooled_lite.wire.grpc import queue_service, worker_service
from spooled_lite.wire.grpc.accept import accepting
from spooled_lite.wire.grpc.access_log import logging_watch
from spooled_lite.wire.grpc.deliver import Deliveries
from spooled_lite.wire.grpc.descriptors import QUEUE_SERVICE, WORKER_SERVICE
from spooled_lite.wire.grpc.health import HealthService
from spooled_lite.wire.grpc.methods import Find, handlers_of
from spooled_lite.wire.grpc.reflection import Reflection
from spooled_lite.wire.grpc.streams import GrpcStreams
from spooled_lite.wire.grpc.tls import key_and_certificate
from spooled_lite.wire.grpc.traced import tracing_watch
from spooled_lite.wire.grpc.watched import Watch, watched
from spooled_lite.wire.listen import (
    CannotListen,
    PortInUse,
    authority,
    listen,
    raise_file_limit,
    reached_at,
)
from spooled_lite.wire.services import Services

logger = logging.getLogger(__name__)

# Larger than any allowed payload, so that we can refuse a payload that is too large and name the
# rule. The library refuses larger messages, with a status that clients take for a rate limit.
MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024
METADATA_BYTES_MAX: Final = 64 * 1024  # as the headers of a request over HTTP
CONNECTIONS_MAX: Final = 2_000  # a client has one or two; the library closes any more
FILES_PART: Final = 8  # connections may take one in this many of the files that may be open
CALLS_MAX: Final = 10_000  # open at a time, streams included; any more are refused
# The most that is read from a connection at once. By default the library reads up to 4 MiB, even of
# endless header frames, and keeps twice as much memory for each such connection.
READ_BYTES_MAX: Final = 64 * 1024
STREAMS_PER_CONNECTION: Final = 256  # a hundred streams of jobs, and calls beside them
HANDED_BACK_SECONDS_MAX: Final = 1.0  # how long a stop waits for streams to hand back their jobs

# Contract: grpc, section 1. Too frequent pings are never punished: a client may send one every ten
# seconds, and clients measure that differently.
OPTIONS: Final[Sequence[tuple[str, Any]]] = (
    ("grpc.so_reuseport", 0),  # with it two servers would share the port
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", -1),  # our own code bounds its messages
    ("grpc.max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.max_concurrent_streams", STREAMS_PER_CONNECTION),
    ("grpc.experimental.tcp_max_read_chunk_size", READ_BYTES_MAX),
    ("grpc.experimental.tcp_max_read_buffer_size", READ_BYTES_MAX),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Without this the library waits a minute for the answer to a ping, despite keepalive_timeout.
    ("grpc.http2.ping_timeout_ms", 20_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.http2.max_ping_strikes", 0),
)


class GrpcServer:
    """Serves one application inside the running event loop. A process may have several servers."""

    def __init__(
        self,
        services: Services,
        *,
        host: str,
        port: int,
        grace_seconds: float,
        find: Find | None = None,
        access_log: AccessLog | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        """`find` chooses the services for each call; by default all calls get `services`."""
        self.host = host
        self.port = port  # 0 until start() has found a free one
        self.streams = GrpcStreams()
        self._services = services
        self._find: Find = find or (lambda context: services)
        self._grace_seconds = grace_seconds
        self._watches: list[Watch] = []
        if access_log is not None:
            self._watches.append(logging_watch(access_log, services.settings))
        if tracer is not None:
            self._watches.append(tracing_watch(tracer))
        self._health = HealthService()
        self._reflection = Reflection()
        self._stopped = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._server: aio.Server | None = None
        self.certificate: tuple[bytes, bytes] | None = None  # key and certificate; None: no TLS

    @property
    def address(self) -> str:
        """The address at which a client on this machine reaches the server."""
        return reached_at(self.host, self.port)

    async def start(self) -> None:
        """Listen and serve.

        Raises:
            PortInUse, CannotListen, CannotUseCertificate: nothing has been served.
        """
        services = self._services
        files = key_and_certificate(services.settings)
        credentials = None
        if files is not None:
            self.use_certificate(files)
            credentials = grpc.dynamic_ssl_server_credentials(
                self._for_handshake(), self._for_handshake
            )
        deliveries = Deliveries(self.streams)
        handlers = (
            handlers_of(QUEUE_SERVICE, queue_service.rows(self.streams, deliveries), self._find),
            handlers_of(WORKER_SERVICE, worker_service.rows(), self._find),
            self._health.handlers(),
            *self._reflection.handlers(),
        )
        server = accepting(
            *watched(handlers, self._watches),
            options=(*OPTIONS, _connections_option()),
            calls_max=CALLS_MAX,
        )
        await self._listen(server, credentials)
        await server.start()
        services.metrics.watch_grpc_streams(self.streams.counts)
        self._server = server
        self._looking = asyncio.create_task(
            self.streams.look_after(self._stopped), name="grpc-credentials"
        )

    def use_certificate(self, files: tuple[bytes, bytes]) -> None:
        """Use this key and certificate, which were checked, for connections from now on."""
        self.certificate = files

    def _for_handshake(self) -> grpc.ServerCertificateConfiguration:
        """Asked by threads of the library before each handshake."""
        assert self.certificate is not None, "only with TLS"
        return grpc.ssl_server_certificate_configuration([self.certificate])

    async def stop(self, *, at_once: bool = False) -> None:
        """Stop in order; may be called again with `at_once` to cut short a stop that is under way.

        Takes no more calls, ends the streams once they have written their answers, and lets open
        calls finish within the grace time. Leases stay as they are.
        """
        server = self._server
        if server is None:
            return
        self._stopped.set()
        self._health.stop()
        self._reflection.stop()
        self.streams.end_all()
        await server.stop(None if at_once else self._grace_seconds)
        if self._looking is not None:
            await asyncio.wait({self._looking})
        if not await self.streams.all_ended(seconds_max=HANDED_BACK_SECONDS_MAX):
            logger.error("%d gRPC streams did not end in time", len(self.streams))

    async def _listen(self, server: aio.Server, credentials: grpc.ServerCredentials | None) -> None:
        # Sockets of our own find the port and are closed again: the library logs an error of its
        # own for a port in use, and cannot find one port that is free on several addresses.
        sockets = await listen(self.host, self.port)
        addresses = [each.getsockname()[0] for each in sockets]
        self.port = sockets[0].getsockname()[1]
        for each in sockets:
            each.close()
        for address in addresses:
            target = authority(address, self.port)
            try:
                if credentials is None:
                    bound = server.add_insecure_port(target)
                else:
                    bound = server.add_secure_port(target, credentials)
            except RuntimeError as error:
                raise PortInUse(self.host, self.port) from error
            if bound != self.port:
                raise CannotListen(self.host, self.port, "the library refuses the address")


def _connections_option() -> tuple[str, int]:
    most = raise_file_limit() // FILES_PART
    # The limit is negative when the system has none.
    count_max = min(CONNECTIONS_MAX, most) if most > 0 else CONNECTIONS_MAX
    return "grpc.max_allowed_incoming_connections", count_max
