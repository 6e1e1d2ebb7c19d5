"""Deleting what sign-in no longer needs: revoked tokens and codes whose time is over."""

from typing import Final

from spooled_lite.core.auth import statements
from spooled_lite.storage.transaction import Tx

FORGET_MAX: Final = 500  # rows in one transaction, so that no claim waits long behind it


def forget_revoked_tokens(tx: Tx) -> int:
    """How many rows are gone. Such a token is refused for its age from now on."""
    return tx.execute(statements.FORGET_REVOKED, {"now_ms": tx.now_ms, "limit": FORGET_MAX})


def forget_codes(tx: Tx) -> int:
    return tx.execute(statements.FORGET_CODES, {"now_ms": tx.now_ms, "limit": FORGET_MAX})
