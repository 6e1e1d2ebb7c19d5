"""Revoke API keys, and list them."""

from typing import Final

from spooled_lite.core.keys import statements
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.records import Grants, permissions_of, queues_of
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading, Tx

LISTED_MAX: Final = 100
EVERYTHING_THERE_IS: Final = Grants()  # of the command line and the admin key


def revoke(tx: Tx, org: int, key_id: str, grants: Grants = EVERYTHING_THERE_IS) -> None:
    """Revoke a key, at once. Revoking it again changes and announces nothing.

    `grants` are those of the caller's key.

    Raises:
        NotFound: no such key in this organization.
        AccessDenied: the key has no limits, and the caller's key has some.

    Contract: platform, section 9.2.
    """
    grants.check_over(grants_of(get_key(tx, org, key_id)))
    found = {"id": key_id, "org": org, "now_ms": tx.now_ms}
    row = tx.row(statements.REVOKE, found)
    if row is not None:
        tx.emit("key.changed", org, row=row)


def grants_of(row: KeyRow) -> Grants:
    """What a stored key may do."""
    return Grants.of(queues_of(row["queues"]), permissions_of(row["permissions"]))


def get_key(tx: Reading, org: int, key_id: str) -> KeyRow:
    """Raises NotFound: no such key in this organization."""
    row = tx.row(statements.FIND, {"id": key_id, "org": org})
    if row is None:
        raise NotFound.thing("API key")
    return row


def list_keys(tx: Reading, org: int) -> list[KeyRow]:
    """The newest keys, revoked ones included, at most LISTED_MAX."""
    return tx.rows(statements.LIST, {"org": org, "limit": LISTED_MAX})
