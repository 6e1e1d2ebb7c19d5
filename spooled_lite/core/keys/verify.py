"""Find the key of a credential, check it again later, and note its use."""

from typing import Final

from spooled_lite.core.keys import statements
from spooled_lite.core.keys.columns import CredentialRow
from spooled_lite.core.keys.records import Credential, Scope, permissions_of, queues_of
from spooled_lite.errors import Unauthorized
from spooled_lite.events import OF_CREDENTIALS, Event
from spooled_lite.plans import OwnLimits
from spooled_lite.storage.transaction import Cache, Reading, Tx

LAST_USED_EVERY_MS: Final = 5 * 60 * 1000  # a write per request would cost more than the request

_VALID: Final = Cache[tuple[int, str, int], Scope]()  # by key, id of its secret and moment


def find_by_hash(tx: Reading, key_hash: bytes) -> Credential | None:
    """The key with this hash, whatever its state."""
    return credential_from(tx.row(statements.FIND_BY_HASH, {"key_hash": key_hash}))


def find_by_id(tx: Reading, key_id: str) -> Credential | None:
    """The key with this id, of whichever organization, whatever its state."""
    return credential_from(tx.row(statements.FIND_BY_ID, {"id": key_id}))


def credential_from(row: CredentialRow | None) -> Credential | None:
    """A key as it is used, from its row."""
    if row is None:
        return None
    return Credential(
        key=row["seq"],
        key_id=row["id"],
        org=row["org"],
        org_id=row["org_id"],
        scope=Scope(queues_of(row["queues"])),
        permissions=permissions_of(row["permissions"]),
        rate_limit=row["rate_limit"],
        is_active=bool(row["is_active"]),
        expires_at_ms=row["expires_at_ms"],
        last_used_ms=row["last_used_ms"],
        secret_id=row["secret_id"],
        plan_tier=row["plan_tier"],
        custom_limits=OwnLimits.stored(row["custom_limits"]),
        org_is_active=bool(row["org_is_active"]),
        org_is_deleted=row["org_deleted_at_ms"] is not None or row["plan_tier"] == "deleted",
    )


def is_in_process(key: int) -> bool:
    """Whether this is the number of the key of the process, which no row has: see in_process.py."""
    return key < 0


def note_use(tx: Tx, key: int) -> None:
    """Store that a key was used, at most once in five minutes. Not announced."""
    tx.execute(
        statements.NOTE_USE,
        {"key": key, "now_ms": tx.now_ms, "not_after_ms": tx.now_ms - LAST_USED_EVERY_MS},
    )


def check_still_valid(tx: Tx, key: int, secret_id: str, queue_name: str) -> None:
    """Check again a key that was accepted a while ago, for this queue.

    Raises:
        Unauthorized: as `valid_scope`.
        AccessDenied: it may not use the queue any more.
    """
    valid_scope(tx, key, secret_id).check(queue_name)


def valid_scope(tx: Tx, key: int, secret_id: str) -> Scope:
    """The queues that a key may use which was accepted a while ago.

    Read once per batch and millisecond: most claims of a batch come with few keys.

    Raises:
        Unauthorized: the key was revoked, has expired, or has another secret by now.
    """
    shown = (key, secret_id, tx.now_ms)
    known = tx.cache(_VALID)
    scope = known.get(shown)
    if scope is None:
        scope = known[shown] = scope_of_valid(tx, key, secret_id)
    return scope


def forget_changed_key(tx: Tx, event: Event) -> None:
    """Called with every event."""
    if event.type in OF_CREDENTIALS:
        tx.cache(_VALID).clear()


def scope_of_valid(tx: Reading, key: int, secret_id: str) -> Scope:
    """Raises Unauthorized: as `check_still_valid`."""
    if is_in_process(key):
        queues = tx.value(statements.IN_PROCESS_STILL_VALID, {"key": key})
    else:
        shown = {"key": key, "secret_id": secret_id, "now_ms": tx.now_ms}
        queues = tx.value(statements.STILL_VALID, shown)
    if queues is None:
        raise Unauthorized
    return Scope(queues_of(queues))
