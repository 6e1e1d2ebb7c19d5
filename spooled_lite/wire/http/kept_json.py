"""Refuses numbers and NUL characters in decoded bodies that readers would fail on later."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from spooled_lite.errors import RuleBroken
from spooled_lite.wire.http.json_text import (
    has_nul,
    has_number_beyond_doubles,
    may_have_nul,
    may_have_number_beyond_doubles,
)

PATH_BYTES_MAX: Final = 65_536  # larger JSON is not searched for the place of a number
PATH_CHARS_MAX: Final = 200  # of the path that an error names
# Texts that are only shown may contain NUL: the report of a failed job must not be refused for it.
FREE_TEXTS: Final = frozenset({"error", "reason", "error_message", "message", "description"})
TAGS: Final = "tags"

Found = tuple[str, Any]


def may_be_refused(body: bytes) -> bool:
    """A quick check: when False, `check_kept` accepts all values decoded from this body."""
    return may_have_number_beyond_doubles(body) or may_have_nul(body)


def check_kept(value: Any, body: bytes, *, at: str = "") -> None:
    """Refuse numbers and characters that the decoder accepts in a value decoded from `body`.

    Refused are numbers too large for a double in JSON that is stored as text, and NUL in an id, a
    name, a key or a tag. Lists of raw items, which are decoded one by one later, are skipped.

    Raises:
        RuleBroken: it names the place, where that is cheap to find.

    Contract: amendments 2 and 10.
    """
    if has_number_beyond_doubles(body):
        for path, raw in _found_in(value, at):
            if isinstance(raw, Raw) and has_number_beyond_doubles(bytes(raw)):
                raise _beyond(_place_of_number(bytes(raw), path))
    if may_have_nul(body):
        for path, found in _found_in(value, at):
            if _has_nul(path.rpartition(".")[2], found):
                raise _nul(path)


def _found_in(value: Any, at: str) -> Iterator[Found]:
    """Every text and every piece of raw JSON in a value, with its path."""
    if isinstance(value, str | Raw):
        yield at, value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from _found_in(getattr(value, name), f"{at}.{name}" if at else name)
    elif isinstance(value, list) and not (value and isinstance(value[0], Raw)):
        for index, each in enumerate(value):
            yield from _found_in(each, f"{at}[{index}]")


def _has_nul(name: str, found: str | Raw) -> bool:
    if isinstance(found, Raw):
        return name == TAGS and has_nul(bytes(found))
    return "\0" in found and name not in FREE_TEXTS


def _place_of_number(raw: bytes, at: str) -> str:
    """The path of the number that is too large, as far down as the two bounds of paths allow."""
    if len(raw) > PATH_BYTES_MAX:
        return at
    for step, inside in _members(raw):
        if has_number_beyond_doubles(inside):
            path = f"{at}{step}" if at or step.startswith("[") else step[1:]
            return at if len(path) > PATH_CHARS_MAX else _place_of_number(inside, path)
    return at


def _members(raw: bytes) -> Iterator[tuple[str, bytes]]:
    start = raw.lstrip()[:1]
    if start == b"{":
        for key, each in msgspec.json.decode(raw, type=dict[str, Raw]).items():
            yield f".{key}", bytes(each)
    elif start == b"[":
        for index, each in enumerate(msgspec.json.decode(raw, type=list[Raw])):
            yield f"[{index}]", bytes(each)


def _beyond(path: str) -> RuleBroken:
    field = path or "body"
    return RuleBroken.of(
        field, f"Field `{field}` contains a number too large for a double (over 1.797e308)", "range"
    )


def _nul(path: str) -> RuleBroken:
    field = path or "body"
    return RuleBroken.of(field, f"Field `{field}` must not contain the character NUL", "nul")
