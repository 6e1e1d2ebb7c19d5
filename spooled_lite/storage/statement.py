"""SQL that gives rows, together with the type of its rows."""

from typing import Generic, TypeVar

R = TypeVar("R")
V = TypeVar("V")


class Statement(Generic[R]):
    """A statement whose rows are of one type, a TypedDict: each column by name, with what it holds.

    The type is for the checker: what is read is a `sqlite3.Row`, which knows `row["name"]`,
    `keys()` and `dict(row)`, but neither `get` nor `in`. A test holds the columns of every
    statement against its type.
    """

    __slots__ = ("row_type", "text")

    def __init__(self, row_type: type[R], text: str) -> None:
        self.row_type = row_type
        self.text = text


class Value(Generic[V]):
    """A statement whose rows have one column, and what that holds where it is not null."""

    __slots__ = ("text", "value_type")

    def __init__(self, value_type: type[V], text: str) -> None:
        self.value_type = value_type
        self.text = text
