"""Creating, changing and deleting webhooks."""

from collections.abc import Sequence
from typing import Final

from spooled_lite.core.orgs.usage import check_room
from spooled_lite.core.topics.pattern import tokens_of
from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.columns import WebhookRow
from spooled_lite.core.webhooks.outbox import forget_subscriptions
from spooled_lite.core.webhooks.query import get_webhook
from spooled_lite.core.webhooks.records import (
    NewWebhook,
    WebhookChanges,
    check_asks_for_something,
    events_json,
    topics_json,
    topics_of,
)
from spooled_lite.errors import Conflict
from spooled_lite.events import Deadline
from spooled_lite.plans import Caps
from spooled_lite.storage.lanes import Lane, in_lane
from spooled_lite.storage.transaction import Tx

# Each event may write a delivery for every one of them.
WEBHOOKS_MAX: Final = 1_000  # of one organization, switched on or off
# Of the patterns of all of them. A message whose topic all of them match takes the writing thread a
# few milliseconds.
WORDS_MAX: Final = 10_000


@in_lane(Lane.CREATE)
def create_webhook(tx: Tx, org: int, webhook: NewWebhook, caps: Caps | None) -> WebhookRow:
    """Create a webhook. It is called for the events that come after this.

    Raises:
        QuotaExceeded: the plan allows no further enabled webhook.
        Conflict: the organization has WEBHOOKS_MAX webhooks, or patterns of WORDS_MAX words.

    Contract: schedules-workflows-webhooks, 3.3, route 22.
    """
    if webhook.enabled and caps is not None:
        check_room(tx, org, caps, "webhooks", more=1)
    if (tx.value(statements.COUNT, {"org": org}) or 0) >= WEBHOOKS_MAX:
        raise Conflict(f"An organization has at most {WEBHOOKS_MAX} webhooks; delete some first")
    _check_words(tx, org, 0, webhook.topics)
    row = tx.row(
        statements.INSERT,
        {
            "id": tx.new_id(),
            "org": org,
            "name": webhook.name,
            "url": webhook.url,
            "events": events_json(webhook.events),
            "topics": topics_json(webhook.topics),
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
) -> WebhookRow:
    """Change a webhook. Deliveries that are owed go to the new address, with the new secret.

    Switching it on resets its count of failures. Switching it off makes what is owed failed, as
    when the server switches it off after too many failures; a retry by hand still sends those.

    Raises:
        NotFound: there is no such webhook.
        QuotaExceeded: switching it on would be one enabled webhook too many for the plan.
        RuleBroken: it would be left without events and topics.
        Conflict: the organization would have patterns of more than WORDS_MAX words.

    Contract: schedules-workflows-webhooks, 3.3, route 24.
    """
    before = get_webhook(tx, org, webhook_id)
    after = {**dict(before), **changes.columns}
    check_asks_for_something(after["events"] != "[]", after["topics"])
    if changes.columns.get("topics") is not None:
        _check_words(tx, org, before["seq"], topics_of(after["topics"]))
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
    """Delete a webhook. It is hidden and sends nothing from now on; passes delete its rows.

    Raises:
        NotFound: there is no such webhook.

    Contract: schedules-workflows-webhooks, 3.3, route 25.
    """
    webhook = get_webhook(tx, org, webhook_id)
    tx.execute(statements.MARK_DELETED, {"webhook": webhook["seq"], "now_ms": tx.now_ms})
    tx.due(Deadline.CLEARING, tx.now_ms)
    forget_subscriptions(tx, org)


def _check_words(tx: Tx, org: int, webhook: int, topics: Sequence[str]) -> None:
    """Whether the patterns of a webhook have room beside those of the others. Raises Conflict."""
    if not topics:
        return
    others = tx.values(statements.TOPICS_OF_OTHERS, {"org": org, "webhook": webhook})
    words = sum(
        len(tokens_of(each))
        for patterns in (topics, *(topics_of(text) for text in others))
        for each in patterns
    )
    if words > WORDS_MAX:
        raise Conflict(f"The topics of all webhooks have at most {WORDS_MAX} words together")


def drop_what_is_owed(tx: Tx, webhook: int) -> None:
    """Give up every delivery owed now. None is sent from here on; passes mark the rows failed."""
    tx.execute(statements.DROP_WHAT_IS_OWED, {"webhook": webhook})
    tx.due(Deadline.CLEARING, tx.now_ms)
