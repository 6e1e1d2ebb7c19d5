"""When the server was started: marks on charts, beside which a gap explains itself."""

from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.overview import series_statements as statements
from spooled_lite.storage.transaction import Reading, Tx

STARTS_KEPT_MAX: Final = 100  # also of one that is started again and again


class Start(Struct, frozen=True, array_like=True):
    at_ms: int
    version: str


def note_start(tx: Tx, version: str) -> None:
    """Keep that the server starts now; the oldest of more than STARTS_KEPT_MAX are forgotten."""
    kept = [*starts(tx), Start(tx.now_ms, version)][-STARTS_KEPT_MAX:]
    tx.execute(statements.KEEP_STARTS, {"value": msgspec.json.encode(kept)})


def starts(tx: Reading) -> list[Start]:
    """The oldest first."""
    value = tx.value(statements.STARTS)
    return [] if value is None else msgspec.json.decode(value, type=list[Start])
