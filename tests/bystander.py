"""Somebody else: keeps asking a server for small things, and says how long the longest took.

A process of its own, so that what the load of a test costs its own process is not counted.
"""

import http.client
import json
import select
import subprocess
import sys
import time
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from msgspec import Struct

START_SECONDS_MAX: Final = 30.0
ANSWER_SECONDS_MAX: Final = 60.0  # a server that stands longer has failed
NAP_SECONDS: Final = 0.001
JOB: Final = json.dumps({"queue_name": "bystander", "payload": {"n": 1}})


class Waits(Struct, frozen=True):
    """Milliseconds: the longest answer of each kind, and the longest that a nap lasted too long."""

    live_ms: float
    enqueue_ms: float
    machine_ms: float
    rounds: int
    refused: int  # answers that were neither 2xx nor the usual 200 of /health/live

    @property
    def longest_ms(self) -> float:
        """The longest wait, less what the machine itself kept a sleeping process waiting for."""
        return max(self.live_ms, self.enqueue_ms) - self.machine_ms


class Bystander:
    """`with Bystander(url, key) as bystander: …` makes a load; then `bystander.waits`."""

    def __init__(self, url: str, api_key: str) -> None:
        self._arguments = (url, api_key)
        self._waits: Waits | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bystander", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS_MAX)
        if not ready or self._process.stdout.readline() != "ready\n":
            self._end()
            raise AssertionError("the bystander was not answered before the load began")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            report, _ = self._process.communicate(timeout=2 * ANSWER_SECONDS_MAX)
        finally:
            self._end()
        if kind is None:
            self._waits = Waits(**json.loads(report))

    @property
    def waits(self) -> Waits:
        """What was seen, once the context was left."""
        assert self._waits is not None, "asked for inside the context"
        return self._waits

    def _end(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


class _Asking:
    """The loop of the process. Ends when its standard input does."""

    def __init__(self, url: str, api_key: str) -> None:
        address = urlsplit(url)
        assert address.hostname is not None, "an address like http://127.0.0.1:8080"
        self._connection = http.client.HTTPConnection(
            address.hostname, address.port, timeout=ANSWER_SECONDS_MAX
        )
        self._headers = {"Authorization": f"Bearer {api_key}", "Content-Type": "application/json"}
        self._live = self._enqueue = self._machine = 0.0
        self._rounds = self._refused = 0

    def run(self) -> None:
        for _ in range(3):  # the first answers load what the server loads late
            self._round()
        self._live = self._enqueue = self._machine = 0.0
        self._rounds = self._refused = 0
        print("ready", flush=True)  # noqa: T201
        while not select.select([sys.stdin], [], [], 0)[0]:
            self._round()
        report = {
            "live_ms": self._live,
            "enqueue_ms": self._enqueue,
            "machine_ms": self._machine,
            "rounds": self._rounds,
            "refused": self._refused,
        }
        print(json.dumps(report), flush=True)  # noqa: T201

    def _round(self) -> None:
        self._live = max(self._live, self._ask("GET", "/health/live", None))
        self._enqueue = max(self._enqueue, self._ask("POST", "/api/v1/jobs", JOB))
        began = time.monotonic()
        time.sleep(NAP_SECONDS)
        overslept = (time.monotonic() - began - NAP_SECONDS) * 1000
        self._machine = max(self._machine, overslept)
        self._rounds += 1

    def _ask(self, method: str, path: str, body: str | None) -> float:
        """Milliseconds until the answer was read. A closed connection is opened again."""
        began = time.monotonic()
        try:
            self._connection.request(method, path, body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
            self._refused += answer.status >= 300
        except (http.client.HTTPException, OSError):
            self._connection.close()
            self._refused += 1
        return (time.monotonic() - began) * 1000


if __name__ == "__main__":
    _Asking(sys.argv[1], sys.argv[2]).run()
