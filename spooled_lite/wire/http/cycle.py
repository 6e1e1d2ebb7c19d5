"""One request and its answer, and the line of requests that one client has sent ahead."""

import asyncio
import logging
from collections.abc import Sized

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from spooled_lite.wire.http import refusal as refusals
from spooled_lite.wire.http.connections import Connections

logger = logging.getLogger(__name__)


class Line(FlowControl):
    """Flow control that reads nothing more while requests wait in line: so the line is bounded."""

    def __init__(self, transport: asyncio.Transport, line: Sized) -> None:
        super().__init__(transport)
        self._line = line

    def resume_reading(self) -> None:
        if self.read_paused and not self._line:
            super().resume_reading()


class Cycle(RequestResponseCycle):
    """One request and its answer."""

    connections: Connections

    async def run_asgi(self, app: ASGI3Application) -> None:
        try:
            try:
                await app(self.scope, self.receive, self.send)
            except Exception:
                logger.exception("a request failed outside the application's error boundary")
            if self.disconnected or self.response_complete:
                return
            if self.response_started:
                # The missing end tells the client that the answer is not whole.
                self.transport.close()
            else:
                await self.send_500_response()
        finally:
            self.on_response = _nothing  # ends the reference cycle with the connection

    async def send_500_response(self) -> None:
        refusal = refusals.crashed()
        body = refusal.body()
        headers = self.connections.answer_headers(refusal, body, list(self.scope["headers"]))
        await self.send({"type": "http.response.start", "status": 500, "headers": headers})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})


def _nothing() -> None:
    pass
