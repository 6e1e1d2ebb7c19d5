"""Tokens that were logged out, kept until they expire."""

from collections.abc import Sequence

from spooled_lite.core.auth import statements
from spooled_lite.core.auth.records import Claims, SignupClaims
from spooled_lite.core.auth.tokens import LEEWAY_SECONDS
from spooled_lite.errors import Unauthorized
from spooled_lite.storage.transaction import Reading, Tx


def revoke_tokens(tx: Tx, org: int, tokens: Sequence[Claims | SignupClaims]) -> None:
    """Revoke tokens of an organization, at once. Repeating it changes nothing."""
    for claims in tokens:
        expires_at_ms = (claims.exp + LEEWAY_SECONDS) * 1000
        row = tx.row(statements.REVOKE, {"id": claims.jti, "expires_at_ms": expires_at_ms})
        if row is not None:
            tx.emit("token.revoked", org, row=row)


def check_not_revoked(tx: Reading, token_id: str) -> None:
    """Check again a token that was accepted a while ago. Raises Unauthorized."""
    if is_revoked(tx, token_id):
        raise Unauthorized


def is_revoked(tx: Reading, token_id: str) -> bool:
    return tx.value(statements.IS_REVOKED, {"id": token_id}) is not None
