"""What the document says once for all routes: how to sign in, headers, paths, resources."""

from collections.abc import Mapping
from typing import Any, Final

from spooled_lite.config import Settings
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.body import BODY_BYTES_MAX, NESTING_MAX

PAYLOAD_BYTES_MAX: Final = Settings().queue_max_payload_size_bytes
ABOUT: Final = f"""\
Requests and answers are JSON, whatever `Content-Type` says. Fields that are not known are ignored;
null is as good as left out unless it is said to clear something. Times are UTC, as in RFC 3339.
A body has at most {BODY_BYTES_MAX} bytes and is nested {NESTING_MAX} levels deep at most; a payload
has at most {PAYLOAD_BYTES_MAX}, unless the server or a plan is set to something else. JSON that is
kept comes back byte for byte, and may hold no number that a double cannot hold.

Lists are bare arrays. `limit` and `offset` page through them, and the header `X-Has-More` says
whether there is more.

Every refusal has the shape of `Error`. Its `code` is for programs, its `message` for people. A
refused call has changed nothing, except after 503 with the reason `storage_error`, whose outcome is
unknown; an idempotency key makes the repeat safe.

A key may be limited to some queues: it sees and changes only those. A key with a list of
permissions needs the word that a route names; `jobs:read` and `jobs:write` open queues, workers,
schedules and workflows too.

Every answer below `/api/v1` says with `X-RateLimit-…` how many requests are left, except to
whoever shows the admin key, who is not limited. 429 `RATE_LIMIT_EXCEEDED` says in `Retry-After`
when to come back; 429 `QUOTA_EXCEEDED` does not have that header.

Whatever answers GET answers HEAD, and every path answers OPTIONS without a credential. Another
method on a path is 405 `METHOD_NOT_ALLOWED`, another path 404 `NOT_FOUND`. What belongs to another
organization is answered as if it were not there.
"""

SECURITY_SCHEMES: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key (`sk_live_…`, `sk_test_…`) or an access token.",
    },
    "apiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The same in a header of its own. `Authorization` wins.",
    },
    "adminKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Admin-Key",
        "description": "The admin key of the server; without one the admin calls are off.",
    },
    "tokenInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "An access token or an API key, for clients that set no headers.",
    },
    "keyInQuery": {
        "type": "apiKey",
        "in": "query",
        "name": "api_key",
        "description": "An API key; `token` wins.",
    },
    "webhookToken": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Webhook-Token",
        "description": "The webhook token of the organization.",
    },
    "metricsToken": {
        "type": "http",
        "scheme": "bearer",
        "description": "The metrics token, when the server has one.",
    },
}

_KEY: Final[list[dict[str, Any]]] = [{"bearer": []}, {"apiKey": []}]
_NOTHING: Final[dict[str, Any]] = {}
SECURITY: Final[Mapping[Access, list[dict[str, Any]]]] = {
    Access.PUBLIC: [],
    Access.KEY: _KEY,
    Access.STREAM: [*_KEY, {"tokenInQuery": []}, {"keyInQuery": []}],
    Access.UNSCOPED: _KEY,
    Access.REGISTRATION: [_NOTHING, {"adminKey": []}],
    Access.BOOTSTRAP: [*_KEY, {"adminKey": []}, _NOTHING],
    Access.ADMIN: [{"adminKey": []}],
    Access.METRICS: [_NOTHING, {"metricsToken": []}],
    Access.OWN_METRICS: [*_KEY, {"metricsToken": []}, {"adminKey": []}],
    Access.HOOK_TOKEN: [{"webhookToken": []}, *_KEY],
    Access.SIGNATURE: [_NOTHING, {"webhookToken": []}],
    Access.NONE: [],
}

HAS_MORE: Final = "X-Has-More"
EVERY_HEADERS: Final = ("X-Request-Id",)
API_HEADERS: Final = (*EVERY_HEADERS, "X-API-Version")
RATE_HEADERS: Final = (
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-RateLimit-Scope",
)


def _header(about: str, kind: str, **rules: Any) -> dict[str, Any]:
    return {"description": about, "schema": {"type": kind, **rules}}


HEADERS: Final = {
    "X-Request-Id": _header("The id that was sent, or a new one", "string"),
    "X-API-Version": _header("Always 1", "string", const="1"),
    "X-RateLimit-Limit": _header("Requests in a row, of the limit that binds", "integer"),
    "X-RateLimit-Remaining": _header("How many of them are left", "integer"),
    "X-RateLimit-Reset": _header("When it is full again, in Unix seconds", "integer"),
    "X-RateLimit-Scope": _header(
        "Whose limit it is", "string",
        enum=["organization", "api_key", "ip", "login", "admin"],
    ),
    "Retry-After": _header("Seconds to wait", "integer", minimum=1),
    HAS_MORE: _header("Whether there is another page", "boolean"),
}  # fmt: skip

_TEXT: Final = {"type": "string", "minLength": 1}
_ID: Final = "7d444840-9dc0-41d1-b245-5ffdce74fad2"
PATH_PARAMETERS: Final[Mapping[str, tuple[str, Mapping[str, Any], str]]] = {
    "id": ("The id; an unknown or malformed one is 404", _TEXT, _ID),
    "name": ("The name of the queue", {**_TEXT, "maxLength": 100}, "emails"),
    "org_id": ("The id of the organization", _TEXT, _ID),
    "slug": ("The slug", _TEXT, "acme"),
    "job_id": ("The id of the job", _TEXT, _ID),
    "delivery_id": ("The id of the delivery", _TEXT, _ID),
    "member_id": ("The id of the member", _TEXT, _ID),
}

# By the first segment of the path, below /api/v1 where it begins so.
TAGS: Final[Mapping[str, tuple[str, str]]] = {
    "jobs": ("Jobs", "Units of work: store, claim, settle, look at."),
    "queues": ("Queues", "Named lines of jobs, and how their jobs are handed out."),
    "workers": ("Workers", "Programs that claim jobs and give signs of life."),
    "auth": ("Sign-in", "Tokens for an API key, and sign-in by mail."),
    "organizations": ("Organizations", "Tenants: their data, plan, usage and members."),
    "schedules": ("Schedules", "Jobs that are made by the clock."),
    "workflows": ("Workflows", "Jobs that wait for one another."),
    "api-keys": ("API keys", "Credentials, each with its queues, permissions and limits."),
    "outgoing-webhooks": ("Webhooks", "Addresses that are called at events."),
    "webhooks": ("Webhooks", "Addresses that are called at events."),
    "billing": ("Billing", "What a server without billing can say about it."),
    "dashboard": ("Dashboard", "What the home page of a dashboard shows, in one call."),
    "admin": ("Admin", "All organizations, for whoever runs the server."),
    "events": ("Events", "What happens, while it happens."),
    "ws": ("Events", "What happens, while it happens."),
    "metrics": ("Metrics", "For Prometheus."),
    "health": ("Health", "For whatever watches the server."),
    "": ("Server", "The server itself."),
}
