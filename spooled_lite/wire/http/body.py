"""Reads request bodies up to a bound, and decodes them or says what is wrong with them."""

import re
from collections.abc import Sequence
from enum import Enum
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from starlette.types import Receive

from spooled_lite.config_names import nearest
from spooled_lite.errors import (
    NotJson,
    PayloadTooLarge,
    Problem,
    RuleBroken,
    UnsupportedMediaType,
    WrongShape,
)
from spooled_lite.wire.http.body_lists import check_lists
from spooled_lite.wire.http.json_text import NESTING_MAX, is_nested_over
from spooled_lite.wire.http.kept_json import check_kept

T = TypeVar("T")

BODY_BYTES_MAX: Final = 5 * 1024 * 1024
LISTS_BYTES_MAX: Final = 65_536  # the lists of a body up to this size are counted by the decoder
UNKNOWN_CHARS_MAX: Final = 64  # shown of the name of an unknown field
SAID_CHARS_MAX: Final = 300  # of what the decoder says: more than it says without a value

# Nothing, `null` or `[]`, with any white space.
_NOTHING: Final = re.compile(rb"[ \t\r\n]*+(?:null|\[[ \t\r\n]*+\])?[ \t\r\n]*+")


class ClientGone(Exception):
    """The client has left, so there is no one to answer."""


async def read_body(receive: Receive, content_length: bytes | None) -> bytes:
    """The whole body.

    Raises:
        PayloadTooLarge: at once when the declared length is over the bound, else while reading.
        ClientGone: the connection ended first.
    """
    if content_length is not None and _declared(content_length) > BODY_BYTES_MAX:
        raise _too_large()
    parts: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message.get("body", b""))
        size_bytes += len(parts[-1])
        if size_bytes > BODY_BYTES_MAX:
            raise _too_large()
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


def decode_body(kind: type[T], body: bytes) -> T:
    """Decode a whole body. Raises: as `check_text`, `check_lists` and `decode`."""
    check_text(body)
    if len(body) > LISTS_BYTES_MAX:
        check_lists(kind, body)
    return decode(kind, body)


def decode_body_or_empty(kind: type[T], body: bytes) -> T:
    """As `decode_body`, for a type that requires no field: no body, `null`, `[]` count as `{}`."""
    return decode_body(kind, b"{}" if is_nothing(body) else body)


def check_coding(coding: bytes | None) -> None:
    """Raises UnsupportedMediaType for a compressed body."""
    if coding is not None and coding.strip().lower() not in (b"", b"identity"):
        raise UnsupportedMediaType


def decode(kind: type[T], body: bytes, *, at: str = "", is_plain: bool = False) -> T:
    """Decode JSON to a value of this type. `at` is the path of the value in the whole body.

    Call `check_text` on the whole body first. `is_plain` says that `check_kept` is not needed.

    Raises:
        NotJson: 400, the text is not JSON, or is empty.
        WrongShape: 422, a field is missing or has the wrong type.
        RuleBroken: 400, a value breaks a rule of its type, or `check_kept` refuses it.

    Contract: platform, sections 1.1, 3.2 and 3.3.
    """
    try:
        value: T = _decoder(kind).decode(body)
    except msgspec.ValidationError as error:
        raise sorted_by_message(str(error), at=at, kind=kind) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not body.strip():
            raise NotJson.empty() from None
        raise NotJson.because(f"The body is not valid JSON: {error}") from None
    if not is_plain:
        check_kept(value, body, at=at)
    return value


def is_nothing(body: bytes) -> bool:
    """Whether the body is empty, `null` or `[]`, with any white space."""
    return _NOTHING.fullmatch(body) is not None


def check_text(body: bytes) -> None:
    """Refuse text that the decoder would accept in raw fields, or would fail on for its depth.

    Raises:
        NotJson: the body is not UTF-8, or nested too deep.
    """
    if not body.isascii():
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NotJson.because(f"The body is not UTF-8 (byte {error.start})") from None
    if is_nested_over(body, NESTING_MAX):
        raise NotJson.because(f"The body is nested over {NESTING_MAX} levels")


# -- messages of the decoder ---------------------------------------------------------------------

