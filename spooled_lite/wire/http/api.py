"""The API as an ASGI application: the steps of every request, and the error boundary.

It is one class and not a chain of wrappers, so that headers are gone through only once a request.
"""

import logging
import math
import time
from collections.abc import Iterable
from functools import partial
from typing import Final

from starlette.types import Receive, Scope, Send

from spooled_lite.call_notes import NOTES
from spooled_lite.errors import (
    InternalError,
    NotFound,
    RateLimited,
    SpooledError,
    Unavailable,
)
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.admit import admit
from spooled_lite.wire.http.body import ClientGone
from spooled_lite.wire.http.call import Call, Reply, StreamReply
from spooled_lite.wire.http.dispatch import API_PREFIX, Route, Row, dispatch_of
from spooled_lite.wire.http.errors import refusal
from spooled_lite.wire.http.headers import compression, versions
from spooled_lite.wire.http.headers.cors import Cors
from spooled_lite.wire.http.headers.security_headers import security_headers
from spooled_lite.wire.http.once import IDEMPOTENCY_KEY, run_once
from spooled_lite.wire.rates.rate_limit import (
    client_address,
    rate_headers,
    refusal_headers,
)
from spooled_lite.wire.services import Services
from spooled_lite.wire.time_limit import TimeLimit

logger = logging.getLogger(__name__)

_BELOW: Final = f"{API_PREFIX}/"
_STANDS: Final = ". The clock stands: it has to be moved, waiting is in vain"  # in test mode


