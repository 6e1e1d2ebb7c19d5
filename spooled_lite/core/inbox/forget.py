"""Deleting notifications that have expired, and those that were seen long ago."""

from collections.abc import Sequence

import msgspec

from spooled_lite.core.inbox import statements
from spooled_lite.core.inbox.put import UNSEEN
from spooled_lite.core.inbox.statements import OldNotificationRow
from spooled_lite.core.jobs.passes import PASS_MAX, first_of
from spooled_lite.storage.transaction import Tx


def delete_expired_notifications(tx: Tx, org: int) -> int:
    """One pass; how many went. 0: nothing is left for another one.

    Contract: catbird-capabilities, N6 and G1.
    """
    asked = {"org": org, "now_ms": tx.now_ms, "limit": PASS_MAX}
    return _delete(tx, org, tx.rows(statements.EXPIRED, asked))


def delete_seen_notifications(tx: Tx, org: int, before_ms: int) -> int:
    """As `delete_expired_notifications`, of those that were seen before a moment."""
    asked = {"org": org, "before_ms": before_ms, "limit": PASS_MAX}
    return _delete(tx, org, tx.rows(statements.SEEN_BEFORE, asked))


def _delete(tx: Tx, org: int, found: Sequence[OldNotificationRow]) -> int:
    rows = first_of(found)
    if not rows:
        return 0
    ids = msgspec.json.encode([row["id"] for row in rows]).decode()
    tx.execute(statements.DELETE, {"seqs": ids})
    tx.count_now(org, UNSEEN, -sum(row["is_unseen"] for row in rows))
    return len(rows)
