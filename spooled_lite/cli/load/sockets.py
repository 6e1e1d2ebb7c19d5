"""Runs a load without wrk, in a process of its own, on plain sockets, with as little parsing as
possible.

`python -m spooled_lite.cli.load.sockets` reads a `Run` from its input and prints a `Measured`.
"""

import asyncio
import re
import subprocess
import sys
import time
from typing import Final, cast
from urllib.parse import urlsplit

import msgspec
import uvloop
from msgspec import Struct

from spooled_lite.cli.load.shapes import NOTHING, Load, LoadTarget, Measured, quantile

GRACE_SECONDS: Final = 30  # that the process may take beyond the run itself
END_OF_HEAD: Final = b"\r\n\r\n"

_LENGTH: Final = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_ID: Final = re.compile(rb'"id":"([^"]+)"')
_LEASE: Final = re.compile(rb'"lease_id":"([^"]+)"')


class SocketsFailed(Exception):
    """The load could not be run."""


class Run(Struct, frozen=True, kw_only=True):
    target: LoadTarget
    load: Load
    seconds: float
    connections: int


def run_sockets(target: LoadTarget, load: Load, *, seconds: float, connections: int) -> Measured:
    """Run the load in another process, so that it takes a core of its own.

    Raises:
        SocketsFailed.
    """
    run = Run(target=target, load=load, seconds=seconds, connections=connections)
    done = subprocess.run(
        [sys.executable, "-m", "spooled_lite.cli.load.sockets"],
        input=msgspec.json.encode(run),
        capture_output=True,
        timeout=seconds + GRACE_SECONDS,
        check=False,
    )
    if done.returncode != 0 or done.stderr:
        raise SocketsFailed(done.stderr.decode(errors="replace")[-1000:])
    return msgspec.json.decode(done.stdout, type=Measured)


def request(target: LoadTarget, path: bytes, body: bytes) -> bytes:
    return (
        b"POST %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s"
        % (path, target.api_key.encode(), len(body), body)
    )


def whole_answer(received: bytes | bytearray) -> tuple[int, bytes] | None:
    """The status and body of an answer; None until all of it has been received."""
    head_end = received.find(END_OF_HEAD)
    if head_end < 0:
        return None
    found = _LENGTH.search(received, 0, head_end)
    body_at = head_end + len(END_OF_HEAD)
    length = int(found.group(1)) if found is not None else 0
    if len(received) < body_at + length:
        return None
    return int(received[9:12]), bytes(received[body_at : body_at + length])


class _Tally:
    """The counts and latencies of all connections together."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.first = request(run.target, run.load.path.encode(), run.load.body.encode())
        self.latencies: list[float] = []
        self.failed_count = 0
        self.empty_count = 0
        self.is_over = False

    def next_request(self, status: int, body: bytes) -> bytes:
        if status >= 400:
            self.failed_count += 1
        load = self.run.load
        if load.then_path is None or load.then_body is None:
            return self.first
        job = _ID.search(body)
        if job is None:
            self.empty_count += body == NOTHING.encode()
            return self.first
        lease = _LEASE.search(body)
        assert lease is not None, "a claimed job has a lease"
        path = load.then_path.replace("{id}", job.group(1).decode())
        settled = load.then_body.replace("{lease_id}", lease.group(1).decode())
        return request(self.run.target, path.encode(), settled.encode())


class _Connection(asyncio.Protocol):
    """Sends the next request once the answer to the last one has come."""

    def __init__(self, tally: _Tally) -> None:
        self._tally = tally
        self._received = bytearray()
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transport is not a subclass
        self._send(self._tally.first)

    def data_received(self, data: bytes) -> None:
        self._received += data
        answer = whole_answer(self._received)
        if answer is None or self._tally.is_over:
            return
        self._tally.latencies.append(time.perf_counter() - self._sent_at)
        self._received.clear()
        self._send(self._tally.next_request(*answer))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._tally.is_over:
            self._tally.failed_count += 1

    def _send(self, data: bytes) -> None:
        assert self._transport is not None, "the connection was made"
        self._sent_at = time.perf_counter()
        self._transport.write(data)


async def _run(run: Run) -> Measured:
    tally = _Tally(run)
    address = urlsplit(run.target.url)
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    host, port = address.hostname or "", address.port or 80
    made = [
        await loop.create_connection(lambda: _Connection(tally), host, port)
        for _ in range(run.connections)
    ]
    await asyncio.sleep(run.seconds)
    tally.is_over = True
    seconds = time.perf_counter() - began
    for transport, _ in made:
        transport.abort()
    return Measured(
        request_count=len(tally.latencies),
        seconds=seconds,
        p50_ms=quantile(tally.latencies, 0.5) * 1000,
        p99_ms=quantile(tally.latencies, 0.99) * 1000,
        failed_count=tally.failed_count,
        empty_count=tally.empty_count,
    )


def main() -> None:
    run = msgspec.json.decode(sys.stdin.buffer.read(), type=Run)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = runner.run(_run(run))
    sys.stdout.buffer.write(msgspec.json.encode(measured))


if __name__ == "__main__":
    main()
