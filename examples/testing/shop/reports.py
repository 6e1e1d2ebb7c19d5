"""Reports. One each night at half past two, where the shop is."""

from typing import Final

from spooled.client import SpooledClient

QUEUE: Final = "reports"


def plan(client: SpooledClient, cron: str = "30 2 * * *") -> None:
    client.schedules.create(
        {
            "name": "nightly",
            "cron_expression": cron,
            "timezone": "America/New_York",
            "queue_name": QUEUE,
            "payload_template": {"kind": "nightly"},
        }
    )
