"""Sign-in codes that are mailed: created, kept as a hash, tried. Contract: platform, 7.6."""

import hashlib
import hmac
from typing import Final, Literal

from spooled_lite.core.auth import statements
from spooled_lite.core.auth.records import CODE_SECONDS, CODE_TRIES_MAX
from spooled_lite.errors import RateLimited
from spooled_lite.storage.transaction import Tx

CODE_DIGITS: Final = 6
RESEND_MS: Final = 60_000  # a younger code may still be on its way
_CHANCE_BYTES: Final = 8

Tried = Literal["right", "wrong", "nothing pending"]


def start_code(tx: Tx, email: str, secret: bytes, *, may_sign_in: bool) -> str | None:
    """Create a code for an address, in place of an older one; returns it when it is to be mailed.

    None when the last code is younger than RESEND_MS, or when this address cannot sign in. A row is
    stored in any case, so that neither the time taken nor a wrong code tells which it was. A new
    code does not renew the tries: five in a quarter of an hour, however many codes there are.

    Raises:
        RateLimited: all tries are used up, until the last code has expired.
    """
    code = f"{int.from_bytes(tx.secret(_CHANCE_BYTES)) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"
    no_code = tx.secret(hashlib.sha256().digest_size)
    stored = tx.value(
        statements.STORE_CODE,
        {
            "email": email,
            "code_hash": hash_of_code(secret, email, code) if may_sign_in else no_code,
            "tries": CODE_TRIES_MAX,
            "expires_at_ms": tx.now_ms + CODE_SECONDS * 1000,
            "now_ms": tx.now_ms,
            "resend_from_ms": tx.now_ms + CODE_SECONDS * 1000 - RESEND_MS,
        },
    )
    if stored is None:
        _check_tries(tx, email)
    return code if stored is not None and may_sign_in else None


def try_code(tx: Tx, email: str, code: str, secret: bytes) -> Tried:
    """Use up a code, or one of its tries. Commit in both cases: a try that is undone is free."""
    row = tx.row(statements.CODE, {"email": email})
    if row is None:
        return "nothing pending"
    if row["expires_at_ms"] <= tx.now_ms or row["tries_left"] <= 0:
        return "wrong"
    if not hmac.compare_digest(row["code_hash"], hash_of_code(secret, email, code)):
        tx.execute(statements.COUNT_TRY, {"email": email})
        return "wrong"
    tx.execute(statements.USE_CODE, {"email": email})
    return "right"


def hash_of_code(secret: bytes, email: str, code: str) -> bytes:
    """Keyed, because a million codes are soon tried with a copy of the file."""
    # No text that is signed for a token has a zero byte in it.
    return hmac.digest(secret, f"code\0{email}\0{code}".encode(), "sha256")


def _check_tries(tx: Tx, email: str) -> None:
    row = tx.row(statements.CODE, {"email": email})
    assert row is not None, "only a code that is there stands in the way of a new one"
    if row["tries_left"] <= 0:
        ends_at_ms = row["expires_at_ms"]
        raise RateLimited(
            retry_after_seconds=max(1, -(-(ends_at_ms - tx.now_ms) // 1000)),
            limit=CODE_TRIES_MAX,
            reset_at=-(-ends_at_ms // 1000),
            scope="login",
        )
