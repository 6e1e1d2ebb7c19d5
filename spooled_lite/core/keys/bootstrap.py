"""The API key from the settings: it exists from the first start on, unless it was revoked."""

from typing import Final

from msgspec import Struct

from spooled_lite.core.keys import statements
from spooled_lite.core.keys.issue import store_key
from spooled_lite.core.keys.records import Credential, NewKey, hash_of
from spooled_lite.core.keys.verify import find_by_hash
from spooled_lite.storage.transaction import Tx

NAME: Final = "Bootstrap Key"


class Ensured(Struct, frozen=True):
    is_good: bool  # whether the key is accepted
    warnings: tuple[str, ...] = ()


def ensure_key(tx: Tx, org: int, secret: str) -> Ensured:
    """Create this key unless it exists or was revoked. Run at every start.

    An existing key keeps its organization, its queues and its expiry. A key that was revoked, has
    expired or has another secret stays that way: a restart does not bring it back. If the settings
    name another key than at the last start and that one still works, a warning names it once.
    """
    key_hash = hash_of(secret)
    tx.execute(statements.FORGET_OF_DELETED, {"key_hash": key_hash})
    found, former = find_by_hash(tx, key_hash), _taken_back(tx, key_hash)
    if found is not None:
        key_id, reason = found.key_id, _why_shut(found, tx.now_ms)
    elif former is not None:
        key_id, reason = former, "was revoked or given another secret"
    else:
        key_id, reason = store_key(tx, org, NewKey(name=NAME), secret)["id"], None
    warnings = [_shut(key_id, reason)] if reason is not None else []
    earlier = _earlier(tx, key_hash)
    if earlier is not None:
        warnings.append(
            f"The bootstrap key is not the one of the last start. The earlier one, key {earlier},"
            " is still active: revoke it unless you need it"
        )
    tx.execute(statements.NOTE_BOOTSTRAP, {"key_hash": key_hash, "key_id": key_id})
    tx.execute(statements.NOTE_LAST_BOOTSTRAP, {"key_hash": key_hash})
    return Ensured(reason is None, tuple(warnings))


def _taken_back(tx: Tx, key_hash: bytes) -> str | None:
    """The id of the key that once had this secret and was revoked or got another one."""
    return tx.value(statements.FORMER_BOOTSTRAP, {"key_hash": key_hash})


def _earlier(tx: Tx, key_hash: bytes) -> str | None:
    """The id of the bootstrap key of the last start, if it is another key and still works."""
    last = tx.value(statements.LAST_BOOTSTRAP)
    if last is None or last == key_hash:
        return None
    found = find_by_hash(tx, last)
    return None if found is None or _why_shut(found, tx.now_ms) is not None else found.key_id


def _why_shut(found: Credential, now_ms: int) -> str | None:
    if found.org_is_deleted:
        return "belongs to a deleted organization"
    if not found.is_active:
        return "was revoked"
    if found.expires_at_ms is not None and found.expires_at_ms <= now_ms:
        return "has expired"
    return None


def _shut(key_id: str, reason: str) -> str:
    return (
        f"The bootstrap key does not work: key {key_id} {reason}. A start does not activate it"
        " again; set another bootstrap key, or none"
    )
