"""Reading who did what."""

from typing import Any

from msgspec import Struct

from spooled_lite.core.acts.statements import FILTERS, LISTS, ToldActRow
from spooled_lite.storage.transaction import Reading


class ActsWanted(Struct, frozen=True, kw_only=True):
    """Which acts to list. A field that is None filters nothing."""

    subject: str | None = None
    key: str | None = None  # its id
    since_ms: int | None = None  # included
    kind: str | None = None
    act: str | None = None
    rows_max: int = 50
    offset: int = 0


def list_acts(tx: Reading, org: int, wanted: ActsWanted) -> list[ToldActRow]:
    """A page of the acts in an organization, newest first."""
    params: dict[str, Any] = {"org": org, "limit": wanted.rows_max, "offset": wanted.offset}
    names = []
    for name in FILTERS:
        if (value := getattr(wanted, name)) is not None:
            params[name] = value
            names.append(name)
    return tx.rows(LISTS[tuple(names)], params)
