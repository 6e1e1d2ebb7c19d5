"""Every fault on every kind of thing: what goes together strikes, and the rest is refused."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.testing.faults.kinds import DO_OF, ON_KINDS
from spooled_lite.testing.faults.shapes import Do, On
from tests.testing.test_faults_grpc import Caller, calling, until
from tests.testing.test_faults_streams import sse, websocket

SHOP: Final = "https://inbox.test/shop"
CLAIM: Final = "POST /api/v1/jobs/claim"

ON: Final[dict[str, dict[str, Any]]] = {
    "route": {"route": CLAIM},
    "rpc": {"rpc": "QueueService/Dequeue"},
    "delivery": {"delivery": {"url": SHOP}},
    "mail": {"mail": {}},
    "sse": {"stream": "sse"},
    "websocket": {"stream": "websocket"},
    "grpc": {"stream": "grpc"},
}
DO: Final[dict[str, Any]] = {
    "latency_ms": 1,
    "error": {"as": "overloaded"},
    "drop": "after_commit",
    "truncate": 3,
    "hang_ms": 1,
    "redeliver": True,
    "expire_lease": True,
    "receiver": {"status": 204},
    "deliver_twice": True,
    "lose": True,
    "failure": True,
    "end_stream": "stopping",
    "mute_ms": 1,
}
REQUESTS: Final = {"latency_ms", "error", "drop", "hang_ms"}
TOGETHER: Final = {
    "route": REQUESTS | {"truncate", "redeliver", "expire_lease"},
    "rpc": REQUESTS | {"redeliver", "expire_lease"},
    "delivery": {"latency_ms", "receiver", "deliver_twice", "lose"},
    "mail": {"latency_ms", "deliver_twice", "lose", "failure"},
    **dict.fromkeys(("sse", "websocket", "grpc"), REQUESTS | {"end_stream", "mute_ms"}),
}
ALL: Final = [(kind, name) for kind in ON for name in DO]


@pytest.fixture(scope="module")
def caller() -> Iterator[Caller]:
    with calling() as it:
        hook = {"name": "shop", "url": SHOP, "events": ["job.created"]}
        it.server.call("POST", "outgoing-webhooks", hook)
        yield it


def _claim(it: Caller) -> None:
    it.enqueue()
    host = it.server.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=30)
    body = json.dumps({"queue_name": "emails", "worker_id": "w"})
    headers = {"Authorization": f"Bearer {it.server.key}"}
    try:
        connection.request("POST", "/api/v1/jobs/claim", body, headers)
        connection.getresponse().read()
    finally:
        connection.close()


def _dequeue(it: Caller) -> None:
    it.enqueue()
    it.call("Dequeue", pb.DequeueRequest(queue_name="emails", worker_id="w"))


def _send(it: Caller) -> None:
    it.enqueue("sent")
    it.server.call("POST", "test/clock/settle", {"workers": "ignore"})


def _mail(it: Caller) -> None:
    it.server.call("POST", "auth/email/start", {"email": "ada@example.com"})
    it.server.call("POST", "test/clock/advance", {"by": "2m", "workers": "ignore"})


def _sse(it: Caller) -> None:
    with sse(it.server) as stream:
        stream.until(b": connected")
        _struck(it)


def _websocket(it: Caller) -> None:
    with websocket(it.server) as stream:
        stream.recv(timeout=30)
        _struck(it)


def _stream_jobs(it: Caller) -> None:
    it.enqueue("streamed")
    stream = it.call("StreamJobs", pb.StreamJobsRequest(queue_name="streamed", worker_id="w"))
    try:
        next(stream)
    finally:
        stream.cancel()


HAPPENS: Final[dict[str, Callable[[Caller], None]]] = {
    "route": _claim,
    "rpc": _dequeue,
    "delivery": _send,
    "mail": _mail,
    "sse": _sse,
    "websocket": _websocket,
    "grpc": _stream_jobs,
}


def _struck(it: Caller) -> None:
    until(lambda: it.server.world.faults.all()[0].struck)


@pytest.mark.parametrize(("kind", "name"), ALL, ids=[f"{kind}-{name}" for kind, name in ALL])
def test_what_goes_together_strikes_and_the_rest_is_refused(
    caller: Caller, kind: str, name: str
) -> None:
    server = caller.server
    server.call("DELETE", "test/faults")
    server.call("DELETE", "test/journal")
    rule = {"on": ON[kind], "do": {name: DO[name]}, "times": 1}
    if name not in TOGETHER[kind]:
        assert "makes no sense with" in server.refusal("POST", "test/faults", rule)
        return
    made = server.call("POST", "test/faults", rule)["id"]
    with suppress(OSError, http.client.HTTPException, grpc.RpcError, Exception):
        HAPPENS[kind](caller)
    _struck(caller)
    told = server.call("GET", "test/journal?kind=fault")["lines"]
    assert [each["id"] for each in told] == [made]


def test_the_table_is_that_of_the_rules() -> None:
    assert {name for name in Do.__struct_fields__ if name != "where"} == DO.keys()
    for kind, names in TOGETHER.items():
        [of_rules] = [DO_OF[each] for each in ON_KINDS if each in ON[kind]]
        assert of_rules == names
    assert {each for on in ON.values() for each in on} == set(ON_KINDS)


def test_the_docs_have_the_table() -> None:
    text = Path("docs/testing-faults.md").read_text()
    for kind, names in DO_OF.items():
        [row] = [line for line in text.splitlines() if line.startswith(f"| `{kind}` | a")]
        faults = row.split(" | ")[-1]
        assert {name for name in DO if f"`{name}`" in faults} == names
    for name in (*On.__struct_fields__, *Do.__struct_fields__):
        assert f"`{name}" in text or f'"{name}"' in text, name
