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

API_PREFIX: Final = "/api/v1"  # all others are pages for people
NO_WORD: Final = "-"


class Trait(Enum):
    """What else is special about a route: further columns of its row."""

    UNLIMITED = "unlimited"  # not limited per address: for watchers of the server
    WEBSOCKET = "websocket"  # takes a request for a WebSocket


class Route(Struct, frozen=True):
    method: str
    path: str
    handler: Handler
    access: Access
    words: tuple[str, ...]  # permission words, any of which will do; none: not asked for
    parameters: tuple[str, ...]
    takes_websockets: bool
    is_unlimited: bool  # for watchers of the server: no limit per address. Platform, section 4

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
        )


class _Node:
    __slots__ = ("literals", "parameter", "routes")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.routes: dict[str, Route] = {}  # by method


class Dispatch:
    """Literal segments win over parameters; a segment is split off before it is decoded."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.routes: list[Route] = []
        self._root = _Node()
        self._literal: dict[bytes, _Node] = {}  # by the whole path, where it has no parameter
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
        """What `Allow` says of a path. Raises NotFound."""
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
        assert route.method not in node.routes, f"{route.method} {route.path} stands there twice"
        node.routes[route.method] = route
        if not route.parameters:
            self._literal[route.path.encode()] = node
        self.routes.append(route)


@cache
def dispatch_of(rows: tuple[Row, ...]) -> Dispatch:
    """One tree for all applications of a process that have these routes."""
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
