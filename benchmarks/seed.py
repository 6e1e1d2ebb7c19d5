"""Makes database files with many jobs in them, faster than any API could, and true to it."""

import asyncio
import os
import sqlite3
import time
from typing import Any, Final

from msgspec import Struct

from benchmarks import statements
from benchmarks.serving import KEY, QUEUE
from spooled_lite.app import running
from spooled_lite.config import Settings
from spooled_lite.core.queues.ensure import ensure_queue
from spooled_lite.core.queues.records import Admission
from spooled_lite.storage.connection import open_writer
from spooled_lite.storage.counters import ADD_TO_QUEUE, ADD_TO_USAGE
from spooled_lite.storage.transaction import Tx

CHUNK: Final = 100_000  # rows of one transaction
DAY_MS: Final = 24 * 60 * 60 * 1000

_STEPS: Final = {
    "completed": '["created", "claimed", "completed"]',
    "scheduled": '["created"]',
    "retrying": '["created", "claimed", "failed", "retried"]',
}
_STATUS: Final = {"completed": "completed", "scheduled": "scheduled", "retrying": "pending"}


class Contents(Struct, frozen=True, kw_only=True):
    finished: int = 0
    delayed: int = 0
    retrying: int = 0


def make_file(path: str, contents: Contents | None = None) -> None:
    """A file with an organization, the key of all benchmarks and a queue, unless it is there."""
    if os.path.exists(path):
        return
    asyncio.run(_first_start(path))
    if contents is not None:
        seed(path, contents)


def seed(path: str, contents: Contents) -> None:
    """Add jobs, their history and their counters. No server may hold the file."""
    connection = open_writer(path, "off")
    try:
        for kind, count in (
            ("completed", contents.finished),
            ("scheduled", contents.delayed),
            ("retrying", contents.retrying),
        ):
            for done in range(0, count, CHUNK):
                _add(connection, kind, min(CHUNK, count - done))
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()


def organization_of(connection: sqlite3.Connection) -> int:
    org: int = connection.execute("SELECT min(seq) FROM organizations").fetchone()[0]
    return org


def _add(connection: sqlite3.Connection, kind: str, count: int) -> None:
    now_ms = time.time_ns() // 1_000_000
    org = organization_of(connection)
    found = connection.execute("SELECT seq FROM queues WHERE queue_name = ?", (QUEUE,)).fetchone()
    queue: int = found[0]
    after = connection.execute("SELECT coalesce(max(seq), 0) FROM jobs").fetchone()[0]
    values: dict[str, Any] = {
        "org": org,
        "queue": queue,
        "queue_name": QUEUE,
        "count": count,
        "from_ms": now_ms - DAY_MS,
        "run_at_ms": now_ms + DAY_MS,
        "after": after,
        "steps": _STEPS[kind],
    }
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(statements.JOBS[kind], values)
    connection.execute(statements.HISTORY, values)
    sums = [(queue, 0, "created", count), (queue, 0, f"status.{_STATUS[kind]}", count)]
    connection.executemany(ADD_TO_QUEUE, sums)
    if kind != "completed":
        connection.execute(ADD_TO_USAGE, (org, "", "active_jobs", count))
    connection.execute("COMMIT")


async def _first_start(path: str) -> None:
    async with running(Settings(database=path, bootstrap_api_key=KEY)) as app:
        await app.services.db.write(_make_queue)


def _make_queue(tx: Tx) -> None:
    org = tx.value(statements.FIRST_ORGANIZATION)
    assert org is not None, "a file has an organization from its first start"
    ensure_queue(tx, org, QUEUE, Admission(None, 3, 300))
