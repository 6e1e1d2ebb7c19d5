"""Create API keys."""

import base64

import msgspec

from spooled_lite.core.keys import statements
from spooled_lite.core.keys.columns import KeyRow
from spooled_lite.core.keys.records import (
    PREFIX_CHARS,
    SECRET_BYTES,
    Grants,
    IssuedKey,
    NewKey,
    hash_of,
    normalized,
)
from spooled_lite.core.keys.verify import find_by_hash
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.errors import Conflict
from spooled_lite.plans import Caps
from spooled_lite.storage.transaction import Tx


class SecretTaken(Conflict):
    """A key has the secret that was chosen for a new one, or had it until it was revoked."""

    def __init__(self) -> None:
        super().__init__(
            "Field `key` is the secret of another key; choose another",
            details={"reason": "key_in_use"},
        )


def issue(tx: Tx, org: int, key: NewKey, *, is_live: bool, secret: str | None = None) -> IssuedKey:
    """Create a key and announce it. Its secret is in the result and stored nowhere.

    `secret` is one that the caller has chosen; else it is drawn.

    Raises:
        RuleBroken: the name, a queue, a permission, the rate limit or the expiry breaks a rule.
        SecretTaken: a key has this secret.

    Contract: platform, sections 2.2 and 9.2.
    """
    key = key.checked(now_ms=tx.now_ms)
    if secret is None:
        secret = new_secret(tx, is_live=is_live)
    elif find_by_hash(tx, hash_of(secret)) is not None:
        raise SecretTaken
    return IssuedKey(store_key(tx, org, key, secret), secret)


def issue_with(
    tx: Tx,
    org: int,
    key: NewKey,
    grants: Grants,
    caps: Caps | None,
    *,
    is_live: bool,
    secret: str | None = None,
) -> IssuedKey:
    """As `issue`, for a caller with a key: with no more rights than that key, and within `caps`.

    Raises:
        RuleBroken, SecretTaken: as `issue`.
        AccessDenied: the new key would have queues or permissions that the caller's key lacks.
        QuotaExceeded: it would be one key too many.

    Contract: platform, sections 5.3 and 9.
    """
    key.checked(now_ms=tx.now_ms)
    grants.check(key.queues, key.permissions)
    if caps is not None:
        check_room(tx, org, caps, "api_keys", more=1)
    return issue(tx, org, key, is_live=is_live, secret=secret)


def new_secret(tx: Tx, *, is_live: bool) -> str:
    """The text of a new key. Contract: platform, section 2.2."""
    text = base64.urlsafe_b64encode(tx.secret(SECRET_BYTES)).rstrip(b"=").decode("ascii")
    return f"{'sk_live_' if is_live else 'sk_test_'}{text}"


def store_key(tx: Tx, org: int, key: NewKey, secret: str) -> KeyRow:
    """Store a key that was checked, with a new secret, and announce it."""
    row = tx.row(
        statements.INSERT,
        {
            "id": tx.new_id(),
            "org": org,
            "name": key.name,
            "key_prefix": normalized(secret)[:PREFIX_CHARS],
            "key_hash": hash_of(secret),
            "secret_id": tx.new_id(),
            "queues": words_json(key.queues),
            "permissions": None if key.permissions is None else words_json(key.permissions),
            "rate_limit": key.rate_limit,
            "now_ms": tx.now_ms,
            "expires_at_ms": key.expires_at_ms,
        },
    )
    assert row is not None, "INSERT ... RETURNING always yields a row"
    tx.emit("key.changed", org, row=row)
    return row


def words_json(words: tuple[str, ...]) -> str:
    return msgspec.json.encode(words).decode("utf-8")
