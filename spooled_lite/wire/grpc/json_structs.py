"""Converts between JSON objects and google.protobuf.Struct, without the library's classes.

The library accepts a hundred nested messages, and a level of JSON is up to three of them. So a
payload stored over REST may be nested deeper than gRPC clients can read.
Contract: grpc, section 4.
"""

import json
import math
import struct
import sys
from itertools import accumulate
from typing import Any, Final

import msgspec

from spooled_lite.errors import Conflict, RuleBroken
from spooled_lite.wire.http.json_text import NESTING_MAX, may_have_number_beyond_doubles

# Nested messages that a client can read inside of a payload or result. The library accepts a
# hundred, and the response and the job are around them.
MESSAGES_MAX: Final = 99
MESSAGES_OF_OBJECT: Final = 3  # the Struct, its entry and the Value
MESSAGES_OF_ARRAY: Final = 2  # the ListValue and the Value
WHOLE_MAX: Final = 2**53  # from here on, a double cannot hold every integer

# The tags of google/protobuf/struct.proto: each holds a field's number and its wire type.
_FIELDS = _KEY = _VALUES = 0x0A
_VALUE: Final = 0x12
_NULL, _NUMBER, _STRING, _BOOL, _STRUCT, _LIST = 0x08, 0x11, 0x1A, 0x20, 0x2A, 0x32

_DOUBLE: Final = struct.Struct("<d")
_TAGGED_DOUBLE: Final = struct.Struct("<Bd")
_SHORT: Final = tuple(bytes((length,)) for length in range(128))  # most lengths are one byte
_TRUE: Final = b"\x20\x01"
_FALSE: Final = b"\x20\x00"
_NOTHING: Final = b"\x08\x00"


class _Broken(Exception):
    """The bytes are not a message of this kind."""


# -- in --------------------------------------------------------------------------------------------


def json_of(data: bytes, field: str) -> bytes:
    """The JSON text of a Struct. Integral numbers below 2^53 are integers, all others floats.

    Raises:
        RuleBroken: it contains NaN or an infinity, is nested too deep, or is not a Struct.
    """
    if not data:
        return b"{}"
    try:
        return msgspec.json.encode(_object(data, 0, len(data), 1))
    except _NestedTooDeep:
        raise RuleBroken.of(
            field, f"Field `{field}` is nested over {NESTING_MAX} levels", "nesting"
        ) from None
    except _NotFinite:
        raise RuleBroken.of(
            field, f"Field `{field}` contains a number that is not finite", "not_finite"
        ) from None
    except (_Broken, IndexError, UnicodeDecodeError, struct.error):
        raise RuleBroken.of(
            field, f"Field `{field}` is not a google.protobuf.Struct", "invalid_value"
        ) from None


class _NestedTooDeep(Exception):
    pass


class _NotFinite(Exception):
    pass


def _object(data: bytes, at: int, end: int, level: int) -> dict[str, Any]:
    if level > NESTING_MAX:
        raise _NestedTooDeep
    found: dict[str, Any] = {}
    while at < end:
        tag, at = _varint(data, at, end)
        if tag != _FIELDS:
            at = _skip(data, at, end, tag)
            continue
        at, stop = _part(data, at, end)
        key, value = "", None
        while at < stop:
            tag, at = _varint(data, at, stop)
            if tag == _KEY:
                at, after = _part(data, at, stop)
                key, at = data[at:after].decode(), after
            elif tag == _VALUE:
                at, after = _part(data, at, stop)
                value, at = _value(data, at, after, level), after
            else:
                at = _skip(data, at, stop, tag)
        found[key] = value
    return found


def _array(data: bytes, at: int, end: int, level: int) -> list[Any]:
    if level > NESTING_MAX:
        raise _NestedTooDeep
    found = []
    while at < end:
        tag, at = _varint(data, at, end)
        if tag == _VALUES:
            at, after = _part(data, at, end)
            found.append(_value(data, at, after, level))
            at = after
        else:
            at = _skip(data, at, end, tag)
    return found


def _value(data: bytes, at: int, end: int, level: int) -> Any:
    """A Value. Without any field it is null; of several fields the last one counts."""
    value: Any = None
    while at < end:
        tag, at = _varint(data, at, end)
        if tag == _STRING:
            at, after = _part(data, at, end)
            value, at = data[at:after].decode(), after
        elif tag == _NUMBER:
            if at + 8 > end:
                raise _Broken
            value, at = _number(_DOUBLE.unpack_from(data, at)[0]), at + 8
        elif tag == _BOOL:
            value, at = _varint(data, at, end)
            value = value != 0
        elif tag == _NULL:
            value, (_, at) = None, _varint(data, at, end)
        elif tag == _STRUCT:
            at, after = _part(data, at, end)
            value, at = _object(data, at, after, level + 1), after
        elif tag == _LIST:
            at, after = _part(data, at, end)
            value, at = _array(data, at, after, level + 1), after
        else:
            at = _skip(data, at, end, tag)
    return value


def _number(value: float) -> int | float:
    if not math.isfinite(value):
        raise _NotFinite
    return int(value) if -WHOLE_MAX < value < WHOLE_MAX and value.is_integer() else value


