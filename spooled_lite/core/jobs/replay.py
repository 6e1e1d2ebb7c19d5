"""Reading the event log back, and what one of its rows has in common with an event just told."""

from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from spooled_lite.core.jobs import log_statements as statements
from spooled_lite.core.jobs.bodies import is_intact
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.log import log_rows
from spooled_lite.core.jobs.log_statements import LoggedRow
from spooled_lite.events import Event
from spooled_lite.storage.event_log import KEPT_MAX, KEPT_MS
from spooled_lite.storage.transaction import Reading

PAGE_MAX: Final = 250  # rows of one read: some milliseconds, and no more memory than that
FRAMED_RESULT_BYTES_MAX: Final = 30 * 1024  # no frame has room for more. Realtime, section 3.5


class Logged(Struct, frozen=True, gc=False):
    """A transition, as it stands in the event log."""

    seq: int
    type: str
    queue_name: str | None
    subject_id: str | None
    body: bytes
    at_ms: int
    result: bytes | None = None  # of a completed job, as long as the job is there

    @classmethod
    def of_event(cls, event: Event) -> "Logged":
        """An event that was just committed, in the form in which `replay_page` reads it later."""
        _, [(_, kind, queue_name, subject_id, body, at_ms)] = log_rows([event])
        result: bytes | None = None
        if kind == "job.completed":
            job: JobRow = event.row
            result = job["result"]
        if result is not None and len(result) > FRAMED_RESULT_BYTES_MAX:
            result = None
        return cls(event.log_seq, kind, queue_name, subject_id, body, at_ms, result)

    @classmethod
    def of_row(cls, row: LoggedRow) -> "Logged":
        return cls(
            row["seq"],
            row["type"],
            row["queue_name"],
            row["subject_id"],
            row["body"],
            row["created_at_ms"],
            row["result"] if is_intact(row["result"], row["checksum"]) else None,
        )


def can_be_replayed(tx: Reading, org: int, seq: int) -> bool:
    """Whether all that came after this row is still kept. Contract: realtime, section 4.4."""
    logged_at_ms = tx.value(statements.LOGGED_AT, {"seq": seq, "org": org})
    if logged_at_ms is None or logged_at_ms < tx.now_ms - KEPT_MS:
        return False
    oldest = tx.value(statements.OLDEST_REPLAYED, {"org": org, "newer": KEPT_MAX - 1})
    return oldest is None or seq >= oldest


def replay_page(tx: Reading, org: int, *, after: int, up_to: int) -> list[Logged]:
    """The next PAGE_MAX rows of the organization in that range, oldest first."""
    params: dict[str, Any] = {
        "org": org,
        "after": after,
        "up_to": up_to,
        "limit": PAGE_MAX,
        "result_bytes_max": FRAMED_RESULT_BYTES_MAX,
    }
    return [Logged.of_row(row) for row in tx.rows(statements.LOGGED_AFTER, params)]


def logged_before(tx: Reading, org: int, before: int) -> Iterator[Logged]:
    """The rows of the organization before that number, newest first, without results.

    As many as are asked for are read, a page at a time.
    """
    while True:
        asked = {"org": org, "before": before, "limit": PAGE_MAX}
        page = tx.rows(statements.LOGGED_BEFORE, asked)
        yield from map(Logged.of_row, page)
        if len(page) < PAGE_MAX:
            return
        before = page[-1]["seq"]


def last_logged(tx: Reading) -> int:
    """The number of the newest row of the log, over all organizations; 0 when it is empty."""
    return tx.value(statements.LAST_LOGGED) or 0
