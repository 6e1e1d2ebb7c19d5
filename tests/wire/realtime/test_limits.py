"""Bounds of streams: how many, how long, how far behind; and the end of the server."""

import asyncio
import json
import socket as sockets
from typing import Any, Final

import pytest
from websockets.exceptions import InvalidStatus

from spooled_lite.wire.http.server.limits import HttpLimits
from spooled_lite.wire.realtime.stream import BACKLOG_MAX
from tests.wire.http.raw_http import PATIENCE_SECONDS
from tests.wire.realtime.stage import EventStream, Stage, on_stage, with_times

TOO_MANY = "Too many WebSocket connections"


# -- how many --------------------------------------------------------------------------------------


def test_each_kind_has_its_own_bound_and_each_organization() -> None:
    async def test(stage: Stage) -> None:
        other = await stage.other_org()
        streams = [await stage.events(), await stage.stream("events/queues/x")]
        open_sockets = [await stage.socket(), await stage.socket()]

        refused = await stage.refused("events/jobs/x")
        with pytest.raises(InvalidStatus) as no_upgrade:
            await stage.bare_socket(f"token={stage.key}")

        assert (refused.status, refused.json["code"]) == (429, "RATE_LIMIT_EXCEEDED")
        assert refused.json["message"] == TOO_MANY
        assert refused.headers["retry-after"] == "30"
        response = no_upgrade.value.response
        assert (response.status_code, response.headers["retry-after"]) == (429, "30")
        assert json.loads(response.body or b"")["message"] == TOO_MANY
        await stage.stream(f"events?token={other}", {})
        await stage.socket(key=other)

        await streams[0].client.close()
        await open_sockets[0].connection.close()
        await stage.until(lambda: stage.feed.streams.count("sse") == 2)
        await stage.until(lambda: stage.feed.streams.count("websocket") == 2)
        await stage.events()
        await stage.socket()

    on_stage(test, streams_per_org_max=2)


def test_a_refused_stream_takes_no_place() -> None:
    async def test(stage: Stage) -> None:
        for path in ("events?queue=a%20b", "events/queues/a%20b", "ws"):
            for _ in range(3):
                assert (await stage.refused(path)).status == 400

        await stage.events()
        await stage.socket()

    on_stage(test, streams_per_org_max=1)


def test_many_streams_come_and_go_and_leave_nothing_behind() -> None:
    async def test(stage: Stage) -> None:
        job_id = await stage.enqueue()
        stays = await stage.events()
        for _ in range(3):
            opened: list[Any] = []
            for n in range(30):
                opened.append(await stage.events(f"queue=q-{n}"))
                opened.append(await stage.stream(f"events/jobs/{job_id}"))
                opened.append(await stage.socket())
            await stage.enqueue()
            for each in opened:
                if isinstance(each, EventStream):
                    await each.client.close()
                else:
                    await each.connection.close()
            await stage.until(lambda: len(list(stage.feed.streams)) == 1)

        [of_org] = stage.feed.streams._orgs.values()
        assert (len(of_org.places), len(of_org.audiences)) == (1, 1)
        await stays.client.close()
        await stage.until(lambda: not stage.feed.streams)
        assert stage.feed.streams._orgs == {}

    on_stage(test)


def test_open_streams_are_counted_for_whoever_watches_the_server() -> None:
    async def test(stage: Stage) -> None:
        await stage.events()
        await stage.events()
        await stage.socket()

        text = stage.services.metrics.text()

        assert b"\nspooled_event_streams 2.0\n" in text
        assert b"\nspooled_websockets 1.0\n" in text
        assert b"\nspooled_slow_streams_total 0.0\n" in text

    on_stage(test)


# -- how long --------------------------------------------------------------------------------------


def test_a_silent_stream_is_kept_alive_with_comments() -> None:
    async def test(stage: Stage) -> None:
        for path in ("events?events=job.created", "events/queues/x?events=x"):
            stream = await stage.stream(path)
            blocks = [await stream.block() for _ in range(4)]
            comments = [block.raw for block in blocks if block is not None and block.is_comment]

            assert comments[-3:] == [": ping"] * 3

    on_stage(test, with_times(keep_alive_seconds=0.1))


