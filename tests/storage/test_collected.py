"""What operations collect: events, sinks, due times; told and written with the commit or never."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from spooled_lite.errors import DatabaseError, Unavailable
from spooled_lite.events import Deadline, Event, EventBus
from spooled_lite.storage.transaction import Hooks, Rows, Tx
from tests.storage.stage import (
    Commits,
    Heard,
    Refused,
    a_database,
    add,
    an_event,
    in_file,
    run,
    storage_error,
    together,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "spooled.db"


def test_events_come_in_order_of_commit_and_before_the_answers(path: Path) -> None:
    heard = Heard()
    bus = EventBus()
    bus.listen(heard)

    async def main() -> None:
        async with a_database(path, bus=bus, batch_max=3) as db:
            await db.write(an_event, "first")
            assert heard.texts == ["first"]
            await together(db, *((an_event, (str(number),)) for number in range(10)))

    run(main())

    assert heard.texts == ["first", *map(str, range(10))]


def test_a_listener_that_fails_harms_nobody(path: Path) -> None:
    def fail(events: Sequence[Event]) -> None:
        raise Refused

    heard = Heard()
    bus = EventBus()
    bus.listen(fail)
    bus.listen(heard)

    async def main() -> None:
        async with a_database(path, bus=bus) as db:
            await db.write(an_event, "one")
            await db.write(an_event, "two")

    run(main())

    assert heard.texts == ["one", "two"]


def test_due_times_are_announced_after_the_commit_the_nearest_of_each_kind(path: Path) -> None:
    commits, dues = Commits(), []

    def due(tx: Tx, kind: Deadline, at_ms: int) -> None:
        tx.due(kind, at_ms + 5)
        tx.due(kind, at_ms)

    def on_due(kind: Deadline, at_ms: int) -> None:
        dues.append((commits.count, kind, at_ms))

    async def main() -> int:
        async with a_database(path, commit=commits, on_due=on_due) as db:
            await together(
                db,
                (due, (Deadline.PROMOTION, 70)),
                (due, (Deadline.PROMOTION, 60)),
                (due, (Deadline.LEASE_END, 80)),
            )
            return commits.count

    done = run(main())

    assert dues == [(done, Deadline.PROMOTION, 60), (done, Deadline.LEASE_END, 80)]


def test_due_times_of_a_lost_batch_are_not_announced(path: Path) -> None:
    commits, dues = Commits(), []

    async def main() -> None:
        async with a_database(
            path, commit=commits, on_due=lambda kind, at_ms: dues.append(kind)
        ) as db:
            commits.errors.append(storage_error(sqlite3.SQLITE_FULL))
            with pytest.raises(Unavailable):
                await db.write(lambda tx: tx.due(Deadline.EXPIRY, 1))
            await db.write(add, "after")

    run(main())

    assert dues == []


def test_a_due_listener_that_fails_does_not_cost_the_answers(path: Path) -> None:
    def fail(kind: Deadline, at_ms: int) -> None:
        raise Refused

    async def main() -> None:
        async with a_database(path, on_due=fail) as db:
            await db.write(lambda tx: tx.due(Deadline.EXPIRY, 1))

    run(main())


def test_a_sink_runs_once_per_batch_in_its_transaction(path: Path) -> None:
    calls: list[list[str]] = []

    def render(events: Sequence[Event]) -> list[tuple[str]]:
        calls.append([event.row["text"] for event in events])
        return [(f"sink {event.row['text']}",) for event in events]

    sink = Rows("INSERT INTO notes (text) VALUES (?)", render)

    async def main() -> None:
        async with a_database(path, hooks=Hooks(sinks=(sink,))) as db:
            await together(db, (an_event, ("a",)), (an_event, ("b",)))

    run(main())

    assert ["a", "b"] in calls
    assert in_file(path) == ["sink a", "sink b"]


class FailingSink:
    """Writes half of what it should and fails, when it is armed."""

    def __init__(self, error: Exception) -> None:
        self.error: Exception | None = None
        self._armed = error

    def arm(self, tx: Tx) -> None:
        self.error = self._armed

    def flush(self, connection: sqlite3.Connection, events: Sequence[Event]) -> None:
        error, self.error = self.error, None
        if error is not None:
            connection.execute("INSERT INTO notes (text) VALUES ('half')")
            raise error


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (storage_error(sqlite3.SQLITE_FULL), Unavailable),
        (storage_error(sqlite3.SQLITE_IOERR), Unavailable),
        (storage_error(sqlite3.SQLITE_ERROR), DatabaseError),
        (ValueError("a bug"), DatabaseError),
    ],
)
def test_a_sink_that_fails_fails_the_batch_and_leaves_nothing(
    path: Path, error: Exception, answer: type[Exception]
) -> None:
    sink = FailingSink(error)
    heard = Heard()
    bus = EventBus()
    bus.listen(heard)

    async def main() -> list[Any]:
        async with a_database(path, bus=bus, hooks=Hooks(sinks=(sink,))) as db:
            results = await together(db, (add, ("one",)), (an_event, ("two",)), (sink.arm, ()))
            await db.write(add, "after")
            return results

    results = run(main())

    assert all(isinstance(each, answer) for each in results)
    assert in_file(path) == ["after"]
    assert heard.texts == []


def test_what_listens_inside_an_operation_can_refuse_it(path: Path) -> None:
    def on_emit(tx: Tx, event: Event) -> None:
        add(tx, f"owed for {event.row['text']}")
        if event.row["text"] == "bad":
            raise Refused

    async def main() -> list[Any]:
        async with a_database(path, hooks=Hooks(on_emit=(on_emit,))) as db:
            return await together(db, (an_event, ("good",)), (an_event, ("bad",)))

    good, bad = run(main())

    assert good is None
    assert isinstance(bad, Refused)
    assert in_file(path) == ["owed for good"]
