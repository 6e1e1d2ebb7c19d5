"""Tells who defines something of the fields that a body has and nobody reads."""

from collections.abc import Container, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec
from msgspec import Struct

from spooled_lite.config_names import nearest
from spooled_lite.wire.http.body import UNKNOWN_CHARS_MAX, decode_body, is_nothing
from spooled_lite.wire.http.call import Call

T = TypeVar("T", bound=Struct)

UNKNOWN_TOLD_MAX: Final = 20  # fields told of in one answer: who has more has seen enough


async def body_and_unknown(
    call: Call, kind: type[T], shown: type[Struct], *, may_be_empty: bool = False
) -> tuple[T, list[str]]:
    """The body, and warnings about fields that are ignored. What the answer has (`shown`) may be
    sent back: of that nothing is said. No body is `{}` where it `may_be_empty`.

    Raises: as `Call.body`.
    """
    raw = await call.raw_body()
    if may_be_empty and is_nothing(raw):
        raw = b"{}"
    told = await call.off_loop(_decoded, kind, raw, _names(shown))
    await call.check_still_admitted()
    return told


def _decoded(kind: type[T], raw: bytes, shown: Container[str]) -> tuple[T, list[str]]:
    value = decode_body(kind, raw)
    try:
        given = msgspec.json.decode(raw)
    except msgspec.DecodeError:  # in what is ignored, such as `1e400`: nobody reads that either
        return value, []
    if isinstance(given, dict):
        known = _names(kind)
        given = {name: each for name, each in given.items() if name in known or name not in shown}
    return value, list(islice(_unknown(value, given, ""), UNKNOWN_TOLD_MAX))


def _names(kind: type[Struct]) -> dict[str, str]:
    """Those of its attributes, by the names that they have in JSON."""
    return {each.encode_name: each.name for each in msgspec.structs.fields(kind)}


def _unknown(value: Any, given: Any, at: str) -> Iterator[str]:
    """Of a value and the JSON that it was decoded from. `at` stands in front of their names."""
    if isinstance(value, Struct) and isinstance(given, dict):
        known = _names(type(value))
        for name, inner in given.items():
            if name in known:
                yield from _unknown(getattr(value, known[name]), inner, f"{at}{name}.")
            else:
                shown = f"{at}{name[:UNKNOWN_CHARS_MAX]}"
                yield f"`{shown}` is unknown and ignored; the nearest is `{nearest(name, known)}`"
    elif isinstance(value, list) and isinstance(given, list):
        for index, (each, inner) in enumerate(zip(value, given, strict=False)):
            yield from _unknown(each, inner, f"{at[:-1]}[{index}].")
