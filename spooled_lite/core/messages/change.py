"""Hiding and deleting messages, whoever holds them; with the lease of a read, only its own."""

from collections.abc import Sequence

from spooled_lite.core.breakers.outcomes import attempt_succeeded
from spooled_lite.core.jobs.states import ACTIVE
from spooled_lite.core.lifecycle.remove_messages import remove_messages
from spooled_lite.core.messages import statements
from spooled_lite.core.messages.send import queue_for_messages
from spooled_lite.core.messages.statements import NamedMessageRow
from spooled_lite.errors import LeaseExpired, NotFound
from spooled_lite.events import Deadline
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.texts import array_of
from spooled_lite.storage.transaction import Tx


@in_lane(Lane.SETTLE)
def hide_messages(
    tx: Tx, org: int, queue_name: str, ids: Sequence[str], hide_ms: int, lease_id: str | None
) -> list[str]:
    """Hide messages until `hide_ms` from now; the ids of those that are there, oldest first.

    Raises:
        NotFound: there is no such queue.
        LeaseExpired: one of them is not held under this lease. None is hidden.

    Contract: catbird-capabilities, Q12 and Q14.
    """
    rows = [
        row
        for row in _found(tx, org, queue_name, ids, lease_id)
        if row["status"] in ACTIVE  # one that was completed as a job stays completed
    ]
    until_ms = tx.now_ms + hide_ms
    for was in rows:
        row = tx.row(
            statements.HIDE, {"seq": was["seq"], "until_ms": until_ms, "now_ms": tx.now_ms}
        )
        assert row is not None, "nothing changes a message between two statements of an operation"
        if row["status"] == "processing":
            tx.due(Deadline.LEASE_END, until_ms)
        else:
            tx.emit("job.hidden", org, row=row, was=was["status"])
            tx.due(Deadline.PROMOTION, until_ms)
    return [row["id"] for row in rows]


@in_lane(Lane.SETTLE)
def delete_messages(
    tx: Tx, org: int, queue_name: str, ids: Sequence[str], lease_id: str | None
) -> list[str]:
    """Delete messages: they are done. The ids of those that were there, oldest first.

    Raises:
        NotFound: there is no such queue.
        LeaseExpired: one of them is not held under this lease. None is deleted.

    Contract: catbird-capabilities, Q13 and Q14.
    """
    rows = _found(tx, org, queue_name, ids, lease_id)
    for row in rows:
        if row["tells_breaker"] and row["lease_id"] is not None:
            attempt_succeeded(tx, row, row["lease_id"])  # whoever reads it is done with it
    remove_messages(tx, [row["seq"] for row in rows])
    return [row["id"] for row in rows]


@in_lane(Lane.SETTLE)
def delete_message(
    tx: Tx, org: int, queue_name: str, message_id: str, lease_id: str | None
) -> None:
    """As `delete_messages`. Raises NotFound when it is not there."""
    if not delete_messages(tx, org, queue_name, [message_id], lease_id):
        raise NotFound.thing("Message", resource="message")


def _found(
    tx: Tx, org: int, queue_name: str, ids: Sequence[str], lease_id: str | None
) -> list[NamedMessageRow]:
    queue = queue_for_messages(tx, org, queue_name)
    wanted = {"org": org, "queue": queue["seq"], "ids": array_of(dict.fromkeys(ids))}
    rows = sorted(tx.rows(statements.NAMED, wanted), key=lambda row: row["seq"])
    if lease_id is not None:
        for row in rows:
            if row["lease_id"] != lease_id or (row["lease_expires_at_ms"] or 0) <= tx.now_ms:
                raise LeaseExpired(f"Message {row['id']} is not held under this lease")
    return rows
