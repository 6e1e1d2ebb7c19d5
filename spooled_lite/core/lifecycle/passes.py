"""What one round of a background loop did, and when the next is due."""

from typing import Final

from msgspec import Struct

from spooled_lite.storage.transaction import Tx

PASS_MAX: Final = 500  # rows in one transaction, so that no claim waits long behind a pass


class Pass(Struct, frozen=True):
    done: int
    due_again_ms: int | None  # None: when a commit says so


def next_pass(tx: Tx, done: int, statement: str, *, done_max: int = PASS_MAX) -> Pass:
    """Again at once when there may be more; else at the moment the statement finds."""
    if done >= done_max:
        return Pass(done, tx.now_ms)
    row = tx.row(statement)
    return Pass(done, None if row is None else row["at_ms"])
