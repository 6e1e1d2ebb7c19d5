"""Charges. An order is charged once, and a card that is declined is tried again for a week."""

from collections.abc import Callable
from typing import Any, Final, Protocol

from spooled.client import SpooledClient
from spooled.worker.types import JobContext

QUEUE: Final = "charges"
RETRIES_MAX: Final = 5  # the last one eight days after the first


class Declined(Exception):
    """The bank says no."""


class Card(Protocol):
    def charge(self, order: int, *, key: str) -> None:
        """Charge once for each key, however often it is called. Raises Declined."""


def check_out(client: SpooledClient, order: int) -> str:
    """Have an order charged; the id of the job. May be repeated: the key makes it one job."""
    job = client.jobs.create(
        {
            "queue_name": QUEUE,
            "payload": {"order": order},
            "max_retries": RETRIES_MAX,
            "idempotency_key": key_of(order),
        }
    )
    return job.id


def charging(card: Card) -> Callable[[JobContext], dict[str, Any]]:
    """What a worker of the queue does."""

    def charge(job: JobContext) -> dict[str, Any]:
        order: int = job.payload["order"]
        card.charge(order, key=key_of(order))
        return {"order": order}

    return charge


def key_of(order: int) -> str:
    return f"order-{order}"
