"""Readers that do not read: what waits for them is bounded, and they hold up nobody."""

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any, cast

import pytest

from spooled_lite.wire.caller import Caller
from spooled_lite.wire.live import hub as hubs
from spooled_lite.wire.live import line as lines
from spooled_lite.wire.live import registry
from spooled_lite.wire.live.line import NoticeLines, NoticeSent
from spooled_lite.wire.live.notice import Notice
from spooled_lite.wire.live.registry import TopicStreams
from spooled_lite.wire.live.stream import (
    BACKLOG_BYTES_MAX,
    BACKLOG_FRAMES_MAX,
    SLOW_SECONDS,
    HeldBytes,
    SharedFrame,
    TopicStream,
)
from tests.wire.live.test_streams import listening, opened, played, raw, sent, token
from tests.wire.realtime.stage import Stage


def a_stream(org: int = 1, *patterns: str, cut: Callable[[], None] = lambda: None) -> TopicStream:
    caller = cast(Caller, SimpleNamespace(org=org))
    return TopicStream(caller, patterns or ("a",), cut=cut)


def run(test: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(test())


# -- one stream --------------------------------------------------------------------------------


def test_so_many_messages_wait_for_a_reader_and_no_more() -> None:
    stream = a_stream()
    frame = SharedFrame(b"x")

    taken = [stream.put(frame, 0.0) for _ in range(BACKLOG_FRAMES_MAX + 2)]

    assert taken == [True] * BACKLOG_FRAMES_MAX + [False, False]


def test_so_many_bytes_wait_for_a_reader_and_no_more() -> None:
    stream = a_stream()
    large = SharedFrame(b"x" * (BACKLOG_BYTES_MAX // 2))

    assert [stream.put(large, 0.0) for _ in range(3)] == [True, True, False]


def test_a_single_message_is_taken_whatever_its_size() -> None:
    assert a_stream().put(SharedFrame(b"x" * (BACKLOG_BYTES_MAX + 1)), 0.0)


def test_a_reader_is_stuck_when_it_takes_nothing_of_a_full_backlog() -> None:
    async def test() -> None:
        stream = a_stream()
        frame = SharedFrame(b"x")
        for _ in range(BACKLOG_FRAMES_MAX):
            stream.put(frame, 10.0)
        assert not stream.is_stuck(99.0)  # nothing had to be dropped

        stream.put(frame, 100.0)
        assert not stream.is_stuck(100.0 + SLOW_SECONDS)
        assert stream.is_stuck(100.1 + SLOW_SECONDS)

        await stream.next_bytes()
        stream.note_written(101.0)
        assert not stream.is_stuck(1_000.0)

    run(test)


def test_a_slow_stream_is_cut_and_what_waits_is_thrown_away() -> None:
    async def test() -> None:
        cuts: list[bool] = []
        stream = a_stream(cut=lambda: cuts.append(True))
        stream.held = HeldBytes()
        stream.put(SharedFrame(b"xy"), 0.0)
        assert stream.held.size_bytes == 2

        stream.finish("slow")
        stream.finish("done")

        assert (cuts, stream.end, stream.held.size_bytes) == ([True], "slow", 0)
        assert await stream.next_bytes() == b""
        assert not stream.put(SharedFrame(b"z"), 0.0)

    run(test)


def test_a_message_that_many_hold_counts_once() -> None:
    async def test() -> None:
        every = HeldBytes()
        mine, theirs = HeldBytes(every), HeldBytes(every)
        frame, streams = SharedFrame(b"12345"), [a_stream() for _ in range(3)]
        for stream in streams:
            stream.held = mine
            stream.put(frame, 0.0)
        other = a_stream(2)
        other.held = theirs
        other.put(SharedFrame(b"12"), 0.0)
        assert (mine.size_bytes, theirs.size_bytes, every.size_bytes) == (5, 2, 7)

        await streams[0].next_bytes()
        streams[1].forget()
        assert mine.size_bytes == 5
        await streams[2].next_bytes()

        assert (mine.size_bytes, every.size_bytes) == (0, 2)

    run(test)


# -- the line ------------------------------------------------------------------------------------


class Played:
    """A line whose notices are only noted."""

    def __init__(self, readers: int = 0) -> None:
        self.sent: list[str] = []
        self.given_up: list[str] = []
        self.woken: list[int] = []
        self.is_filling = False
        self._readers = readers
        self.lines = NoticeLines(self._send, self._wake, lambda it: self.given_up.append(it.topic))

    def put(self, *topics: str, org: int = 1, message: str | None = None) -> None:
        for topic in topics:
            self.lines.put(Notice(org, topic, message))

    def _send(self, notice: Notice) -> NoticeSent:
        if notice.topic == "bad":
            raise ValueError("it cannot be rendered")
        self.sent.append(notice.topic)
        return NoticeSent(self._readers, self.is_filling)

    def _wake(self, org: int) -> int:
        self.woken.append(org)
        return self._readers

    async def until(self, count: int) -> None:
        async with asyncio.timeout(20):
            while len(self.sent) < count:  # noqa: ASYNC110  # it is told nobody
                await asyncio.sleep(0.001)


def test_a_notice_is_sent_at_once_where_nothing_waits() -> None:
    async def test() -> None:
        it = Played()
        it.put("a", "b")
        assert (it.sent, it.woken) == (["a", "b"], [1, 1])

    run(test)


def test_notices_keep_their_order_while_readers_rest() -> None:
    async def test() -> None:
        it = Played(readers=100)
        it.put(*"abcdefgh")
        assert it.sent == ["a"]
        await it.until(8)
        assert it.sent == list("abcdefgh")
        assert len(it.woken) == 2  # the seven that waited were written together

    run(test)


def test_the_oldest_notices_are_given_up_when_too_many_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def test() -> None:
        monkeypatch.setattr(lines, "LINE_MAX", 3)
        it = Played(readers=1_000)
        it.put(*"abcdef")
        assert it.given_up == ["b", "c"]
        await it.until(4)
        assert it.sent == ["a", "d", "e", "f"]

    run(test)


def test_the_bytes_that_wait_are_bounded_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        monkeypatch.setattr(lines, "LINE_BYTES_MAX", 5_000)
        it = Played(readers=1_000)
        it.put(*"abcdef", message="x" * 2_000)
        assert it.given_up == ["b", "c", "d"]

    run(test)


def test_organizations_take_turns() -> None:
    async def test() -> None:
        it = Played(readers=500)
        it.put("a1", *(f"a{n}" for n in range(2, 30)))
        it.put("b1", org=2)
        assert it.sent == ["a1", "b1"]  # while the first one rests

    run(test)


def test_a_notice_that_fails_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def test() -> None:
        it = Played()
        it.put("a", "bad", "b")
        it.put("c", org=2)
        assert (it.sent, it.given_up) == (["a", "b", "c"], ["bad"])

    run(test)
    assert "a notice was not sent" in caplog.text


# -- all of them ---------------------------------------------------------------------------------


def test_who_listens_is_found_by_what_is_open_now() -> None:
    streams = TopicStreams()
    first, second = a_stream(1, "a.*", "#"), a_stream(1, "a.*")
    streams.add(first)
    streams.add(second)
    of_org = streams.of_org(1)
    assert of_org is not None
    assert set(of_org.listening("a.b")) == {first, second}
    assert of_org.listening("b") == (first,)

    streams.remove(first)
    assert of_org.listening("a.b") == (second,)
    assert of_org.listening("b") == ()
    streams.remove(second)

    assert streams.of_org(1) is None
    assert of_org._trie._root.is_bare
    assert (of_org._word_count, of_org._groups, streams.count) == (0, {}, 0)


def test_the_patterns_of_an_organization_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "WORDS_OF_ORG_MAX", 3)

    async def test(stage: Stage) -> None:
        await listening(stage, "a.b.c")
        await listening(stage, "a.b.c")  # known already
        answer = await stage.refused("realtime/stream?patterns=d")
        assert (answer.status, answer.json["code"]) == (429, "RATE_LIMIT_EXCEEDED")

    played(test)


def test_a_full_organization_takes_nothing_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for the readers of one is bounded; readers of another still get theirs."""
    monkeypatch.setattr(hubs, "HELD_SURELY", 100)
    monkeypatch.setattr(hubs, "HELD_OF_ORG_MAX", 1_000)
    monkeypatch.setattr(hubs, "HELD_MAX", 1_000)

    async def test(stage: Stage) -> None:
        key = await stage.other_org()
        stuck, hub = await listening(stage, "a"), stage.services.hub
        fair = await opened(stage, await token(stage, "a", key=key))
        [mine] = [each for each in hub.streams if each.grant is None]
        mine.put(SharedFrame(b"x" * 995), 0.0)  # nobody has woken it

        assert await sent(stage, "a", "dropped") == 0
        answer = await stage.call(
            "POST",
            "/api/v1/realtime/notify",
            {"topic": "a", "message": "theirs"},
            headers={"Authorization": f"Bearer {key}"},
        )

        assert answer.json == {"delivered": 1}
        assert await raw(fair) == "event: a\ndata: theirs"
        assert mine.full_since is not None
        assert "spooled_realtime_dropped_total 1.0" in stage.services.metrics.text().decode()
        assert stuck.status == 200

    played(test)


def test_a_reader_that_is_stuck_is_cut_off_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("spooled_lite.wire.live.stream.SLOW_SECONDS", 0.05)

    async def test(stage: Stage) -> None:
        hub = stage.services.hub
        stuck = await listening(stage, "a")
        stuck.client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        fine = await listening(stage, "b")
        batch = [{"op": "notify", "topic": "a", "message": "x" * 60_000}] * 16
        async with asyncio.timeout(30):
            while hub.streams.count == 2:
                answer = await stage.call("POST", "/api/v1/batch", {"operations": batch})
                assert answer.status == 200, answer.body

        assert await sent(stage, "b", "still here") == 1
        assert await raw(fine) == "event: b\ndata: still here"
        assert "spooled_slow_streams_total 1.0" in stage.services.metrics.text().decode()
        assert hub.streams.held.size_bytes == 0

    played(test)
