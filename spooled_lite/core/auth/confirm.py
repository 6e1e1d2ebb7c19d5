"""Confirming the address of an organization with a code that is mailed to it.

An organization can be registered with the address of another person. So an address cannot sign in
by mail before a code that was sent to it was shown with a key of the organization: neither the key
nor the mailbox alone is enough. Contract: platform, section 7.6.
"""

import hmac
from typing import Final

from msgspec import Struct

from spooled_lite.core.auth import statements
from spooled_lite.core.auth.codes import RESEND_MS, Tried
from spooled_lite.core.auth.records import CODE_SECONDS, CODE_TRIES_MAX
from spooled_lite.core.orgs.columns import OrgRow
from spooled_lite.storage.transaction import Reading, Tx

# More than for a sign-in: each organization that is created has five tries of its own.
CODE_DIGITS: Final = 10
_CHANCE_BYTES: Final = 8


class CodeToSend(Struct, frozen=True):
    """A code that is to be mailed."""

    email: str
    slug: str
    code: str


class Confirmed(Struct, frozen=True):
    tried: Tried
    row: OrgRow | None = None  # the organization, when the code was right


def is_unconfirmed(tx: Reading, org: int) -> bool:
    """Whether the address is not confirmed and no code was ever mailed to it."""
    row = tx.row(statements.TO_CONFIRM, {"org": org})
    return row is not None and row["billing_email_asked_at_ms"] is None


def start_confirmation(
    tx: Tx, org: int, secret: bytes, *, again: bool = False
) -> CodeToSend | None:
    """Create a code for the address of an organization, in place of an older one.

    None: there is nothing to confirm; a code was created before, unless `again`; or a code was
    mailed to this address in the last RESEND_MS for any organization, so that it is not flooded.
    """
    row = tx.row(statements.TO_CONFIRM, {"org": org})
    if row is None or (row["billing_email_asked_at_ms"] is not None and not again):
        return None
    email = row["billing_email"].lower()
    number = int.from_bytes(tx.secret(_CHANCE_BYTES)) % 10**CODE_DIGITS
    code = f"{number:0{CODE_DIGITS}d}"
    stored = tx.value(
        statements.STORE_CONFIRMATION,
        {
            "org": org,
            "email": email,
            "code_hash": _hash_of(secret, org, email, code),
            "tries": CODE_TRIES_MAX,
            "now_ms": tx.now_ms,
            "expires_at_ms": tx.now_ms + CODE_SECONDS * 1000,
            "resend_from_ms": tx.now_ms - RESEND_MS,
        },
    )
    if stored is None:
        return None
    tx.execute(statements.NOTE_ASKED, {"org": org, "now_ms": tx.now_ms})
    return CodeToSend(email, row["slug"], code)


def confirm(tx: Tx, org: int, code: str, secret: bytes) -> Confirmed:
    """Use up a code, or one of its tries. Commit in both cases: a try that is undone is free."""
    row = tx.row(statements.CONFIRMATION, {"org": org})
    if row is None:
        return Confirmed("nothing pending")
    if row["expires_at_ms"] <= tx.now_ms or row["tries_left"] <= 0:
        return Confirmed("wrong")
    if not hmac.compare_digest(row["code_hash"], _hash_of(secret, org, row["email"], code)):
        tx.execute(statements.COUNT_CONFIRMATION_TRY, {"org": org})
        return Confirmed("wrong")
    tx.execute(statements.USE_CONFIRMATION, {"org": org})
    verified = tx.row(statements.VERIFY_ADDRESS, {"org": org, "now_ms": tx.now_ms})
    assert verified is not None, "a code is for the address that the organization has"
    tx.emit("org.changed", org, row=verified)
    return Confirmed("right", verified)


def _hash_of(secret: bytes, org: int, email: str, code: str) -> bytes:
    # Begins differently from the text of a sign-in code, so that neither is taken for the other.
    return hmac.digest(secret, f"confirm\0{org}\0{email}\0{code}".encode(), "sha256")
