"""Finds the route of a request: a tree made from the table of routes."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from enum import Enum
from functools import cache
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

from spooled_lite.errors import MethodNotAllowed, NotFound
from spooled_lite.wire.http.admit import Access
from spooled_lite.wire.http.call import Call, Reply

Handler = Callable[[Call], Awaitable[Reply]]
# Method, path, handler, access, permissions, and further traits of the route.
Row = tuple[str, str, Handler, Access, str, *tuple["Trait", ...]]

API_PREFIX: Final = "/api/v1"  # other paths are pages for people and for monitoring
NO_WORD: Final = "-"  # in the column of permissions: the route requires none


class Trait(Enum):
    """Special properties of a route, given as further columns of its row."""

    UNLIMITED = "unlimited"  # no rate limit per address, since monitoring asks often
    WEBSOCKET = "websocket"  # the route accepts WebSockets
    # It renews or settles what the caller holds: the rate limit counts it and never refuses it.
    SPARED = "spared"
    # Its answers are kept for who names an `Idempotency-Key`, and given again: see once.py.
    ONCE = "once"


class Route(Struct, frozen=True):
    method: str
    path: str
    handler: Handler
    access: Access
    words: tuple[str, ...]  # permissions, of which the caller needs any one; empty: needs none
    parameters: tuple[str, ...]
    takes_websockets: bool
    is_unlimited: bool  # no rate limit per address. Contract: platform, section 4
    keeps_answer: bool  # for who names an `Idempotency-Key`. Contract: amendments, G1
    is_spared: bool  # counted by the rate limit, and never refused by it. Contract: amendments, G15

    @classmethod
    def of(cls, row: Row) -> "Route":
        method, path, handler, access, word, *traits = row
        return cls(
            method,
            path,
            handler,
            access,
            words=() if word == NO_WORD else tuple(word.split()),
            parameters=tuple(_name(each) for each in path.split("/") if _is_parameter(each)),
            takes_websockets=Trait.WEBSOCKET in traits,
            is_unlimited=Trait.UNLIMITED in traits,
            keeps_answer=Trait.ONCE in traits,
            is_spared=Trait.SPARED in traits,
        )


class _Node:
    __slots__ = ("literals", "parameter", "routes")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.routes: dict[str, Route] = {}  # by method


class Dispatch:
    """The tree of routes. Literal segments win over parameters.

    The path is split before its segments are percent-decoded, so `%2F` divides nothing.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.routes: list[Route] = []
        self._root = _Node()
        self._literal: dict[bytes, _Node] = {}  # paths without parameters, found without the tree
        for row in rows:
            self._add(Route.of(row))

    def find(self, method: str, raw_path: bytes) -> tuple[Route, Mapping[str, str]]:
        """The route and the values of its parameters.

        Raises:
            NotFound: no route has this path.
            MethodNotAllowed: a route has it, but not with this method.
        """
        node, values = self._node(raw_path)
        route = node.routes.get("GET" if method == "HEAD" else method)
        if route is None:
            raise MethodNotAllowed(_methods(node))
        return route, dict(zip(route.parameters, values, strict=True))

    def methods(self, raw_path: bytes) -> list[str]:
        """The methods of a path, for the header `Allow`. Raises NotFound."""
        node, _ = self._node(raw_path)
        return _methods(node)

    def _node(self, raw_path: bytes) -> tuple[_Node, list[str]]:
        literal = self._literal.get(raw_path)
        if literal is not None:
            return literal, []
        text = raw_path.decode("utf-8", "replace")
        segments = text.split("/")
        if "%" in text:
            segments = [unquote(each) for each in segments]
        values: list[str] = []
        node = _descend(self._root, segments, 0, values)
        if node is None:
            raise NotFound("There is nothing at this path")
        return node, values

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path.split("/"):
            if _is_parameter(segment):
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        assert route.method not in node.routes, f"{route.method} {route.path} is in the table twice"
        node.routes[route.method] = route
        if not route.parameters:
            self._literal[route.path.encode()] = node
        self.routes.append(route)


@cache
def dispatch_of(rows: tuple[Row, ...]) -> Dispatch:
    """The tree for these routes, made once for all applications of a process."""
    return Dispatch(rows)


def _descend(node: _Node, segments: list[str], at: int, values: list[str]) -> _Node | None:
    if at == len(segments):
        return node if node.routes else None
    segment = segments[at]
    child = node.literals.get(segment)
    if child is not None:
        found = _descend(child, segments, at + 1, values)
        if found is not None:
            return found
    if node.parameter is None or not segment:
        return None
    values.append(segment)
    found = _descend(node.parameter, segments, at + 1, values)
    if found is None:
        values.pop()
    return found


def _methods(node: _Node) -> list[str]:
    allowed = {*node.routes, "OPTIONS"}
    if "GET" in allowed:
        allowed.add("HEAD")
    return sorted(allowed)


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{")


def _name(segment: str) -> str:
    return segment.strip("{}")
