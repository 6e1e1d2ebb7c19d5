"""Subscribing to events, changing that, and ending it."""

import sqlite3
from typing import Final

from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.outbox import forget_subscriptions
from spooled_lite.core.webhooks.query import get_webhook
from spooled_lite.core.webhooks.records import NewWebhook, WebhookChanges, events_json
from spooled_lite.errors import Conflict
from spooled_lite.events import Deadline
from spooled_lite.plans import Caps
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx

# Each of them may be owed a row by every event, inside the operation that causes it.
WEBHOOKS_MAX: Final = 1_000  # of one organization, switched on or off


@in_lane(Lane.CREATE)
def create_webhook(tx: Tx, org: int, webhook: NewWebhook, caps: Caps | None) -> sqlite3.Row:
    """Subscribe; from the next event on.

    Raises:
        QuotaExceeded: it would be one enabled webhook too many for the plan.
        Conflict: the organization has WEBHOOKS_MAX of them.

    Contract: schedules-workflows-webhooks, 3.3, route 22.
    """
    if webhook.enabled and caps is not None:
        check_room(tx, org, caps, "webhooks", more=1)
    count = tx.row(statements.COUNT, {"org": org})
    assert count is not None, "count(*) always yields a row"
    if count[0] >= WEBHOOKS_MAX:
        raise Conflict(f"An organization has at most {WEBHOOKS_MAX} webhooks; delete some first")
    row = tx.row(
        statements.INSERT,
        {
            "id": tx.new_id(),
            "org": org,
            "name": webhook.name,
            "url": webhook.url,
            "events": events_json(webhook.events),
            "secret": webhook.secret,
            "format": webhook.format,
            "enabled": int(webhook.enabled),
            "now_ms": tx.now_ms,
        },
    )
    assert row is not None, "INSERT ... RETURNING always yields a row"
    forget_subscriptions(tx, org)
    return row


def change_webhook(
    tx: Tx, org: int, webhook_id: str, changes: WebhookChanges, caps: Caps | None
) -> sqlite3.Row:
    """Change a subscription. What is owed goes out to the new address, with the new secret.

    Switched on, it begins anew: without failures. Switched off, what is still owed is dropped
    as failed, as when it is switched off for its failures; a retry by hand sends it.

    Raises:
        NotFound: there is no such webhook.
        QuotaExceeded: switched on, it would be one too many for the plan.

    Contract: schedules-workflows-webhooks, 3.3, route 24.
    """
    before = get_webhook(tx, org, webhook_id)
    after = {**dict(before), **changes.columns}
    if after["enabled"] and not before["enabled"]:
        if caps is not None:
            check_room(tx, org, caps, "webhooks", more=1)
        after["failure_count"] = 0
        if before["last_status"] == "auto_disabled":
            after["last_status"] = None
    row = tx.row(statements.CHANGE, {**after, "webhook": before["seq"], "now_ms": tx.now_ms})
    assert row is not None, "the webhook was found in this operation"
    if before["enabled"] and not row["enabled"]:
        drop_what_is_owed(tx, before["seq"])
    forget_subscriptions(tx, org)
    return row


def delete_webhook(tx: Tx, org: int, webhook_id: str) -> None:
    """End a subscription. It is hidden at once and sends nothing more; its rows go in passes.

    Raises:
        NotFound: there is no such webhook.

    Contract: schedules-workflows-webhooks, 3.3, route 25.
    """
    webhook = get_webhook(tx, org, webhook_id)
    tx.execute(statements.MARK_DELETED, {"webhook": webhook["seq"], "now_ms": tx.now_ms})
    tx.due(Deadline.CLEARING, tx.now_ms)
    forget_subscriptions(tx, org)


def drop_what_is_owed(tx: Tx, webhook: int) -> None:
    """Nothing that is owed now is sent any more; the rows say so after passes of a loop."""
    tx.execute(statements.DROP_WHAT_IS_OWED, {"webhook": webhook})
    tx.due(Deadline.CLEARING, tx.now_ms)
