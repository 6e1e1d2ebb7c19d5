"""Coming back with Last-Event-ID: what was missed, from the event log in the file."""

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

_DIGITS_MAX: Final = 18  # what is longer is no number of a row

Missed = tuple[int, int]  # rows after the first, up to the second


async def missed_since(feed: Feed, stream: Stream, last_event_id: str | None) -> Missed | None:
    """Which rows an open stream has missed; None: it goes live at once.

    It must have been opened before: what is committed after this read comes live, and what the
    replay will show is taken out of its line. Nothing is lost or said twice in between.

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
    """Their frames as the stream would have got them, a read at a time."""
    after, up_to = missed
    while after < up_to:
        async with feed.replays:
            if stream.end is not None:
                return  # while it waited for its turn
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
