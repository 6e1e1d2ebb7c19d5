"""What the document says once for all routes: how to sign in, headers, paths, resources."""

from collections.abc import Mapping
from typing import Any, Final

from spooled_lite.config import Settings
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.body import BODY_BYTES_MAX
from spooled_lite.wire.http.documents.described.doc import Parameter
from spooled_lite.wire.http.json_text import NESTING_MAX
from spooled_lite.wire.http.once import KEY_CHARS_MAX

PAYLOAD_BYTES_MAX: Final = Settings().queue_max_payload_size_bytes
ABOUT: Final = f"""\
Requests and answers are JSON, whatever `Content-Type` says. Fields that are not known are ignored;
null counts as left out, except where it clears a field. Times are UTC, as in RFC 3339.
A body has at most {BODY_BYTES_MAX} bytes and is nested {NESTING_MAX} levels deep at most; a payload
has at most {PAYLOAD_BYTES_MAX}, unless the server or a plan is set to something else. JSON that is
stored comes back byte for byte, and must not contain numbers too large for a double.

Lists are bare arrays. `limit` and `offset` page through them, and the header `X-Has-More` says
whether there is more.

Every refusal has the shape of `Error`. Its `code` is for programs, its `message` for people. A
refused call has changed nothing, except after 503 with the reason `storage_error`, whose outcome is
unknown; an idempotency key makes the repeat safe.

A key may be limited to some queues: it sees and changes only those. A key with a list of
permissions needs the one that a route names; `jobs:read` and `jobs:write` also count for queues,
workers, schedules and workflows.

Answers below `/api/v1` say in `X-RateLimit-…` how many requests are left; callers with the admin
key have no limit. 429 `RATE_LIMIT_EXCEEDED` says in `Retry-After` how long to wait; 429
`QUOTA_EXCEEDED` does not have that header. Renewals and settlements are counted and never refused.

Every path with GET also has HEAD, and every path answers OPTIONS without a credential. A wrong
method is 405 `METHOD_NOT_ALLOWED`, an unknown path 404 `NOT_FOUND`. What belongs to another
organization is answered as if it did not exist.
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
        "description": "The same, in a header of its own. `Authorization` takes precedence.",
    },
    "adminKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Admin-Key",
        "description": "The admin key of the server; the admin routes are off without one.",
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
        "description": "An API key; `token` takes precedence.",
    },
    "topicToken": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "A token for topics, made with a key.",
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
    Access.TOPIC_TOKEN: [{"topicToken": []}],
    Access.UNSCOPED: _KEY,
    Access.REGISTRATION: [_NOTHING, {"adminKey": []}],
    Access.BOOTSTRAP: [*_KEY, {"adminKey": []}, _NOTHING],
    Access.UNSCOPED_OR_ADMIN: [*_KEY, {"adminKey": []}],
    Access.ADMIN: [{"adminKey": []}],
    Access.METRICS: [_NOTHING, {"metricsToken": []}],
    Access.OWN_METRICS: [*_KEY, {"metricsToken": []}, {"adminKey": []}],
    Access.HOOK_TOKEN: [{"webhookToken": []}, *_KEY],
    Access.SIGNATURE: [_NOTHING, {"webhookToken": []}],
    Access.NONE: [],
}

HAS_MORE: Final = "X-Has-More"
REPLAYED_NAME: Final = "Idempotency-Replayed"
# Of a route that keeps its answers. On POST /jobs the header has a meaning of its own.
KEY_OF_CALL: Final = Parameter(
    "Idempotency-Key",
    "A name for this call. For 24 hours the same call with the same key does nothing and is"
    " answered as the first one was; another call with it gets 409.",
    {"type": "string", "maxLength": KEY_CHARS_MAX},
    place="header",
    example="7d444840-9dc0-41d1-b245-5ffdce74fad2",
)
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
    "X-RateLimit-Limit": _header("Requests that the nearest limit allows at once", "integer"),
    "X-RateLimit-Remaining": _header("How many of them are left", "integer"),
    "X-RateLimit-Reset": _header("When all of them are free again, in Unix seconds", "integer"),
    "X-RateLimit-Scope": _header(
        "Whose limit it is", "string",
        enum=["organization", "api_key", "ip", "login", "admin"],
    ),
    "Retry-After": _header("Seconds to wait", "integer", minimum=1),
    HAS_MORE: _header("Whether there is another page", "boolean"),
    REPLAYED_NAME: _header(
        "There when the call was made before, and nothing was done now", "string", const="true",
    ),
}  # fmt: skip

_TEXT: Final = {"type": "string", "minLength": 1}
_ID: Final = "7d444840-9dc0-41d1-b245-5ffdce74fad2"
PATH_PARAMETERS: Final[Mapping[str, tuple[str, Mapping[str, Any], str]]] = {
    "id": ("The id; an unknown or malformed one is 404", _TEXT, _ID),
    "name": ("The name of the queue", {**_TEXT, "maxLength": 100}, "emails"),
    "org_id": ("The id of the organization", _TEXT, _ID),
    "identity": ("Whose inbox it is", {**_TEXT, "maxLength": 255}, "user-123"),
    "slug": ("The slug", _TEXT, "acme"),
    "job_id": ("The id of the job", _TEXT, _ID),
    "key": ("The key of the step", {**_TEXT, "maxLength": 100}, "approve"),
    "delivery_id": ("The id of the delivery", _TEXT, _ID),
    "member_id": ("The id of the member", _TEXT, _ID),
}

# By the first segment of the path, below /api/v1 where it begins so.
TAGS: Final[Mapping[str, tuple[str, str]]] = {
    "jobs": ("Jobs", "Units of work: create, claim, settle and inspect them."),
    "queues": ("Queues", "Named lines of jobs, and how their jobs are handed out."),
    "workers": ("Workers", "Programs that claim jobs and send heartbeats."),
    "auth": ("Sign-in", "Tokens for an API key, and sign-in by mail."),
    "organizations": ("Organizations", "Tenants: their data, plan, usage and members."),
    "schedules": ("Schedules", "Cron expressions and the jobs they create."),
    "workflows": ("Workflows", "Jobs that wait for one another."),
    "inbox": ("Inbox", "Notifications that wait until a user has seen them."),
    "api-keys": ("API keys", "Credentials, each with its queues, permissions and limits."),
    "outgoing-webhooks": ("Webhooks", "Addresses that the server calls when events happen."),
    "webhooks": ("Webhooks", "Addresses that the server calls when events happen."),
    "billing": ("Billing", "The plan; this server takes no payments."),
    "dashboard": ("Dashboard", "What the home page of a dashboard shows, in one call."),
    "admin": ("Admin", "All organizations, for the operator of the server."),
    "maintenance": ("Maintenance", "What the server does by itself, now."),
    "events": ("Events", "Live events over SSE and WebSocket."),
    "ws": ("Events", "Live events over SSE and WebSocket."),
    "metrics": ("Metrics", "Figures for Prometheus."),
    "test": ("Test mode", "The clock of a server in test mode, and what else a test asks of it."),
    "health": ("Health", "Checks for load balancers and monitoring."),
    "": ("Server", "The server itself."),
}
