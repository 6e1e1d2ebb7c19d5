"""Pages for people and routes for monitoring, served by Starlette.

Their rows are in the same table as all other routes, and their handlers have the same form.
Answers that Starlette gives by itself get the same headers, and errors the same envelope.
"""

import logging
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.routing import Route as StarletteRoute
from starlette.types import ASGIApp, ExceptionHandler, Message, Receive, Scope, Send

from spooled_lite.call_notes import NOTES
from spooled_lite.errors import InternalError, MethodNotAllowed, NotFound, SpooledError
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.api import Api, log_answer
from spooled_lite.wire.http.body import ClientGone
from spooled_lite.wire.http.call import Call, Reply
from spooled_lite.wire.http.dispatch import API_PREFIX, Dispatch, Route
from spooled_lite.wire.http.headers import compression

logger = logging.getLogger(__name__)

CALL: Final = "spooled.call"  # key in the scope: the Call that our handlers get
ROUTE: Final = "spooled.route"
FILE_METHODS: Final = ("GET", "HEAD", "OPTIONS")


@cache
def page_routes(dispatch: Dispatch) -> tuple[BaseRoute, ...]:
    """The pages of the table, and for every path that no route has a file of the dashboard, or 404.

    Made once for all applications of a process.
    """
    pages = (each for each in dispatch.routes if not each.path.startswith(API_PREFIX))
    return (*map(_page_route, pages), Mount("/", _DashboardFiles()))


class _DashboardFiles:
    """Loads the module that serves files at the first request: most servers never need it."""

    def __init__(self) -> None:
        self._files: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._files is None:
            from spooled_lite.wire.http.dashboard_files import DashboardFiles

            self._files = DashboardFiles()
        await self._files(scope, receive, send)


def _page_route(route: Route) -> StarletteRoute:
    """A row of the table as a route of Starlette."""

    async def serve(request: Request) -> Response:
        api: Api = request.app.api
        call: Call = request.scope[CALL]
        request.scope[ROUTE] = route
        call.matched(route.path, request.path_params)
        return _response(await api.handled(call, route))

    return StarletteRoute(route.path, serve, methods=[route.method])


def error_handlers(api: Api) -> Mapping[type[Exception], ExceptionHandler]:
    """Give our errors and Starlette's own the same error envelope."""

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, SpooledError)
        return _response(api.refused(request.scope[CALL], request.scope.get(ROUTE), error))

    async def not_served(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return await refused(request, _why_not_served(api, request.scope["raw_path"], error))

    return {SpooledError: refused, HTTPException: not_served}


def _why_not_served(api: Api, raw_path: bytes, error: HTTPException) -> SpooledError:
    """405 when the path is in the table with another method or is that of a file, else 404."""
    try:
        return MethodNotAllowed(api.dispatch.methods(raw_path))
    except NotFound as nothing:
        return MethodNotAllowed(list(FILE_METHODS)) if error.status_code == 405 else nothing


def surroundings(api: Api) -> Middleware:
    """The middleware around every page: the headers of every answer, metrics and the log."""
    return Middleware(_Surroundings, api=api)


class _Surroundings:
    def __init__(self, app: ASGIApp, api: Api) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        api = self._api
        call = scope[CALL] = Call(api.services, scope, receive, is_api=False)
        NOTES.set(call.notes)
        answer = _Answer(api, call, send)
        began = time.monotonic()
        try:
            await self._app(scope, receive, answer.send)
        except ClientGone:
            logger.debug("%s: the client disconnected", call.request_id.decode())
            return
        except Exception:
            logger.exception("request %s failed", call.request_id.decode())
            if answer.status:
                return  # the missing end tells the client that the answer is incomplete
            await _response(api.refused(call, None, InternalError()))(scope, receive, answer.send)
        finally:
            api.services.metrics.answered(time.monotonic() - began, answer.status)
        log_answer(call, scope["raw_path"], answer.status)


class _Answer:
    """One answer on its way out. Its head is held until the first part of its body."""

    def __init__(self, api: Api, call: Call, send: Send) -> None:
        self.status = 0
        self._api = api
        self._call = call
        self._send = send
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self._head = message["status"], message
            return
        head, self._head = self._head, None
        body: bytes = message.get("body", b"")
        if head is not None:
            own = list(head["headers"])
            accept = self._call.headers.get(b"accept-encoding")
            is_whole = not message.get("more_body", False) and not _is_packed(own)
            if is_whole and compression.is_wanted(accept, body):
                body = await compression.compress(body)
                own = [each for each in own if each[0] != b"content-length"]
                own += [(b"content-length", b"%d" % len(body)), *compression.HEADERS]
            await self._send({**head, "headers": [*self._always(own), *own]})
        if self._call.method == "HEAD":
            body = b""
        await self._send({**message, "body": body})

    def _always(self, own: Sequence[Header]) -> list[Header]:
        """The headers of every answer, without those that the page gives itself."""
        named = {name for name, _ in own} - {b"vary"}
        return [each for each in self._api.every_answer_has(self._call) if each[0] not in named]


def _is_packed(headers: Sequence[Header]) -> bool:
    return any(name == b"content-encoding" for name, _ in headers)


def _response(answer: Reply) -> Response:
    response = Response(answer.body, answer.status, media_type=answer.media.decode("ascii"))
    response.raw_headers += answer.headers
    if answer.policy is not None:
        response.raw_headers.append((b"content-security-policy", answer.policy))
    return response
