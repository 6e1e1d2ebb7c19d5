"""Read one worker, or a list of workers."""

from typing import Final

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.workers import statements
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workers.records import queue_names_of
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading

LISTED_MAX: Final = 100
_LATEST: Final = 2**62  # after every moment and every row


def get_worker(tx: Reading, org: int, worker_id: str, scope: Scope) -> WorkerRow:
    """One worker. Raises NotFound: none in this organization and scope. Contract: jobs, W3."""
    return visible(tx.row(statements.BY_ID, {"id": worker_id, "org": org}), scope)


def list_workers(tx: Reading, org: int, scope: Scope) -> list[WorkerRow]:
    """The LISTED_MAX workers of the scope with the newest heartbeats. Contract: jobs, W1."""
    listed: list[WorkerRow] = []
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
        listed += [row for row in page if is_visible(row["queue_names"], scope)]
        if len(page) < LISTED_MAX or len(listed) >= LISTED_MAX:
            return listed[:LISTED_MAX]
        before_ms, before_seq = page[-1]["last_heartbeat_ms"], page[-1]["seq"]


def visible(row: WorkerRow | None, scope: Scope) -> WorkerRow:
    """Return the row. Raises NotFound when there is none, or it is outside the key's queues."""
    if row is None or not is_visible(row["queue_names"], scope):
        raise NotFound.thing("Worker")
    return row


def is_visible(queue_names: str, scope: Scope) -> bool:
    """Whether a key may see the worker of these queues: its scope has to hold every one."""
    return scope.is_unrestricted or all(map(scope.allows, queue_names_of(queue_names)))
