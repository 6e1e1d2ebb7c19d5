"""What hangs holds nothing for longer than its client is there, and its world."""

import http.client
from collections.abc import Iterator
from contextlib import closing

import grpc
import pytest
from spooled.grpc.stubs import spooled_pb2 as pb
from websockets.sync.client import connect

from tests.testing.test_faults_grpc import FAR_MS, Caller, calling, until


@pytest.fixture(scope="module")
def served_once() -> Iterator[Caller]:
    with calling() as it:
        yield it


@pytest.fixture
def caller(served_once: Caller) -> Caller:
    served_once.server.call("DELETE", "test/faults")
    served_once.server.call("DELETE", "test/journal")
    return served_once


def struck(caller: Caller) -> None:
    until(lambda: caller.server.world.faults.all()[0].struck)


def ended(caller: Caller, what: str) -> None:
    """The request is over: the journal has its line."""
    lines = caller.server.world.journal.lines
    until(lambda: what in [each.what for each in lines() if each.kind == "request"])


def test_a_request_that_hangs_ends_when_its_client_leaves(caller: Caller) -> None:
    caller.fault({"route": "GET /api/v1/queues"}, {"hang_ms": FAR_MS})
    host = caller.server.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(host)) as connection:
        headers = {"Authorization": f"Bearer {caller.server.key}"}
        connection.request("GET", "/api/v1/queues", headers=headers)
        struck(caller)
    ended(caller, "GET /api/v1/queues")


def test_a_websocket_that_hangs_ends_when_its_client_leaves(caller: Caller) -> None:
    caller.fault({"stream": "websocket"}, {"hang_ms": FAR_MS})
    url = f"{caller.server.url.replace('http', 'ws')}/api/v1/ws?token={caller.server.key}"
    with pytest.raises(TimeoutError):
        connect(url, open_timeout=0.2)
    struck(caller)
    ended(caller, "GET /api/v1/ws")


@pytest.mark.parametrize("method", ["Enqueue", "StreamJobs"])
def test_a_call_that_hangs_ends_when_its_client_leaves(caller: Caller, method: str) -> None:
    caller.fault({"rpc": f"QueueService/{method}"}, {"hang_ms": FAR_MS})
    asked = getattr(pb, f"{method}Request")(queue_name="emails")
    call = getattr(caller.queue, method)
    call = call if method == "StreamJobs" else call.future
    hanging = call(asked, metadata=caller.shown)
    struck(caller)
    hanging.cancel()
    ended(caller, method)


def test_all_that_hangs_ends_with_its_world() -> None:
    with calling() as it:
        for on in ({"rpc": "*"}, {"route": "GET /api/v1/queues"}):
            it.fault(on, {"hang_ms": FAR_MS})
        calls = [
            it.queue.Enqueue.future(pb.EnqueueRequest(queue_name="emails"), metadata=it.shown),
            it.queue.StreamJobs(pb.StreamJobsRequest(queue_name="emails"), metadata=it.shown),
        ]
        host = it.server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=30)
        headers = {"Authorization": f"Bearer {it.server.key}"}
        connection.request("GET", "/api/v1/queues", headers=headers)
        until(lambda: sum(rule.struck for rule in it.server.world.faults.all()) == 3)
    for call in calls:
        assert isinstance(call.exception(timeout=30), grpc.RpcError)
    with closing(connection), pytest.raises((http.client.HTTPException, ConnectionError)):
        connection.getresponse()
