"""Deleting what sign-in no longer needs: revoked tokens and codes whose time is over."""

from typing import Final

from spooled_lite.core.auth import statements
from spooled_lite.storage.transaction import Tx

FORGET_MAX: Final = 500  # rows in one transaction, so that no claim waits long behind it
LATE_MS: Final = 3_600_000  # so long a code that is over is told from one that never was


def forget_revoked_tokens(tx: Tx) -> int:
    """How many rows are gone. Such a token is refused for its age from now on."""
    return tx.execute(statements.FORGET_REVOKED, {"now_ms": tx.now_ms, "limit": FORGET_MAX})


def forget_codes(tx: Tx) -> int:
    """How many rows are gone. Whoever comes later is told that no code is pending."""
    asked = {"over_ms": tx.now_ms - LATE_MS, "limit": FORGET_MAX}
    return tx.execute(statements.FORGET_CODES, asked)


def forget_confirmations(tx: Tx) -> int:
    """How many rows are gone, of codes for the addresses of organizations. As `forget_codes`."""
    asked = {"over_ms": tx.now_ms - LATE_MS, "limit": FORGET_MAX}
    return tx.execute(statements.FORGET_CONFIRMATIONS, asked)
