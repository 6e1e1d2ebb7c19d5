"""The newest events of each organization, for streams that come back with Last-Event-ID."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec.structs import force_setattr

from spooled_lite.events import Event
from spooled_lite.storage.statement import Value

KEPT_MAX: Final = 1_000  # rows per organization that can be replayed
TRIM_EVERY: Final = 500  # rows added before the oldest are deleted: the log holds up to 1,500

APPEND: Final = """
INSERT INTO event_log (org, type, queue_name, subject_id, body, created_at_ms)
VALUES (?, ?, ?, ?, ?, ?)
"""

# Rows of one batch have consecutive numbers: there is one writer, and nothing else uses the table.
LAST_SEQ: Final = "SELECT last_insert_rowid()"

# Index event_log_of_org. Bounded, so that a log that grew under another version shrinks in steps.
TRIM: Final = """
DELETE FROM event_log WHERE seq IN (
       SELECT seq FROM event_log
        WHERE org = :org
          AND seq < (SELECT seq FROM event_log WHERE org = :org ORDER BY seq DESC
                      LIMIT 1 OFFSET :kept)
        ORDER BY seq LIMIT :limit)
"""

# When the last event happened, by the clock at that time.
NEWEST_AT: Final = Value(int, "SELECT created_at_ms FROM event_log ORDER BY seq DESC LIMIT 1")

KEPT_MS: Final = 60 * 60 * 1000  # what is older is not replayed

# Index event_log_of_org: at most some 1,500 rows. The newest row of the file stays.
FORGET_OLD: Final = """
DELETE FROM event_log WHERE seq IN (
       SELECT seq FROM event_log
        WHERE org = :org AND created_at_ms < :created_before_ms
          AND seq < (SELECT max(seq) FROM event_log)
        ORDER BY seq LIMIT :limit)
"""

LogRow = tuple[int, str, str | None, str | None, bytes, int]


class EventLog:
    """A sink: appends one row per transition and trims now and then, in the same transaction.

    The newest row of the file is never deleted, so its number is never used again. Each event is
    given the number of its row. When the batch is lost afterwards, its events are not announced.
    """

    def __init__(
        self, render: Callable[[Sequence[Event]], tuple[Sequence[Event], Sequence[LogRow]]]
    ) -> None:
        """`render` gives the events that are kept, in their order, and the row of each."""
        self._render = render
        self._added: Counter[int] = Counter()

    def flush(self, connection: sqlite3.Connection, events: Sequence[Event]) -> None:
        logged, rows = self._render(events)
        if not rows:
            return
        connection.executemany(APPEND, rows)
        last: int = connection.execute(LAST_SEQ).fetchone()[0]
        for seq, event in enumerate(logged, last - len(rows) + 1):
            force_setattr(event, "log_seq", seq)
        self._added.update(row[0] for row in rows)
        for org in [org for org, added in self._added.items() if added >= TRIM_EVERY]:
            del self._added[org]
            params: dict[str, Any] = {"org": org, "kept": KEPT_MAX - 1, "limit": 4 * TRIM_EVERY}
            connection.execute(TRIM, params)