def _part(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The start and the end of a part that has its length in front of it."""
    length, at = _varint(data, at, end)
    if at + length > end:
        raise _Broken
    return at, at + length


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80 and at < end:
        return byte, at + 1
    value = shift = 0
    while at < end and shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise _Broken


def _skip(data: bytes, at: int, end: int, tag: int) -> int:
    """Skip an unknown field, as the library does. Returns where the next field begins."""
    kind = tag & 7
    if tag >> 3 == 0:
        raise _Broken
    if kind == 0:
        return _varint(data, at, end)[1]
    if kind == 2:
        return _part(data, at, end)[1]
    after = at + {1: 8, 5: 4}.get(kind, len(data) + 1)
    if after > end:
        raise _Broken
    return after


# -- out -------------------------------------------------------------------------------------------


class TooDeep(Conflict):
    """The value is nested deeper than gRPC clients can read, though not too deep for JSON."""


def struct_of(text: bytes, messages_max: int = MESSAGES_MAX) -> bytes | None:
    """A JSON object as a Struct; None for any other JSON value, which no Struct can hold.

    Raises:
        TooDeep: clients could read neither the object nor the message around it.
    """
    if text[:1] not in (b"{", b" ", b"\t", b"\r", b"\n"):
        return None
    if text == b"{}":
        return b""
    value = _parsed(text)
    if not isinstance(value, dict):
        return None
    try:
        return _object_bytes(value, messages_max)
    except _NoRoom:
        levels, read = _levels(value)
        raise TooDeep(f"nested {levels} levels deep; gRPC clients read {read}") from None


def _parsed(text: bytes) -> Any:
    if not may_have_number_beyond_doubles(text):
        try:
            return msgspec.json.decode(text)
        except msgspec.MsgspecError:
            pass  # half of a surrogate pair, stored by an earlier version
    # msgspec takes 30 µs for each number like 1e308 and lets no other thread run meanwhile: 5 s
    # for a payload of 1 MiB.
    return json.loads(text, parse_int=float, parse_float=_double)


def _double(text: str) -> float:
    """As `float`, but in Python, so that other threads get the interpreter between numbers."""
    return float(text)


class _NoRoom(Exception):
    pass


def _object_bytes(value: dict[str, Any], room: int) -> bytes:
    """`room` is how many nested messages are still allowed here."""
    inside = room - MESSAGES_OF_OBJECT
    if inside < 0 and (value or not room):
        raise _NoRoom
    parts: list[bytes] = []
    for key, each in value.items():
        name, said = key.encode("utf-8", "replace"), _value_bytes(each, inside)
        entry = b"\n%b%b\x12%b%b" % (length_of(name), name, length_of(said), said)
        parts += (b"\n", length_of(entry), entry)
    return b"".join(parts)


def _array_bytes(value: list[Any], room: int) -> bytes:
    inside = room - MESSAGES_OF_ARRAY
    if inside < 0 and (value or not room):
        raise _NoRoom
    parts: list[bytes] = []
    for each in value:
        said = _value_bytes(each, inside)
        parts += (b"\n", length_of(said), said)
    return b"".join(parts)


def _value_bytes(value: Any, room: int) -> bytes:
    if isinstance(value, str):
        text = value.encode("utf-8", "replace")
        return b"\x1a%b%b" % (length_of(text), text)
    if value is None:
        return _NOTHING
    if value is True:
        return _TRUE
    if value is False:
        return _FALSE
    if isinstance(value, dict):
        inside = _object_bytes(value, room)
        return b"*%b%b" % (length_of(inside), inside)
    if isinstance(value, list):
        inside = _array_bytes(value, room)
        return b"2%b%b" % (length_of(inside), inside)
    return _TAGGED_DOUBLE.pack(_NUMBER, _finite(value))


def _levels(value: Any) -> tuple[int, int]:
    """The levels on the path that needs the most nested messages, and how many of them fit."""
    path = _deepest(value)[1]
    read = sum(1 for messages in accumulate(path) if messages <= MESSAGES_MAX)
    return len(path), read


def _deepest(value: Any) -> tuple[int, list[int]]:
    """The path that needs the most nested messages: their sum, and their number at each level."""
    if not isinstance(value, dict | list):
        return 0, []
    own = MESSAGES_OF_OBJECT if isinstance(value, dict) else MESSAGES_OF_ARRAY
    inside = value.values() if isinstance(value, dict) else value
    found = max(map(_deepest, inside), key=lambda each: each[0], default=(0, []))
    return own + found[0], [own, *found[1]]


def _finite(value: int | float) -> float:
    """The nearest double; a number beyond all doubles becomes the largest.

    A Struct may not hold an infinity.
    """
    most = sys.float_info.max
    return float(max(-most, min(most, value)))


def length_of(data: bytes) -> bytes:
    """The length of these bytes, encoded as it goes in front of them on the wire."""
    length = len(data)
    if length < 128:
        return _SHORT[length]
    found = bytearray()
    while length >= 128:
        found.append(length & 0x7F | 0x80)
        length >>= 7
    found.append(length)
    return bytes(found)
