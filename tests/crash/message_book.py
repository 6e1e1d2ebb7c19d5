"""What callers asked of messages, batches, topics and runs, held against what the file has."""

import sqlite3
from collections import Counter
from contextlib import closing
from typing import Final

from msgspec import Struct, field

from spooled_lite.cli.check import problems_of

Place = tuple[str, str]  # a kind of row and its queue

INBOX: Final = ("message", "inbox")
AUDIT: Final = ("message", "audit")
ORDERS: Final = ("job", "orders")
CHARGES: Final = ("task_run", "charges")

_ROWS: Final = """
SELECT id, kind, queue_name, status, concurrency_key, payload ->> 'of' AS token,
       result ->> 'of' AS outcome
  FROM jobs
"""
_RUNNING: Final = ("pending", "scheduled", "processing")


class Asked(Struct):
    """One call that stores rows, each with the token of the call. They are there whole or not."""

    places: Counter[Place]
    is_acknowledged: bool = False
    is_refused: bool = False
    deleted: frozenset[str] = frozenset()  # messages that go in the same commit


class Row(Struct, frozen=True):
    id: str
    place: Place
    status: str
    concurrency_key: str | None
    token: str
    outcome: str | None  # the token of the completion, of a run that is completed


class MessageBook(Struct):
    calls: dict[str, Asked] = field(default_factory=dict)  # by token
    seen: dict[str, tuple[str, Place]] = field(default_factory=dict)  # messages that were read
    deleted: set[str] = field(default_factory=set)
    maybe_deleted: set[str] = field(default_factory=set)  # asked for, and not answered
    completed: dict[str, str] = field(default_factory=dict)  # runs, and the token of the completion
    maybe_completed: dict[str, str] = field(default_factory=dict)
    whole: Counter[str] = field(default_factory=Counter)  # unanswered calls: stored, or not

    def new(self, *places: Place, deleted: frozenset[str] = frozenset()) -> str:
        token = f"call-{len(self.calls)}"
        self.calls[token] = Asked(Counter(places), deleted=deleted)
        return token

    def complaints(self, database: str) -> list[str]:
        """Every promise that was broken, a sentence each. The server is not running."""
        rows = rows_of(database)
        found = problems_of(database)
        self._settle(rows)
        found += [f"message {each} was deleted and is back" for each in self.deleted & rows.keys()]
        found += self._of_calls(rows)
        found += self._of_runs(rows)
        return found

    def _settle(self, rows: dict[str, Row]) -> None:
        """What was not answered is decided now: from here on it is as the file has it."""
        self.deleted |= self.maybe_deleted - rows.keys()
        self.maybe_deleted.clear()
        for run, token in self.maybe_completed.items():
            if run in rows and rows[run].outcome == token:
                self.completed[run] = token
        self.maybe_completed.clear()
        stored = {row.token for row in rows.values()}
        for token, call in self.calls.items():
            if call.is_acknowledged or call.is_refused:
                continue
            is_stored = token in stored
            self.whole["stored" if is_stored else "absent"] += 1
            call.is_acknowledged, call.is_refused = is_stored, not is_stored
            if is_stored:
                self.deleted |= call.deleted

    def _of_calls(self, rows: dict[str, Row]) -> list[str]:
        there: dict[str, Counter[Place]] = {}
        for row in rows.values():
            there.setdefault(row.token, Counter())[row.place] += 1
        for each in self.deleted:
            token, place = self.seen[each]
            there.setdefault(token, Counter())[place] += 1
        wrong = []
        for token, call in self.calls.items():
            expected = call.places if call.is_acknowledged else Counter()
            if there.pop(token, Counter()) != expected:
                wrong.append(f"{token} is not there as it was acknowledged: {call}")
        return [*wrong, *(f"{token} was never asked for" for token in there)]

    def _of_runs(self, rows: dict[str, Row]) -> list[str]:
        wrong = []
        for run, token in self.completed.items():
            if run not in rows or (rows[run].status, rows[run].outcome) != ("completed", token):
                wrong.append(f"run {run} was completed with {token}, and is {rows.get(run)}")
        for row in rows.values():
            if row.status == "completed" and row.id not in self.completed:
                wrong.append(f"run {row.id} is completed, and nobody did that")
        keys = Counter(
            (row.place, row.concurrency_key)
            for row in rows.values()
            if row.concurrency_key is not None and row.status in _RUNNING
        )
        return wrong + [f"{key} is held {count} times" for key, count in keys.items() if count > 1]


def rows_of(database: str) -> dict[str, Row]:
    with closing(sqlite3.connect(database)) as file:
        return {
            id: Row(id, (kind, queue), status, key, token, outcome)
            for id, kind, queue, status, key, token, outcome in file.execute(_ROWS)
        }
