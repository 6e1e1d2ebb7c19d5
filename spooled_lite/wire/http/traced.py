"""Tells traces of requests over HTTP: an ASGI application around the one that is served."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spooled_lite.call_notes import NOTES
from spooled_lite.spans import SPAN, OpenSpan, Tracer
from spooled_lite.wire.call_spans import about_call

TRACEPARENT_BYTES_MAX = 200  # it has 55, and may have more in later versions
_FAILURE = 500


class TracedHttp:
    """A request that is not sampled costs a look at its headers."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        if scope["type"] not in ("http", "websocket"):
            return self._app(scope, receive, send)
        span = self._tracer.begin("server", _traceparent_of(scope))
        if span is not None:
            return self._traced(span, scope, receive, send)
        if SPAN.get() is not None:
            SPAN.set(None)  # this task has begun in that of another request
        return self._app(scope, receive, send)

    async def _traced(self, span: OpenSpan, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0
        SPAN.set(span)
        NOTES.set(None)  # as above

        def seen(message: Message) -> Awaitable[None]:
            nonlocal status
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    status = message["status"]
                case "websocket.accept":
                    status = 101
            return send(message)

        try:
            await self._app(scope, receive, seen)
        except Exception:
            status = status or _FAILURE
            raise
        finally:
            _end(span, scope, status)


def _end(span: OpenSpan, scope: Scope, status: int) -> None:
    notes = NOTES.get()
    method = scope.get("method", "GET")
    about = about_call(notes) | {"http.request.method": method}
    name = method
    if notes is not None and notes.route is not None:
        about["http.route"] = notes.route
        name = f"{method} {notes.route}"
    if status:  # else the client left before it was answered
        about["http.response.status_code"] = status
    span.end(name, about, is_failure=status >= _FAILURE)


def _traceparent_of(scope: Scope) -> str | None:
    found = [value for name, value in scope["headers"] if name == b"traceparent"]
    if len(found) != 1 or len(found[0]) > TRACEPARENT_BYTES_MAX:
        return None  # also two of them: they name no trace
    text: str = found[0].decode("latin-1").strip()
    return text
