"""Webhook calls are owed in the transaction of their cause; another part sends them."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.bodies import BODIES, is_silent
from spooled_lite.core.webhooks.records import endpoint_of
from spooled_lite.events import Deadline, Event, EventType
from spooled_lite.storage.transaction import Reading, Tx
from spooled_lite.times import format_ms, format_optional_ms

# Not on cancel: contract schedules-workflows-webhooks, section 3.8.
_COMPLETION_EVENTS: Final[frozenset[EventType]] = frozenset({"job.completed", "job.deadlettered"})

_encode: Final = msgspec.json.Encoder().encode

Subscriptions = Mapping[str, Sequence[sqlite3.Row]]  # by event


class Envelope(Struct, frozen=True):
    """The body of a delivery. Contract: schedules-workflows-webhooks, section 3.4."""

    id: str
    event: str
    type: str
    created_at: str
    timestamp: str
    organization_id: str
    webhook_id: str
    data: Raw


def owe_webhooks(tx: Tx, event: Event) -> None:
    """Write down the calls that an event owes to the webhooks that asked for it.

    Costs an organization without webhooks one look at an empty index per batch.
    """
    bodies = BODIES.get(event.type)
    if bodies is None:
        return
    subscriptions = _subscriptions(tx, event.org)
    if not subscriptions or (event.type.startswith("job.") and is_silent(event)):
        return
    for name, data in bodies.items():
        webhooks = subscriptions.get(name)
        if webhooks:
            _owe(tx, event, name, webhooks, Raw(_encode(data(event))))


def owe_completion_webhook(tx: Tx, event: Event) -> None:
    """Write down the call that a settled job owes to its `completion_webhook`."""
    if event.type not in _COMPLETION_EVENTS or event.row["completion_webhook"] is None:
        return
    row, delivery_id = event.row, tx.new_id()
    tx.execute(
        statements.OWE_COMPLETION,
        {
            "id": delivery_id,
            "org": event.org,
            "job_id": row["id"],
            "event": event.type,
            "endpoint": host_endpoint(row["completion_webhook"]),
            "url": row["completion_webhook"],
            "secret": row["completion_webhook_secret"],
            "now_ms": tx.now_ms,
            "body": _completion_body(delivery_id, event),
        },
    )
    tx.due(Deadline.DELIVERY, tx.now_ms)


def forget_subscriptions(tx: Tx, org: int) -> None:
    """For whoever changes a webhook: what comes later in the batch reads them anew."""
    tx.memo.pop(("webhooks", org), None)


def host_endpoint(url: str) -> str:
    """Whom the call to an address takes turns with: all others to the same host."""
    return f"//{urlsplit(url).hostname}"


def _subscriptions(tx: Tx, org: int) -> Subscriptions:
    known: Subscriptions | None = tx.memo.get(("webhooks", org))
    if known is None:
        known = tx.memo["webhooks", org] = _read_subscriptions(tx, org)
    return known


def _read_subscriptions(tx: Reading, org: int) -> Subscriptions:
    by_event: dict[str, list[sqlite3.Row]] = defaultdict(list)
    for webhook in tx.rows(statements.SUBSCRIBED, {"org": org}):
        for event in msgspec.json.decode(webhook["events"], type=list[str]):
            by_event[event].append(webhook)
    return dict(by_event)


def _owe(tx: Tx, event: Event, name: str, webhooks: Sequence[sqlite3.Row], data: Raw) -> None:
    at = format_ms(event.at_ms)
    job_id = event.row["id"] if event.type.startswith("job.") else None
    rows: list[tuple[Any, ...]] = []
    for webhook in webhooks:
        delivery_id = tx.new_id()
        envelope = Envelope(delivery_id, name, name, at, at, webhook["org_id"], webhook["id"], data)
        rows.append(
            (
                delivery_id,
                event.org,
                webhook["seq"],
                job_id,
                name,
                endpoint_of(webhook["seq"]),
                tx.now_ms,
                tx.now_ms,
                _encode(envelope),
            )
        )
    tx.execute_many(statements.OWE, rows)
    tx.due(Deadline.DELIVERY, tx.now_ms)


def _completion_body(delivery_id: str, event: Event) -> bytes:
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
    return _encode({"id": delivery_id, **facts, "data": facts})
