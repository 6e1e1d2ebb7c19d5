"""A database on a real file for one test: a table, operations, ways to hold and to break it."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypedDict, TypeVar

from spooled_lite.clock import ManualClock
from spooled_lite.errors import Unavailable
from spooled_lite.events import Deadline, Event, EventBus
from spooled_lite.ids import Ids
from spooled_lite.metrics import Metrics
from spooled_lite.storage.backlog import Request
from spooled_lite.storage.connection import Durability
from spooled_lite.storage.database import Database
from spooled_lite.storage.lanes import Lane
from spooled_lite.storage.statement import Statement, Value
from spooled_lite.storage.transaction import Hooks, Reading, Tx
from spooled_lite.storage.turns import HOUSE
from spooled_lite.storage.writer import Commit, WriterSettings, plain_commit
from spooled_lite.wire.waiting.claims import Waiting

T = TypeVar("T")

NOON_MS: Final = 1_790_000_000_000
SECONDS_MAX: Final = 20.0  # of one test: a lost wake-up is a failure and no hang


class Note(TypedDict):
    """A row of the table that `make_table` makes."""

    seq: int
    text: str


NOTES_AFTER: Final = Statement(
    Note, "SELECT seq, text FROM notes WHERE seq > :after ORDER BY seq LIMIT :page"
)
TEXTS: Final = Value(str, "SELECT text FROM notes ORDER BY seq")
TAKE_OLDEST: Final = Value(
    str, "DELETE FROM notes WHERE seq = (SELECT min(seq) FROM notes) RETURNING text"
)


def run(main: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(main, SECONDS_MAX))


def an_idle_database(
    path: Path | str,
    *,
    commit: Commit = plain_commit,
    hooks: Hooks | None = None,
    bus: EventBus | None = None,
    waiting: Waiting | None = None,
    on_due: Callable[[Deadline, int], None] = lambda kind, at_ms: None,
    clock: ManualClock | None = None,
    durability: Durability = "full",
    line_max: int = 10_000,
    batch_max: int = 256,
    batch_ms_max: int = 10_000,  # a slow machine must not split what a test wants together
    disk_reserve_bytes: int = 0,
    metrics: Metrics | None = None,
) -> Database:
    """A database that holds its file and was not started."""
    return Database(
        str(path),
        WriterSettings(
            durability=durability,
            line_max=line_max,
            batch_max=batch_max,
            batch_ms_max=batch_ms_max,
            disk_reserve_bytes=disk_reserve_bytes,
        ),
        clock=clock or ManualClock(NOON_MS),
        ids=Ids(1),
        bus=bus or EventBus(),
        hooks=hooks or Hooks(),
        waiting=waiting or Waiting(),
        on_due=on_due,
        commit=commit,
        metrics=metrics,
    )


@asynccontextmanager
async def a_database(
    path: Path | str, *, table: bool = True, **options: Any
) -> AsyncIterator[Database]:
    """A started database with an empty table `notes`, closed at the end."""
    database = an_idle_database(path, **options).start()
    try:
        if table:
            await database.write(make_table)
        yield database
    finally:
        await asyncio.to_thread(database.close)


# -- operations -------------------------------------------------------------------------------


def make_table(tx: Tx) -> None:
    tx.execute("CREATE TABLE IF NOT EXISTS notes (seq INTEGER PRIMARY KEY, text TEXT UNIQUE)")


def add(tx: Tx, text: str) -> str:
    tx.execute("INSERT INTO notes (text) VALUES (:text)", {"text": text})
    return text


def add_and_feed(tx: Tx, text: str, line: object = "line") -> str:
    tx.feed(line)
    return add(tx, text)


def take(tx: Tx, line: object = "line") -> list[str]:
    """A claim: takes the oldest note, an empty list when there is none."""
    return tx.values(TAKE_OLDEST)


def roll_everything_back(tx: Tx) -> None:
    tx.execute("ROLLBACK")


def notes(reading: Reading) -> list[str]:
    return reading.values(TEXTS)


def in_file(path: Path) -> list[str]:
    """What a program that opens the file itself would see. Only while no server holds it."""
    connection = sqlite3.connect(path)
    try:
        return [row[0] for row in connection.execute("SELECT text FROM notes ORDER BY seq")]
    finally:
        connection.close()


class Refused(Exception):
    pass


# -- holding and breaking ---------------------------------------------------------------------


class Gate:
    """An operation that holds the writing thread, so that what comes meanwhile shares a batch."""

    def __init__(self) -> None:
        self._entered = threading.Event()
        self._opened = threading.Event()

    async def hold(self, database: Database) -> None:
        lined_up(database, self._operation, (), lane=Lane.SETTLE)
        assert await asyncio.to_thread(self._entered.wait, SECONDS_MAX)

    async def open(self) -> None:
        await asyncio.sleep(0)  # what was submitted in this turn of the loop is handed over
        self._opened.set()

    def open_at_once(self) -> None:
        self._opened.set()

    def _operation(self, tx: Tx) -> None:
        self._entered.set()
        assert self._opened.wait(SECONDS_MAX)


class Commits:
    """Counts commits, and breaks the next ones with what is in `errors`."""

    def __init__(self) -> None:
        self.count = 0
        self.errors: list[Exception] = []

    def __call__(self, connection: sqlite3.Connection) -> None:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        plain_commit(connection)


def storage_error(code: int, kind: type[sqlite3.Error] = sqlite3.OperationalError) -> sqlite3.Error:
    error = kind(f"injected: {code}")
    error.sqlite_errorcode = code
    return error


async def together(
    database: Database,
    *operations: tuple[Callable[..., Any], tuple[Any, ...]],
    lane: Lane = Lane.REST,
) -> list[Any]:
    """Run operations in one batch; their results, or the exceptions they ended with."""
    gate = Gate()
    await gate.hold(database)
    futures = [lined_up(database, operation, args, lane=lane) for operation, args in operations]
    await gate.open()
    return await asyncio.gather(*futures, return_exceptions=True)


def give_back(tx: Tx, found: list[str]) -> None:
    for text in found:
        add_and_feed(tx, text)


def claim(
    database: Database,
    *,
    operation: Callable[..., Any] = take,
    lines: tuple[object, ...] = ("line",),
    within: tuple[object, ...] = (),
    looks_for: object = None,
    parks: bool = True,
) -> Request:
    return database.submit_claim(
        operation,
        (),
        owner=1,
        lines=lines,
        within=within,
        looks_for=looks_for,
        parks=parks,
        gives_back=give_back,
    )


def reasons(results: Sequence[Any]) -> list[str]:
    """The reasons of results that are all refusals of the storage."""
    assert all(isinstance(each, Unavailable) for each in results), results
    return [each.reason for each in results]


def an_event(tx: Tx, text: str) -> None:
    tx.emit("job.created", 1, row={"text": text})


class Heard:
    """Keeps the texts of the events it hears."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, events: Sequence[Event]) -> None:
        self.texts += [event.row["text"] for event in events]


def lined_up(
    database: Database,
    operation: Callable[..., Any],
    arguments: tuple[Any, ...],
    *,
    lane: Lane = Lane.REST,
    owner: int = HOUSE,
) -> asyncio.Future[Any]:
    """As `Database.submit`, in a lane that the test chooses for the operation."""
    taker = asyncio.get_running_loop().create_future()
    return database.enter(Request(operation, arguments, lane, owner, taker))
