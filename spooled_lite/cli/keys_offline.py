"""The acts of `spooled-lite keys` on a database file that no server is using."""

from typing import Any, Final

from spooled_lite.cli.offline import write_offline
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import IssuedKey, NewKey, queues_of, shown_permissions
from spooled_lite.core.keys.revoke import list_keys, revoke
from spooled_lite.core.orgs.create import find_by_name, find_first
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Tx
from spooled_lite.times import format_ms, format_optional_ms, parse_ms

ON_A_SERVER: Final = (
    "ask that server: leave --database out and give --url and a key that may manage keys"
    " (/api/v1/api-keys)"
)


def create(
    database: str,
    org: str | None,
    *,
    name: str,
    queues: tuple[str, ...],
    words: tuple[str, ...],
    rate_limit: int | None,
    expires_at: str | None,
    is_live: bool,
) -> dict[str, Any]:
    """Returns the new key with its secret. Raises click.ClickException: it cannot be made."""
    key = NewKey(
        name=name,
        queues=queues,
        permissions=words or None,
        rate_limit=rate_limit,
        expires_at_ms=None if expires_at is None else parse_ms(expires_at, "--expires-at"),
    )

    def run(tx: Tx) -> tuple[IssuedKey, int]:
        return issue(tx, _org(tx, org), key, is_live=is_live), tx.now_ms

    issued, now_ms = write_offline(database, run, instead=ON_A_SERVER)
    return {"key": issued.secret, **_shown(issued.row, now_ms)}


def listed(database: str, org: str | None) -> tuple[list[dict[str, Any]], int]:
    """The newest keys, and the time. Raises click.ClickException: the file cannot be used."""

    def run(tx: Tx) -> tuple[list[dict[str, Any]], int]:
        return [_shown(row, tx.now_ms) for row in list_keys(tx, _org(tx, org))], tx.now_ms

    return write_offline(database, run, instead=ON_A_SERVER)


def revoke_key(database: str, org: str | None, key_id: str) -> None:
    """Raises click.ClickException: there is no such key, or the file cannot be used."""

    def run(tx: Tx) -> None:
        revoke(tx, _org(tx, org), key_id)

    write_offline(database, run, instead=ON_A_SERVER)


def _org(tx: Tx, named: str | None) -> int:
    row = find_first(tx) if named is None else find_by_name(tx, named)
    if row is None:
        raise NotFound.thing("Organization")
    return row["seq"]


def _state(row: KeyRow, now_ms: int) -> str:
    if not row["is_active"]:
        return "revoked"
    ends_at_ms = row["expires_at_ms"]
    return "expired" if ends_at_ms is not None and ends_at_ms <= now_ms else "active"


def _shown(row: KeyRow, now_ms: int) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "key_prefix": row["key_prefix"],
        "queues": queues_of(row["queues"]),
        "permissions": shown_permissions(row["permissions"]),
        "rate_limit": row["rate_limit"],
        "is_active": bool(row["is_active"]),
        "state": _state(row, now_ms),
        "created_at": format_ms(row["created_at_ms"]),
        "last_used": format_optional_ms(row["last_used_ms"]),
        "expires_at": format_optional_ms(row["expires_at_ms"]),
    }
