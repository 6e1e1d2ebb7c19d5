"""Sends one request after the other on blocking sockets, to measure times and not rates."""

import random
import socket
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import msgspec

from spooled_lite.cli.load.shapes import PAYLOAD, LoadTarget, claim
from spooled_lite.cli.load.sockets import request, whole_answer

TIMEOUT_SECONDS: Final = 60.0
PARKED_AFTER_SECONDS: Final = 0.005  # by then a claim that was sent waits in its line
WAIT_MS: Final = 30_000


class LoadRefused(Exception):
    """The server refused a request or closed the connection."""


class KeptConnection:
    """A connection that is kept for all requests."""

    def __init__(self, target: LoadTarget) -> None:
        address = urlsplit(target.url)
        self._target = target
        self._socket = socket.create_connection(
            (address.hostname, address.port), timeout=TIMEOUT_SECONDS
        )
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    def send(self, path: str, body: Mapping[str, Any]) -> None:
        data = msgspec.json.encode(body)
        self._socket.sendall(request(self._target, path.encode(), data))

    def receive(self) -> Any:
        """The body of the next answer. Raises LoadRefused."""
        received = bytearray()
        while (answer := whole_answer(received)) is None:
            data = self._socket.recv(1 << 20)
            if not data:
                raise LoadRefused("the server closed the connection")
            received += data
        status, body = answer
        if status >= 400:
            raise LoadRefused(f"{status}: {body[:500].decode(errors='replace')}")
        return msgspec.json.decode(body) if body else None

    def get(self, path: str) -> Any:
        self._socket.sendall(
            b"GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n\r\n"
            % (path.encode(), self._target.api_key.encode())
        )
        return self.receive()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        self.send(path, body)
        return self.receive()


def claim_ms(line: KeptConnection, queue_name: str) -> float:
    """How long one claim takes. Raises LoadRefused when it finds nothing."""
    began = time.perf_counter()
    claimed = line.post("/api/v1/jobs/claim", claim(queue_name))
    took = time.perf_counter() - began
    if not claimed["jobs"]:
        raise LoadRefused("there was nothing to claim")
    return took * 1000


def delivery_ms(worker: KeptConnection, producer: KeptConnection, queue_name: str) -> float:
    """The time from sending a job to its arrival at a waiting claim. The job is then completed."""
    worker.send("/api/v1/jobs/claim", claim(queue_name, wait_ms=WAIT_MS))
    # A random pause, so that jobs come at any moment of the server's timers, with its threads idle.
    time.sleep(PARKED_AFTER_SECONDS * (1 + random.random()))
    began = time.perf_counter()
    producer.send("/api/v1/jobs", {"queue_name": queue_name, "payload": PAYLOAD})
    [job] = worker.receive()["jobs"]
    took = time.perf_counter() - began
    producer.receive()
    worker.post(f"/api/v1/jobs/{job['id']}/complete", {"lease_id": job["lease_id"]})
    return took * 1000
