"""What of a rule makes no sense, beyond what its types say: a fault that never strikes is worse
than a refusal."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from spooled_lite.config_names import nearest
from spooled_lite.core.webhooks.deliveries import TEST_EVENT
from spooled_lite.core.webhooks.records import WEBHOOK_EVENTS
from spooled_lite.errors import RuleBroken
from spooled_lite.testing.faults.kinds import (
    CLAIMS,
    DO_OF,
    LEASED,
    MEMBERS_OF,
    MEMBERS_OF_STREAM,
    ON_KINDS,
    ROUTE_NAMES,
    WHY,
    OnKind,
    chosen_of,
    kinds_of,
    members_of,
)
from spooled_lite.testing.faults.names import ANY, JOB_STREAMS, RPC_NAMES, STREAMS
from spooled_lite.testing.faults.shapes import (
    AnsweringReceiver,
    Do,
    ErrorAnswer,
    NewFault,
    On,
    When,
)
from spooled_lite.wire.http.body import UNKNOWN_CHARS_MAX
from spooled_lite.wire.http.routes import ROUTES

NEVER_STRUCK: Final = (
    "Health, metrics, pages and test routes are never struck: a rule for them would do nothing"
)
BODY_BYTES_MAX: Final = 65_536  # of a body in a rule: there may be a hundred of them
HEADERS_MAX: Final = 100
DELIVERED: Final = (*WEBHOOK_EVENTS, TEST_EVENT)
FLAGS: Final = ("redeliver", "expire_lease", "deliver_twice", "lose", "failure")

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_VALUE: Final = re.compile(r"[\x20-\x7e]{0,4000}")
# The server says these itself.
_OWN_HEADERS: Final = frozenset(
    {"content-length", "transfer-encoding", "connection", "date", "server", "x-request-id"}
)
_WITHOUT_BODY: Final = (204, 205, 304)


def check(said: NewFault) -> None:
    """Raises RuleBroken."""
    kind = _check_on(said.on)
    _check_when(said.when)
    _check_do(said.do)
    _check_together(kind, said.on, said.do)


def _check_on(on: On) -> OnKind:
    kinds = kinds_of(on)
    if len(kinds) != 1:
        names = ", ".join(f"`{name}`" for name in ON_KINDS)
        raise _broken("on", f"Field `on` needs what it is for, exactly one of {names}")
    [kind] = kinds
    if on.route is not None and on.route != ANY and on.route not in ROUTE_NAMES:
        if any(on.route == f"{method} {path}" for method, path, *_ in ROUTES):
            raise _broken("on.route", NEVER_STRUCK)
        raise _unknown("on.route", on.route, ROUTE_NAMES)
    if on.rpc is not None and on.rpc != ANY and on.rpc not in RPC_NAMES.values():
        raise _unknown("on.rpc", on.rpc, RPC_NAMES.values())
    if on.delivery is not None and on.delivery.event not in (None, *DELIVERED):
        raise _unknown("on.delivery.event", on.delivery.event, DELIVERED)
    if on.stream is not None and on.stream not in STREAMS:
        raise _unknown("on.stream", on.stream, STREAMS)
    known = MEMBERS_OF[kind] if on.stream is None else MEMBERS_OF_STREAM[on.stream]
    for name in members_of(on):
        if name not in known:
            raise _senseless(f"on.{name}", on.stream or kind, known)
    _check_size("on.body", on.body)
    _check_headers("on.headers", on.headers)
    return kind


def _check_when(when: When) -> None:
    if when.probability is not None and not 0 <= when.probability <= 1:
        raise _broken("when.probability", "Field `when.probability` must be from 0 to 1")


def _check_do(do: Do) -> None:
    if len(chosen_of(do)) != 1:
        names = ", ".join(f"`{name}`" for name in Do.__struct_fields__ if name != "where")
        raise _broken("do", f"Field `do` must have exactly one of {names}")
    for name in FLAGS:
        if getattr(do, name) is False:
            raise _broken(f"do.{name}", f"Field `do.{name}` can be true only")
    if do.latency_ms is None and do.where != "handler":
        raise _broken("do.where", "Field `do.where` goes with `latency_ms`")
    if isinstance(do.latency_ms, list) and do.latency_ms[0] > do.latency_ms[1]:
        raise _broken("do.latency_ms", "Field `do.latency_ms`: the smaller bound comes first")
    if do.error is not None:
        _check_error(do.error)
    if isinstance(do.receiver, AnsweringReceiver):
        _check_size("do.receiver.body", do.receiver.body)
        _check_headers("do.receiver.headers", do.receiver.headers)


def _check_together(kind: OnKind, on: On, do: Do) -> None:
    """What is known of the one may make no sense with the other."""
    [chosen] = chosen_of(do)
    if chosen not in DO_OF[kind]:
        raise _senseless(f"do.{chosen}", kind, DO_OF[kind])
    is_grpc = kind == "rpc" or on.stream == "grpc"
    if is_grpc and do.error is not None and do.error.as_ is None:
        raise _broken("do.error.status", f"With `{kind}` over gRPC a refusal is named, with `as`")
    for wants, names in ((do.redeliver, CLAIMS), (do.expire_lease, LEASED)):
        name = on.route or on.rpc
        if wants and name is not None and name != ANY and name not in names:
            near = nearest(name, sorted(names))
            said = (
                f"`{chosen}` makes no sense with `{name}`: {WHY[chosen]}; the nearest is `{near}`"
            )
            raise _broken(f"do.{chosen}", said)
    is_stream = on.rpc is not None and on.rpc.rpartition("/")[2] in JOB_STREAMS
    if (is_stream or kind == "stream") and do.where == "answer":
        raise _broken("do.where", f"`{on.rpc or on.stream}` is a stream: it has no one answer")
    if on.stream == "grpc" and do.end_stream == "slow":
        said = "A stream of gRPC waits for its client, and never ends as `slow`"
        raise _broken("do.end_stream", f"{said}; the nearest is `stopping`")


def _check_error(error: ErrorAnswer) -> None:
    if (error.as_ is None) == (error.status is None):
        raise _broken("do.error", "Field `do.error` must have exactly one of `as` and `status`")
    if error.as_ is not None and (error.body is not None or error.headers is not None):
        raise _broken("do.error", "Field `do.error`: `body` and `headers` go with `status`")
    if error.body is not None and error.status in _WITHOUT_BODY:
        raise _broken("do.error.body", f"An answer with status {error.status} has no body")
    _check_size("do.error.body", error.body)
    _check_headers("do.error.headers", error.headers)
    for name in error.headers or ():
        if name.lower() in _OWN_HEADERS:
            raise _broken("do.error.headers", f"The server says the header `{name}` itself")


def _check_size(field: str, body: Any) -> None:
    if body is not None and len(msgspec.json.encode(body)) > BODY_BYTES_MAX:
        raise _broken(field, f"Field `{field}` is larger than {BODY_BYTES_MAX} bytes")


def _check_headers(field: str, headers: Mapping[str, str] | None) -> None:
    if headers is None:
        return
    if len(headers) > HEADERS_MAX:
        raise _broken(field, f"Field `{field}` has more than {HEADERS_MAX} headers")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise _broken(field, f"Field `{field}` has a name or a value that no header can have")


def _broken(field: str, message: str) -> RuleBroken:
    return RuleBroken.of(field, message, "invalid_value")


def _unknown(field: str, given: str, known: Collection[str]) -> RuleBroken:
    near = nearest(given, sorted(known))
    return _broken(field, f"`{given[:UNKNOWN_CHARS_MAX]}` is unknown; the nearest is `{near}`")


def _senseless(field: str, kind: str, known: Collection[str]) -> RuleBroken:
    name = field.rpartition(".")[2]
    why = f": {WHY[name]}" if name in WHY else ""
    near = f"the nearest is `{nearest(name, sorted(known))}`" if known else "nothing goes with it"
    return _broken(field, f"`{name}` makes no sense with `{kind}`{why}; {near}")