_PATH: Final = re.compile(r" - at `\$\.?([^`]*)`$")
_MISSING: Final = re.compile(r"Object missing required field `([^`]*)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`$", re.DOTALL)
_TYPE: Final = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_INDEX: Final = re.compile(r"\[[^\]]*\]")
_NO_CHOICE: Final = re.compile(r"Invalid enum value '(.*)'$", re.DOTALL)
_TEXT_OF_TYPE: Final = re.compile(r"Invalid (?:RFC3339|UUID|ISO|base64|decimal|epoch|date|time)")
_RULES: Final = (
    (re.compile(r"of length"), "length"),
    (re.compile(r"matching regex"), "regex"),
    (re.compile(r"(?:<|>)=? ?-?[\d.]+$|multiple of|out of range"), "range"),
)


def sorted_by_message(message: str, *, at: str = "", kind: Any = None) -> WrongShape | RuleBroken:
    """The error for a message of the decoder, which raises one class for all that can be wrong.

    `kind` is the type of the body: the name of its field nearest to an unknown one is suggested.
    """
    said = _PATH.sub("", message)
    inside = _PATH.search(message)
    field = _joined(at, inside.group(1) if inside else "")
    if missing := _MISSING.match(said):
        return WrongShape.missing(_joined(field, missing.group(1)))
    if unknown := _UNKNOWN.match(said):
        name = unknown.group(1)[:UNKNOWN_CHARS_MAX]
        known = _members(_within(kind, inside.group(1) if inside else ""))
        field = _joined(field, name)
        said = f"Field `{field}` is unknown" + (
            f"; the nearest is `{nearest(name, known)}`" if known else ""
        )
        return RuleBroken.of(field, said, "unknown_field")
    if wrong := _TYPE.match(said):
        expected, found = (part.replace(" | null", "") for part in wrong.groups())
        return WrongShape.wrong_type(field or "body", f"`{expected}`, not `{found}`")
    if _TEXT_OF_TYPE.match(said) or said.endswith("timezone component"):
        return WrongShape([Problem(field or "body", f"Field `{field}`: {said}", "invalid_type")])
    code = next((code for rule, code in _RULES if rule.search(said)), "invalid_value")
    if no_choice := _NO_CHOICE.match(said):
        given = no_choice.group(1)[:UNKNOWN_CHARS_MAX]
        choices = _choices(kind, inside.group(1) if inside else "")
        said = f"`{given}` is no choice" + (f"; choose {' or '.join(choices)}" if choices else "")
    if len(said) > SAID_CHARS_MAX:  # it repeats a value of the body
        said = f"{said[:SAID_CHARS_MAX]}…"
    return RuleBroken.of(field or "body", f"Field `{field or 'body'}`: {said}", code)


def _joined(at: str, inside: str) -> str:
    if not at or not inside:
        return at or inside
    return f"{at}{inside}" if inside.startswith("[") else f"{at}.{inside}"


_DECODERS: Final[dict[Any, msgspec.json.Decoder[Any]]] = {}  # one per type that was decoded


def _decoder(kind: Any) -> msgspec.json.Decoder[Any]:
    known = _DECODERS.get(kind)
    if known is None:
        known = _DECODERS[kind] = msgspec.json.Decoder(kind)
    return known


def _within(kind: Any, path: str) -> Any:
    """The type of the value at a path such as `steps[...].queue`, as far as it is an object's."""
    for name in filter(None, _INDEX.sub("", path).split(".")):
        kind = _object_of(get_type_hints(kind).get(name)) if name in _members(kind) else None
    return kind


def _choices(kind: Any, path: str) -> list[str]:
    """The texts that the value at a path may be."""
    before, _, name = _INDEX.sub("", path).rpartition(".")
    owner = _within(kind, before)
    return _texts_of(get_type_hints(owner).get(name)) if _members(owner) else []


def _texts_of(kind: Any) -> list[str]:
    """Of a literal or an enumeration, wherever it stands in a type."""
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [f"`{each.value}`" for each in kind]
    if get_origin(kind) is Literal:
        return [f"`{each}`" for each in get_args(kind)]
    return [text for each in get_args(kind) for text in _texts_of(each)]


def _object_of(kind: Any) -> Any:
    """The struct among the members of a union, or in a list."""
    return next((each for each in get_args(kind) if _members(each)), kind)


def _members(kind: Any) -> Sequence[str]:
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return ()
    return [field.encode_name for field in msgspec.structs.fields(kind)]


def _declared(content_length: bytes) -> int:
    if not content_length.isdigit():
        return 0  # cannot happen: the server refuses such a request
    return int(content_length[:20])


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes")
