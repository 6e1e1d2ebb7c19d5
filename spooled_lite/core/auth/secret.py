"""The secret that tokens are signed with."""

from typing import Final

from spooled_lite.core.auth import statements
from spooled_lite.storage.transaction import Tx

SECRET_BYTES: Final = 32


def token_secret(tx: Tx, configured: str | None) -> bytes:
    """The configured secret; without one, that of the file, which is made once.

    Tokens outlive a restart that way. A configured secret leaves that of the file alone.
    """
    if configured is not None:
        return configured.encode("utf-8")
    kept = tx.value(statements.SECRET)
    if kept is not None:
        return kept
    made = tx.secret(SECRET_BYTES)
    tx.execute(statements.KEEP_SECRET, {"value": made})
    return made
