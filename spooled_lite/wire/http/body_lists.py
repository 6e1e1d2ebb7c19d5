"""Counts the entries of lists in a large body before the body is decoded.

The library would make all two million entries of a list before it counts them.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct
from msgspec.inspect import ListType, Metadata, StructType, Type, UnionType, type_info

from spooled_lite.errors import RuleBroken

ENTRIES_MAX: Final = 1_000  # for a list whose type has no bound of its own
_NONE: Final = Raw(b"")  # marks a missing entry: no entry in JSON is empty


class _List(Struct, frozen=True):
    """A field that may be a list."""

    name: str  # in JSON
    entries_max: int
    entry: type[Struct] | None  # the type of the entries, when they have lists themselves


def check_lists(kind: Any, body: bytes, *, at: str = "") -> None:
    """Check how many entries the lists have, making at most one more than is allowed.

    Other faults of the body are left to the decoder of the type.

    Raises:
        RuleBroken: a list has too many entries.
    """
    lists = _lists_of(kind)
    if not lists:
        return
    try:
        found = _decoder(kind).decode(body)
    except (msgspec.MsgspecError, RecursionError):
        return
    for each, given in zip(lists, msgspec.structs.astuple(found), strict=True):
        if not isinstance(given, Struct):
            continue  # the field is not a list
        path = f"{at}{each.name}"
        entries = [entry for raw in msgspec.structs.astuple(given) if (entry := bytes(raw))]
        if len(entries) > each.entries_max:
            message = f"Field `{path}` may have at most {each.entries_max} entries"
            raise RuleBroken.of(path, message, "length")
        if each.entry is not None:
            for position, entry in enumerate(entries):
                check_lists(each.entry, entry, at=f"{path}[{position}].")


@cache
def _lists_of(kind: Any) -> tuple[_List, ...]:
    described = type_info(kind)
    if not isinstance(described, StructType):
        return ()
    return tuple(
        _List(field.encode_name, form.max_length or ENTRIES_MAX, _with_lists(form.item_type))
        for field in described.fields
        for form in _forms(field.type)
        if isinstance(form, ListType)
    )


def _with_lists(entry: Type) -> type[Struct] | None:
    forms = _forms(entry)
    return next(
        (form.cls for form in forms if isinstance(form, StructType) and _lists_of(form.cls)), None
    )


def _forms(field: Type) -> Iterator[Type]:
    """The types a value may have, without their descriptions."""
    if isinstance(field, UnionType):
        for each in field.types:
            yield from _forms(each)
    elif isinstance(field, Metadata):
        yield from _forms(field.type)
    else:
        yield field


@cache
def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    """A decoder that reads only the lists of a type, each up to one entry over its bound."""
    fields: list[tuple[str, Any, Any]] = [
        (each.name, _first(each.entries_max + 1) | str | int | None, None)
        for each in _lists_of(kind)
    ]
    return msgspec.json.Decoder(msgspec.defstruct(f"ListsOf{kind.__name__}", fields))


@cache
def _first(count: int) -> type[Struct]:
    """The type of an array of which only the first `count` entries are made."""
    fields: list[tuple[str, Any, Any]] = [(f"entry_{each}", Raw, _NONE) for each in range(count)]
    return msgspec.defstruct(f"First{count}", fields, array_like=True)
