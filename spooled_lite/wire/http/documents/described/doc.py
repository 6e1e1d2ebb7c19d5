"""What the OpenAPI document says of a route, beyond what the table of routes says already."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from msgspec import Struct

from spooled_lite.errors import SpooledError

JSON: Final = "application/json"
TEXT: Final[Mapping[str, Any]] = MappingProxyType({"type": "string"})


class Parameter(Struct, frozen=True):
    """A parameter of the query or a header."""

    name: str
    about: str
    schema: Mapping[str, Any] = TEXT
    place: str = "query"
    is_required: bool = False
    example: Any = None


class Doc(Struct, frozen=True, kw_only=True):
    summary: str
    about: str = ""
    body: type[Struct] | None = None  # a GET of the same handler has none
    parts: tuple[type[Struct], ...] = ()  # of the body, that its own type does not name
    needs: tuple[str, ...] = ()  # spellings of one field of the body, one of which has to be there
    example: Mapping[str, Any] | None = None  # of the body
    parameters: tuple[Parameter, ...] = ()  # those of the query: only of a call without a body
    answer: Any = None  # its type; a tuple of types: one of them
    media: tuple[str, ...] = (JSON,)  # of the answer
    statuses: tuple[int, ...] = (200,)  # of success; 204 has no answer
    is_paged: bool = False  # says in a header whether there is more
    errors: tuple[type[SpooledError], ...] = ()  # beside those every such route has


def whole(default: int, least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "default": default, "minimum": least, "maximum": most}


def paging(default: int = 50, most: int = 100) -> tuple[Parameter, ...]:
    return (
        Parameter(
            "limit", "Rows of a page; a value out of range counts as the nearest one in it",
            whole(default, 1, most),
        ),
        Parameter("offset", "Rows to skip", {"type": "integer", "default": 0, "minimum": 0}),
    )  # fmt: skip


FLAG: Final = {"type": "boolean", "default": False}
TIME: Final = {"type": "string", "format": "date-time"}
