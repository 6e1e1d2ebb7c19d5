"""Messages of a queue over HTTP. Contract: catbird-capabilities, section 4, A1 and A2."""

from collections.abc import Iterator, Sequence
from typing import Final, get_args

from msgspec import Raw

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.lifecycle.claim import Claim
from spooled_lite.core.messages.change import delete_message, delete_messages, hide_messages
from spooled_lite.core.messages.peek import MessageState, peek_messages, state_of_message
from spooled_lite.core.messages.records import NewMessage
from spooled_lite.core.messages.send import SentMessage
from spooled_lite.core.messages.send import send as send_messages
from spooled_lite.errors import BadRequest
from spooled_lite.times import format_ms, format_optional_ms
from spooled_lite.wire.admission import Storing, admission_of, check_payload_of_plan
from spooled_lite.wire.bodies import page_in_full
from spooled_lite.wire.http.body import decode
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.http.claiming import chosen_lease, claimed
from spooled_lite.wire.http.once import Once
from spooled_lite.wire.http.paging import page, paged
from spooled_lite.wire.http.resources.queue_path import queue_of_path
from spooled_lite.wire.shapes.message_bodies import (
    HIDE_FOR_MS,
    QUANTITY,
    DeleteMessages,
    HideMessages,
    MessageFields,
    ReadMessages,
    SendMessages,
    check_count,
)
from spooled_lite.wire.shapes.messages import (
    MessagesDeleted,
    MessagesHidden,
    MessagesRead,
    MessagesSent,
    MessageView,
)

STATES: Final[tuple[MessageState, ...]] = get_args(MessageState)
NOTHING: Final = Raw(b"null")


async def send(call: Call) -> Reply:
    name, body = queue_of_path(call), await call.body(SendMessages)
    messages = await call.off_loop(new_messages, call, body)

    def answer(sent: list[SentMessage]) -> Reply:
        is_new = any(each.created for each in sent)
        return reply(told_of_sent(sent, is_one=body.is_one), 201 if is_new else 200)

    caps = admission_of(call).caps
    return await Once(call, answer).write(send_messages, call.org, name, messages, caps)


async def look(call: Call) -> Reply:
    name, shown, state = queue_of_path(call), page(call), _state(call)
    rows = await call.reads.read(
        peek_messages, call.org, name, state, limit=shown.fetch, offset=shown.offset
    )
    whole = await page_in_full(call.reads, rows)
    return paged([_looked_at(row, call.now_ms) for row in whole], shown)


async def read(call: Call) -> Reply:
    name, body = queue_of_path(call), await call.body_or_empty(ReadMessages)
    lease_id = None if body.lease_id is None else chosen_lease(body.lease_id)
    wanted = Claim(
        queue_name=name,
        worker_id=body.worker_id or f"reader-{lease_id or call.request_id.decode()}",
        lease_id=lease_id,
        limit=body.quantity or QUANTITY,
        lease_ms=body.hide_for_ms or HIDE_FOR_MS,
        kind="message",
    )
    rows = await claimed(call, wanted, wait_ms=body.waits_ms())
    return reply(MessagesRead([_handed_out(row) for row in rows]))


async def hide(call: Call) -> Reply:
    name, body = queue_of_path(call), await call.body(HideMessages)
    hidden = await call.write(
        hide_messages, call.org, name, body.ids, body.hide_for_ms, body.lease_id
    )
    return reply(MessagesHidden(hidden))


async def delete_many(call: Call) -> Reply:
    name, body = queue_of_path(call), await call.body(DeleteMessages)
    deleted = await call.write(delete_messages, call.org, name, body.ids, body.lease_id)
    return reply(MessagesDeleted(deleted))


async def delete(call: Call) -> Reply:
    name, lease_id = queue_of_path(call), call.query.get("lease_id") or None
    await call.write(delete_message, call.org, name, call.path("id"), lease_id)
    return NO_CONTENT


def told_of_sent(sent: Sequence[SentMessage], *, is_one: bool) -> MessagesSent:
    if is_one:
        [one] = sent
        return MessagesSent(id=one.id, seq=one.seq, created=one.created)
    ids = [each.id for each in sent if each.created]
    return MessagesSent(ids=ids, created_count=len(ids), duplicate_count=len(sent) - len(ids))


def new_messages(call: Storing, body: SendMessages) -> list[NewMessage]:
    """What core is to store. Raises: as `MessageFields.new_message` and `check_payload_of_plan`."""
    return [new_message(call, item, at) for at, item in _items(body)]


def new_message(call: Storing, item: MessageFields, at: str = "") -> NewMessage:
    """`at` goes in front of the names of fields in errors. Raises: as `new_messages`."""
    check_payload_of_plan(call, bytes(item.body), f"{at}body")
    return item.new_message(body_bytes_max=call.settings.queue_max_payload_size_bytes, at=at)


def _items(body: SendMessages) -> Iterator[tuple[str, MessageFields]]:
    if body.messages is not None:
        check_count(body.messages, "messages")
        for index, raw in enumerate(body.messages):
            at = f"messages[{index}]"
            yield f"{at}.", body.completed(decode(MessageFields, bytes(raw), at=at))
    elif body.bodies is not None:
        yield from body.of_bodies()
    else:
        yield "", body


def _state(call: Call) -> MessageState:
    given = call.query.get("state") or "all"
    for state in STATES:
        if given == state:
            return state
    raise BadRequest(f"Query parameter `state` must be one of: {', '.join(STATES)}")


def _handed_out(row: JobRow) -> MessageView:
    view = _view(row)
    assert row["lease_id"] is not None, "it was claimed just now"
    view.lease_id = row["lease_id"]
    return view


def _looked_at(row: JobRow, now_ms: int) -> MessageView:
    view = _view(row)
    view.state = state_of_message(row, now_ms)
    if row["payload"] is None:
        view.body_omitted = True
    return view


def _view(row: JobRow) -> MessageView:
    body, headers = row["payload"], row["headers"]
    visible_at_ms = row["lease_expires_at_ms"] or row["scheduled_at_ms"] or row["created_at_ms"]
    return MessageView(
        id=row["id"],
        seq=row["seq"],
        topic=row["topic"] or "",
        body=NOTHING if body is None else Raw(body),
        headers=NOTHING if headers is None else Raw(headers),
        priority=row["priority"],
        deliveries=row["claims"],
        concurrency_key=row["concurrency_key"],
        created_at=format_ms(row["created_at_ms"]),
        visible_at=format_ms(visible_at_ms),
        expires_at=format_optional_ms(row["expires_at_ms"]),
    )
