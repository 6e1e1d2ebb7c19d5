"""Change a key, and give it a new secret."""

import msgspec
from msgspec import UNSET

from spooled_lite.core.keys import statements
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.issue import new_secret, words_json
from spooled_lite.core.keys.records import (
    PREFIX_CHARS,
    Grants,
    IssuedKey,
    KeyChanges,
    NewKey,
    hash_of,
    permissions_of,
    queues_of,
)
from spooled_lite.core.keys.revoke import get_key, grants_of
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.plans import Caps
from spooled_lite.storage.transaction import Tx


def change(
    tx: Tx, org: int, key_id: str, changes: KeyChanges, grants: Grants, caps: Caps | None
) -> KeyRow:
    """Change a key; what the change does not name is kept.

    A key that is switched on again counts against the quota like a new one.

    Raises:
        NotFound: no such key in this organization.
        RuleBroken: a new value breaks a rule.
        AccessDenied: the key would be given more than the one it is changed with has, or is
            without limits while that one has some.
        QuotaExceeded: it would be one active key too many.

    Contract: platform, section 9.
    """
    row = get_key(tx, org, key_id)
    grants.check_over(grants_of(row))
    wanted = _merged(row, changes)
    # Only new permissions are checked: an earlier version has stored words that are unknown now.
    msgspec.structs.replace(wanted, permissions=changes.permissions).checked(now_ms=tx.now_ms)
    is_revived = bool(changes.is_active and not row["is_active"])
    # With more queues its permissions reach further, and with more permissions its queues do.
    gives_both = is_revived or not grants_of(row).covers(
        Grants.of(wanted.queues, wanted.permissions)
    )
    gives_queues = gives_both or changes.queues is not None
    gives_words = gives_both or changes.permissions is not None
    grants.check(wanted.queues if gives_queues else None, wanted.permissions if gives_words else ())
    if is_revived and caps is not None:
        check_room(tx, org, caps, "api_keys", more=1)
    permissions = wanted.permissions
    changed = tx.row(
        statements.UPDATE,
        {
            "key": row["seq"],
            "name": wanted.name,
            "queues": words_json(wanted.queues),
            "permissions": None if permissions is None else words_json(permissions),
            "rate_limit": wanted.rate_limit,
            "is_active": row["is_active"] if changes.is_active is None else changes.is_active,
            "now_ms": tx.now_ms,
        },
    )
    assert changed is not None, "the key was found in this operation"
    tx.emit("key.changed", org, row=changed)
    return changed


def regenerate(tx: Tx, org: int, key_id: str, grants: Grants, *, is_live: bool) -> IssuedKey:
    """Give a key a new secret. The old one and the tokens made with it stop at once.

    A revoked key stays revoked.

    Raises:
        NotFound: no such key in this organization.
        AccessDenied: the key can do more than the key of the caller.

    Contract: platform, section 9.2.
    """
    row = get_key(tx, org, key_id)
    grants.check_over(grants_of(row))
    was = _merged(row, KeyChanges())
    grants.check(was.queues, was.permissions)
    secret = new_secret(tx, is_live=is_live)
    changed = tx.row(
        statements.REPLACE_SECRET,
        {
            "key": row["seq"],
            "key_hash": hash_of(secret),
            "key_prefix": secret[:PREFIX_CHARS],
            "secret_id": tx.new_id(),
            "now_ms": tx.now_ms,
        },
    )
    assert changed is not None, "the key was found in this operation"
    tx.emit("key.changed", org, row=changed)
    return IssuedKey(changed, secret)


def _merged(row: KeyRow, changes: KeyChanges) -> NewKey:
    """The key after the change, without its expiry, which cannot be changed and may have passed."""
    stored = NewKey(
        name=row["name"],
        queues=queues_of(row["queues"]),
        permissions=permissions_of(row["permissions"]),
        rate_limit=row["rate_limit"],
    )
    new = {
        name: value
        for name in ("name", "queues", "permissions")
        if (value := getattr(changes, name)) is not None
    }
    if changes.rate_limit is not UNSET:
        new["rate_limit"] = changes.rate_limit
    return msgspec.structs.replace(stored, **new)
