"""After the clock was set back: deliveries whose next attempt would come too late."""

from typing import Final

import msgspec
from msgspec import Struct

from spooled_lite.core.jobs.passes import PASS_MAX
from spooled_lite.core.webhooks import statements
from spooled_lite.storage.transaction import Tx

# Longer than any wait between two attempts: with ten of them the last one is 256 seconds.
WAIT_MS_MAX: Final = 600_000


class OwedPosition(Struct, frozen=True):
    """Where the next pass over owed deliveries begins."""

    endpoint: str = ""
    next_attempt_at_ms: int = 0
    seq: int = 0


def set_back_deliveries(tx: Tx, after: OwedPosition) -> OwedPosition | None:
    """One pass: make deliveries due now whose wait is longer than any real one. Gives where the
    next pass begins, or None at the end."""
    rows = tx.rows(
        statements.OWED_AFTER,
        {
            "endpoint": after.endpoint,
            "next_attempt_at_ms": after.next_attempt_at_ms,
            "seq": after.seq,
            "limit": PASS_MAX,
        },
    )
    late = [row["seq"] for row in rows if row["next_attempt_at_ms"] > tx.now_ms + WAIT_MS_MAX]
    params = {"seqs": msgspec.json.encode(late).decode(), "now_ms": tx.now_ms}
    tx.execute(statements.TRY_NOW, params)
    if len(rows) < PASS_MAX:
        return None
    last = rows[-1]
    return OwedPosition(last["endpoint"], last["next_attempt_at_ms"], last["seq"])
