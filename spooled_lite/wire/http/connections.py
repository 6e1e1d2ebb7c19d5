"""What the connections of one server share: limits, who is open, one sweep for all deadlines."""

import asyncio
from collections.abc import Callable, Sequence
from email.utils import formatdate
from typing import Any, Protocol

from uvicorn.server import ServerState

from spooled_lite.ids import Ids
from spooled_lite.wire.http import refusal as refusals
from spooled_lite.wire.http.limits import HttpLimits
from spooled_lite.wire.http.refusal import Header, Refusal


class Connection(Protocol):
    """An open connection, HTTP or WebSocket, as the sweep and the stop see it."""

    deadline: float  # on the loop's clock; infinite when nothing is waited for
    transport: asyncio.Transport

    def expire(self, now: float) -> None: ...

    def shutdown(self) -> None: ...


class Connections(ServerState):
    """Deadlines are attributes looked at once a second, so a request costs no timer."""

    connections: set[Any]  # of Connection; the library names its own classes here

    def __init__(
        self,
        limits: HttpLimits,
        *,
        connection_count_max: int,
        always: Sequence[Header],
        on_sweep: Callable[[float], None] | None = None,
    ) -> None:
        super().__init__()
        self._on_sweep = on_sweep
        self.limits = limits
        self.connection_count_max = connection_count_max
        self.ids = Ids()
        self.is_stopping = False
        self.changed = asyncio.Event()  # set when the last connection has gone
        self._always = always
        self._timer: asyncio.TimerHandle | None = None

    def start_sweeping(self, loop: asyncio.AbstractEventLoop) -> None:
        self.default_headers = [(b"date", formatdate(usegmt=True).encode())]
        now = loop.time()
        for connection in [each for each in self.connections if each.deadline <= now]:
            connection.expire(now)
        if self._on_sweep is not None and self._timer is not None:
            self._on_sweep(now - self._timer.when())  # how late the loop was
        self._timer = loop.call_later(self.limits.sweep_seconds, self.start_sweeping, loop)

    def stop_sweeping(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def left(self) -> None:
        """Called by each connection when it has gone."""
        if not self.connections:
            self.changed.set()

    async def empty(self) -> None:
        """Wait until no connection is open and no request is being worked on."""
        while self.connections:
            self.changed.clear()
            await self.changed.wait()
        while self.tasks:
            await asyncio.wait(tuple(self.tasks))

    def request_id(self, headers: Sequence[Header] | None) -> bytes:
        return refusals.request_id(headers, self.ids)

    def answer(self, refusal: Refusal, headers: Sequence[Header] | None) -> bytes:
        """The whole answer to a request of which at most `headers` are known."""
        always = [*self.default_headers, *self._always]
        return refusals.answer(refusal, request_id=self.request_id(headers), always=always)

    def answer_headers(
        self, refusal: Refusal, body: bytes, headers: Sequence[Header]
    ) -> list[Header]:
        """The same as ASGI headers: the library adds the date."""
        return refusals.answer_headers(
            refusal, body, request_id=self.request_id(headers), always=self._always
        )
