"""The secret that tokens are signed with."""

from typing import Final

from spooled_lite.core.auth import statements
from spooled_lite.storage.transaction import Tx

SECRET_BYTES: Final = 32


def token_secret(tx: Tx, configured: str | None) -> bytes:
    """The configured secret; without one, the secret of the file, which is created once.

    So tokens stay valid over a restart. A configured secret does not change that of the file.
    """
    if configured is not None:
        return configured.encode("utf-8")
    kept = tx.value(statements.SECRET)
    if kept is not None:
        return kept
    made = tx.secret(SECRET_BYTES)
    tx.execute(statements.KEEP_SECRET, {"value": made})
    return made
