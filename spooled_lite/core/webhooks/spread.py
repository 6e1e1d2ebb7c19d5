"""Events that are owed to very many webhooks: passes write their deliveries."""

from typing import Final

import msgspec

from spooled_lite.core.jobs.passes import PASS_MAX, Pass
from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.clear import SWITCHED_OFF
from spooled_lite.core.webhooks.columns import OwedEventRow
from spooled_lite.core.webhooks.outbox import (
    BODIES_AT_ONCE_BYTES_MAX,
    OwedEvent,
    calls,
    write_deliveries,
)
from spooled_lite.storage.transaction import Tx

_WEBHOOKS: Final = msgspec.json.Decoder(list[int])


def spread_owed(tx: Tx) -> Pass:
    """One pass: write up to PASS_MAX deliveries, those of the oldest owed event first.

    An event goes to the webhooks that had asked for it when it happened. One that has been
    switched off since gets a delivery that is failed already; a deleted one gets none. A crash
    loses nothing and repeats nothing: how far an event has come is stored with each pass.
    """
    left, bytes_left = PASS_MAX, BODIES_AT_ONCE_BYTES_MAX
    while left > 0 and bytes_left > 0:
        row = tx.row(statements.FIRST_OWED_EVENT)
        if row is None:
            return Pass(PASS_MAX - left, None)
        count = _write_next(tx, row, min(left, 1 + bytes_left // (1 + len(row["data"]))))
        left -= count
        bytes_left -= count * len(row["data"])
    return Pass(PASS_MAX - left, tx.now_ms)


def _write_next(tx: Tx, row: OwedEventRow, count_max: int) -> int:
    """Write the next deliveries of one event; how many webhooks that covered."""
    webhooks = _WEBHOOKS.decode(row["webhooks"])
    if row["org_deleted_at_ms"] is not None:
        tx.execute(statements.FORGET_OWED_EVENT, {"seq": row["seq"]})
        return 1
    owed = OwedEvent(
        row["org"], row["org_id"], row["event"], row["job_id"], row["at_ms"], row["data"]
    )
    written = row["written"]
    part = webhooks[written : written + count_max]
    found = tx.rows(statements.STILL_THERE, {"webhooks": msgspec.json.encode(part).decode()})
    write_deliveries(tx, owed, [each for each in found if each["enabled"]])
    off = [each for each in found if not each["enabled"]]
    tx.execute_many(
        statements.OWE_NO_MORE,
        ((*each[:-1], SWITCHED_OFF, owed.at_ms, each[-1]) for each in calls(tx, owed, off)),
    )
    if written + len(part) < len(webhooks):
        tx.execute(statements.COUNT_WRITTEN, {"seq": row["seq"], "count": len(part)})
    else:
        tx.execute(statements.FORGET_OWED_EVENT, {"seq": row["seq"]})
    return len(part)
