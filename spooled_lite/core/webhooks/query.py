"""Reading webhooks and their deliveries."""

from typing import Final

from spooled_lite.core.jobs.bodies import filled
from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.columns import DeliveryRow, WebhookRow
from spooled_lite.core.webhooks.records import DELIVERIES_SHOWN_MAX
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading

WEBHOOKS_SHOWN_MAX: Final = 100


def get_webhook(tx: Reading, org: int, webhook_id: str) -> WebhookRow:
    """Raises NotFound."""
    row = tx.row(statements.BY_ID, {"id": webhook_id, "org": org})
    if row is None:
        raise NotFound.thing("Webhook")
    return row


def list_webhooks(tx: Reading, org: int) -> list[WebhookRow]:
    """The newest WEBHOOKS_SHOWN_MAX. Contract: platform, section 6."""
    return tx.rows(statements.NEWEST, {"org": org, "limit": WEBHOOKS_SHOWN_MAX})


def list_deliveries(
    tx: Reading, org: int, webhook_id: str, *, status: str | None, limit: int, offset: int
) -> list[DeliveryRow]:
    """A page of the newest DELIVERIES_SHOWN_MAX deliveries of a webhook, newest first.

    Once the bodies of a page come to PAGE_BYTES_MAX, further large ones are left out.

    Raises NotFound. Contract: schedules-workflows-webhooks, 3.3, route 27.
    """
    webhook = get_webhook(tx, org, webhook_id)
    newest = tx.rows(
        statements.NEWEST_DELIVERIES, {"webhook": webhook["seq"], "limit": DELIVERIES_SHOWN_MAX}
    )
    wanted = [row["seq"] for row in newest if status is None or row["status"] == status]
    shown = wanted[offset : offset + limit]
    found = (tx.row(statements.SHOWN_DELIVERY, {"seq": seq}) for seq in shown)
    return filled(tx, [row for row in found if row is not None], "body", statements.BODY)
