"""Putting a notification into an inbox, where it waits until it is seen or has expired."""

from typing import Final

from spooled_lite.core.inbox import statements
from spooled_lite.core.inbox.records import NewNotification
from spooled_lite.core.orgs.usage import check_room
from spooled_lite.errors import RuleBroken
from spooled_lite.plans import Caps
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx

# Counters of an organization: how many wait to be seen, expired ones until they are deleted; and
# how many were stored.
UNSEEN: Final = "notifications_unseen"
CREATED: Final = "notifications_created"


@in_lane(Lane.CREATE)
def put_notification(tx: Tx, org: int, new: NewNotification, caps: Caps | None) -> int:
    """Store a notification; its id, which is higher than every one before it.

    What the identity has not seen of the same collapse key counts as seen from now on.

    Raises:
        RuleBroken: it would have expired already.
        QuotaExceeded: with the jobs of the day it would pass the cap on these.

    Contract: catbird-capabilities, N1 and N5.
    """
    expires_at_ms = new.expires_at_ms
    if new.expires_in_ms is not None:
        expires_at_ms = tx.now_ms + new.expires_in_ms
    if expires_at_ms is not None and expires_at_ms <= tx.now_ms:
        raise RuleBroken.of("expires_at", "Field `expires_at` must be in the future", "past")
    if caps is not None:
        check_room(tx, org, caps, "jobs_per_day", more=1, also=tx.used_today(org, CREATED))
    collapsed = 0
    if new.collapse_key is not None:
        asked = {"org": org, "identity": new.identity, "collapse_key": new.collapse_key}
        collapsed = tx.execute(statements.COLLAPSE, {**asked, "now_ms": tx.now_ms})
    made = tx.insert(
        statements.INSERT,
        {
            "org": org,
            "identity": new.identity,
            "topic": new.topic,
            "message": new.message,
            "collapse_key": new.collapse_key,
            "expires_at_ms": expires_at_ms,
            "now_ms": tx.now_ms,
        },
    )
    tx.count_now(org, UNSEEN, 1 - collapsed)
    tx.count_usage(org, CREATED, 1)
    return made
