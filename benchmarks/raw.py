"""Baseline `raw`: the statements of a bulk enqueue one by one, without savepoints and HTTP.

`python -m benchmarks.raw DATABASE SECONDS` prints how many jobs were stored in what time. The
statements are those that the operation itself has run: they are recorded, and played with new ids.
SQLite checkpoints by itself, as it does when nobody says otherwise.
"""

import sqlite3
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

import msgspec
from msgspec import Struct

from benchmarks.seed import make_file, organization_of
from benchmarks.serving import QUEUE
from spooled_lite.app import hooks
from spooled_lite.cli.load.shapes import BULK_JOBS, PAYLOAD
from spooled_lite.core.jobs.columns import NewJob
from spooled_lite.core.jobs.enqueue import enqueue_bulk
from spooled_lite.core.keys.records import ALL_QUEUES
from spooled_lite.core.queues.records import Admission
from spooled_lite.ids import Ids
from spooled_lite.storage.connection import open_writer
from spooled_lite.storage.transaction import Batch

RECORDED: Final = 10  # transactions: what is done only now and then is among them
CHECKPOINT_PAGES: Final = 1_000  # the library's own default

Call = tuple[str, Any, bool]  # statement, parameters, whether it is for many rows


class Stored(Struct, frozen=True):
    job_count: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.job_count / self.seconds


class Recorder:
    """A connection that writes down what it is asked to run, and runs it."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.calls: list[Call] = []

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def execute(self, statement: str, params: Any = ()) -> sqlite3.Cursor:
        if not statement.startswith(("SAVEPOINT", "RELEASE")):
            self.calls.append((statement, params, False))
        return self._connection.execute(statement, params)

    def executemany(self, statement: str, params: Iterable[Any]) -> sqlite3.Cursor:
        rows = list(params)
        self.calls.append((statement, rows, True))
        return self._connection.executemany(statement, rows)


def record(connection: sqlite3.Connection) -> list[list[Call]]:
    """The statements of some bulk calls, a list for each."""
    org = organization_of(connection)
    job = NewJob(queue_name=QUEUE, payload=msgspec.json.encode(PAYLOAD))
    what = (org, [job] * BULK_JOBS, Admission(None, 3, 300), ALL_QUEUES)
    kept, recorded = hooks(), []
    for _ in range(RECORDED):
        recorder = Recorder(connection)
        batch = Batch(cast(sqlite3.Connection, recorder), kept, Ids())
        connection.execute("BEGIN IMMEDIATE")
        batch.run(_now_ms(), enqueue_bulk, *what)
        batch.flush()
        connection.execute("COMMIT")
        recorded.append(recorder.calls)
    return recorded


def play(
    connection: sqlite3.Connection, recorded: Sequence[Sequence[Call]], *, seconds: float
) -> Stored:
    """Run what was recorded again and again, a transaction for each bulk call."""
    ids, job_count = Ids(), 0
    began = time.perf_counter()
    for calls in _again_and_again(recorded):
        connection.execute("BEGIN IMMEDIATE")
        for statement, params, is_many in calls:
            if is_many:
                connection.executemany(statement, params)
            else:
                if "id" in params:
                    params["id"] = ids.new_id()
                connection.execute(statement, params).fetchall()
        connection.execute("COMMIT")
        job_count += BULK_JOBS
        took = time.perf_counter() - began
        if took >= seconds:
            return Stored(job_count, took)
    raise AssertionError("it goes on until its time is over")


def _again_and_again(recorded: Sequence[Sequence[Call]]) -> Iterator[Sequence[Call]]:
    while True:
        yield from recorded


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def main(path: str, seconds: float) -> None:
    make_file(path)
    connection = open_writer(path, "full")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}").fetchall()
    stored = play(connection, record(connection), seconds=seconds)
    connection.close()
    sys.stdout.buffer.write(msgspec.json.encode(stored))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
