"""Looking at what has come in."""

import sqlite3
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from spooled_lite.core.ingest import statements
from spooled_lite.core.ingest.records import Outcome
from spooled_lite.storage.transaction import Reading

# Fragments of constants, joined with AND; values are always bound. The words of `status` stand in
# them, so that the index of the duplicates can be used: they are few among many.
_FRAGMENTS: Final[Mapping[str, str]] = {
    "created": "status = 'created'",
    "duplicate": "status = 'duplicate'",
    "since_ms": "created_at_ms >= :since_ms",
    "queue_name": "matched_queue = :queue_name",
}
_ORDER: Final = " ORDER BY created_at_ms DESC, seq DESC LIMIT :limit OFFSET :offset"


class LogFilter(Struct, frozen=True, kw_only=True):
    """Which lines a list is about. A field that is None filters nothing."""

    status: Outcome | None = None
    since_ms: int | None = None  # included
    queue_name: str | None = None
    rows_max: int = 50
    offset: int = 0


def list_log(tx: Reading, org: int, wanted: LogFilter) -> list[sqlite3.Row]:
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
    return tx.rows(statement_of(names), params)


def statement_of(names: list[str]) -> str:
    return statements.LIST + "".join(f" AND {_FRAGMENTS[name]}" for name in names) + _ORDER
