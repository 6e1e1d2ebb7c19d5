"""What of a rule makes no sense, beyond what its types say: a fault that never strikes is worse
than a refusal."""

import re
from collections.abc import Collection, Mapping
from typing import Any, Final

import msgspec

from spooled_lite.config_names import nearest
from spooled_lite.errors import RuleBroken
from spooled_lite.testing.faults.shapes import Do, ErrorAnswer, NewFault, On, When
from spooled_lite.wire.http.body import UNKNOWN_CHARS_MAX
from spooled_lite.wire.http.dispatch import API_PREFIX
from spooled_lite.wire.http.routes import ROUTES

ANY_ROUTE: Final = "*"
ROUTE_NAMES: Final = frozenset(
    f"{method} {path}" for method, path, *_ in ROUTES if path.startswith(API_PREFIX)
)
NEVER_STRUCK: Final = (
    "Health, metrics, pages and test routes are never struck: a rule for them would do nothing"
)
BODY_BYTES_MAX: Final = 65_536  # of a body in a rule: there may be a hundred of them
HEADERS_MAX: Final = 100

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_VALUE: Final = re.compile(r"[\x20-\x7e]{0,4000}")
# The server says these itself.
_OWN_HEADERS: Final = frozenset(
    {"content-length", "transfer-encoding", "connection", "date", "server", "x-request-id"}
)
_WITHOUT_BODY: Final = (204, 205, 304)


def check(said: NewFault) -> None:
    """Raises RuleBroken."""
    _check_on(said.on)
    _check_when(said.when)
    _check_do(said.do)


def _check_on(on: On) -> None:
    if on.route is None:
        raise _broken("on", "Field `on` needs what it is for: `route`")
    if on.route != ANY_ROUTE and on.route not in ROUTE_NAMES:
        if any(on.route == f"{method} {path}" for method, path, *_ in ROUTES):
            raise _broken("on.route", NEVER_STRUCK)
        raise _unknown("on.route", on.route, ROUTE_NAMES)
    _check_size("on.body", on.body)
    _check_headers("on.headers", on.headers)


def _check_when(when: When) -> None:
    if when.probability is not None and not 0 <= when.probability <= 1:
        raise _broken("when.probability", "Field `when.probability` must be from 0 to 1")


def _check_do(do: Do) -> None:
    chosen = [name for name in Do.__struct_fields__ if name != "where" and _is_set(do, name)]
    if len(chosen) != 1:
        names = ", ".join(f"`{name}`" for name in Do.__struct_fields__ if name != "where")
        raise _broken("do", f"Field `do` must have exactly one of {names}")
    if do.latency_ms is None and do.where != "handler":
        raise _broken("do.where", "Field `do.where` goes with `latency_ms`")
    if isinstance(do.latency_ms, list) and do.latency_ms[0] > do.latency_ms[1]:
        raise _broken("do.latency_ms", "Field `do.latency_ms`: the smaller bound comes first")
    if do.error is not None:
        _check_error(do.error)


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


def _is_set(do: Do, name: str) -> bool:
    return getattr(do, name) is not None


def _broken(field: str, message: str) -> RuleBroken:
    return RuleBroken.of(field, message, "invalid_value")


def _unknown(field: str, given: str, known: Collection[str]) -> RuleBroken:
    near = nearest(given, sorted(known))
    return _broken(field, f"`{given[:UNKNOWN_CHARS_MAX]}` is unknown; the nearest is `{near}`")
