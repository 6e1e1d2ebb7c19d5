"""Delete what sign-in no longer needs: revoked tokens and codes that have expired."""

from typing import Final

from spooled_lite.core.auth import statements
from spooled_lite.storage.transaction import Tx

FORGET_MAX: Final = 500  # rows in one transaction, so that a claim does not wait long for it
LATE_MS: Final = 3_600_000  # so long an expired code is answered differently from none


def forget_revoked_tokens(tx: Tx) -> int:
    """Returns how many rows were deleted. Those tokens are refused as expired from now on."""
    return tx.execute(statements.FORGET_REVOKED, {"now_ms": tx.now_ms, "limit": FORGET_MAX})


def forget_codes(tx: Tx) -> int:
    """Returns how many rows were deleted. Later tries are told that no code is pending."""
    asked = {"over_ms": tx.now_ms - LATE_MS, "limit": FORGET_MAX}
    return tx.execute(statements.FORGET_CODES, asked)


def forget_confirmations(tx: Tx) -> int:
    """As `forget_codes`, for the codes that confirm the addresses of organizations."""
    asked = {"over_ms": tx.now_ms - LATE_MS, "limit": FORGET_MAX}
    return tx.execute(statements.FORGET_CONFIRMATIONS, asked)
