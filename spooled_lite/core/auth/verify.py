"""Find the key of a token. The key as it is now decides, not the claims of the token."""

from collections.abc import Callable
from typing import TypeVar

from msgspec import Struct

from spooled_lite.core.auth.records import Claims
from spooled_lite.core.auth.revoke import check_not_revoked, is_revoked
from spooled_lite.core.keys.records import Credential
from spooled_lite.core.keys.verify import find_by_id, scope_of_valid
from spooled_lite.storage.transaction import Reading, Tx

T = TypeVar("T")


class ShownCredential(Struct, frozen=True):
    """The credential that a call was admitted with."""

    key: int
    secret_id: str  # of the key at that time
    token_id: str | None  # of a token that stood for it


def find_of_token(tx: Reading, claims: Claims) -> Credential | None:
    """The key that a token stands for, whatever its state; None when the token is not valid.

    Contract: platform, section 2.5 ("On each use").
    """
    if is_revoked(tx, claims.jti):
        return None
    found = find_by_id(tx, claims.api_key_id)
    if found is None or found.org_id != claims.org_id:
        return None
    # With a new secret of the key, tokens made with the old one are refused.
    return found if found.secret_id == claims.secret_id else None


def while_valid(tx: Tx, shown: ShownCredential, operation: Callable[[Tx], T]) -> T:
    """Run an operation of a call that was admitted, unless its key has another secret by now.

    For operations that give power. When two callers change the secret of a key at once, the second
    was admitted with a secret that is no longer valid, and would take the key from the first.

    Raises:
        Unauthorized: the credential is not valid any more.
    """
    scope_of_valid(tx, shown.key, shown.secret_id)
    if shown.token_id is not None:
        check_not_revoked(tx, shown.token_id)
    return operation(tx)
