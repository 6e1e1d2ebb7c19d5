"""The ASGI application: the API, and beside it the pages, which Starlette serves.

A request below the prefix of the API goes, after one comparison, to our own tree of routes, which
costs a fraction of Starlette's routing.
"""

from collections.abc import Iterable

from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send

from spooled_lite.wire.header import Header
from spooled_lite.wire.http.api import Api
from spooled_lite.wire.http.dispatch import API_PREFIX, Row
from spooled_lite.wire.http.pages import error_handlers, page_routes, surroundings
from spooled_lite.wire.http.routes import ROUTES
from spooled_lite.wire.services import Services
from spooled_lite.wire.time_limit import TimeLimit


class Application(Starlette):
    def __init__(
        self,
        services: Services,
        rows: Iterable[Row] = ROUTES,
        *,
        time_limit: TimeLimit | None = None,
    ) -> None:
        self.services = services
        self.api = api = Api(services, tuple(rows), time_limit=time_limit)
        super().__init__(
            routes=page_routes(api.dispatch),
            middleware=[surroundings(api)],
            exception_handlers=error_handlers(api),
        )
        self.router.redirect_slashes = False  # a path with a slash at its end is another path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # OPTIONS and WebSockets are answered by the API on every path.
        if (
            scope["type"] == "http"
            and not scope["path"].startswith(API_PREFIX)
            and scope["method"] != "OPTIONS"
        ):
            await super().__call__(scope, receive, send)
        else:
            await self.api(scope, receive, send)

    def early_headers(self, headers: Iterable[Header]) -> list[Header]:
        """Headers for refusals by the HTTP server, from the part of the request it has read."""
        return self.api.early_headers(headers)
