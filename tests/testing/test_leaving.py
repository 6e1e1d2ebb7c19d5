"""A caller that leaves ends what it has asked for, and the world is there for the next one."""

import json
import socket
import time
import urllib.error
from collections.abc import Callable, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.outbound.receiver import Receiver
from tests.testing.served import Served, served
from tests.testing.stage import START_MS

SECONDS_MAX: Final = 4.0  # a move that goes on takes 5 for a receiver, 10 for a worker, else 25
WORKER: Final = {"queue_name": "emails", "worker_id": "w1", "hostname": "h"}
JOB: Final = {"queue_name": "emails", "payload": {}}
EVERY: Final = {
    "name": "every", "cron_expression": "* * * * * *", "queue_name": "later",
    "payload_template": {},
}  # fmt: skip


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as it:
        yield it


def held_by_a_worker(server: Served, receiver: Receiver) -> None:
    server.call("POST", "workers/register", WORKER)
    server.call("POST", "jobs", JOB)


def held_by_a_receiver(server: Served, receiver: Receiver) -> None:
    hook = {"name": "shop", "url": receiver.url("hangs", "it"), "events": ["job.created"]}
    server.call("POST", "outgoing-webhooks", hook)
    server.call("POST", "jobs", JOB)


def held_by_much_to_do(server: Served, receiver: Receiver) -> None:
    server.call("POST", "schedules", EVERY)


@pytest.mark.parametrize("hold", [held_by_a_worker, held_by_a_receiver, held_by_much_to_do])
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("test/clock/advance", {"by": "1d"}),
        ("test/expect", {"within": "1d", "expect": [{"queue": "emails", "count": 7}]}),
    ],
)
def test_the_move_of_a_caller_that_leaves_ends_at_a_whole_step(
    hold: Callable[[Served, Receiver], None], path: str, body: Any, receiver: Receiver
) -> None:
    with served(shutdown_grace_seconds=0.0) as server:
        hold(server, receiver)
        with Asked(server, path, body):
            until(lambda: is_moving(server))

        until(lambda: not is_moving(server))

        shown = server.call("GET", "test/clock")
        assert START_MS <= shown["now_ms"] < START_MS + 86_400_000
        jobs = server.call("GET", "jobs?queue_name=later&limit=1")
        assert not jobs or jobs[0]["created_at"] == shown["now"], "what was due there has happened"


class Asked(socket.socket):
    """A call that nobody waits for: the connection is closed in the end."""

    def __init__(self, server: Served, path: str, body: Any) -> None:
        super().__init__()
        self.connect((urlsplit(server.url).hostname, urlsplit(server.url).port))
        content = json.dumps(body).encode()
        head = (
            f"POST /api/v1/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        self.sendall(head.encode() + content)


def is_moving(server: Served) -> bool:
    """Asked without moving it."""
    try:
        server.call("PUT", "test/clock", {"mode": "frozen"})
    except urllib.error.HTTPError as error:
        error.close()
        return error.code == 409
    return False


def until(holds: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + SECONDS_MAX
    while not holds():
        assert time.monotonic() < ends_at, "it goes on"
