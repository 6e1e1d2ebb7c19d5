"""What the connections of one server share: limits, who is open, one sweep for all deadlines."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Final, Protocol

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

SHARE_MAX: Final = 0.75  # of all connections, for an address that has a bound
# Headers of the answers that the server gives by itself, from those of the request that are known.
EarlyHeaders = Callable[[Sequence[Header]], Sequence[Header]]


READING_PART: Final = 0.25  # of the loop's time, for the frames of all WebSockets


class Connection(Protocol):
    """An open connection, HTTP or WebSocket, as the sweep and the stop see it."""

    deadline: float  # on the loop's clock; infinite when nothing is waited for
    transport: asyncio.Transport

    def expire(self, now: float) -> None: ...

    def shutdown(self) -> None: ...


class Connections(ServerState):
    """Deadlines are attributes looked at once a second, so a request costs no timer.

    `open` has one entry for each transport, so that a change of protocol can neither lose one nor
    count it twice; whatever fails, the loop tells the protocol that the transport has now.
    """

    def __init__(
        self,
        limits: HttpLimits,
        *,
        connection_count_max: int,
        early_headers: EarlyHeaders,
        on_sweep: Callable[[float], None] | None = None,
    ) -> None:
        super().__init__()
        self._on_sweep = on_sweep
        self.limits = limits
        self.open: dict[asyncio.Transport, Connection] = {}
        self.places = ConnectionPlaces(
            connection_count_max,
            # One address never takes all of them, however low the file limit has made their number.
            per_address_max=min(
                limits.connections_per_address_max, max(1, int(connection_count_max * SHARE_MAX))
            ),
        )
        self.unread = Unread(limits.unread_bytes_max)
        self.reading = Share(READING_PART)
        self.ids = Ids()
        self.is_stopping = False
        self.changed = asyncio.Event()  # set when the last connection has gone
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
        """Tell every connection that the server stops. None of them can keep that from another."""
        for connection in tuple(self.open.values()):
            try:
                connection.shutdown()
            except Exception:
                give_up(connection)

    def cut_off(self) -> None:
        for transport in tuple(self.open):
            transport.abort()

    def left(self, transport: asyncio.Transport) -> None:
        """Called when a connection has gone. May be called again."""
        self.open.pop(transport, None)
        self.places.leave(transport)
        self.unread.caught_up(transport)
        if not self.open:
            self.changed.set()

    async def empty(self) -> None:
        """Wait until no connection is open and no request is being worked on."""
        while self.open:
            self.changed.clear()
            await self.changed.wait()
        while under_way := [task for task in self.tasks if not task.done()]:
            await asyncio.wait(under_way)

    def request_id(self, headers: Sequence[Header]) -> bytes:
        given = next((value for name, value in headers if name == b"x-request-id"), None)
        return request_id(given, self.ids)

    def answer(self, refusal: Refusal, headers: Sequence[Header]) -> bytes:
        """The whole answer to a request of which at least `headers` are known."""
        always = [*self.default_headers, *self._early_headers(headers)]
        return refusals.answer(refusal, request_id=self.request_id(headers), always=always)

    def answer_headers(
        self, refusal: Refusal, body: bytes, headers: Sequence[Header]
    ) -> list[Header]:
        """The same as ASGI headers: the library adds the date."""
        return refusals.answer_headers(
            refusal,
            body,
            request_id=self.request_id(headers),
            always=self._early_headers(headers),
        )


def give_up(connection: Connection) -> None:
    """End a connection at which we have failed: it must not keep others from their turn."""
    logger.exception("a connection failed and was closed")
    connection.transport.abort()
