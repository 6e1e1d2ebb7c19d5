"""Which jobs a claim takes next from a queue with tasks or steps that do not let all through."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from spooled_lite.core.breakers.work_limits import HIDDEN_MS, WorkRooms, hide, work_of
from spooled_lite.core.lifecycle import claim_statements as statements
from spooled_lite.core.lifecycle.claim_statements import InLineRow
from spooled_lite.core.lifecycle.wake import look_again_soon
from spooled_lite.core.queues.columns import QueueRow
from spooled_lite.storage.transaction import Tx

WINDOW_ROWS: Final = 200  # that a claim looks at before it hides those that it may not have
WINDOWS_MAX: Final = 5  # of one claim: a thousand rows hidden take some ten milliseconds
PAGE_ROWS: Final = 20


def next_in_line(
    tx: Tx, queue: QueueRow, wanted: int, rooms: WorkRooms, *, bytes_max: int, hides: bool = True
) -> list[int]:
    """The numbers of up to `wanted` jobs, in claim order, without those that their limits deny.

    Many denied ones in front of others are hidden until their limits let something through, so that
    no claim walks past them again. When they are more than one claim hides, claims that wait look
    again at once. Fewer jobs when they are larger than `bytes_max` together, at least one.
    """
    seqs: list[int] = []
    bytes_left = bytes_max
    for window in range(WINDOWS_MAX):
        denied: list[InLineRow] = []
        seen = 0
        for row in _window(tx, queue, len(seqs)):
            seen += 1
            if not rooms.take(work_of(row)):
                denied.append(row)
                continue
            bytes_left -= row["size_bytes"]
            if bytes_left < 0 and seqs:
                return seqs
            seqs.append(row["seq"])
            if len(seqs) == wanted:
                return seqs
        if seen < WINDOW_ROWS or not hides:
            return seqs
        # Those behind the first ones for longer: not all of them come back together, for one place.
        _hide(tx, denied, rooms, later_ms=HIDDEN_MS if window else 0)
    if not seqs:
        look_again_soon(tx, (queue["org"], queue["queue_name"]))
    return seqs


def _window(tx: Tx, queue: QueueRow, passed: int) -> Iterator[InLineRow]:
    for offset in range(passed, passed + WINDOW_ROWS, PAGE_ROWS):
        asked = {"limit": PAGE_ROWS, "offset": offset, "now_ms": tx.now_ms}
        rows = tx.rows(statements.IN_LINE, {**asked, "queue": queue["seq"]})
        yield from rows
        if len(rows) < PAGE_ROWS:
            return


def _hide(tx: Tx, denied: Sequence[InLineRow], rooms: WorkRooms, *, later_ms: int) -> None:
    by_time: dict[int, list[int]] = defaultdict(list)
    for row in denied:
        work = work_of(row)
        room = None if work is None else rooms.of(work)
        assert room is not None, "what has no limits denies nothing"
        by_time[room.until_ms + later_ms].append(row["seq"])
    for until_ms, seqs in by_time.items():
        hide(tx, seqs, until_ms)
