"""The paths of live messages to topics, of what becomes of them, and of inboxes."""

from typing import Final

from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.dispatch import Row, Trait
from spooled_lite.wire.http.resources import inbox, live, poll, renderers

# As in `routes`, which has these with all others.
# ruff: noqa: E501
# fmt: off
LIVE_ROUTES: Final[tuple[Row, ...]] = (
    ("POST", "/api/v1/realtime/notify",   live.send,         Access.UNSCOPED,    "jobs:write"),
    ("POST", "/api/v1/realtime/tokens",   live.create_token, Access.UNSCOPED,    "jobs:write"),
    ("GET",  "/api/v1/realtime/sse",      live.sse_of_token, Access.TOPIC_TOKEN, "-"),
    ("GET",  "/api/v1/realtime/stream",   live.stream,       Access.UNSCOPED,    "jobs:read"),
    ("GET",  "/api/v1/realtime/presence", live.presence,     Access.UNSCOPED,    "jobs:read"),
    ("GET",  "/api/v1/realtime/poll",     poll.poll,         Access.TOPIC_TOKEN, "-"),
)

INBOX_ROUTES: Final[tuple[Row, ...]] = (
    ("GET",  "/api/v1/inbox/{identity}",      inbox.read, Access.UNSCOPED, "jobs:read"),
    ("POST", "/api/v1/inbox/{identity}",      inbox.put,  Access.UNSCOPED, "jobs:write", Trait.ONCE),
    ("POST", "/api/v1/inbox/{identity}/seen", inbox.mark, Access.UNSCOPED, "jobs:write"),
)

RENDERER_ROUTES: Final[tuple[Row, ...]] = (
    ("GET",    "/api/v1/realtime/renderers",        renderers.list_all, Access.UNSCOPED, "jobs:read"),
    ("GET",    "/api/v1/realtime/renderers/{name}", renderers.get,      Access.UNSCOPED, "jobs:read"),
    ("PUT",    "/api/v1/realtime/renderers/{name}", renderers.put,      Access.UNSCOPED, "jobs:write"),
    ("DELETE", "/api/v1/realtime/renderers/{name}", renderers.delete,   Access.UNSCOPED, "jobs:write"),
)
# fmt: on
