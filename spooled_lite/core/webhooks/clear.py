"""Clearing away the deliveries of webhooks that were switched off or deleted."""

from typing import Final

import msgspec

from spooled_lite.core.jobs.passes import PASS_MAX, Pass, delete_first, first_of
from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.records import endpoint_of
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx

SWITCHED_OFF: Final = "Webhook disabled"  # the error of a delivery that was never tried


def clear_webhooks(tx: Tx) -> Pass:
    """One pass over the deliveries of one webhook, at most PASS_MAX rows and PASS_BYTES_MAX.

    If it is off, its owed deliveries become `failed`. If it is deleted, its deliveries are
    deleted, then its own row. After a crash the passes go on where they were.
    """
    webhook = tx.row(statements.NEXT_TO_CLEAR)
    if webhook is None:
        return Pass(0, None)
    seq = webhook["seq"]
    if webhook["deleted_at_ms"] is not None:
        find, delete = statements.OF_WEBHOOK, statements.DELETE_DELIVERIES
        count = delete_first(tx, find, delete, {"webhook": seq})
        if not count:
            tx.execute(statements.DELETE, {"webhook": seq})
        return Pass(count or 1, tx.now_ms)
    asked = {"endpoint": endpoint_of(seq), "drop_to": webhook["drop_to"], "limit": PASS_MAX}
    found = tx.rows(statements.TO_DROP, asked)
    some = [row["seq"] for row in first_of(found)]
    seqs = msgspec.json.encode(some).decode()
    count = tx.execute(statements.DROP, {"seqs": seqs, "error": SWITCHED_OFF})
    if count == len(found) < PASS_MAX:
        tx.execute(statements.DROPPED, {"webhook": seq})
        tx.due(Deadline.DELIVERY, tx.now_ms)  # it may have been switched on again meanwhile
    return Pass(count or 1, tx.now_ms)
