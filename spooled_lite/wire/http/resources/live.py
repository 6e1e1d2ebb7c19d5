"""Live messages to topics: sending, tokens, streams, presence. Contract: catbird, section 13."""

import asyncio
from functools import partial

from spooled_lite.core.inbox.records import checked_identity
from spooled_lite.core.topics.notify import SENDER_CHARS_MAX, checked_notice, notify
from spooled_lite.core.topics.pattern import checked_pattern, checked_patterns
from spooled_lite.errors import AccessDenied, BadRequest
from spooled_lite.times import format_ms
from spooled_lite.wire.http.call import Call, Reply, StreamReply, reply
from spooled_lite.wire.http.server.scope import ABORT
from spooled_lite.wire.live.sse import write_topics
from spooled_lite.wire.live.stream import TopicStream
from spooled_lite.wire.live.tokens import NONCE_BYTES, TopicGrant
from spooled_lite.wire.realtime import sse
from spooled_lite.wire.shapes.live import (
    CreateTopicToken,
    Notified,
    Notify,
    Present,
    TopicTokenMade,
)


async def send(call: Call) -> Reply:
    """Answered once the streams have it in their lines; nothing of it is kept."""
    body = await call.body(Notify)
    reached: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def note(count: int) -> None:
        if not reached.done():
            reached.set_result(count)

    await call.write(notify, call.org, checked_notice(body.notice()), note)
    return reply(Notified(await reached), 202)


async def create_token(call: Call) -> Reply:
    body = await call.body(CreateTopicToken)
    topics = checked_patterns(body.topics, "topics")
    identity = None if body.identity is None else checked_identity(body.identity)
    caller = call.caller
    assert caller is not None, "the route asks for a key"
    if caller.is_in_process:
        raise AccessDenied("A token needs an API key of its own: it would outlive this one")
    expires_at_ms = call.now_ms + body.ttl_seconds * 1000 if body.ttl_seconds else None
    grant = TopicGrant(caller.key_id, caller.secret_id, topics, identity, expires_at_ms)
    services = call.services
    token = services.topic_tokens.make(grant, services.ids.secret(NONCE_BYTES))
    shown = None if expires_at_ms is None else format_ms(expires_at_ms)
    return reply(TopicTokenMade(token, shown))


async def sse_of_token(call: Call) -> Reply:
    assert call.grant is not None, "the route asks for a token"
    await call.services.renderers.loaded(call.org)
    return _answer(call, call.grant.topics)


async def stream(call: Call) -> Reply:
    given = [each for text in call.query_all("patterns") for each in text.split(",") if each]
    if not given:
        raise BadRequest("Query parameter `patterns` is required")
    return _answer(call, checked_patterns(given, "patterns"))


async def presence(call: Call) -> Reply:
    topic = call.query.get("topic")
    if not topic:
        raise BadRequest("Query parameter `topic` is required")
    checked_pattern(topic, "topic")
    return reply(Present(topic, call.services.hub.present(call.org, topic)))


def _answer(call: Call, patterns: tuple[str, ...]) -> Reply:
    client_id = call.query.get("client_id")
    if client_id is not None and len(client_id) > SENDER_CHARS_MAX:
        raise BadRequest(
            f"Query parameter `client_id` must have at most {SENDER_CHARS_MAX} characters"
        )
    if call.method == "HEAD":
        return StreamReply(
            200, sse.HEADERS, media=sse.MEDIA, run=sse.write_nothing, close=lambda: None
        )
    assert call.caller is not None, "both routes ask for a credential"
    opened = TopicStream(
        call.caller,
        patterns,
        grant=call.grant,
        client_id=client_id,
        is_gone=call.is_gone,
        cut=call.extension(ABORT) or (lambda: None),
    )
    hub = call.services.hub
    hub.open(opened)
    return StreamReply(
        200,
        sse.HEADERS,
        media=sse.MEDIA,
        run=partial(write_topics, opened),
        close=partial(hub.close, opened),
        finish=opened.finish,
    )
