"""Read one worker, or a list of workers."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.keys.records import Scope
from spooled_lite.core.workers import statements
from spooled_lite.core.workers.columns import WorkerRow
from spooled_lite.core.workers.records import queue_names_of
from spooled_lite.errors import NotFound
from spooled_lite.storage.texts import is_findable, pattern_of
from spooled_lite.storage.transaction import Reading

LISTED_MAX: Final = 100  # of a page
# Workers with the newest heartbeats that are looked at; a week of them is kept.
LOOKED_AT_MAX: Final = 100_000


class WorkerFilter(Struct, frozen=True, kw_only=True):
    """Which workers a list is about. A field that is None filters nothing."""

    queue_name: str | None = None  # one of its queues
    status: str | None = None
    text: str | None = None  # a part of the id or the hostname, in any case
    rows_max: int = LISTED_MAX
    offset: int = 0


ALL_WORKERS: Final = WorkerFilter()


def get_worker(tx: Reading, org: int, worker_id: str, scope: Scope) -> WorkerRow:
    """One worker. Raises NotFound: none in this organization and scope. Contract: jobs, W3."""
    return visible(tx.row(statements.BY_ID, {"id": worker_id, "org": org}), scope)


def list_workers(
    tx: Reading, org: int, scope: Scope, wanted: WorkerFilter = ALL_WORKERS
) -> list[WorkerRow]:
    """A page of the workers of the scope, those with the newest heartbeats first.

    Contract: jobs, W1.
    """
    text = wanted.text
    if text is not None and not is_findable(text):
        return []
    is_ascii = text is not None and text.isascii()
    end = wanted.offset + wanted.rows_max
    found = tx.rows(
        statements.NEWEST,
        {
            "org": org,
            "status": wanted.status,
            "queue_name": wanted.queue_name,
            "text": text.lower() if text is not None and is_ascii else None,
            "text_pattern": f"*{pattern_of(text)}*" if text is not None and not is_ascii else None,
            "limit": min(end, LOOKED_AT_MAX) if scope.is_unrestricted else LOOKED_AT_MAX,
        },
    )
    shown = [row["seq"] for row in found if is_visible(row["queue_names"], scope)]
    rows = (tx.row(statements.BY_SEQ, {"seq": seq}) for seq in shown[wanted.offset : end])
    return [row for row in rows if row is not None]


def visible(row: WorkerRow | None, scope: Scope) -> WorkerRow:
    """Return the row. Raises NotFound when there is none, or it is outside the key's queues."""
    if row is None or not is_visible(row["queue_names"], scope):
        raise NotFound.thing("Worker")
    return row


def is_visible(queue_names: str, scope: Scope) -> bool:
    """Whether a key may see the worker of these queues: its scope has to hold every one."""
    return scope.is_unrestricted or all(map(scope.allows, queue_names_of(queue_names)))
