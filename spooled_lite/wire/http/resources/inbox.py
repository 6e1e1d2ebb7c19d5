"""Inboxes of the users of applications over HTTP. Contract: catbird-capabilities, section 14."""

from typing import Final

from spooled_lite.core.inbox.put import put_notification
from spooled_lite.core.inbox.read import seen, unseen
from spooled_lite.core.inbox.records import ID_MAX, READ_MAX, checked_identity
from spooled_lite.core.inbox.seen import mark_seen, mark_seen_pass
from spooled_lite.wire.admission import admission_of
from spooled_lite.wire.http.call import Call, Reply, reply
from spooled_lite.wire.http.once import Once
from spooled_lite.wire.http.paging import flag, integer
from spooled_lite.wire.shapes.inbox import (
    InboxView,
    MarkSeen,
    NotificationStored,
    PutNotification,
    SeenMarked,
)

SHOWN: Final = 100  # where the caller does not say how many


async def put(call: Call) -> Reply:
    new = (await call.body(PutNotification)).new_notification(call.path("identity"))

    def answer(made: int) -> Reply:
        return reply(NotificationStored(made), 201)

    return await Once(call, answer).write(put_notification, call.org, new, admission_of(call).caps)


async def read(call: Call) -> Reply:
    identity, limit = _identity(call), shown_limit(call)
    if flag(call, "seen"):
        before = integer(call, "before", default=ID_MAX, least=0, most=ID_MAX)
        found = await call.reads.read(seen, call.org, identity, before=before, limit=limit)
    else:
        after = shown_after(call)
        found = await call.reads.read(unseen, call.org, identity, after=after, limit=limit)
    return reply(InboxView.of(found.rows, found.cursor))


async def mark(call: Call) -> Reply:
    """In passes, so that no other caller waits long for an inbox that is full."""
    identity, body = _identity(call), await call.body(MarkSeen)
    body.check()
    if body.ids is not None:
        return reply(SeenMarked(await call.write(mark_seen, call.org, identity, body.ids)))
    count, until = 0, body.until
    while until is not None:
        done = await call.write(mark_seen_pass, call.org, identity, until)
        count, until = count + done.count, done.until
    return reply(SeenMarked(count))


def shown_limit(call: Call) -> int:
    """Raises BadRequest: it is not a whole number."""
    return integer(call, "limit", default=SHOWN, least=1, most=READ_MAX)


def shown_after(call: Call) -> int:
    """Raises BadRequest: it is not a whole number."""
    return integer(call, "after", default=0, least=0, most=ID_MAX)


def _identity(call: Call) -> str:
    return checked_identity(call.path("identity"))
