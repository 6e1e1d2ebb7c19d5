"""Workers that live in the process of the server, and end with it.

The lock on a file says that no other process has it open. So who opens it next knows that workers
of the last process are gone, and need not wait for their leases. Contract: amendments, G16.
"""

from spooled_lite.core.workers import statements
from spooled_lite.events import Deadline
from spooled_lite.storage.transaction import Tx


def end_former_leases(tx: Tx, *, is_copy: bool) -> int:
    """At a start, before any claim: end the leases of all workers of the last process.

    Each attempt counts as one whose lease ran out, so that a job which ends the process becomes a
    dead letter in the end. Returns how many there were. Of a copy none ends: the process it was
    made in may live on, and its workers with it.
    """
    if is_copy:
        return 0
    count = tx.execute(statements.END_LEASES_IN_PROCESS, {"now_ms": tx.now_ms})
    tx.execute(statements.FORGET_IN_PROCESS)
    if count:
        tx.due(Deadline.LEASE_END, tx.now_ms)
    return count
