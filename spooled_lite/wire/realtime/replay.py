"""For clients that come back with Last-Event-ID: reads what they missed from the event log."""

from collections.abc import AsyncIterator, Iterable
from typing import Final

from spooled_lite.core.jobs.replay import (
    PAGE_MAX,
    Logged,
    can_be_replayed,
    last_logged,
    replay_page,
)
from spooled_lite.storage.transaction import Reading
from spooled_lite.wire.realtime.feed import Feed
from spooled_lite.wire.realtime.stream import Stream
from spooled_lite.wire.realtime.transition import Transition

_DIGITS_MAX: Final = 18  # the numbers of rows are not longer

Missed = tuple[int, int]  # the rows after the first number, up to and with the second


async def missed_since(feed: Feed, stream: Stream, last_event_id: str | None) -> Missed | None:
    """The rows that a stream has missed; None when nothing is to be replayed.

    Open the stream in the feed first: then rows committed after this read come live, and live
    frames of rows that the replay will show are removed here. So no event is lost or sent twice.

    Contract: realtime, section 4.4.
    """
    seq = _number(last_event_id)
    if seq is None:
        return None
    up_to = await feed.readers.of(stream.org).read(_up_to, stream.org, seq)
    if up_to is None:
        return None
    stream.forget_until(up_to)
    return seq, up_to


async def replayed(feed: Feed, stream: Stream, missed: Missed) -> AsyncIterator[bytes]:
    """The frames of the missed rows as the stream would have got them, page by page."""
    after, up_to = missed
    while after < up_to:
        async with feed.replays:
            if stream.end is not None:
                return  # it ended while it waited for its turn
            reads = feed.readers.of(stream.org)
            page = await reads.read(replay_page, stream.org, after=after, up_to=up_to)
            written = _written(stream, page)
        if written:
            yield written
        if len(page) < PAGE_MAX:
            return
        after = page[-1].seq


def _written(stream: Stream, page: Iterable[Logged]) -> bytes:
    return b"".join(
        part
        for logged in page
        for part in stream.rendered(Transition.of(logged))
        if isinstance(part, bytes)
    )


def _up_to(tx: Reading, org: int, seq: int) -> int | None:
    return last_logged(tx) if can_be_replayed(tx, org, seq) else None


def _number(text: str | None) -> int | None:
    if text is None or len(text) > _DIGITS_MAX or not (text.isascii() and text.isdigit()):
        return None
    return int(text)
