"""Webhook calls are owed in the transaction of their cause; another part sends them."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Raw

from spooled_lite.core.webhooks import statements
from spooled_lite.events import Deadline, Event, EventType
from spooled_lite.storage.transaction import Tx
from spooled_lite.times import format_ms, format_optional_ms

# Not on cancel: contract schedules-workflows-webhooks, section 3.8.
_COMPLETION_EVENTS: Final[frozenset[EventType]] = frozenset({"job.completed", "job.deadlettered"})


def owe_completion_webhook(tx: Tx, event: Event) -> None:
    """Write down the call that a settled job owes to its `completion_webhook`."""
    if event.type not in _COMPLETION_EVENTS or event.row["completion_webhook"] is None:
        return
    row, delivery_id = event.row, tx.new_id()
    tx.execute(
        statements.OWE,
        {
            "id": delivery_id,
            "org": event.org,
            "job_id": row["id"],
            "event": event.type,
            "url": row["completion_webhook"],
            "secret": row["completion_webhook_secret"],
            "now_ms": tx.now_ms,
            "body": _body(delivery_id, event),
        },
    )
    tx.due(Deadline.DELIVERY, tx.now_ms)


def _body(delivery_id: str, event: Event) -> bytes:
    row = event.row
    facts: Mapping[str, Any] = {
        "event": event.type,
        "job_id": row["id"],
        "queue_name": row["queue_name"],
        "status": row["status"],
        "result": None if row["result"] is None else Raw(row["result"]),
        "error": row["last_error"],
        "retry_count": row["retry_count"],
        "created_at": format_ms(row["created_at_ms"]),
        "completed_at": format_optional_ms(row["completed_at_ms"]),
    }
    return msgspec.json.encode({"id": delivery_id, **facts, "data": facts})
