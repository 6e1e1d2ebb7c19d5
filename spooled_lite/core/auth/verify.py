"""Whose a token is, as things are now: the key decides, not what the token was made with."""

from spooled_lite.core.auth.records import Claims
from spooled_lite.core.auth.revoke import is_revoked
from spooled_lite.core.keys.records import Credential
from spooled_lite.core.keys.verify import find_by_id
from spooled_lite.storage.transaction import Reading


def find_of_token(tx: Reading, claims: Claims) -> Credential | None:
    """The key that a token stands for, whatever its state; None when the token is worth nothing.

    Contract: platform, section 2.5 ("On each use").
    """
    if is_revoked(tx, claims.jti):
        return None
    found = find_by_id(tx, claims.api_key_id)
    if found is None or found.org_id != claims.org_id:
        return None
    # Another secret by now: whatever was opened with the old one is shut.
    return found if found.secret_id == claims.secret_id else None
