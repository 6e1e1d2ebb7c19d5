"""The stage with webhooks: subscribing, the deliveries that are stored, and attempts at them."""

import json
from typing import Any, Final, TypedDict

from spooled_lite.core.webhooks.columns import DeliveryStatus, WebhookRow
from spooled_lite.core.webhooks.deliveries import load, record
from spooled_lite.core.webhooks.records import Attempt, NewWebhook, Outgoing, WebhookChanges
from spooled_lite.core.webhooks.subscribe import change_webhook, create_webhook
from spooled_lite.plans import Caps
from spooled_lite.storage.statement import Statement
from tests.core.job_stage import JobStage

ATTEMPTS_MAX = 5
TAKEN = Attempt(status_code=200, response_body="ok", duration_ms=3)
REFUSED = Attempt(
    status_code=500, response_body="no", error="HTTP 500 Internal Server Error", duration_ms=4
)


class StoredDelivery(TypedDict):
    """A whole row of `deliveries`, which nothing but a test reads."""

    seq: int
    id: str
    org: int
    webhook: int | None
    job_id: str | None
    event: str
    endpoint: str
    url: str | None
    secret: str | None
    status: DeliveryStatus
    attempts: int
    next_attempt_at_ms: int | None
    status_code: int | None
    response_body: str | None
    error: str | None
    duration_ms: int | None
    created_at_ms: int
    delivered_at_ms: int | None
    body: bytes


DELIVERIES: Final = Statement(StoredDelivery, "SELECT * FROM deliveries ORDER BY seq")
WEBHOOK: Final = Statement(WebhookRow, "SELECT * FROM webhooks WHERE seq = :seq")


class HookStage(JobStage):
    def subscribe(
        self, *events: str, org: int | None = None, caps: Caps | None = None, **fields: Any
    ) -> WebhookRow:
        given = {"name": "hook", "url": "https://hooks.example.com/x", **fields}
        webhook = NewWebhook(events=events or ("job.created",), **given)
        return self.run(create_webhook, self.org if org is None else org, webhook, caps)

    def change(
        self, webhook: WebhookRow, *, caps: Caps | None = None, **columns: Any
    ) -> WebhookRow:
        return self.run(change_webhook, self.org, webhook["id"], WebhookChanges(columns), caps)

    def hook(self, webhook: WebhookRow) -> WebhookRow:
        """As it is now."""
        row = self.read(lambda tx: tx.row(WEBHOOK, {"seq": webhook["seq"]}))
        assert row is not None
        return row

    def owed(self) -> list[StoredDelivery]:
        """Every delivery, oldest first."""
        return self.read(lambda tx: tx.rows(DELIVERIES))

    def told(self) -> list[str]:
        """The events of the deliveries."""
        return [row["event"] for row in self.owed()]

    def told_data(self) -> dict[str, Any]:
        """What the one delivery says."""
        [row] = self.owed()
        data: dict[str, Any] = json.loads(row["body"])["data"]
        return data

    def call(self, delivery: StoredDelivery) -> Outgoing:
        """A delivery as it would be sent now."""
        call = self.read(load, delivery["seq"])
        assert call is not None, "it is owed"
        return call

    def attempt(self, delivery: StoredDelivery, outcome: Attempt = REFUSED) -> str | None:
        """One attempt with this outcome; what became of the delivery."""
        return self.run(record, self.call(delivery), outcome, ATTEMPTS_MAX)

    def fail_for_good(self, delivery: StoredDelivery) -> None:
        for _ in range(ATTEMPTS_MAX):
            self.attempt(delivery)

    def delivery(self, row: StoredDelivery) -> StoredDelivery:
        """As it is now."""
        [found] = [each for each in self.owed() if each["seq"] == row["seq"]]
        return found
