"""Whose a call of a webhook is. The client that makes the call knows its address only."""

from typing import Final, TypedDict

from msgspec import Struct

from spooled_lite.storage.statement import Statement
from spooled_lite.storage.transaction import Reading

SENDERS_MAX: Final = 100  # webhooks with one address whose secrets are tried


class SenderRow(TypedDict):
    """Whoever owes a call."""

    org: int
    secret: str | None


class DeliverySender(Struct, frozen=True):
    """`repr` is for logs: it does not show the secret."""

    org: int
    secret: str | None

    def __repr__(self) -> str:
        return f"DeliverySender({self.org})"


OF_DELIVERY: Final = Statement(
    SenderRow,
    """
SELECT deliveries.org, coalesce(deliveries.secret, webhooks.secret) AS secret
  FROM deliveries LEFT JOIN webhooks ON webhooks.seq = deliveries.webhook
 WHERE deliveries.id = :id
""",
)

# For a test call, which is stored nowhere. Reads all webhooks: in tests there are few.
OF_ADDRESS: Final = Statement(
    SenderRow,
    "SELECT org, secret FROM webhooks WHERE url = :url AND deleted_at_ms IS NULL LIMIT :limit",
)


def senders_of(tx: Reading, delivery_id: str, url: str) -> list[DeliverySender]:
    """The one that owes this delivery; for a test call all whose webhook has this address."""
    rows = tx.rows(OF_DELIVERY, {"id": delivery_id})
    if not rows:
        rows = tx.rows(OF_ADDRESS, {"url": url, "limit": SENDERS_MAX})
    return [DeliverySender(row["org"], row["secret"]) for row in rows]
