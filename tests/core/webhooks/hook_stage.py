"""The stage with webhooks: subscribing, what is owed, and what came of an attempt."""

import json
import sqlite3
from typing import Any

from spooled_lite.core.webhooks.deliveries import load, record
from spooled_lite.core.webhooks.records import Attempt, NewWebhook, Outgoing, WebhookChanges
from spooled_lite.core.webhooks.subscribe import change_webhook, create_webhook
from spooled_lite.events import Row
from spooled_lite.plans import Caps
from tests.core.job_stage import JobStage

ATTEMPTS_MAX = 5
TAKEN = Attempt(status_code=200, response_body="ok", duration_ms=3)
REFUSED = Attempt(
    status_code=500, response_body="no", error="HTTP 500 Internal Server Error", duration_ms=4
)


class HookStage(JobStage):
    def subscribe(
        self, *events: str, org: int | None = None, caps: Caps | None = None, **fields: Any
    ) -> sqlite3.Row:
        given = {"name": "hook", "url": "https://hooks.example.com/x", **fields}
        webhook = NewWebhook(events=events or ("job.created",), **given)
        return self.run(create_webhook, self.org if org is None else org, webhook, caps)

    def change(self, webhook: Row, *, caps: Caps | None = None, **columns: Any) -> sqlite3.Row:
        return self.run(change_webhook, self.org, webhook["id"], WebhookChanges(columns), caps)

    def hook(self, webhook: Row) -> sqlite3.Row:
        """As it is now."""
        [row] = self.rows("SELECT * FROM webhooks WHERE seq = :seq", seq=webhook["seq"])
        return row

    def owed(self) -> list[sqlite3.Row]:
        """Every delivery, oldest first."""
        return self.rows("SELECT * FROM deliveries ORDER BY seq")

    def told(self) -> list[str]:
        """The events of the deliveries."""
        return [row["event"] for row in self.owed()]

    def told_data(self) -> dict[str, Any]:
        """What the one delivery says."""
        [row] = self.owed()
        data: dict[str, Any] = json.loads(row["body"])["data"]
        return data

    def call(self, delivery: Row) -> Outgoing:
        """A delivery as it would be sent now."""
        call = self.read(load, delivery["seq"])
        assert call is not None, "it is owed"
        return call

    def attempt(self, delivery: Row, outcome: Attempt = REFUSED) -> str | None:
        """One attempt with this outcome; what became of the delivery."""
        return self.run(record, self.call(delivery), outcome, ATTEMPTS_MAX)

    def fail_for_good(self, delivery: Row) -> None:
        for _ in range(ATTEMPTS_MAX):
            self.attempt(delivery)

    def delivery(self, row: Row) -> sqlite3.Row:
        """As it is now."""
        [found] = self.rows("SELECT * FROM deliveries WHERE seq = :seq", seq=row["seq"])
        return found
