"""What a clock that was set back means for breakers."""

from spooled_lite.core.breakers import statements
from spooled_lite.storage.transaction import Tx


def set_back_breakers(tx: Tx) -> None:
    """Let none be open for longer from now on than when it opened. It is told from the rows alone.

    Contract: amendments, on a clock that is set.
    """
    tx.execute(statements.SET_BACK, {"now_ms": tx.now_ms})
