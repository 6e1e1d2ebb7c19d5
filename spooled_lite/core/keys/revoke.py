"""Taking API keys back, and seeing which there are."""

import sqlite3
from typing import Final

import msgspec

from spooled_lite.core.keys import statements
from spooled_lite.core.keys.records import Grants
from spooled_lite.errors import NotFound
from spooled_lite.events import Row
from spooled_lite.storage.transaction import Reading, Tx

LISTED_MAX: Final = 100
EVERYTHING_THERE_IS: Final = Grants()  # of whoever has the file, or the admin key


def revoke(tx: Tx, org: int, key_id: str, grants: Grants = EVERYTHING_THERE_IS) -> None:
    """Make a key useless, at once. Doing it again changes and announces nothing.

    `grants` are those of the key that asks for it.

    Raises:
        NotFound: no such key in this organization.
        AccessDenied: the key is without limits, and the one that asks for it is not.

    Contract: platform, section 9.2.
    """
    grants.check_over(grants_of(get_key(tx, org, key_id)))
    found = {"id": key_id, "org": org, "now_ms": tx.now_ms}
    row = tx.row(statements.REVOKE, found)
    if row is not None:
        tx.emit("key.changed", org, row=row)


def grants_of(row: Row) -> Grants:
    """What a stored key may do."""
    permissions = row["permissions"]
    return Grants.of(
        msgspec.json.decode(row["queues"], type=list[str]),
        None if permissions is None else msgspec.json.decode(permissions, type=list[str]),
    )


def get_key(tx: Reading, org: int, key_id: str) -> sqlite3.Row:
    """Raises NotFound: no such key in this organization."""
    row = tx.row(statements.FIND, {"id": key_id, "org": org})
    if row is None:
        raise NotFound.thing("API key")
    return row


def list_keys(tx: Reading, org: int) -> list[sqlite3.Row]:
    """The newest keys, revoked ones included, at most LISTED_MAX."""
    return tx.rows(statements.LIST, {"org": org, "limit": LISTED_MAX})
