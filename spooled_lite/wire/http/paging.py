"""Query parameters that many lists share: pages, times, true or false."""

import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from spooled_lite.errors import BadRequest, WrongShape
from spooled_lite.times import parse_ms
from spooled_lite.wire.http.call import Call, Reply, reply

OFFSET_MAX: Final = 2**53  # more than any list holds, and exact in every language

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_DIGITS_MAX: Final = 30
_WORDS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_HAS_MORE: Final = {True: ((b"x-has-more", b"true"),), False: ((b"x-has-more", b"false"),)}


class Page(Struct, frozen=True):
    limit: int
    offset: int

    @property
    def fetch(self) -> int:
        """How many rows to read: one more than are shown, to know whether there are more."""
        return self.limit + 1


def page(call: Call, default: int = 50, max: int = 100) -> Page:
    """`limit` and `offset`, clamped to their ranges. Contract: platform, section 6.

    Raises:
        BadRequest: one of them is not a whole number.
    """
    return Page(
        integer(call, "limit", default=default, least=1, most=max),
        integer(call, "offset", default=0, least=0, most=OFFSET_MAX),
    )


def paged(items: Sequence[Any], shown: Page, *, has_more: bool | None = None) -> Reply:
    """The answer with one page of a list.

    Without `has_more`, `items` must have been read up to `shown.fetch`.
    """
    if has_more is None:
        has_more = len(items) > shown.limit
    return reply(items[: shown.limit], headers=_HAS_MORE[has_more])


def listing(items: Sequence[Any], *, has_more: bool) -> Reply:
    """The answer with a list that is not paged by an offset."""
    return reply(items, headers=_HAS_MORE[has_more])


def integer(call: Call, name: str, *, default: int, least: int, most: int) -> int:
    text = call.query.get(name)
    if not text:
        return default
    if not _INTEGER.fullmatch(text):
        raise BadRequest(f"Query parameter `{name}` must be a whole number")
    if len(text) > _DIGITS_MAX:
        return least if text.startswith("-") else most
    return min(max(least, int(text)), most)


def flag(call: Call, name: str, *, default: bool = False) -> bool:
    """A query parameter that is true or false. Raises BadRequest when it is neither."""
    text = call.query.get(name)
    if not text:
        return default
    try:
        return _WORDS[text.lower()]
    except KeyError:
        raise BadRequest(f"Query parameter `{name}` must be true or false") from None


def time_ms(call: Call, name: str) -> int | None:
    """A query parameter that is a time, in milliseconds. Raises BadRequest when it is not one."""
    text = call.query.get(name)
    if not text:
        return None
    try:
        return parse_ms(text, name)
    except WrongShape as error:
        raise BadRequest(f"Query parameter `{name}` is not a time: {error.message}") from None
