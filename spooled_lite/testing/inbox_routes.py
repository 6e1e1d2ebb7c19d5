"""Reading and emptying the inboxes of a world over HTTP. Reading settles first."""

from typing import Annotated

from msgspec import Struct

from spooled_lite.testing.asking import asking
from spooled_lite.testing.calls import WorldOfCall, seen_by, world_of
from spooled_lite.testing.clock_routes import SLACK_SECONDS
from spooled_lite.testing.inboxes import MailReceived, WebhookReceived
from spooled_lite.testing.move import How
from spooled_lite.testing.queries import check_query, whole
from spooled_lite.wire.http.call import NO_CONTENT, Call, Reply, reply
from spooled_lite.wire.shapes.about import a_count, about

LastNumber = Annotated[int, a_count("The number of the newest one: `after` next time", 1)]
DroppedCount = Annotated[int, a_count("Older ones that made room for newer ones")]


class WebhooksView(Struct, frozen=True, kw_only=True):
    """Answer of GET /test/inbox/webhooks."""

    webhooks: Annotated[list[WebhookReceived], about("Calls of webhooks, the oldest first")]
    last: LastNumber
    dropped: DroppedCount


class MailsView(Struct, frozen=True, kw_only=True):
    """Answer of GET /test/inbox/mails."""

    mails: Annotated[list[MailReceived], about("Mails, the oldest first")]
    last: LastNumber
    dropped: DroppedCount


async def webhooks(call: Call) -> Reply:
    check_query(call, "name", "after")
    after, inbox = whole(call, "after", 0), (await _settled(call)).webhooks
    found = inbox.read(name=call.query.get("name"), after=after, org=seen_by(call))
    kept = inbox.kept
    return reply(WebhooksView(webhooks=list(found), last=kept.last_n, dropped=kept.dropped))


async def clear_webhooks(call: Call) -> Reply:
    check_query(call)
    (await _settled(call)).webhooks.kept.clear(seen_by(call))
    return NO_CONTENT


async def mails(call: Call) -> Reply:
    check_query(call, "to", "after")
    after, inbox = whole(call, "after", 0), (await _settled(call)).mails
    found = inbox.read(to=call.query.get("to"), after=after)
    kept = inbox.kept
    return reply(MailsView(mails=list(found), last=kept.last_n, dropped=kept.dropped))


async def clear_mails(call: Call) -> Reply:
    check_query(call)
    (await _settled(call)).mails.kept.clear(None)
    return NO_CONTENT


async def _settled(call: Call) -> WorldOfCall:
    call.allow_seconds(SLACK_SECONDS)
    world = world_of(call)
    # What is on its way arrives first. A worker that works is not waited for.
    async with asking(call) as gone:
        await world.stepper.settle(How(workers="ignore", gone=gone), report=0)
    return world
