"""The four routes of live events: who may open them, and their first frame."""

import asyncio
from functools import partial

from spooled_lite.core.jobs.columns import JobRow
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.jobs.replay import last_logged
from spooled_lite.core.jobs.states import TERMINAL
from spooled_lite.core.keys.records import Scope
from spooled_lite.core.queues.levels import levels_of_queues
from spooled_lite.core.queues.names import checked_step_queue_name
from spooled_lite.errors import BadRequest, NotFound
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.http.call import Call, Reply, StreamReply
from spooled_lite.wire.identity import Identity
from spooled_lite.wire.realtime import catalogue, sse
from spooled_lite.wire.realtime.dialects import (
    Profile,
    render,
    stream_profile,
    websocket_profile,
)
from spooled_lite.wire.realtime.filters import of_query
from spooled_lite.wire.realtime.replay import Missed, missed_since
from spooled_lite.wire.realtime.stream import Stream
from spooled_lite.wire.realtime.websocket import converse


async def events(call: Call) -> Reply:
    """Every event of the organization that the filter lets pass."""
    wanted = of_query(call.query_all)
    wanted.check_scope(call.scope)
    stream = Stream(
        "sse", _identity(call), _profile(call), wanted=wanted, has_health=True, is_gone=call.is_gone
    )
    if call.method == "HEAD":
        return _head()
    feed = call.services.feed
    feed.open(stream)
    try:
        health = await feed.turns.health()
        first = _bytes(stream, health) if stream.wants(health) else b""
        missed = await missed_since(feed, stream, call.header("last-event-id"))
    except BaseException:
        feed.close(stream)
        raise
    return _answer(call, stream, first, missed)


async def job_events(call: Call) -> Reply:
    """One job until it ends."""
    job_id = call.path("id")
    stream = Stream("sse", _identity(call), _profile(call), job_id=job_id, is_gone=call.is_gone)
    if call.method == "HEAD":
        return _head()
    feed = call.services.feed
    feed.open(stream)
    try:
        job, until = await call.reads.read(_job_and_moment, call.org, job_id, call.scope)
    except BaseException:
        feed.close(stream)
        raise
    stream.forget_until(until)
    if job is None:
        # The contract wants a stream that says so, since clients would repeat a refused request.
        frame = catalogue.error("Job not found", call.now_ms, code="NOT_FOUND")
        stream.finish("done")
    else:
        frame = catalogue.job_status(job_id, job["queue_name"], job["status"], call.now_ms)
        if frame.new_status in TERMINAL:
            stream.finish("done")
    return _answer(call, stream, _bytes(stream, frame))


async def queue_events(call: Call) -> Reply:
    """One queue: its statistics, and what happens in it."""
    queue_name = checked_step_queue_name(call.path("name"), "name")
    call.scope.check(queue_name)
    stream = Stream(
        "sse", _identity(call), _profile(call), queue_name=queue_name, is_gone=call.is_gone
    )
    if call.method == "HEAD":
        return _head()
    feed = call.services.feed
    feed.open(stream)
    try:
        key = (call.org, queue_name)
        levels = await call.reads.read(levels_of_queues, [key])
        missed = await missed_since(feed, stream, call.header("last-event-id"))
    except BaseException:
        feed.close(stream)
        raise
    frame = catalogue.queue_stats(queue_name, levels[key], call.now_ms)
    return _answer(call, stream, _bytes(stream, frame), missed)


async def websocket(call: Call) -> Reply:
    """Every event, with subscriptions."""
    if not call.is_upgrade:
        raise BadRequest("This path takes WebSocket upgrades only")
    wanted = of_query(call.query_all)
    wanted.check_scope(call.scope)
    identity = _identity(call)
    profile = websocket_profile(
        call.query.get("dialect"), agent=call.header("user-agent") or "", came_by=identity.came_by
    )
    stream = Stream("websocket", identity, profile, wanted=wanted)
    feed = call.services.feed
    feed.open(stream)
    stream.say(catalogue.ping(call.now_ms))
    return StreamReply(
        101,
        run=partial(converse, feed, stream),
        close=partial(feed.close, stream),
        finish=stream.finish,
    )


def _answer(call: Call, stream: Stream, first: bytes, missed: Missed | None = None) -> Reply:
    feed = call.services.feed
    stream.written_at = asyncio.get_running_loop().time()
    return StreamReply(
        200,
        headers=sse.HEADERS,
        media=sse.MEDIA,
        run=partial(sse.write_stream, feed, stream, first, missed),
        close=partial(feed.close, stream),
        finish=stream.finish,
    )


def _head() -> Reply:
    """The headers of the answer to GET, which has no length."""
    return StreamReply(200, sse.HEADERS, media=sse.MEDIA, run=sse.write_nothing, close=lambda: None)


def _identity(call: Call) -> Identity:
    assert call.identity is not None, "the caller has shown a credential"
    return call.identity


def _profile(call: Call) -> Profile:
    return stream_profile(
        call.query.get("frames"),
        agent=call.header("user-agent") or "",
        came_by=_identity(call).came_by,
        is_browser_fetch=call.header("sec-fetch-mode") is not None,
    )


def _bytes(stream: Stream, frame: catalogue.Frame) -> bytes:
    return b"".join(
        part for part in render(stream.profile, (frame,)).parts if isinstance(part, bytes)
    )


def _job_and_moment(tx: Reading, org: int, job_id: str, scope: Scope) -> tuple[JobRow | None, int]:
    """A job, and the newest row of the event log when it stood so."""
    try:
        return get_job(tx, org, job_id, scope), last_logged(tx)
    except NotFound:
        return None, last_logged(tx)
