"""Whether a condition holds. Contract: catbird-capabilities, section 9.3."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from spooled_lite.core.conditions.parse import ParsedCondition

_MISSING: Final = object()
_NOT_PLAIN: Final = frozenset({bool, list, dict})  # to Python true equals 1, and lists have no hash
_MEMBERS: Final = msgspec.json.Decoder(dict[str, Raw])
_ITEMS: Final = msgspec.json.Decoder(list[Raw])


def holds(condition: ParsedCondition, scope: Mapping[str, Any]) -> bool:
    """`scope` has the visible names with their decoded JSON values.

    A comparison of what cannot be compared is false, also under `not`.
    """
    found = _find(condition.path, scope)
    result = _result(condition, found)
    if result is None:
        return False
    return result is not condition.is_negated


def holds_for(
    condition: ParsedCondition,
    name: str,
    value: bytes,
    count: Callable[[int], None] | None = None,
) -> bool:
    """As `holds`, where one name is visible, with its JSON. What is beside the field is passed over
    without being made into objects: it may be large. `count` is told how many bytes are compared.

    Any JSON is answered. What cannot be read, such as 1e400 or a thousand arrays in each other,
    cannot be compared.
    """
    first, *rest = condition.path
    try:
        found: Any = _find_in_json(rest, value) if first == name else _MISSING
        if found is not _MISSING and condition.op != "exists":
            if count is not None:
                count(len(found))
            found = msgspec.json.decode(found)
        result = _result(condition, found)
    except (msgspec.DecodeError, RecursionError):
        return False
    return result is not None and result is not condition.is_negated


def _find_in_json(path: list[str], value: bytes) -> Any:
    found = value
    for segment in path:
        start = found.lstrip()[:1]
        if start == b"{":
            members = _MEMBERS.decode(found)
            if segment not in members:
                return _MISSING
            found = bytes(members[segment])
        elif start == b"[" and segment.isdigit():
            items = _ITEMS.decode(found)
            if int(segment) >= len(items):
                return _MISSING
            found = bytes(items[int(segment)])
        else:
            return _MISSING
    return found


def _find(path: tuple[str, ...], scope: Mapping[str, Any]) -> Any:
    value: Any = scope
    for segment in path:
        if isinstance(value, Mapping) and segment in value:
            value = value[segment]
        elif isinstance(value, list) and segment.isdigit() and int(segment) < len(value):
            value = value[int(segment)]
        else:
            return _MISSING
    return value


def _result(condition: ParsedCondition, found: Any) -> bool | None:
    """None: the two cannot be compared."""
    is_there, value = found is not _MISSING, condition.value
    match condition.op:
        case "exists":
            return is_there
        case "is_true":
            return found is True
        case "eq":
            return is_there and _equal(found, value)
        case "ne":
            return not (is_there and _equal(found, value))
        case "in":
            if not is_there:
                return False
            return any(_equal(found, each) for each in value) if isinstance(value, list) else None
        case "contains":
            return is_there and _contains(found, value)
    if not is_there:
        return False
    if not (_is_number(found) and _is_number(value)):
        return None
    return _compare(condition.op, found, value)


def _compare(op: str, found: float, value: float) -> bool:
    match op:
        case "gt":
            return found > value
        case "gte":
            return found >= value
        case "lt":
            return found < value
    return found <= value


def _equal(one: Any, other: Any) -> bool:
    """JSON equality: numbers by value, and nothing else equals what is of another type."""
    if _is_number(one) and _is_number(other):
        return bool(one == other)
    if type(one) is not type(other):
        return False
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    return bool(one == other)


def _contains(found: Any, value: Any) -> bool:
    if isinstance(found, str):
        return isinstance(value, str) and value in found
    if isinstance(found, list):
        return _has_all(found, value if isinstance(value, list) else [value])
    if isinstance(found, dict):
        return False  # no value of a condition is an object, and an object contains nothing else
    return _equal(found, value)


def _has_all(found: list[Any], wanted: list[Any]) -> bool:
    """Whether each of a few values equals a member of what may be a megabyte: looked through once
    for all of them, while the writing thread waits."""
    if _NOT_PLAIN.isdisjoint(map(type, found)):
        flags, plain = set[Any](), set(found)  # three times as fast
    else:
        flags = {each for each in found if each is True or each is False}  # 1 is not true
        plain = {each for each in found if not isinstance(each, (bool, list, dict))}
    nested: set[Any] = set()
    if any(isinstance(one, (list, dict)) for one in wanted):
        nested = {_hashable(each) for each in found if isinstance(each, (list, dict))}
    return all(
        _hashable(one) in nested
        if isinstance(one, (list, dict))
        else one in (flags if isinstance(one, bool) else plain)
        for one in wanted
    )


def _hashable(value: Any) -> Any:
    """Two of them are equal where `_equal` says so of the values."""
    if isinstance(value, list):
        return (list, *map(_hashable, value))
    if isinstance(value, dict):
        return (dict, frozenset((key, _hashable(each)) for key, each in value.items()))
    return (bool, value) if isinstance(value, bool) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