class Api:
    def __init__(
        self, services: Services, rows: tuple[Row, ...], *, time_limit: TimeLimit | None = None
    ) -> None:
        self.services = services
        self.dispatch = dispatch_of(rows)
        self._around = services.around
        self._time_limit = time_limit or TimeLimit()
        self._cors = Cors(services.settings)
        self._security = security_headers(enable_hsts=services.settings.enable_hsts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._serve_websocket(scope, receive, send)

    def early_headers(self, headers: Iterable[Header]) -> list[Header]:
        """Headers for refusals by the HTTP server, from the part of the request it has read."""
        origin = next((value for name, value in headers if name == b"origin"), None)
        return [*self._security, versions.HEADER, *self._cors.early_headers(origin)]

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw_path: bytes = scope["raw_path"]
        call = Call(self.services, scope, receive, is_api=_is_api(scope["path"]))
        NOTES.set(call.notes)
        began = time.monotonic()
        status = 0
        try:
            answer = await self._answer(call, raw_path)
            status = answer.status
        except ClientGone:
            logger.debug("%s: the client disconnected", call.request_id.decode())
            return
        finally:
            self.services.metrics.answered(time.monotonic() - began, status)
        log_answer(call, raw_path, answer.status)
        if isinstance(answer, StreamReply):
            await self._stream(call, answer, send)
        else:
            await self._send(call, answer, send)

    async def _answer(self, call: Call, raw_path: bytes) -> Reply:
        """The answer, also when the handler fails. Raises only ClientGone."""
        route: Route | None = None
        try:
            if call.method == "OPTIONS":
                return self._options(call, raw_path)
            route, parameters = self.dispatch.find(call.method, raw_path)
            if call.is_upgrade and not route.takes_websockets:
                raise NotFound("There is nothing for a WebSocket at this path")
            call.matched(route.path, parameters)
            return await self.handled(call, route)
        except SpooledError as error:
            return self.refused(call, route, error)
        except ClientGone:
            raise
        except Exception:
            logger.exception("request %s failed", call.request_id.decode())
            return refusal(InternalError())

    async def handled(self, call: Call, route: Route) -> Reply:
        """Admit the call and return what its handler answers within the time limit.

        Raises: what `admit` and the handler raise, and RequestTimeout.
        """
        return await self._time_limit.within(call, self._handle(call, route))

    def refused(self, call: Call, route: Route | None, error: SpooledError) -> Reply:
        """The answer to a request that failed with this error.

        It also prepares the answer's rate headers and log line, and notes a refused credential.
        """
        if isinstance(error, RateLimited):
            call.rate_headers = refusal_headers(error)
            stands = math.isinf(self.services.clock.seconds_until(call.now_ms + 1))
            if stands and error.ends_by_clock:
                error.message += _STANDS
        if isinstance(error, Unavailable):
            call.trouble = error.reason
        answer = refusal(error)
        if answer.status == 401 and route is not None:
            asked = f"{route.method} {route.path}"
            self.services.refused.note(client_address(call), asked, error.code)
        return answer

    async def _handle(self, call: Call, route: Route) -> Reply:
        await admit(call, route)
        handler = route.handler
        if route.keeps_answer and IDEMPOTENCY_KEY in call.headers:
            handler = partial(run_once, handler)
        if self._around is None:
            return await handler(call)
        name = f"{route.method} {route.path}"
        return await self._around(name, call, partial(handler, call))

    def _options(self, call: Call, raw_path: bytes) -> Reply:
        """Answer OPTIONS, without credentials; a preflight gets 204 for any path.

        Contract: platform, section 1.1.
        """
        headers = call.headers
        if b"origin" in headers and b"access-control-request-method" in headers:
            asked_for = headers.get(b"access-control-request-headers")
            return Reply(204, headers=self._cors.preflight(asked_for))
        allowed = ", ".join(self.dispatch.methods(raw_path))
        return Reply(204, headers=((b"allow", allowed.encode("ascii")),))

    async def _send(self, call: Call, answer: Reply, send: Send) -> None:
        body, headers = answer.body, self._head(call, answer)
        if answer.status != 204:
            if compression.is_wanted(call.headers.get(b"accept-encoding"), body):
                body = await compression.compress(body)
                headers += compression.HEADERS
            headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        if call.method == "HEAD":
            body = b""
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _stream(self, call: Call, answer: StreamReply, send: Send) -> None:
        """Send a stream, which is never compressed and has no time limit."""
        try:
            headers = self._head(call, answer)
            await send({"type": "http.response.start", "status": answer.status, "headers": headers})
            await answer.run(call.receive, send)
        finally:
            answer.close()

    def every_answer_has(self, call: Call) -> list[Header]:
        """The headers that answers of the API and pages have in common."""
        cors = self._cors.headers(call.headers.get(b"origin"))
        return [(b"x-request-id", call.request_id), *self._security, *cors]

    def _head(self, call: Call, answer: Reply) -> list[Header]:
        """The headers of every answer, and the answer's own."""
        headers: list[Header] = [(b"x-request-id", call.request_id), *self._security]
        if answer.status != 204:
            headers.append((b"content-type", answer.media))
        if call.is_api:
            headers.append(versions.HEADER)
            if call.method != "OPTIONS":
                shown = call.rate_headers
                headers += rate_headers(None, call.now_ms) if shown is None else shown
        headers += self._cors.headers(call.headers.get(b"origin"))
        headers += answer.headers
        return headers

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse a WebSocket before the upgrade, as any request would be, or accept and run it."""
        raw_path: bytes = scope["raw_path"]
        is_api = _is_api(scope["path"])
        call = Call(self.services, {**scope, "method": "GET"}, receive, is_api=is_api)
        NOTES.set(call.notes)
        began = time.monotonic()
        try:
            answer = await self._answer(call, raw_path)
        except ClientGone:
            return
        self.services.metrics.answered(time.monotonic() - began, answer.status)
        log_answer(call, raw_path, answer.status)
        if not isinstance(answer, StreamReply):
            await self._refuse_websocket(call, answer, send)
            return
        try:
            rate = rate_headers(None, call.now_ms) if not call.rate_headers else call.rate_headers
            headers = ((b"x-request-id", call.request_id), versions.HEADER, *rate)
            await send({"type": "websocket.accept", "headers": headers})
            await answer.run(receive, send)
        finally:
            answer.close()

    async def _refuse_websocket(self, call: Call, answer: Reply, send: Send) -> None:
        headers = [*self._head(call, answer), (b"content-length", b"%d" % len(answer.body))]
        status = answer.status
        await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": answer.body})


def _is_api(path: str) -> bool:
    return path.startswith(_BELOW) or path == API_PREFIX


def log_answer(call: Call, raw_path: bytes, status: int) -> None:
    """Log one line about an answer; at 503 only the first of each reason, the others counted.

    The line never shows the query, a header or a body, which may hold secrets. The path is not
    decoded, so line ends in it cannot forge log lines.
    """
    level = logging.INFO if status >= 500 else logging.DEBUG
    if call.trouble is not None:
        cause = f"{status} {call.trouble}"
        call.services.counted.log(
            logger, level, cause, "%s, first of %s %s", cause, call.method, _shown(raw_path)
        )
    elif logger.isEnabledFor(level):
        path, request = _shown(raw_path), call.request_id.decode()
        logger.log(level, "%s %s %d %s", call.method, path, status, request)


def _shown(raw_path: bytes) -> str:
    return raw_path.decode("ascii", "backslashreplace")
