"""Reading the log of incoming webhooks."""

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from spooled_lite.core.ingest import statements
from spooled_lite.core.ingest.columns import InboundRow, IngestStatus
from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Reading

# Constant conditions, joined with AND; values are always bound. Those of `status` are constants,
# too, because only then can SQLite use the index of the duplicates, which are few among many.
_CONDITIONS: Final[Mapping[str, str]] = {
    "created": "status = 'created'",
    "duplicate": "status = 'duplicate'",
    "since_ms": "created_at_ms >= :since_ms",
    "queue_name": "matched_queue = :queue_name",
}
_ORDER: Final = " ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset"

# Every set of conditions that a filter can have: of status, time and queue, in this order.
_SETS: Final = tuple(
    (*status, *since, *queue)
    for status in ((), ("created",), ("duplicate",))
    for since in ((), ("since_ms",))
    for queue in ((), ("queue_name",))
)
LISTS: Final[Mapping[tuple[str, ...], Statement[InboundRow]]] = {
    names: Statement(
        InboundRow,
        statements.LIST + "".join(f" AND {_CONDITIONS[name]}" for name in names) + _ORDER,
    )
    for names in _SETS
}


class LogFilter(Struct, frozen=True, kw_only=True):
    """Which lines to list. A field that is None filters nothing."""

    status: IngestStatus | None = None
    since_ms: int | None = None  # included
    queue_name: str | None = None
    rows_max: int = 50
    offset: int = 0


def list_log(tx: Reading, org: int, wanted: LogFilter) -> list[InboundRow]:
    """A page of the log, newest first.

    Contract: schedules-workflows-webhooks, section 4.7.
    """
    params: dict[str, Any] = {"org": org, "limit": wanted.rows_max, "offset": wanted.offset}
    names: list[str] = [] if wanted.status is None else [wanted.status]
    for name in ("since_ms", "queue_name"):
        value = getattr(wanted, name)
        if value is not None:
            params[name] = value
            names.append(name)
    return tx.rows(LISTS[tuple(names)], params)
