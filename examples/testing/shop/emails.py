"""E-mails. Who has signed up is reminded after three days."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from spooled.client import SpooledClient
from spooled.worker.types import JobContext

QUEUE: Final = "emails"
REMINDED_AFTER: Final = timedelta(days=3)


def sign_up(client: SpooledClient, address: str, now: datetime) -> None:
    """`now`: a test hands in the time of its world, which is not that of the machine."""
    due = now + REMINDED_AFTER
    client.jobs.create({"queue_name": QUEUE, "payload": {"to": address}, "scheduled_at": due})


def send_newsletter(client: SpooledClient, addresses: list[str]) -> None:
    jobs = [{"payload": {"to": address}} for address in addresses]
    client.jobs.bulk_enqueue({"queue_name": QUEUE, "jobs": jobs})


def sending(send: Callable[[str], None]) -> Callable[[JobContext], None]:
    """What a worker of the queue does."""

    def mail(job: JobContext) -> None:
        send(job.payload["to"])

    return mail
