"""What all connections of one server share: limits, the open connections, the deadline sweep."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any, Final, Protocol

from msgspec import Struct
from uvicorn.server import ServerState

from spooled_lite.ids import Ids
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.server import refusal as refusals
from spooled_lite.wire.http.server.limits import HttpLimits
from spooled_lite.wire.http.server.places import ConnectionPlaces
from spooled_lite.wire.http.server.refusal import Refusal
from spooled_lite.wire.http.server.unread import Unread
from spooled_lite.wire.request_id import request_id
from spooled_lite.wire.share import Share

logger = logging.getLogger(__name__)

# One address may hold at most this part of all connections, where addresses have a bound.
SHARE_MAX: Final = 0.75
READING_PART: Final = 0.25  # the part of the loop's time spent on the frames of all WebSockets

# Takes the request headers read so far; gives headers for an answer the server makes by itself.
EarlyHeaders = Callable[[Sequence[Header]], Sequence[Header]]


class EarlyRefusal(Struct, frozen=True):
    """A request that the server has answered by itself, before the application saw it."""

    status: int
    scope: Any  # that of the request, as far as it was read; None: nothing was
    address: str
    request_id: bytes
    bytes_out: int  # of the body


OnRefusal = Callable[[EarlyRefusal], None]


class Connection(Protocol):
    """What the sweep and the stop need of an open connection, HTTP or WebSocket."""

    deadline: float  # on the loop's clock; infinite while the connection has no time limit
    transport: asyncio.Transport

    def expire(self, now: float) -> None: ...

    def shutdown(self) -> None: ...


class Connections(ServerState):
    """All open connections, swept for passed deadlines once in `sweep_seconds`.

    A deadline is an attribute of its connection, so a request costs no timer.

    `open` has one entry per transport, so a change of protocol neither loses a connection nor
    counts it twice. The loop reports the end of a transport to the protocol it has at that moment.
    """

    def __init__(
        self,
        limits: HttpLimits,
        *,
        connection_count_max: int,
        early_headers: EarlyHeaders,
        on_sweep: Callable[[float], None] | None = None,
        on_refusal: OnRefusal | None = None,
    ) -> None:
        super().__init__()
        self.on_refusal = on_refusal
        self._on_sweep = on_sweep
        self.limits = limits
        self.open: dict[asyncio.Transport, Connection] = {}
        self.places = ConnectionPlaces(
            connection_count_max,
            # One address never gets all places, even when the file limit leaves few of them.
            per_address_max=min(
                limits.connections_per_address_max, max(1, int(connection_count_max * SHARE_MAX))
            ),
        )
        self.unread = Unread(limits.unread_bytes_max)
        self.reading = Share(READING_PART)
        self.ids = Ids()
        self.is_stopping = False
        self.changed = asyncio.Event()  # set when the last connection has ended
        self._early_headers = early_headers
        self._timer: asyncio.TimerHandle | None = None

    def start_sweeping(self, loop: asyncio.AbstractEventLoop) -> None:
        self.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        now = loop.time()
        for connection in [each for each in self.open.values() if each.deadline <= now]:
            try:
                connection.expire(now)
            except Exception:
                give_up(connection)
        self.unread.look()
        if self._on_sweep is not None and self._timer is not None:
            self._on_sweep(now - self._timer.when())  # how late the loop was
        self._timer = loop.call_later(self.limits.sweep_seconds, self.start_sweeping, loop)

    def stop_sweeping(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def shut_down(self) -> None:
        """Tell every connection that the server stops, also after one of them has failed at it."""
        for connection in tuple(self.open.values()):
            try:
                connection.shutdown()
            except Exception:
                give_up(connection)

    def cut_off(self) -> None:
        for transport in tuple(self.open):
            transport.abort()

    def left(self, transport: asyncio.Transport) -> None:
        """Forget a connection that has ended. May be called again."""
        self.open.pop(transport, None)
        self.places.leave(transport)
        self.unread.caught_up(transport)
        if not self.open:
            self.changed.set()

    async def empty(self) -> None:
        """Wait until no connection is open and no request is being handled."""
        while self.open:
            self.changed.clear()
            await self.changed.wait()
        while under_way := [task for task in self.tasks if not task.done()]:
            await asyncio.wait(under_way)

    def request_id(self, headers: Sequence[Header]) -> bytes:
        given = next((value for name, value in headers if name == b"x-request-id"), None)
        return request_id(given, self.ids)

    def answer(
        self, refusal: Refusal, headers: Sequence[Header], *, request_id: bytes | None = None
    ) -> bytes:
        """The whole answer to a request. `headers` are those of the request read so far."""
        always = [*self.default_headers, *self._early_headers(headers)]
        shown_id = self.request_id(headers) if request_id is None else request_id
        return refusals.answer(refusal, request_id=shown_id, always=always)

    def answer_headers(
        self, refusal: Refusal, body: bytes, headers: Sequence[Header]
    ) -> list[Header]:
        """The headers of such an answer for ASGI, without the date, which the library adds."""
        return refusals.answer_headers(
            refusal,
            body,
            request_id=self.request_id(headers),
            always=self._early_headers(headers),
        )


def give_up(connection: Connection) -> None:
    """Log the current exception and cut the connection, so that the others get their turn."""
    logger.exception("a connection failed and was closed")
    connection.transport.abort()
