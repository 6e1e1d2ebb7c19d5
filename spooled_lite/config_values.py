"""The types of setting values, their rules in words, and the conversion from text."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65_535)]
GrpcPort = Annotated[int, Meta(ge=1, le=65_535)]
SmtpPort = Annotated[int, Meta(ge=1, le=65_535)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
# A limit of a plan tier; -1 is no limit. Up to the largest number that all JSON readers keep exact.
Whole = Annotated[int, Meta(ge=-1, le=2**53 - 1)]
Days = Annotated[int, Meta(le=36_500)]  # 0 or a negative number: for ever
# Without lone surrogates, which Python uses for bytes that are not UTF-8: they cannot be encoded.
Text = Annotated[
    str,
    Meta(
        max_length=4096,
        pattern=r"\A[^\x00-\x1f\x7f\ud800-\udfff]+\Z",
        description="text of at most 4096 characters without control characters",
    ),
]
# Text that a client can send in a header, so without spaces at its ends.
HeaderText = Annotated[
    str,
    Meta(
        max_length=1024,
        pattern=r"\A[!-~](?:[ -~]*[!-~])?\Z",
        description="at most 1024 ASCII characters, without spaces at the ends",
    ),
]
Host = Annotated[
    str,
    Meta(max_length=255, pattern=r"\A[!-~]+\Z", description="a host name or an IP address"),
]
Url = Annotated[
    str,
    Meta(
        max_length=2048,
        pattern=r"\Ahttps?://[^\s/?#@\\][^\s?#@\x00-\x1f\x7f\ud800-\udfff]*\Z",
        description="an http:// or https:// address without user, query or fragment",
    ),
]
MailAddress = Annotated[
    str,
    Meta(
        max_length=254,
        pattern=r"\A[!-;=?A-~]+@[A-Za-z0-9.-]+\Z",
        description="a mail address such as spooled@example.com, without a name",
    ),
]
ApiKey = Annotated[
    str,
    Meta(
        min_length=20,
        max_length=255,
        pattern=r"\As[kp]_(live|test)_[!-~]+\Z",
        description="a key of at least 20 characters, without spaces, that starts with"
        " sk_live_, sk_test_, sp_live_ or sp_test_",
    ),
]
Networks = Annotated[
    tuple[str, ...], Meta(max_length=100, description="a list of networks such as 10.1.0.0/16")
]
Origins = Annotated[
    tuple[Annotated[str, Meta(max_length=255, pattern=r"\A[a-z][a-z0-9+.-]*://[!-.0-~]+\Z")], ...],
    Meta(
        max_length=100,
        description="a list of origins such as https://app.example.com, without a path",
    ),
]

SHOWN_CHARS_MAX: Final = 60  # of a wrong value that a message shows

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_PLAIN: Final[Mapping[Any, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}


class WrongValue(Exception):
    """A value breaks the rule of its type. The message never repeats text that may be secret."""


def without_none(kind: Any) -> Any:
    """The type without None, which cannot be written in any source: it is the missing setting."""
    parts = tuple(part for part in _parts(kind) if part is not type(None))
    return parts[0] if len(parts) == 1 else Union[parts]  # noqa: UP007 - built from a tuple


def words(kind: Any) -> tuple[str, ...]:
    """The words that a value of this type may be; empty when it is not a choice of words."""
    return tuple(
        word for part in _parts(kind) if get_origin(part) is Literal for word in get_args(part)
    )


def converted(kind: Any, value: object, *, is_text: bool) -> Any:
    """Convert a value to its type.

    With `is_text` a string is read as in a variable: a number, true or false, a list with commas.
    A choice of words may always be written in capitals.

    Raises:
        WrongValue: the value is not of the type, or outside of its limits.
    """
    given = value
    if isinstance(value, str):
        if value.lower() in words(kind):
            value = value.lower()
        elif is_text:
            value = _read(kind, value)
    try:
        return msgspec.convert(value, kind, strict=not (is_text and isinstance(value, str)))
    except UnicodeEncodeError:
        raise WrongValue("must be text in UTF-8") from None  # a variable may hold any bytes
    except msgspec.ValidationError:
        raise WrongValue(f"must be {rule(kind)}{_shown(kind, given)}") from None


def rule(kind: Any) -> str:
    """The rule for values of this type, in words."""
    parts = _parts(kind)
    if len(parts) > 1:
        return " or ".join(map(rule, parts))
    if words(kind):
        return f"one of {', '.join(words(kind))}"
    if get_origin(kind) is not Annotated:
        return _PLAIN[kind]
    base, meta = get_args(kind)
    return meta.description or f"{_PLAIN[base]} {_range(meta)}"


def database_file(location: str) -> str:
    """The path, or ":memory:", of a database location.

    The prefixes `sqlite:` and `sqlite://` are removed, as the reference server does:
    `sqlite:///x` is `/x`.

    Raises:
        WrongValue: the location is the address of PostgreSQL or another server, or has no path.
    """
    if re.match(r"postgres[a-z0-9+]*:", location, re.IGNORECASE):
        raise WrongValue(
            "must be the path of a file: Spooled Lite uses one SQLite file, not PostgreSQL"
        )
    path = location
    if found := re.match(r"sqlite:(//)?", location, re.IGNORECASE):
        path = location[found.end() :].partition("?")[0]
    if not path or "://" in path:
        raise WrongValue("must be the path of a file or :memory:, not another address")
    return path


def networks(texts: tuple[str, ...]) -> tuple[str, ...]:
    """The networks in their usual spelling. Raises WrongValue for a text that is not a network."""
    try:
        return tuple(str(ipaddress.ip_network(text)) for text in texts)
    except ValueError as error:
        raise WrongValue(f"must be {rule(Networks)}: {ascii(str(error))[1:-1]}") from None


# Further conversions of single settings, after the value was converted to its type.
TIDY: Final[Mapping[str, Callable[[Any], Any]]] = {
    "database": database_file,
    "public_url": lambda url: url.rstrip("/"),
    "webhook_allow_networks": networks,
}


def _parts(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _base(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _read(kind: Any, text: str) -> object:
    if kind is bool and text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    if get_origin(_base(kind)) is tuple:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _range(meta: Meta) -> str:
    return f"up to {meta.le}" if meta.ge is None else f"from {meta.ge} to {meta.le}"


def _shown(kind: Any, given: object) -> str:
    """The end of a message with the wrong value; empty for plain text, which may be a secret."""
    if not isinstance(given, str) or _base(kind) is str:
        return ""
    return f", not {given[:SHOWN_CHARS_MAX]!a}"
