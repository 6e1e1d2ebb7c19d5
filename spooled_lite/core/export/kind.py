"""A kind of line of an export: its table, its members, and how such a line is read and stored."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.export import statements
from spooled_lite.core.export.fields import Field, NotAsPromised, as_line
from spooled_lite.storage.transaction import Tx

TAG: Final = "kind"
_NOTHING: Final = Raw()

LineParams = dict[str, Any]
StoreLine = Callable[[Tx, str, LineParams], None]


def insert(tx: Tx, statement: str, params: LineParams) -> None:
    """StoreLine a line that is one row."""
    tx.execute(statement, params)


class LineKind(Struct, frozen=True, kw_only=True):
    """`table` is named `each` in the SQL of the members and in `where`.

    A test wants each column of the table in a member, in `follows` or in `left_out`, and each table
    in a kind or in the list of those left out.
    """

    name: str
    table: str
    fields: tuple[Field, ...]
    order: str = "seq"
    org: str = "each.org"  # SQL of the number of its organization
    where: str = ""  # what else a row has to be
    follows: Mapping[str, str] = {}  # further columns, and the SQL of what is stored there
    left_out: Mapping[str, str] = {}  # columns that are in no line, and why
    tables: tuple[str, ...] = ()  # further tables whose rows are in these lines
    examine: Callable[[Sequence[Any]], None] = lambda row: None  # raises NotAsPromised
    examined: tuple[str, ...] = ()  # SQL of what `examine` needs besides the members
    store: StoreLine = insert
    needs_secrets: bool = False  # without secrets nothing is left of it

    @property
    def select(self) -> str:
        columns = (*(field.read for field in self.fields), *self.examined)
        return statements.select(
            self.table, columns, org=self.org, where=self.where, order=self.order
        )

    @property
    def insert(self) -> str:
        columns = {each.column: each.write for each in self.fields if each.column is not None}
        return statements.insert(self.table, {**columns, **self.follows})

    def member_of(self, column: str) -> str:
        """The member that a column is made from, as far as there is one."""
        return next((each.name for each in self.fields if each.column == column), column)

    def missing(self, column: str) -> str:
        """What to say when a column that must have a value has none."""
        for field in self.fields:
            is_named = field.column == column or (column in self.follows and field.may_lack)
            if field.what and is_named:
                return f"`{field.name}`: there is no such {field.what}"
        return f"`{self.member_of(column)}` is missing"

    def record(self, *, allows_unknown: bool) -> type[Struct]:
        """What a line of this kind is decoded to."""
        return msgspec.defstruct(
            self.name,
            list(_members(self.fields)),
            tag=self.name,
            tag_field=TAG,
            forbid_unknown_fields=not allows_unknown,
            frozen=True,
            gc=False,
        )


def _members(fields: Sequence[Field]) -> Iterator[Any]:
    """The members of a line; those that a line must have come first."""
    lacking: list[Any] = []
    for field in fields:
        if field.is_json:
            lacking += [(field.name, Raw, _NOTHING), (field.text_name, str | None, None)]
        elif field.may_lack or field.is_secret:
            lacking.append((field.name, field.type | None, None))
        else:
            yield field.name, field.type
    yield from lacking


def line_of(kind: LineKind, row: Sequence[Any], *, with_secrets: bool) -> dict[str, Any]:
    """A row as its line says it; what is NULL is left out.

    Raises:
        NotAsPromised: what stands in the file is damaged. The message names the row.
    """
    line: dict[str, Any] = {TAG: kind.name}
    try:
        for field, value in zip(kind.fields, row, strict=False):
            if value is not None and (with_secrets or not field.is_secret):
                name, said = as_line(field, value)
                line[name] = said
        kind.examine(row)
    except NotAsPromised as error:
        raise NotAsPromised(f"{kind.name} {line.get('id', '')}: {error.message}") from error
    return line


def params_of(kind: LineKind, record: Struct) -> LineParams:
    """The parameters of the statement that stores a line.

    Raises: what the members raise; NotAsPromised when JSON is missing.
    """
    params: LineParams = {}
    for field in kind.fields:
        value = _json_of(field, record) if field.is_json else getattr(record, field.name)
        if value is not None and field.stored is not None:
            value = field.stored(value)
        params[field.name] = value
    return params


def _json_of(field: Field, record: Struct) -> bytes | None:
    raw: Raw = getattr(record, field.name)
    as_text: str | None = getattr(record, field.text_name)
    if as_text is not None:
        return as_text.encode()
    found = bytes(raw)
    if not found and not field.may_lack:
        raise NotAsPromised(f"`{field.name}` is missing")
    return found or None
