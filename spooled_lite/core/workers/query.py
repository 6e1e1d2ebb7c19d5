"""Reading workers: one, and a list."""

import sqlite3
from typing import Final

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.workers import statements
from spooled_lite.core.workers.records import queue_names_of
from spooled_lite.errors import NotFound
from spooled_lite.events import Row
from spooled_lite.storage.transaction import Reading

LISTED_MAX: Final = 100
_LATEST: Final = 2**62  # after every moment and every row


def get_worker(tx: Reading, org: int, worker_id: str, scope: Scope) -> sqlite3.Row:
    """One worker. Raises NotFound: none in this organization and scope. Contract: jobs, W3."""
    return visible(tx.row(statements.BY_ID, {"id": worker_id, "org": org}), scope)


def list_workers(tx: Reading, org: int, scope: Scope) -> list[sqlite3.Row]:
    """The LISTED_MAX workers of the scope heard of last, offline ones too. Contract: jobs, W1."""
    listed: list[sqlite3.Row] = []
    before_ms, before_seq = _LATEST, _LATEST
    while True:
        page = tx.rows(
            statements.PAGE,
            {
                "org": org,
                "before_ms": before_ms,
                "before_seq": before_seq,
                "limit": LISTED_MAX,
            },
        )
        listed += [row for row in page if is_visible(row, scope)]
        if len(page) < LISTED_MAX or len(listed) >= LISTED_MAX:
            return listed[:LISTED_MAX]
        before_ms, before_seq = page[-1]["last_heartbeat_ms"], page[-1]["seq"]


def visible(row: sqlite3.Row | None, scope: Scope) -> sqlite3.Row:
    """The row itself. Raises NotFound for none, and for one outside the key's queues."""
    if row is None or not is_visible(row, scope):
        raise NotFound.thing("Worker")
    return row


def is_visible(row: Row, scope: Scope) -> bool:
    """A worker of several queues tells of them all: the key has to open every one."""
    return scope.is_unrestricted or all(scope.allows(name) for name in queue_names_of(row))