def test_whatever_is_written_puts_the_comment_off() -> None:
    async def test(stage: Stage) -> None:
        stream = await stage.events()

        blocks = [await stream.block() for _ in range(8)]

        assert [block.event for block in blocks if block is not None] == ["system.health"] * 8

    on_stage(test, with_times(keep_alive_seconds=1.0, health_seconds=0.05))


def test_an_event_stream_ends_in_order_when_its_time_is_over_and_a_websocket_does_not() -> None:
    async def test(stage: Stage) -> None:
        streams = [
            await stage.events(),
            await stage.stream("events/queues/x"),
            await stage.stream(f"events/jobs/{await stage.enqueue()}"),
        ]
        socket = await stage.socket()

        for stream in streams:
            await stream.rest()

        await socket.heard()

    on_stage(test, with_times(lifetime_seconds=0.2))


def test_a_stream_outlives_the_time_limit_of_other_requests() -> None:
    async def test(stage: Stage) -> None:
        stage.it.application.api._time_limit._seconds_max = 0.05
        stage.it.application.api._time_limit._sweep_seconds = 0.02
        stream = await stage.events()

        for _ in range(5):
            assert (await stream.next()).event == "system.health"

    on_stage(test, with_times(health_seconds=0.1))


def test_a_peer_that_answers_no_ping_is_dropped() -> None:
    async def test(stage: Stage) -> None:
        client = await stage.connect()
        await client.send(
            f"GET /api/v1/ws?token={stage.key} HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\n"
            "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )

        said = await client.read_to_end()

        assert b"\x89\x04" in said  # a ping, never answered
        await stage.until(lambda: stage.feed.streams.count("websocket") == 0)

    limits = HttpLimits(
        sweep_seconds=0.05, websocket_ping_seconds=0.1, websocket_pong_seconds_max=0.1
    )
    on_stage(test, limits=limits)


# -- how far behind --------------------------------------------------------------------------------


LONG_NAME: Final = "q" * 100


async def flood(stage: Stage, until: Any) -> None:
    """Have things happen until somebody has fallen behind: three frames of two rows a job."""
    jobs = [{"payload": 1}] * 100
    asked = {"queue": LONG_NAME, "worker_id": "w-1", "limit": 100}
    async with asyncio.timeout(PATIENCE_SECONDS * 2):
        while not until():
            await stage.post("jobs/bulk", {"queue": LONG_NAME, "jobs": jobs})
            await stage.post("jobs/claim", asked)


def deaf(stage: Stage) -> sockets.socket:
    """A connection whose other end reads nothing and has no room for much."""
    connection = sockets.socket()
    connection.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
    connection.setblocking(False)
    return connection


async def connect_deaf(stage: Stage, head: str) -> sockets.socket:
    connection = deaf(stage)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(connection, ("127.0.0.1", stage.server.port))
    await loop.sock_sendall(connection, head.encode())
    return connection


def slow_count(stage: Stage) -> int:
    return stage.services.metrics.counted("spooled_slow_streams_total")


@pytest.mark.slow
def test_an_event_stream_that_falls_behind_ends_and_its_reader_comes_back() -> None:
    async def test(stage: Stage) -> None:
        good = await stage.stream("events?events=job.cancelled")
        path = "events?events=job.created,job.started,job.status"
        head = f"GET /api/v1/{path}&token={stage.key} HTTP/1.1\r\nHost: t\r\n"
        connection = await connect_deaf(stage, f"{head}Connection: close\r\n\r\n")
        await stage.until(lambda: stage.feed.streams.count("sse") == 2)
        slow = list(stage.feed.streams)[1]

        await flood(stage, lambda: slow.end is not None)
        kept_count = slow.waiting_count
        said = await _read_all(connection)
        ids = [int(line[4:]) for line in said.split(b"\n") if line.startswith(b"id: ")]
        headers = {"Authorization": f"Bearer {stage.key}", "Last-Event-ID": str(ids[-1])}
        back = await stage.stream(path, headers)
        next_id = (await back.next()).id or (await back.next()).id
        job_id = await stage.enqueue()
        await stage.post(f"jobs/{job_id}/cancel")

        assert (slow.end, kept_count) == ("slow", 0)  # nothing is kept for it
        assert said.endswith(b"\r\n0\r\n\r\n")
        assert b"event: error" not in said
        assert ids == list(range(ids[0], ids[-1] + 1))
        assert next_id == ids[-1] + 1
        assert slow_count(stage) == 1
        assert (await good.next()).data["job_id"] == job_id

    on_stage(test)


@pytest.mark.slow
def test_a_socket_that_takes_nothing_at_all_is_cut_off() -> None:
    async def test(stage: Stage) -> None:
        path = f"/api/v1/events?token={stage.key}"
        connection = await connect_deaf(stage, f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n")
        await stage.until(lambda: stage.feed.streams.count("sse") == 1)
        [slow] = stage.feed.streams

        await flood(stage, lambda: slow.end is not None)

        await stage.until(lambda: stage.feed.streams.count("sse") == 0)
        await stage.until(lambda: stage.server.connection_count == 0)
        connection.close()

    on_stage(test, limits=HttpLimits(sweep_seconds=0.05, send_seconds_max=0.3))


@pytest.mark.slow
def test_a_websocket_that_falls_behind_is_closed_with_1013() -> None:
    async def test(stage: Stage) -> None:
        upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        upgrade += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        path = f"/api/v1/ws?events=job.created&token={stage.key}"
        head = f"GET {path} HTTP/1.1\r\nHost: t\r\n{upgrade}\r\n"
        connection = await connect_deaf(stage, head)
        stays = await connect_deaf(stage, head)
        good = await stage.socket()
        await stage.until(lambda: stage.feed.streams.count("websocket") == 3)
        before = list(stage.feed.streams)[:2]

        await flood(stage, lambda: all(each.end is not None for each in before))
        said = await _read_all(connection)

        assert said.endswith(b"\x88\x02\x03\xf5")  # close, 1013
        assert b'"Error"' not in said
        # The one that reads nothing at all goes as well.
        await stage.until(lambda: stage.feed.streams.count("websocket") <= 1)
        assert slow_count(stage) >= 2
        stays.close()
        await good.connection.close()

    limits = HttpLimits(sweep_seconds=0.05, websocket_close_seconds_max=0.5)
    on_stage(test, limits=limits)


async def _read_all(connection: sockets.socket) -> bytes:
    loop = asyncio.get_running_loop()
    said = b""
    async with asyncio.timeout(PATIENCE_SECONDS * 2):
        while True:
            try:
                part = await loop.sock_recv(connection, 65536)
            except ConnectionError:
                break
            if not part:
                break
            said += part
    connection.close()
    return said


def test_a_reader_that_is_as_far_behind_as_it_may_be_is_not_ended() -> None:
    async def test(stage: Stage) -> None:
        # No reader can run before the whole commit has been told.
        stream = await stage.stream("events?events=job.cancelled,job.created")

        for _ in range(BACKLOG_MAX // 100):
            await stage.post("jobs/bulk", {"queue": "x", "jobs": [{"payload": 1}] * 100})
        frames = await stream.take(BACKLOG_MAX)

        assert len({frame.id for frame in frames}) == BACKLOG_MAX

    on_stage(test)


# -- the end of the server -------------------------------------------------------------------------


def test_a_stop_ends_event_streams_in_order_and_closes_websockets_with_1012() -> None:
    async def test(stage: Stage) -> None:
        streams = [
            await stage.events(),
            await stage.stream("events/queues/x"),
            await stage.stream(f"events/jobs/{await stage.enqueue()}"),
        ]
        socket = await stage.socket()

        stopping = asyncio.create_task(stage.server.stop())
        for stream in streams:
            assert all(frame.event != "error" for frame in await stream.rest())
        assert await socket.closed() == 1012
        async with asyncio.timeout(PATIENCE_SECONDS):
            await stopping

        assert not stage.feed.streams

    on_stage(test)


def test_a_server_that_stops_opens_no_stream() -> None:
    async def test(stage: Stage) -> None:
        client = await stage.connect()
        await client.send(b"GET /health/live HTTP/1.1\r\nHost: t\r\n\r\n")
        await client.read_answer()
        stage.feed.end_all()

        await client.send(
            f"GET /api/v1/events?token={stage.key} HTTP/1.1\r\nHost: t\r\n\r\n".encode()
        )
        answer = await client.read_answer()

        assert (answer.status, answer.json["code"]) == (503, "SERVICE_UNAVAILABLE")

    on_stage(test)
