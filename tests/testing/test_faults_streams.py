"""Faults on request of streams: refused as they are opened, ended as they really end, or silent."""

import http.client
import queue
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import grpc
import pytest
from grpc import StatusCode
from spooled.grpc.stubs import spooled_pb2 as pb
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus
from websockets.sync.client import connect
from websockets.sync.connection import Connection

from spooled_lite.wire.realtime.timing import Timing
from tests.testing.served import Served
from tests.testing.test_faults_grpc import Caller, calling, until

SECONDS_MAX: Final = 30.0
FAR_MS: Final = 600_000
CODES: Final = {"slow": 1013, "stopping": 1012, "revoked": 1008}
STATUSES: Final = {
    "stopping": (StatusCode.UNAVAILABLE, "The server is stopping"),
    "revoked": (StatusCode.UNAUTHENTICATED, "Invalid API key"),
}
WANTED: Final = pb.StreamJobsRequest(queue_name="none", worker_id="w")


@pytest.fixture(scope="module")
def served_once() -> Iterator[Caller]:
    with calling() as it:
        feed = it.server.world.app.services.feed
        feed.use(Timing(turn_seconds=0.02))  # how soon it notices who has left
        yield it


@pytest.fixture
def caller(served_once: Caller) -> Caller:
    served_once.server.call("DELETE", "test/faults")
    streams = served_once.server.world.faults.streams
    until(lambda: not streams)  # those of the last test
    return served_once


class Sse:
    def __init__(self, server: Served, path: str = "events") -> None:
        host = server.url.removeprefix("http://")
        self._connection = http.client.HTTPConnection(host, timeout=SECONDS_MAX)
        headers = {"Authorization": f"Bearer {server.key}"}
        self._connection.request("GET", f"/api/v1/{path}", headers=headers)
        self.answer = self._connection.getresponse()

    def until(self, text: bytes) -> None:
        while text not in (line := self.answer.readline()):
            assert line, f"the stream has ended without {text!r}"

    def rest(self) -> bytes:
        """Comes to an end only if the stream does."""
        return self.answer.read()

    def close(self) -> None:
        self._connection.close()


@contextmanager
def sse(server: Served, path: str = "events") -> Iterator[Sse]:
    it = Sse(server, path)
    try:
        yield it
    finally:
        it.close()


@contextmanager
def websocket(server: Served) -> Iterator[Connection]:
    url = f"{server.url.replace('http', 'ws')}/api/v1/ws?token={server.key}"
    with connect(url, open_timeout=SECONDS_MAX, ping_interval=None) as it:
        yield it


def closed(it: Connection) -> int:
    with suppress(ConnectionClosed):
        while True:  # all that comes until it is closed
            it.recv(timeout=SECONDS_MAX)
    assert it.close_code is not None
    return it.close_code


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("end", ["slow", "stopping", "revoked"])
def test_a_stream_of_events_ends_as_it_really_ends(caller: Caller, end: str, is_open: bool) -> None:
    server = caller.server
    if not is_open:
        caller.fault({"stream": "sse"}, {"end_stream": end}, times=1)
        caller.fault({"stream": "websocket"}, {"end_stream": end}, times=1)
    with sse(server) as one, websocket(server) as other:
        assert one.answer.status == 200
        one.until(b": connected")
        if is_open:
            assert other.recv(timeout=SECONDS_MAX)  # only then is it known as open
            caller.fault({"stream": "sse"}, {"end_stream": end}, times=1)
            caller.fault({"stream": "websocket"}, {"end_stream": end}, times=1)
        else:
            assert one.answer.headers["X-Spooled-Fault"]
        one.rest()
        assert closed(other) == CODES[end]
    with sse(server) as one, websocket(server) as other:
        one.until(b": connected")
        assert other.recv(timeout=SECONDS_MAX)
    rules = server.call("GET", "test/faults")["faults"]
    assert [each["struck"] for each in rules] == [1, 1]


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("end", ["stopping", "revoked"])
def test_a_stream_of_jobs_ends_as_it_really_ends(caller: Caller, end: str, is_open: bool) -> None:
    for method, asked in (("StreamJobs", WANTED), ("ProcessJobs", iter(()))):
        if not is_open:
            caller.fault({"stream": "grpc"}, {"end_stream": end}, times=1)
        hold = Requests() if method == "ProcessJobs" else asked
        stream = caller.call(method, hold)
        if is_open:
            stream.initial_metadata()  # it is open
            caller.fault({"stream": "grpc"}, {"end_stream": end}, times=1)
        with pytest.raises(grpc.RpcError) as raised:
            next(stream)
        error: Any = raised.value
        assert (error.code(), error.details()) == STATUSES[end]
        if isinstance(hold, Requests):
            hold.end()


class Requests:
    """A stream of requests that goes on, and asks nothing."""

    def __init__(self) -> None:
        self._line: Any = queue.SimpleQueue()

    def __iter__(self) -> "Requests":
        return self

    def __next__(self) -> Any:
        self._line.get()
        raise StopIteration

    def end(self) -> None:
        self._line.put(None)


