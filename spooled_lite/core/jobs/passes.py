"""What one round of a background loop did, and when the next is due."""

from collections.abc import Sequence
from typing import Final, TypedDict, TypeVar

import msgspec
from msgspec import Struct

from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.transaction import Params, Tx

PASS_MAX: Final = 500  # rows in one transaction, so that no claim waits long behind a pass
# Read, written or freed in one transaction: some milliseconds, and no more memory than that.
PASS_BYTES_MAX: Final = 4 * 1024 * 1024


class OfSizeRow(TypedDict):
    """A row that a pass may delete or change, by how many bytes that frees or moves."""

    size_bytes: int


class SizedRow(OfSizeRow):
    seq: int


R = TypeVar("R", bound=OfSizeRow)


class NextRow(TypedDict):
    """When the next one of a kind is due, and when its row was changed last."""

    at_ms: int
    updated_at_ms: int


class Pass(Struct, frozen=True):
    done: int
    due_again_ms: int | None  # None: not until a commit announces a time


def first_of(rows: Sequence[R]) -> Sequence[R]:
    """The first rows that together fit into the bytes of one pass; at least one."""
    if not rows:
        return rows
    return rows[: fitting([row["size_bytes"] for row in rows])]


def fitting(sizes: Sequence[int], bytes_max: int = PASS_BYTES_MAX) -> int:
    """How many of the first sizes are at most `bytes_max` together.

    At least one, however large it is, so that every pass makes progress.
    """
    left = bytes_max
    for count, size in enumerate(sizes):
        left -= size
        if left < 0 and count:
            return count
    return len(sizes)


def delete_first(tx: Tx, find: Statement[SizedRow], delete: str, params: Params) -> int:
    """Delete rows that `find` finds, PASS_MAX or PASS_BYTES_MAX of them; how many went.

    `find` has a `:limit`, `delete` takes `:seqs`.
    """
    rows = first_of(tx.rows(find, {**params, "limit": PASS_MAX}))
    if rows:
        tx.execute(delete, {"seqs": msgspec.json.encode([row["seq"] for row in rows]).decode()})
    return len(rows)


def next_pass(tx: Tx, done: int, statement: Statement[NextRow] | Value[int], *, found: int) -> Pass:
    """Again at once when there may be more; else at the moment the statement finds.

    `found` is how many rows there were to look at, at most PASS_MAX.
    """
    if done < found or found >= PASS_MAX:
        return Pass(done, tx.now_ms)
    if isinstance(statement, Value):
        return Pass(done, tx.value(statement))
    row = tx.row(statement)
    return Pass(done, None if row is None else row["at_ms"])
