"""Concurrency keys: of those that have the same one in a queue, one at a time is not finished."""

from spooled_lite.core.jobs import key_statements
from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.states import WAITING
from spooled_lite.storage.transaction import Tx


def holder_of_key(tx: Tx, queue: int, key: str | None) -> JobRow | None:
    """The job or message of the queue that has the key and is not at its end.

    One that has expired and that nobody holds gives it up.

    Contract: catbird-capabilities, Q6 and T6.
    """
    if key is None:
        return None
    held = tx.row(key_statements.HOLDER, {"queue": queue, "concurrency_key": key})
    if held is None or held["expires_at_ms"] is None or held["expires_at_ms"] > tx.now_ms:
        return held
    if held["status"] not in WAITING:
        return held
    tx.execute(key_statements.GIVE_UP, {"seq": held["seq"]})
    return None
