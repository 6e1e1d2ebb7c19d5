"""One member of a line of an export: its name, where its value stands, how it is written there."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.export import statements
from spooled_lite.errors import BadRequest
from spooled_lite.times import format_ms, parse_ms

_WHITE_SPACE: Final = b" \t\r\n"
_HASH: Final = "sha256:"
_HASH_BYTES: Final = 32

_value: Final = msgspec.json.Decoder(Raw).decode


class NotAsPromised(BadRequest):
    """A value cannot be what it has to be. The message says why."""


class Field(Struct, frozen=True, kw_only=True):
    """`read` is the SQL of its value in a row named `each`, `write` that of what is stored.

    `write` may name the other members of the line as parameters, and `:org`, the organization.
    """

    name: str
    column: str | None  # None: `follows` or `store` of its kind say what is made of it
    read: str
    write: str
    type: Any  # of the value in a line
    given: Callable[[Any], Any] | None = None  # what is read, as the line has it; never of NULL
    stored: Callable[[Any], Any] | None = None  # and back
    may_lack: bool = False  # NULL is written as nothing at all
    is_secret: bool = False
    is_json: bool = False  # see `text_name`
    what: str = ""  # what it names, when it is the id of something else

    @property
    def text_name(self) -> str:
        """The member in which JSON stands as a text: JSON of several lines cannot stand as it is,
        and its bytes have to come out as they went in."""
        return f"{self.name}_text"


def plain(
    name: str,
    kind: Any,
    column: str | None = None,
    *,
    may_lack: bool = False,
    is_secret: bool = False,
    given: Callable[[Any], Any] | None = None,
    stored: Callable[[Any], Any] | None = None,
) -> Field:
    """A value that stands in a column of this name, unless another is given."""
    column = column or name
    return Field(
        name=name,
        column=column,
        read=f"each.{column}",
        write=f":{name}",
        type=kind | None if may_lack else kind,
        may_lack=may_lack,
        is_secret=is_secret,
        given=given,
        stored=stored,
    )


def said(
    name: str,
    kind: Any,
    read: str,
    *,
    may_lack: bool = False,
) -> Field:
    """A value that follows from others in the file, and that no column of its own takes."""
    is_flag = kind is bool
    return Field(
        name=name,
        column=None,
        read=read,
        write="",
        type=kind | None if may_lack else kind,
        may_lack=may_lack,
        given=bool if is_flag else None,
        stored=int if is_flag else None,
    )


def text(
    name: str, column: str | None = None, *, may_lack: bool = False, is_secret: bool = False
) -> Field:
    return plain(name, str, column, may_lack=may_lack, is_secret=is_secret)


def checked(name: str, check: Callable[[str], object]) -> Field:
    """A text that has to be right for the server to work with it. `check` raises if it is not."""

    def stored(value: str) -> str:
        check(value)
        return value

    return plain(name, str, stored=stored)


def number(name: str, column: str | None = None, *, may_lack: bool = False) -> Field:
    return plain(name, int, column, may_lack=may_lack)


def real(name: str, *, may_lack: bool = False) -> Field:
    return plain(name, float, may_lack=may_lack)


def flag(name: str, *, may_lack: bool = False) -> Field:
    return plain(name, bool, may_lack=may_lack, given=bool, stored=int)


def time(name: str, column: str | None = None, *, may_lack: bool = False) -> Field:
    """A moment; in its column as milliseconds since the epoch."""

    def stored(value: str) -> int:
        return parse_ms(value, name)

    column = column or f"{name}_ms"
    return plain(name, str, column, may_lack=may_lack, given=format_ms, stored=stored)


def hash_of_secret(name: str) -> Field:
    """A SHA-256, which stands as 32 bytes."""

    def given(value: bytes) -> str:
        return f"{_HASH}{value.hex()}"

    def stored(value: str) -> bytes:
        digits = value.removeprefix(_HASH)
        try:
            found = bytes.fromhex(digits)
        except ValueError:
            found = b""
        if digits == value or len(found) != _HASH_BYTES:
            raise NotAsPromised(f"`{name}` is not `sha256:` and 64 hexadecimal digits")
        return found

    return plain(name, str, given=given, stored=stored, is_secret=True)


def json(
    name: str,
    shape: Any = Any,
    column: str | None = None,
    *,
    read: str | None = None,
    write: str | None = None,
    is_text: bool = False,
    is_elsewhere: bool = False,
    may_lack: bool = False,
) -> Field:
    """JSON whose bytes are kept. `is_text`: of the column. `shape`: what the server reads it as.

    `is_elsewhere`: it stands in another table.
    """
    column = column or name

    def stored(value: bytes) -> bytes | str:
        try:
            msgspec.json.decode(value, type=Raw if shape is Any else shape)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise NotAsPromised(f"`{name}`: {error}") from error
        return value.decode() if is_text else value

    return Field(
        name=name,
        column=None if is_elsewhere else column,
        read=read or f"each.{column}",
        write=write or f":{name}",
        type=Raw,
        stored=stored,
        may_lack=may_lack,
        is_json=True,
    )


def of(
    name: str,
    column: str,
    table: str,
    what: str,
    *,
    may_lack: bool = False,
    read: str | None = None,
    write: str | None = None,
) -> Field:
    """The id of a row of another table of the same organization, which the column numbers."""
    return Field(
        name=name,
        column=column,
        read=read or statements.id_of(table, column),
        write=write or statements.number_of(table, name),
        type=str | None if may_lack else str,
        may_lack=may_lack,
        what=what,
    )


def organization() -> Field:
    return of("organization_id", "org", "organizations", "organization", write=":org")


def as_line(field: Field, value: Any) -> tuple[str, Any]:
    """The member of a line for a value that was read, which is not NULL.

    Raises:
        NotAsPromised: it stands in the file and is not JSON.
    """
    if not field.is_json:
        return field.name, value if field.given is None else field.given(value)
    body: bytes = value.encode() if isinstance(value, str) else value
    if _stands_in_a_line(field, body):
        return field.name, Raw(body)
    return field.text_name, body.decode()


def _stands_in_a_line(field: Field, body: bytes) -> bool:
    """Whether JSON can be a part of a line and comes out of it with the same bytes."""
    try:
        _value(body)
        if not body.isascii():
            body.decode()
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise NotAsPromised(f"its `{field.name}` is not JSON: {error}") from error
    is_trimmed = body[0] not in _WHITE_SPACE and body[-1] not in _WHITE_SPACE
    return is_trimmed and b"\n" not in body and b"\r" not in body
