"""Taking API keys back, and seeing which there are."""

import sqlite3
from typing import Final

from spooled_lite.core.keys import statements
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading, Tx

LISTED_MAX: Final = 100


def revoke(tx: Tx, org: int, key_id: str) -> None:
    """Make a key useless, at once. Doing it again changes and announces nothing.

    Raises:
        NotFound: no such key in this organization.

    Contract: platform, section 9.2.
    """
    found = {"id": key_id, "org": org, "now_ms": tx.now_ms}
    row = tx.row(statements.REVOKE, found)
    if row is not None:
        tx.emit("key.changed", org, row=row)
    else:
        get_key(tx, org, key_id)


def get_key(tx: Reading, org: int, key_id: str) -> sqlite3.Row:
    """Raises NotFound: no such key in this organization."""
    row = tx.row(statements.FIND, {"id": key_id, "org": org})
    if row is None:
        raise NotFound.thing("API key")
    return row


def list_keys(tx: Reading, org: int) -> list[sqlite3.Row]:
    """The newest keys, revoked ones included, at most LISTED_MAX."""
    return tx.rows(statements.LIST, {"org": org, "limit": LISTED_MAX})