def test_which_streams_a_rule_strikes(caller: Caller) -> None:
    server = caller.server
    job_id = caller.enqueue("watched")
    key_id = next(each["id"] for each in server.call("GET", "api-keys"))
    caller.fault({"stream": "sse", "queue": "watched"}, {"end_stream": "stopping"})
    with sse(server, "events/queues/watched") as one, sse(server, f"events/jobs/{job_id}") as two:
        one.rest()
        two.rest()
    with sse(server) as other:
        other.until(b": connected")
        rules = server.call("GET", "test/faults")["faults"]
        assert rules[0]["struck"] == 2
        caller.fault({"stream": "sse", "key_id": "none"}, {"end_stream": "stopping"})
        caller.fault({"stream": "sse", "key_id": key_id}, {"end_stream": "stopping"})
        other.rest()
    struck = [each["struck"] for each in server.call("GET", "test/faults")["faults"]]
    assert struck == [2, 0, 1]


def test_a_silent_stream_says_everything_later(caller: Caller) -> None:
    server = caller.server
    with sse(server) as one, websocket(server) as other:
        one.until(b": connected")
        other.recv(timeout=SECONDS_MAX)
        began = time.monotonic()
        for kind in ("sse", "websocket"):
            caller.fault({"stream": kind}, {"mute_ms": 300})
        pong = other.ping()
        job_id = caller.enqueue("muted")
        assert pong.wait(SECONDS_MAX)
        assert time.monotonic() - began >= 0.3, "not even pings are answered"
        one.until(job_id.encode())
        assert time.monotonic() - began >= 0.3
        while job_id not in str(other.recv(timeout=SECONDS_MAX)):
            pass

    caller.fault({"stream": "grpc"}, {"mute_ms": 300})
    began = time.monotonic()
    stream = caller.call("StreamJobs", pb.StreamJobsRequest(queue_name="muted", worker_id="w"))
    assert next(stream).id == job_id
    assert time.monotonic() - began >= 0.3
    stream.cancel()


def test_a_silent_stream_ends_with_its_client(caller: Caller) -> None:
    services = caller.server.world.app.services
    for kind in ("sse", "websocket", "grpc"):
        caller.fault({"stream": kind}, {"mute_ms": FAR_MS})
    job_id = caller.enqueue("silent")
    with sse(caller.server) as one, websocket(caller.server):
        assert one.answer.status == 200
        stream = caller.call("StreamJobs", pb.StreamJobsRequest(queue_name="silent", worker_id="w"))
        until(lambda: caller.server.call("GET", f"jobs/{job_id}")["status"] == "processing")
        stream.cancel()
    until(lambda: not services.feed.streams.count("sse"))
    until(lambda: not services.feed.streams.count("websocket"))
    until(lambda: caller.server.call("GET", f"jobs/{job_id}")["status"] == "pending")


def test_a_silent_stream_ends_with_its_world() -> None:
    with calling() as it:
        for kind in ("sse", "websocket", "grpc"):
            it.fault({"stream": kind}, {"mute_ms": FAR_MS})
        it.enqueue("silent")
        one = Sse(it.server)
        stream = it.call("StreamJobs", pb.StreamJobsRequest(queue_name="silent", worker_id="w"))
        faults = it.server.world.faults
        until(lambda: sum(rule.struck for rule in faults.all()) == 2)
        began = time.monotonic()
    assert time.monotonic() - began < SECONDS_MAX
    one.rest()
    one.close()
    with pytest.raises(grpc.RpcError):
        list(stream)


def test_a_stream_is_refused_or_cut_as_it_is_opened(caller: Caller) -> None:
    server = caller.server

    def refused(do: dict[str, Any]) -> tuple[int, StatusCode]:
        for kind in ("sse", "websocket", "grpc"):
            caller.fault({"stream": kind}, do, times=1)
        with sse(server) as one:
            status = one.answer.status
        with pytest.raises(InvalidStatus) as raised, websocket(server):
            pass
        assert raised.value.response.status_code == status
        return status, caller.refusal("StreamJobs", WANTED)[0]

    assert refused({"error": {"as": "overloaded"}}) == (503, StatusCode.UNAVAILABLE)
    assert refused({"error": {"as": "unauthorized"}}) == (401, StatusCode.UNAUTHENTICATED)
    assert refused({"error": {"as": "rate_limited"}}) == (429, StatusCode.RESOURCE_EXHAUSTED)

    for do in ({"drop": "before"}, {"drop": "after_commit"}, {"hang_ms": 20}):
        for kind in ("sse", "websocket"):
            caller.fault({"stream": kind}, do, times=1)
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            Sse(server)
        with pytest.raises((InvalidMessage, ConnectionError, EOFError)), websocket(server):
            pass
    for kind in ("sse", "websocket", "grpc"):
        caller.fault({"stream": kind}, {"latency_ms": 5}, times=1)
    with sse(server) as one, websocket(server):
        one.until(b": connected")
    caller.call("ProcessJobs", iter(()))

    late = {"latency_ms": 60, "where": "answer"}
    caller.fault({"route": "GET /api/v1/events"}, late, times=1)
    began = time.monotonic()
    with sse(server) as one:
        assert time.monotonic() - began >= 0.06
        one.until(b": connected")
