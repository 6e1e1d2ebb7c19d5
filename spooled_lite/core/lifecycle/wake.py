"""Letting claims try again that wait for a rate limit, or for a breaker that was open."""

from typing import Final

from spooled_lite.core.breakers import statements as breaker_statements
from spooled_lite.core.jobs.passes import Pass
from spooled_lite.core.queues import statements
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Kept, Line, Tx

_SOON: Final = Kept[Line, None]()  # lines of queues, in which a claim has not come to an end


def look_again_soon(tx: Tx, line: Line) -> None:
    """Have the claims that wait in this line look again in a batch of their own."""
    tx.kept(_SOON)[line] = None
    tx.due(Deadline.ROOM, tx.now_ms)


def wake_held_back(tx: Tx) -> Pass:
    """Feed the lines of every queue whose second of its rate limit, or whose breaker, is over."""
    now = {"now_ms": tx.now_ms}
    lines = [
        *((row["org"], row["queue_name"]) for row in tx.rows(statements.WINDOWS_ENDED, now)),
        *((row["org"], row["queue_name"]) for row in tx.rows(breaker_statements.HALF_OPEN, now)),
    ]
    soon = tx.kept(_SOON)
    for line in (*lines, *soon):
        tx.feed(line)
    soon.clear()
    ends = (
        tx.value(statements.NEXT_WINDOW, now),
        tx.value(breaker_statements.NEXT_HALF_OPEN, now),
    )
    return Pass(len(lines), min((each for each in ends if each is not None), default=None))
