"""What is left of webhooks that were switched off or deleted: cleared away in passes."""

from typing import Final

from spooled_lite.core.lifecycle.passes import PASS_MAX, Pass
from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.records import endpoint_of
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx

SWITCHED_OFF: Final = "Webhook disabled"  # the error of a delivery that was never tried


def clear_webhooks(tx: Tx) -> Pass:
    """One pass over the deliveries of one webhook, at most PASS_MAX of them.

    Of one that is off, what was owed becomes `failed`; of a deleted one everything is deleted,
    and at last it itself. A crash loses nothing: the passes go on after the next start.
    """
    webhook = tx.row(statements.NEXT_TO_CLEAR)
    if webhook is None:
        return Pass(0, None)
    seq = webhook["seq"]
    if webhook["deleted_at_ms"] is not None:
        count = tx.execute(statements.DELETE_DELIVERIES, {"webhook": seq, "limit": PASS_MAX})
        if not count:
            tx.execute(statements.DELETE, {"webhook": seq})
        return Pass(count or 1, tx.now_ms)
    count = tx.execute(
        statements.DROP,
        {
            "endpoint": endpoint_of(seq),
            "drop_to": webhook["drop_to"],
            "error": SWITCHED_OFF,
            "limit": PASS_MAX,
        },
    )
    if count < PASS_MAX:
        tx.execute(statements.DROPPED, {"webhook": seq})
        tx.due(Deadline.DELIVERY, tx.now_ms)  # it may have been switched on again meanwhile
    return Pass(count or 1, tx.now_ms)
