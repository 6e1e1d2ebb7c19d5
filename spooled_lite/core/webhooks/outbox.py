"""Writing down the webhook calls that an event owes, in the transaction of the event.

The courier (`background/courier.py`) makes the calls.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Raw, Struct

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.topics.notify import NoticeRow
from spooled_lite.core.topics.system import TOLD, told_of
from spooled_lite.core.topics.trie import Trie
from spooled_lite.core.webhooks import statements
from spooled_lite.core.webhooks.bodies import BODIES, completion_data, is_silent
from spooled_lite.core.webhooks.columns import CalledRow, SubscribedRow
from spooled_lite.core.webhooks.records import endpoint_of, topics_of
from spooled_lite.events import Deadline, Event, EventOf, EventType
from spooled_lite.storage.transaction import Cache, Kept, Own, Tx
from spooled_lite.times import format_ms

# The most that one operation writes itself. Beyond either, passes of a loop write the deliveries
# of an event: a hundred jobs at once, or one large result, may be owed to a thousand webhooks.
DELIVERIES_AT_ONCE_MAX: Final = 500
BODIES_AT_ONCE_BYTES_MAX: Final = 4 * 1024 * 1024

# Not on cancel: contract schedules-workflows-webhooks, section 3.8.
_COMPLETION_EVENTS: Final[frozenset[EventType]] = frozenset({"job.completed", "job.deadlettered"})

# What only webhooks with topics are told of.
_TOLD_BY_TOPIC_ALONE: Final[frozenset[EventType]] = frozenset(
    {"topic.notified", *TOLD}.difference(BODIES)
)

_encode: Final = msgspec.json.Encoder().encode

TOPIC_EVENT: Final = "topic.notified"  # what a call about a message to a topic says of itself
_TREES_MAX: Final = 200  # organizations whose trees are kept


class SubscribedWebhooks(Struct, frozen=True):
    """The webhooks of an organization that are switched on, and how they are found."""

    webhooks: Sequence[SubscribedRow]
    by_event: Mapping[str, Sequence[SubscribedRow]]
    by_topic: Trie[int] | None  # to their places in `webhooks`; None: none asks for topics


_NOBODY: Final = SubscribedWebhooks((), {}, None)


class TopicTree(Struct, frozen=True):
    """The tree of an organization, and the topics of the webhooks that it was made of."""

    topics: Sequence[str | None]
    trie: Trie[int]


class TopicData(Struct, frozen=True, omit_defaults=True):
    """What a call about a message to a topic says of it."""

    topic: str
    message: str | None
    sent_by: str | None = None


class Written(Struct):
    """How many deliveries the running operation has written itself, and how large they are."""

    count: int = 0
    size_bytes: int = 0


_SUBSCRIPTIONS: Final = Cache[int, SubscribedWebhooks]()  # by organization
_TREES: Final = Kept[int, TopicTree]()  # likewise
_WRITTEN: Final = Own(Written)


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


class OwedEvent(Struct, frozen=True):
    """An event as it is sent to webhooks: `data` is what the envelope says of it, as JSON."""

    org: int
    org_id: str
    event: str
    job_id: str | None
    at_ms: int
    data: bytes


def owe_webhooks(tx: Tx, event: Event) -> None:
    """Write down the calls that an event owes to the webhooks that asked for it.

    An organization without webhooks costs one look at an empty index per batch. An operation that
    owes very many calls writes down the event and its webhooks instead: see `spread_owed`.
    """
    bodies = BODIES.get(event.type)
    if bodies is None and event.type not in _TOLD_BY_TOPIC_ALONE:
        return
    subscriptions = _subscriptions(tx, event.org)
    if not subscriptions.webhooks:
        return
    if subscriptions.by_topic is not None:
        _owe_by_topic(tx, event, subscriptions, subscriptions.by_topic)
    if bodies is None or (event.type.startswith("job.") and is_silent(event)):
        return
    for name, data in bodies.items():
        webhooks = subscriptions.by_event.get(name)
        if webhooks:
            org_id, told = webhooks[0]["org_id"], _encode(data(event))
            owed = OwedEvent(event.org, org_id, name, _job_id(event), event.at_ms, told)
            _owe(tx, owed, webhooks)


def _owe_by_topic(
    tx: Tx, event: Event, subscriptions: SubscribedWebhooks, by_topic: Trie[int]
) -> None:
    """Write down the calls that a message to a topic owes, of a caller or of the server."""
    if event.type == "topic.notified":
        notice: NoticeRow = event.row
    else:
        told = told_of(event)
        if told is None:
            return
        notice = told.row()
    webhooks = [
        subscriptions.webhooks[place] for place in sorted(by_topic.matches(notice["topic"]))
    ]
    if not webhooks:
        return
    data = _encode(TopicData(notice["topic"], notice["message"], notice["sent_by"]))
    org_id = webhooks[0]["org_id"]
    _owe(tx, OwedEvent(event.org, org_id, TOPIC_EVENT, None, event.at_ms, data), webhooks)


def owe_completion_webhook(tx: Tx, event: Event) -> None:
    """Write down the call that a settled job owes to its `completion_webhook`."""
    if event.type not in _COMPLETION_EVENTS:
        return
    row: JobRow = event.row
    url = row["completion_webhook"]
    if url is None:
        return
    delivery_id = tx.new_id()
    tx.execute(
        statements.OWE_COMPLETION,
        {
            "id": delivery_id,
            "org": event.org,
            "job_id": row["id"],
            "event": event.type,
            "endpoint": host_endpoint(url),
            "url": url,
            "secret": row["completion_webhook_secret"],
            "now_ms": tx.now_ms,
            "body": _completion_body(delivery_id, event),
        },
    )
    tx.due(Deadline.DELIVERY, tx.now_ms)


def forget_subscriptions(tx: Tx, org: int) -> None:
    """Have later operations of the batch read the webhooks again. Called after each change."""
    tx.cache(_SUBSCRIPTIONS).pop(org, None)


def write_deliveries(tx: Tx, owed: OwedEvent, webhooks: Sequence[CalledRow]) -> None:
    """Write down one delivery for each webhook, due at once."""
    at_ms = owed.at_ms
    tx.execute_many(
        statements.OWE, ((*each[:-1], at_ms, at_ms, each[-1]) for each in calls(tx, owed, webhooks))
    )
    tx.due(Deadline.DELIVERY, tx.now_ms)


def calls(tx: Tx, owed: OwedEvent, webhooks: Sequence[CalledRow]) -> Iterator[Sequence[Any]]:
    """The values that are stored of each delivery, whatever its status: the body comes last."""
    at, data = format_ms(owed.at_ms), Raw(owed.data)
    for webhook in webhooks:
        call_id, seq = tx.new_id(), webhook["seq"]
        envelope = Envelope(
            call_id, owed.event, owed.event, at, at, owed.org_id, webhook["id"], data
        )
        start = (call_id, owed.org, seq, owed.job_id, owed.event, endpoint_of(seq))
        yield (*start, _encode(envelope))


def host_endpoint(url: str) -> str:
    """The endpoint of a completion webhook: all calls to one host take turns."""
    return f"//{urlsplit(url).hostname}"


def _job_id(event: Event) -> str | None:
    if not event.type.startswith("job."):
        return None
    job: JobRow = event.row
    return job["id"]


def _subscriptions(tx: Tx, org: int) -> SubscribedWebhooks:
    known = tx.cache(_SUBSCRIPTIONS)
    found = known.get(org)
    if found is None:
        found = known[org] = _read_subscriptions(tx, org)
    return found


def _read_subscriptions(tx: Tx, org: int) -> SubscribedWebhooks:
    webhooks = tx.rows(statements.SUBSCRIBED, {"org": org})
    if not webhooks:
        return _NOBODY
    by_event: dict[str, list[SubscribedRow]] = defaultdict(list)
    for webhook in webhooks:
        for event in msgspec.json.decode(webhook["events"], type=list[str]):
            by_event[event].append(webhook)
    topics = [webhook["topics"] for webhook in webhooks]
    return SubscribedWebhooks(
        webhooks, dict(by_event), _tree(tx, org, topics) if any(topics) else None
    )


def _tree(tx: Tx, org: int, topics: Sequence[str | None]) -> Trie[int]:
    """Kept from batch to batch: making one of many patterns takes milliseconds."""
    kept = tx.kept(_TREES)
    known = kept.get(org)
    if known is None or known.topics != topics:
        if len(kept) >= _TREES_MAX:
            kept.clear()
        bound = ((each, place) for place, text in enumerate(topics) for each in topics_of(text))
        known = kept[org] = TopicTree(topics, Trie(bound))
    return known.trie


def _owe(tx: Tx, owed: OwedEvent, webhooks: Sequence[CalledRow]) -> None:
    if not _may_write(tx, len(webhooks), len(webhooks) * len(owed.data)):
        params = {
            "org": owed.org,
            "event": owed.event,
            "job_id": owed.job_id,
            "at_ms": owed.at_ms,
            "data": owed.data,
            "webhooks": _encode([webhook["seq"] for webhook in webhooks]).decode(),
        }
        tx.execute(statements.OWE_LATER, params)
        tx.due(Deadline.SPREADING, tx.now_ms)
        return
    write_deliveries(tx, owed, webhooks)


def _may_write(tx: Tx, count: int, size_bytes: int) -> bool:
    """Whether this operation may write so many deliveries more; if so, they are counted."""
    written = tx.own(_WRITTEN)
    count, size_bytes = written.count + count, written.size_bytes + size_bytes
    if count > DELIVERIES_AT_ONCE_MAX or size_bytes > BODIES_AT_ONCE_BYTES_MAX:
        return False
    written.count, written.size_bytes = count, size_bytes
    return True


def _completion_body(delivery_id: str, event: EventOf[JobRow]) -> bytes:
    data = completion_data(event)
    return _encode({"id": delivery_id, **data, "data": data})
