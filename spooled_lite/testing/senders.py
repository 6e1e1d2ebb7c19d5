"""Whose a call of a webhook is. The client that makes the call knows its address only."""

from typing import Final

from msgspec import Struct

from spooled_lite.storage.transaction import Reading
from spooled_lite.testing import statements

SENDERS_MAX: Final = 100  # webhooks with one address whose secrets are tried


class DeliverySender(Struct, frozen=True):
    """`repr` is for logs: it does not show the secret."""

    org: int
    secret: str | None
    job_id: str | None = None  # of the delivery

    def __repr__(self) -> str:
        return f"DeliverySender({self.org})"


def senders_of(tx: Reading, delivery_id: str, url: str) -> list[DeliverySender]:
    """The one that owes this delivery; for a test call all whose webhook has this address."""
    rows = tx.rows(statements.OF_DELIVERY, {"id": delivery_id})
    if not rows:
        rows = tx.rows(statements.OF_ADDRESS, {"url": url, "limit": SENDERS_MAX})
    return [DeliverySender(row["org"], row["secret"], row["job_id"]) for row in rows]
