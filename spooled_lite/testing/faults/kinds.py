"""What can be struck, what can come of it, and which of the two go together.

`docs/testing-faults.md` has the same table; a test holds them against each other.
"""

from collections.abc import Mapping
from typing import Final, Literal, get_args

from spooled_lite.testing.faults.names import JOB_STREAMS, RPC_NAMES
from spooled_lite.testing.faults.shapes import Do, On
from spooled_lite.wire.http.dispatch import API_PREFIX
from spooled_lite.wire.http.resources import attempts, many_attempts, streams
from spooled_lite.wire.http.routes import ROUTES

ROUTE_NAMES: Final = frozenset(
    f"{method} {path}" for method, path, *_ in ROUTES if path.startswith(API_PREFIX)
)
# By the route that opens them.
STREAM_OF: Final[Mapping[str, str]] = {
    f"{method} {path}": "websocket" if handler is streams.websocket else "sse"
    for method, path, handler, *_ in ROUTES
    if handler in (streams.events, streams.job_events, streams.queue_events, streams.websocket)
}

_CLAIMS: Final = frozenset({"Dequeue", *JOB_STREAMS})
# Routes and methods that hand out jobs, and those that give or renew a lease.
CLAIMS: Final = frozenset(
    {
        *(f"{row[0]} {row[1]}" for row in ROUTES if row[2] in (attempts.claim, attempts.dequeue)),
        *(RPC_NAMES[name] for name in _CLAIMS),
    }
)
LEASED: Final = CLAIMS | {
    *(
        f"{row[0]} {row[1]}"
        for row in ROUTES
        if row[2] in (attempts.renew, many_attempts.renew_many)
    ),
    RPC_NAMES["RenewLease"],
}

OnKind = Literal["route", "rpc", "delivery", "mail", "stream"]
ON_KINDS: Final[tuple[OnKind, ...]] = get_args(OnKind)

_OF_REQUESTS: Final = frozenset(
    {"latency_ms", "error", "drop", "hang_ms", "redeliver", "expire_lease"}
)
DO_OF: Final[Mapping[OnKind, frozenset[str]]] = {
    "route": _OF_REQUESTS | {"truncate"},
    "rpc": _OF_REQUESTS,
    "delivery": frozenset({"latency_ms", "receiver", "deliver_twice", "lose"}),
    "mail": frozenset({"latency_ms", "deliver_twice", "lose", "failure"}),
    "stream": frozenset({"latency_ms", "error", "drop", "hang_ms", "end_stream", "mute_ms"}),
}
_ABOUT_REQUESTS: Final = frozenset({"queue", "job_id", "key_id", "worker_id", "body", "headers"})
# What beside its kind `on` may name.
MEMBERS_OF: Final[Mapping[OnKind, frozenset[str]]] = {
    "route": _ABOUT_REQUESTS,
    "rpc": _ABOUT_REQUESTS,
    "delivery": frozenset({"queue", "job_id", "body", "headers"}),
    "mail": frozenset(),
    "stream": _ABOUT_REQUESTS,
}
# Of streams only these, by their kind.
MEMBERS_OF_STREAM: Final[Mapping[str, frozenset[str]]] = {
    "sse": frozenset({"queue", "job_id", "key_id", "headers"}),
    "websocket": frozenset({"key_id", "headers"}),
    "grpc": frozenset({"queue", "worker_id", "key_id", "headers", "body"}),
}
# Why a fault, or a member of `on`, goes with few kinds.
WHY: Final[Mapping[str, str]] = {
    "error": "only requests are refused",
    "drop": "only requests come over a connection that this server can cut",
    "hang_ms": "only requests wait for this server",
    "key_id": "only requests show a key",
    "worker_id": "only requests name a worker",
    "redeliver": "only a claim hands out jobs",
    "expire_lease": "only a claim and a renewal give a lease",
    "receiver": "only a call of a webhook has a receiver",
    "deliver_twice": "only a call of a webhook and a mail are sent",
    "lose": "only a call of a webhook and a mail are sent",
    "failure": "only a mail goes through a mail server",
    "end_stream": "only a stream ends like this",
    "mute_ms": "only a stream says something of its own",
    "truncate": "only answers over HTTP have a length",
}


def kinds_of(on: On) -> list[OnKind]:
    """Which kinds it names; a rule is for exactly one."""
    return [kind for kind in ON_KINDS if getattr(on, kind) is not None]


def members_of(on: On) -> list[str]:
    """What it names beside its kind."""
    names = (name for name in On.__struct_fields__ if name not in ON_KINDS)
    return [name for name in names if getattr(on, name) is not None]


def chosen_of(do: Do) -> list[str]:
    """Which faults it names; a rule makes exactly one."""
    names = (name for name in Do.__struct_fields__ if name != "where")
    return [name for name in names if getattr(do, name) is not None]
