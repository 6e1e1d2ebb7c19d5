"""Streams that are told the same are told together; nobody can tell from what it gets."""

import asyncio
import json

import pytest

from spooled_lite.wire.realtime import audience
from spooled_lite.wire.realtime.dialects import Profile, Rendered, joined
from tests.wire.realtime.stage import EventStream, Frame, Stage, on_stage, with_times
from tests.wire.realtime.test_events import changes
from tests.wire.realtime.test_replay import queues
from tests.wire.realtime.test_revocation import narrow_key
from tests.wire.realtime.test_websocket import created

CREATED = "events?events=job.created"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """After what they are told first, they are told nothing more by the passing of time."""
    monkeypatch.setattr(audience, "SECONDS_PER_STREAM", 3_600.0)


async def hold_back(stage: Stage, *streams: EventStream) -> None:
    """Tell them something, so that the next waits."""
    await stage.enqueue("first")
    for stream in streams:
        assert "first" in str((await stream.next()).json)


def held(stage: Stage) -> int:
    """Frames that wait to be told."""
    return sum(each._pending_count for each in stage.feed.streams.audiences(1))


def test_streams_that_see_alike_get_the_same_in_one_order() -> None:
    async def test(stage: Stage) -> None:
        streams = [await stage.stream(CREATED) for _ in range(3)]
        other = await stage.stream(f"{CREATED}&frames=dotted")
        await hold_back(stage, *streams)

        for n in range(audience.PENDING_MAX):
            assert held(stage) == 2 * n
            await stage.enqueue(f"q-{n}")

        seen = [await stream.take(audience.PENDING_MAX) for stream in streams]
        assert queues(seen[0]) == [f"q-{n}" for n in range(audience.PENDING_MAX)]
        assert seen[0] == seen[1] == seen[2]
        assert (await other.take(2))[1].type == "job.created"

    on_stage(test)


def test_who_comes_later_is_told_nothing_of_before() -> None:
    async def test(stage: Stage) -> None:
        before = await stage.stream(CREATED)
        await hold_back(stage, before)
        await stage.enqueue("second")

        after = await stage.stream(CREATED)
        await stage.enqueue("third")
        last = await stage.stream(CREATED)
        stage.feed.streams.flush()
        await stage.enqueue("fourth")
        stage.feed.streams.flush()

        assert queues(await before.take(3)) == ["second", "third", "fourth"]
        assert queues(await after.take(2)) == ["third", "fourth"]
        assert queues(await last.take(1)) == ["fourth"]

    on_stage(test)


def test_nobody_is_told_what_waits_when_the_last_one_has_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(audience, "SECONDS_PER_STREAM", 0.05)

    async def test(stage: Stage) -> None:
        leaving = await stage.stream(CREATED)
        await hold_back(stage, leaving)
        await stage.enqueue("second")
        await leaving.client.close()
        await stage.until(lambda: not stage.feed.streams)

        await asyncio.sleep(0.1)  # when they would have been told

    on_stage(test)
    assert caplog.records == []


def test_what_one_alone_is_told_comes_after_what_all_were_told() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.events("events=job.created,system.health")
        await stage.enqueue("first")
        await stage.enqueue("second")

        frames: list[Frame] = []
        while [each.event for each in frames].count("job.created") < 2:
            frames.append(await stream.next())

        told = [each for each in frames if each.event == "job.created"]
        assert queues(told) == ["first", "second"]

    on_stage(test, with_times(health_seconds=0.05))


@pytest.mark.parametrize("seconds", [{}, {"lifetime_seconds": 0.5}])
def test_a_stream_that_ends_in_order_is_told_the_rest(seconds: dict[str, float]) -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream(CREATED)
        await stage.enqueue("first")
        await stage.enqueue("second")

        if not seconds:
            stage.feed.end_all()

        assert queues(await stream.rest()) == ["first", "second"]

    on_stage(test, with_times(**seconds))


def test_a_job_stream_ends_at_once_with_its_job() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue()
        streams = [await stage.stream(f"events/jobs/{job_id}") for _ in range(2)]

        await stage.complete(await stage.claim())

        for stream in streams:
            assert changes(await stream.rest()) == [
                ">pending", "job.started", "pending>processing",
                "job.completed", "processing>completed",
            ]  # fmt: skip

    on_stage(test)


def test_a_subscription_is_of_one_socket_and_not_of_its_likes() -> None:
    async def test(stage: Stage) -> None:
        sockets = [await stage.socket("events=job.created") for _ in range(2)]
        await stage.enqueue("first")
        await stage.enqueue("second")

        await sockets[0].say({"cmd": "subscribe", "queue": "mine"})
        assert [await created(sockets[0]) for _ in range(2)] == ["first", "second"]
        await stage.enqueue("third")
        await stage.enqueue("mine")
        stage.feed.streams.flush()

        assert await created(sockets[0]) == "mine"
        assert [await created(sockets[1]) for _ in range(4)] == [
            "first", "second", "third", "mine",
        ]  # fmt: skip

    on_stage(test)


def test_a_key_that_sees_less_leaves_the_others() -> None:
    async def test(stage: Stage) -> None:
        key = await stage.issue()
        narrow = await stage.stream(f"{CREATED}&token={key.secret}", {})
        wide = await stage.stream(CREATED)
        assert len(stage.feed.streams.audiences(1)) == 1

        await narrow_key(stage, key)
        await stage.until(lambda: len(stage.feed.streams.audiences(1)) == 2)
        for name in ("emails", "orders"):
            await stage.enqueue(name)
        stage.feed.streams.flush()

        assert queues(await wide.take(2)) == ["emails", "orders"]
        assert queues(await narrow.take(1)) == ["orders"]

    on_stage(test)


def test_long_frames_are_not_joined_to_one_that_is_longer_than_is_written_at_once() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.stream("events?events=job.completed")
        await hold_back_completed(stage, stream)
        for n in range(10):
            await stage.done(result={"n": n, "x": "x" * 20_000})

        [waiting] = stage.feed.streams.audiences(1)
        pieces = list(audience._pieces(Profile.NAMED, waiting._pending))
        stage.feed.streams.flush()

        assert [each.count for each in pieces] == [4, 4, 2]
        assert [frame.data["result"]["n"] for frame in await stream.take(10)] == list(range(10))

    on_stage(test)


async def hold_back_completed(stage: Stage, stream: EventStream) -> None:
    await stage.done()
    assert (await stream.next()).event == "job.completed"


@pytest.mark.parametrize("size", [40, 125, 126, 127, 5_000, 30 * 1024])
def test_messages_are_joined_as_frames_of_the_protocol(size: int) -> None:
    async def test(stage: Stage) -> None:
        texts = [json.dumps({"type": "Ping", "x": "é" + "x" * (size - 30)}), '{"type":"x"}']
        texts[0] += " " * (size - len(texts[0].encode()))
        socket = await stage.socket()
        [stream] = stage.feed.streams

        stream.put(joined(Profile.WS_ENUM, [Rendered(0, 1, (text,)) for text in texts]))

        assert [await socket.next() for _ in texts] == [json.loads(text) for text in texts]

    on_stage(test)
