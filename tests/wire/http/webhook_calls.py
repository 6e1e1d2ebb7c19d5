"""Webhooks for the tests of other calls, which call nobody who could answer."""

from typing import Any, Final

import httpx

from spooled_lite.storage.transaction import Tx
from tests.wire.http.job_calls import WatchedApi
from tests.wire.http.served import Api

# Nobody listens at port 9 of this machine. It is told of what these tests do not do.
NOBODY: Final = "http://127.0.0.1:9/hook"
A_WEBHOOK: Final[dict[str, Any]] = {
    "name": "hook",
    "url": NOBODY,
    "events": ["worker.offline"],
    "secret": "signs-what-is-sent-to-the-hook",
}


class Busy(WatchedApi):
    """Without a look at the file: deliveries change it beside the calls."""

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return Api.request(self, method, path, **more)


def a_webhook(api: WatchedApi, **fields: Any) -> dict[str, Any]:
    key = fields.pop("key", api.key)
    body = {**A_WEBHOOK, **fields}
    return api.shown("POST", "outgoing-webhooks", 201, json=body, key=key)


def a_webhook_for(
    path: str, api: WatchedApi, *, org: int | None = None, key: str | None = None
) -> str:
    """The path of a route with a webhook that was made for it, and a delivery that failed."""
    webhook = a_webhook(api, key=key or api.key)
    delivery_id = f"delivery-of-{webhook['id']}"
    if "{delivery_id}" in path:
        api.write(_add_delivery, org or api.org, webhook["id"], delivery_id)
    return path.replace("{id}", webhook["id"]).replace("{delivery_id}", delivery_id)


def a_completion_call_for(
    path: str, api: WatchedApi, job_id: str, *, org: int | None = None
) -> str:
    """The path of a route with a job, and a call of its completion webhook that failed."""
    delivery_id = f"delivery-of-{job_id}"
    api.write(_add_completion_call, org or api.org, job_id, delivery_id)
    return path.replace("{id}", job_id).replace("{delivery_id}", delivery_id)


def _add_completion_call(tx: Tx, org: int, job_id: str, delivery_id: str) -> None:
    tx.execute(
        "INSERT INTO deliveries (id, org, job_id, event, endpoint, url, status, attempts,"
        " created_at_ms, body) VALUES (:id, :org, :job_id, 'job.completed', 'x', :url, 'failed', 5,"
        ' :now_ms, CAST(\'{"id": "x", "event": "job.completed", "data": {}}\' AS BLOB))',
        {"id": delivery_id, "org": org, "job_id": job_id, "url": NOBODY, "now_ms": tx.now_ms},
    )


def _add_delivery(tx: Tx, org: int, webhook_id: str, delivery_id: str) -> None:
    tx.execute(
        "INSERT INTO deliveries (id, org, webhook, event, endpoint, status, attempts,"
        " created_at_ms, body) SELECT :id, :org, seq, 'worker.offline', seq, 'failed', 5, :now_ms,"
        ' CAST(\'{"id": "x", "event": "worker.offline", "data": {}}\' AS BLOB)'
        " FROM webhooks WHERE id = :webhook_id",
        {"id": delivery_id, "org": org, "now_ms": tx.now_ms, "webhook_id": webhook_id},
    )
