"""The application behind the metrics port: three paths in plain text, and nothing else."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from starlette.types import Receive, Scope, Send

from spooled_lite import metrics
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.admit import may_scrape
from spooled_lite.wire.http.headers.security_headers import security_headers
from spooled_lite.wire.http.resources.health import trouble_of
from spooled_lite.wire.http.resources.metrics import exposition
from spooled_lite.wire.rates.buckets import BucketStanding, Window, keep, use
from spooled_lite.wire.rates.rate_limit import UNKNOWN_ADDRESS
from spooled_lite.wire.services import Services

SCRAPES_MAX: Final = 60  # in a minute, of one address

_PLAIN: Final = b"text/plain; charset=utf-8"
_Answer = tuple[int, bytes, tuple[Header, ...]]


class MetricsPort:
    """Contract: platform, section 14. A caller that can reach this port needs no API key."""

    def __init__(self, find: Callable[[], Services]) -> None:
        """`find` gives the services of the application that is served now."""
        self._find = find
        self._security = security_headers(enable_hsts=find().settings.enable_hsts)
        self._windows: OrderedDict[str, Window] = OrderedDict()  # by address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await send({"type": "websocket.close"})
            return
        status, body, headers = await self._answer(scope)
        media = metrics.TEXT if status == 200 and scope["path"] == "/metrics" else _PLAIN
        fixed = [(b"content-type", media), (b"content-length", b"%d" % len(body))]
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*fixed, *headers, *self._security],
            }
        )
        body = b"" if scope["method"] == "HEAD" else body
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(self, scope: Scope) -> _Answer:
        path = scope["path"]
        if path not in ("/metrics", "/health", "/ready"):
            return 404, b"not found\n", ()
        if scope["method"] not in ("GET", "HEAD"):
            return 405, b"method not allowed\n", ((b"allow", b"GET, HEAD"),)
        if path == "/health":
            return 200, b"OK", ()
        if path == "/ready":
            trouble = await trouble_of(self._find())
            if trouble is None:
                return 200, b"READY", ()
            return 503, f"NOT READY: {trouble}\n".encode(), ((b"retry-after", b"1"),)
        return await self._scrape(scope)

    async def _scrape(self, scope: Scope) -> _Answer:
        standing = self._charge(UNKNOWN_ADDRESS if not scope["client"] else scope["client"][0])
        if standing.retry_after_seconds:
            after = b"%d" % standing.retry_after_seconds
            return 429, b"too many requests\n", ((b"retry-after", after),)
        if not may_scrape(dict(scope["headers"]), self._find().settings.metrics_token):
            return 401, b"unauthorized\n", ((b"www-authenticate", b"Bearer"),)
        return 200, await exposition(self._find()), ()

    def _charge(self, address: str) -> BucketStanding:
        now_ms = self._find().clock.now_ms()
        window = use(self._windows, address) or keep(self._windows, address, Window(now_ms, "ip"))
        window.turn(now_ms)
        refused = not window.has_room(SCRAPES_MAX)
        if not refused:
            window.take()
        return window.standing(SCRAPES_MAX, now_ms, refused=refused)
