"""Reading webhooks and their deliveries."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from spooled_lite.core.jobs.bodies import filled
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.columns import DeliveryRow, DeliveryStatusRow, WebhookRow
from spooled_lite.core.webhooks.records import DELIVERIES_SHOWN_MAX
from spooled_lite.errors import NotFound
from spooled_lite.storage.transaction import Reading

WEBHOOKS_SHOWN_MAX: Final = 100


class DeliveriesAsked(Struct, frozen=True, kw_only=True):
    """Which part of the newest DELIVERIES_SHOWN_MAX deliveries a list shows."""

    status: str | None  # None: whatever it is
    limit: int
    offset: int


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
    tx: Reading, org: int, webhook_id: str, asked: DeliveriesAsked
) -> list[DeliveryRow]:
    """A page of the newest DELIVERIES_SHOWN_MAX deliveries of a webhook, newest first.

    Once the bodies of a page come to PAGE_BYTES_MAX, further large ones are left out.

    Raises NotFound. Contract: schedules-workflows-webhooks, 3.3, route 27.
    """
    webhook = get_webhook(tx, org, webhook_id)
    newest = tx.rows(
        statements.NEWEST_DELIVERIES, {"webhook": webhook["seq"], "limit": DELIVERIES_SHOWN_MAX}
    )
    return _shown(tx, newest, asked)


def list_deliveries_of_job(
    tx: Reading, org: int, job_id: str, scope: Scope, asked: DeliveriesAsked
) -> list[tuple[DeliveryRow, str | None]]:
    """The same of the deliveries that events of a job caused, each with the id of its webhook.

    The calls of the completion webhook of the job are among them, with None.

    Raises NotFound: no such job in this organization and scope.
    """
    job = get_job(tx, org, job_id, scope)
    params = {"org": org, "job_id": job["id"], "limit": DELIVERIES_SHOWN_MAX}
    newest = tx.rows(statements.NEWEST_DELIVERIES_OF_JOB, params)
    webhooks = {row["seq"]: row["webhook_id"] for row in newest}
    return [(row, webhooks[row["seq"]]) for row in _shown(tx, newest, asked)]


def _shown(
    tx: Reading, newest: Sequence[DeliveryStatusRow], asked: DeliveriesAsked
) -> list[DeliveryRow]:
    wanted = [row["seq"] for row in newest if asked.status in (None, row["status"])]
    shown = wanted[asked.offset : asked.offset + asked.limit]
    found = (tx.row(statements.SHOWN_DELIVERY, {"seq": seq}) for seq in shown)
    return filled(tx, [row for row in found if row is not None], "body", statements.BODY)
