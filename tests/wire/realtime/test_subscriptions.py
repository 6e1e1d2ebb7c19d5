"""Subscriptions are looked up by what a frame is about, and let pass what any of them would."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.sync.client import ClientConnection, connect

from spooled_lite.core.jobs.replay import Logged
from spooled_lite.events import Event
from spooled_lite.wire.realtime import registry
from spooled_lite.wire.realtime.filters import Filter
from spooled_lite.wire.realtime.subscriptions import NAMES_MAX, Subscriptions
from tests.bystander import Bystander
from tests.server_process import API_KEY, ServerProcess
from tests.wire.realtime.stage import Socket, Stage, on_stage
from tests.wire.realtime.test_limits import TOO_MANY
from tests.wire.realtime.test_names import a_frame
from tests.wire.realtime.test_websocket import asked, created

pytestmark = pytest.mark.alone

NAMES = ("a", "ab", "abc", "b", "é")
KINDS = ("job.created", "job.failed", "worker.heartbeat", "ping")

filters = st.builds(
    Filter.of,
    queues=st.lists(st.sampled_from([*NAMES, "*", *(f"{name}*" for name in NAMES)]), max_size=3),
    job_id=st.sampled_from([None, None, "j-1", "j-2"]),
    worker_id=st.sampled_from([None, None, "w-1", "w-2"]),
    kinds=st.one_of(st.none(), st.frozensets(st.sampled_from(KINDS), max_size=2)),
)
frames = st.builds(
    a_frame,
    st.sampled_from(KINDS),
    queue_name=st.sampled_from([None, *NAMES]),
    job_id=st.sampled_from([None, "j-1", "j-2"]),
    worker_id=st.sampled_from([None, "w-1", "w-2"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(filters, min_size=1, max_size=8), st.lists(frames, max_size=5), st.data())
def test_a_frame_passes_when_any_subscription_lets_it_pass(
    wanted: list[Filter], frames: list[Any], data: st.DataObject
) -> None:
    subscriptions = Subscriptions()
    for each in wanted:
        subscriptions.add(each)
    while wanted:
        for frame in frames:
            is_always = frame.kind in ("ping", "error", "system.health")
            passes = any(each.passes(frame) for each in wanted)
            assert subscriptions.pass_on(frame) is (is_always or passes)
        assert subscriptions.count == len(wanted)
        gone = wanted.pop(data.draw(st.integers(0, len(wanted) - 1)))
        subscriptions.remove(gone)

    assert not subscriptions
    assert (subscriptions.name_count, subscriptions._choices) == (0, {})


@pytest.mark.slow
def test_names_without_end_on_a_websocket_cost_nobody_else(tmp_path: Path) -> None:
    with ServerProcess(tmp_path) as server:
        server.start()
        with names_on(server, 2) as refused, Bystander(server.url, API_KEY) as bystander:
            for _ in range(3):
                bulk_of_100(server)

    assert bystander.waits.longest_ms < 200
    assert refused[0].startswith("A connection names at most")


@contextmanager
def names_on(server: ServerProcess, count: int) -> Iterator[list[str]]:
    """So many WebSockets, each with 1,000 subscriptions of 100 queues, as far as it may."""
    url = f"{server.url.replace('http', 'ws')}/api/v1/ws?token={API_KEY}&dialect=dotted"
    refused: list[str] = []
    open_sockets: list[ClientConnection] = []
    try:
        for _ in range(count):
            socket = connect(url, compression=None)
            open_sockets.append(socket)
            for n in range(1_000):
                refused += subscribed(socket, [f"queue-{n}-{k}" for k in range(100)])
        yield refused
    finally:
        for socket in open_sockets:
            socket.close()


def subscribed(socket: ClientConnection, names: list[str]) -> list[str]:
    """Subscribe; the error, if it was refused."""
    socket.send(json.dumps({"type": "subscribe", "request_id": "r", "queues": names}))
    while (answer := json.loads(socket.recv()))["type"] not in ("subscribed", "error"):
        pass
    return [answer["error"]] if answer["type"] == "error" else []


def bulk_of_100(server: ServerProcess) -> None:
    body = {"queue": "other", "jobs": [{"payload": 1}] * 100}
    headers = {"Authorization": f"Bearer {API_KEY}"}
    answer = httpx.post(f"{server.url}/api/v1/jobs/bulk", json=body, headers=headers, timeout=60)
    assert answer.is_success


async def subscribe_to(socket: Socket, *names: str) -> Any:
    return await asked(socket, "subscribe", filter={"queues": names})


def test_a_connection_names_so_much_and_not_more() -> None:
    async def test(stage: Stage) -> None:
        socket = await stage.socket("dialect=dotted&events=job.created")
        for n in range(NAMES_MAX // 100):
            answer = await subscribe_to(socket, *(f"q-{n}-{k}" for k in range(100)))
            # The address of the WebSocket names an event, which counts as well.
            assert answer["type"] == ("subscribed" if n < NAMES_MAX // 100 - 1 else "error")

        await asked(socket, "unsubscribe", filter={"queues": [f"q-0-{k}" for k in range(100)]})
        again = await subscribe_to(socket, "emails")
        await stage.enqueue("q-0-0")
        await stage.enqueue("emails")

        assert str(NAMES_MAX) in answer["error"]
        assert again["type"] == "subscribed"
        assert await created(socket) == "emails"

    on_stage(test)


def test_events_count_as_often_as_what_they_are_chosen_of() -> None:
    assert Filter.of().name_count == 1
    assert Filter.of(queues=["a", "b*"], job_id="j").name_count == 3
    assert Filter.of(queues=["a", "b"], kinds=frozenset({"ping", "error"})).name_count == 4


def test_the_streams_of_an_organization_name_so_much_and_not_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry, "NAMES_OF_ORG_MAX", 10)

    async def test(stage: Stage) -> None:
        other = await stage.other_org()
        stream = await stage.events("queues=a,b,c,d,e,f,g")
        socket = await stage.socket("dialect=dotted")  # names nothing, which counts as one thing

        refused = await stage.refused("events?queues=a,b,c")
        denied = await subscribe_to(socket, "x", "y", "z")
        taken = await subscribe_to(socket, "x", "y")
        theirs = await stage.events(f"queues=a,b,c&token={other}", {})
        await stream.client.close()
        await stage.until(lambda: stage.feed.streams.count("sse") == 1)
        later = await subscribe_to(socket, "z")

        assert (refused.status, refused.json["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert refused.json["message"] != TOO_MANY
        assert "an organization" in denied["error"]
        assert taken["type"] == later["type"] == "subscribed"
        await theirs.client.close()

    on_stage(test)


def test_only_those_are_looked_at_who_name_what_has_happened() -> None:
    async def test(stage: Stage) -> None:
        streams = stage.feed.streams
        for n in range(20):
            await stage.stream(f"events?queues=a-{n},b-{n}*")
        socket = await stage.socket()
        everything = [len(streams.concerned(1, name)) for name in ("a-1", "b-19", "c")]
        await socket.say({"cmd": "subscribe", "queue": "c"})
        await socket.say({"cmd": "subscribe", "queue": "d"})
        await socket.say({"cmd": "unsubscribe", "queue": "d"})
        await socket.say({"cmd": "subscribe", "job_id": "j-1"})
        await socket.heard()

        assert everything == [2, 3, 1]  # b-19 begins like two of them
        found = [len(streams.concerned(1, name, "j-1")) for name in ("a-1", "c", "d")]
        assert found == [2, 1, 1]
        assert [len(streams.concerned(1, name)) for name in ("a-1", "c", "d")] == [1, 1, 0]

    on_stage(test)


def test_nothing_is_made_of_an_event_whose_frames_no_stream_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    of_event = Logged.of_event

    def noted(event: Event) -> Logged:
        made.append(event.type)
        return of_event(event)

    monkeypatch.setattr(Logged, "of_event", noted)

    async def test(stage: Stage) -> None:
        quiet = await stage.stream("events?events=queue.paused,worker.inactive")
        await stage.done()
        before = list(made)

        jobs = await stage.stream("events?events=job.status")
        await stage.done()
        seen = await jobs.take(2)
        await jobs.client.close()
        await stage.until(lambda: stage.feed.streams.count("sse") == 1)
        made.clear()
        await stage.done()
        await stage.post("queues/emails/pause")

        assert before == []
        assert [each.data["new_status"] for each in seen] == ["processing", "completed"]
        assert (await quiet.next()).event == "queue.paused"
        assert made == ["queue.paused"]

    on_stage(test)


def test_a_stream_of_few_kinds_still_ends_when_its_job_is_deleted() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue()
        stream = await stage.stream(f"events/jobs/{job_id}?events=job.failed")

        await stage.post("queues/emails/purge", {"confirm": True})

        told = (await stream.rest())[-1]
        assert (told.event, told.data["message"]) == ("error", "Job not found")

    on_stage(test)
