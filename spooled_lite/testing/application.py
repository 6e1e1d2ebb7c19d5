"""The application of a world: that of production, with the routes and headers of test mode."""

from collections.abc import Iterable
from email.utils import formatdate
from typing import Final
from urllib.parse import quote

import msgspec
from starlette.types import Message, Receive, Scope, Send

from spooled_lite.testing.calls import WORLD, WorldOfCall
from spooled_lite.testing.faults.over_http import STRUCK
from spooled_lite.testing.journal import ASKED, Noted
from spooled_lite.testing.routes import TEST_PREFIX, TEST_ROUTES
from spooled_lite.times import format_ms
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.application import Application
from spooled_lite.wire.http.dispatch import API_PREFIX
from spooled_lite.wire.http.routes import ROUTES
from spooled_lite.wire.http.server.scope import DATED
from spooled_lite.wire.services import Services

ROWS: Final = (*ROUTES, *TEST_ROUTES)
_SAFE: Final = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")
_BEGINS: Final = frozenset(
    {"http.response.start", "websocket.accept", "websocket.http.response.start"}
)


class WorldApplication(Application):
    """All answers say in which world they were made, and when by its clock."""

    def __init__(self, services: Services, world: WorldOfCall) -> None:
        super().__init__(msgspec.structs.replace(services, document_text=_document_text), rows=ROWS)
        self._world = world
        self._name: Header = (b"x-spooled-world", _text(world.name))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await super().__call__(scope, receive, send)
            return

        asked = Noted()
        is_test = scope["path"].startswith(TEST_PREFIX)
        is_noted = is_test or not scope["path"].startswith(API_PREFIX)

        def note(status: int | None) -> None:
            nonlocal is_noted
            if not is_noted:
                path = scope["raw_path"].decode("ascii", "backslashreplace")
                self._world.journal.answered(scope.get("method", "GET"), path, status, asked)
            is_noted = True

        struck: list[str] = []

        async def send_dated(message: Message) -> None:
            if message["type"] in _BEGINS:
                note(message.get("status", 101))
                message = {**message, DATED: True}
                message["headers"] = [*message.get("headers", ()), *self._headers()]
                if struck:
                    fault = (b"x-spooled-fault", ", ".join(struck).encode("ascii"))
                    message["headers"].append(fault)
            await send(message)

        ours = {WORLD: self._world, ASKED: asked, STRUCK: struck}
        extensions = {**scope.get("extensions", {}), **ours}
        if not is_test:
            await self._world.stepper.until_quiet()
        try:
            await super().__call__({**scope, "extensions": extensions}, receive, send_dated)
        finally:
            note(None)

    def early_headers(self, headers: Iterable[Header]) -> list[Header]:
        """Without the date, which the server adds to its own refusals."""
        return [*super().early_headers(headers), *self._headers()[1:]]

    def _headers(self) -> tuple[Header, ...]:
        now_ms = self._world.stepper.clock.now_ms()
        date = formatdate(now_ms // 1000, usegmt=True).encode("ascii")
        now = format_ms(now_ms).encode("ascii")
        return ((b"date", date), (b"x-spooled-clock", now), self._name)


def _document_text() -> bytes:
    # Imported here, since only readers of the document need it and a test begins sooner.
    from spooled_lite.testing.documents import document_of_tests

    return document_of_tests()


def _text(name: str) -> bytes:
    """A name as a header has it: what is not printable ASCII is percent-encoded."""
    return quote(name, safe=_SAFE).encode("ascii")
