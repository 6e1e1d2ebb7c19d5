"""A caller that leaves ends what it has asked for, and the world is there for the next one."""

import json
import socket
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from spooled_lite.testing import RefusedCall, Server
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
        with Asked(server.url, server.key, path, body):
            until(lambda: is_moving(server))

        until(lambda: not is_moving(server))

        shown = server.call("GET", "test/clock")
        assert START_MS <= shown["now_ms"] < START_MS + 86_400_000
        jobs = server.call("GET", "jobs?queue_name=later&limit=1")
        assert not jobs or jobs[0]["created_at"] == shown["now"], "what was due there has happened"


def test_a_fork_that_its_caller_does_not_wait_for_is_none() -> None:
    with Server(seed=1) as server:
        assert server.api_key is not None
        server.call("POST", "/schedules", EVERY)

        def is_free() -> bool:  # then there is such a fork afterwards
            with suppress(RefusedCall):
                server.call("POST", "/test/fork", {"name": "left"})
                return True
            return False

        left = {"name": "left", "at": "2031-01-01T00:00:00Z"}
        with Asked(server.url, server.api_key, "test/fork", left):
            server.call("GET", "/test")  # is answered after that call was read
            assert not is_free()

        until(is_free)


class Asked(socket.socket):
    """A call that nobody waits for: the connection is closed in the end."""

    def __init__(self, url: str, key: str, path: str, body: Any) -> None:
        super().__init__()
        self.connect((urlsplit(url).hostname, urlsplit(url).port))
        content = json.dumps(body).encode()
        head = (
            f"POST /api/v1/{path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
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
