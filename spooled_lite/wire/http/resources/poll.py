"""The inbox of the holder of a token, for who cannot keep a stream open. Contract: catbird, R11."""

import html
from collections.abc import Sequence
from typing import Final

from spooled_lite.core.inbox.poll import Polled, poll_inbox
from spooled_lite.core.renderers.render import Fragment
from spooled_lite.errors import BadRequest
from spooled_lite.wire.header import Header
from spooled_lite.wire.http.call import HTML, Call, Reply
from spooled_lite.wire.http.call import reply as json_reply
from spooled_lite.wire.http.resources.inbox import shown_after, shown_limit
from spooled_lite.wire.shapes.poll import PolledNotification, PollView

CURSOR: Final = b"x-wire-cursor"
# Beside the policy of all answers: opened as a page, it is nobody's, and sends nothing.
_HEADERS: Final[tuple[Header, ...]] = (
    (b"cache-control", b"no-cache"),
    (b"vary", b"Accept"),
    (b"content-security-policy", b"sandbox; form-action 'none'; base-uri 'none'"),
)


async def poll(call: Call) -> Reply:
    grant = call.grant
    assert grant is not None, "the route asks for a token"
    if grant.identity is None:
        raise BadRequest("The token names no identity: make one with `identity` to read an inbox")
    after, limit = shown_after(call), shown_limit(call)
    renderers = await call.services.renderers.loaded(call.org)
    page = await call.reads.read(
        poll_inbox, call.org, grant.identity, grant.topics, renderers, after=after, limit=limit
    )
    headers = (*_HEADERS, (CURSOR, b"%d" % page.cursor))
    if b"application/json" in call.headers.get(b"accept", b"").lower():
        shown = [PolledNotification.of(each.row, each.fragments) for each in page.found]
        return json_reply(PollView(shown, page.cursor), headers=headers)
    return Reply(200, _page(page.found).encode(), headers, media=HTML)


def _page(found: Sequence[Polled]) -> str:
    return "".join(_as_html(each) for polled in found for each in polled.fragments)


def _as_html(fragment: Fragment) -> str:
    is_html = fragment.content_type == "text/html"
    return fragment.data if is_html else html.escape(fragment.data)
