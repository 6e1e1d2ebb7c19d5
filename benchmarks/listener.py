"""Listens to every event for a while, as a process of its own: how old each was when it came."""

import re
import socket
import sys
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from spooled_lite.cli.load.shapes import LoadTarget, quantile

CHUNK_BYTES: Final = 1 << 20
PATH: Final = "/api/v1/events?events=job.started,job.status,job.completed"
_TIMESTAMP: Final = re.compile(rb'"timestamp":"([^"]+)","job_id"')


class Heard(Struct, frozen=True):
    """Milliseconds from the moment of the operation, which is before its commit."""

    frame_count: int
    p50_ms: float
    p99_ms: float
    most_ms: float


def open_stream(target: LoadTarget, path: str = PATH) -> socket.socket:
    """A stream whose head and greeting were read."""
    address = urlsplit(target.url)
    connection = socket.create_connection((address.hostname or "", address.port or 0))
    head = f"GET {path} HTTP/1.1\r\nHost: {address.netloc}\r\n"
    connection.sendall(f"{head}Authorization: Bearer {target.api_key}\r\n\r\n".encode())
    said = b""
    while b": connected\n\n" not in said:
        part = connection.recv(CHUNK_BYTES)
        assert part, f"the stream was refused: {said.decode()}"
        said += part
    assert said.startswith(b"HTTP/1.1 200"), said.decode()
    return connection


def listen(target: LoadTarget, seconds: float) -> Heard:
    """What comes meanwhile. The reading is done first, the reckoning afterwards."""
    connection = open_stream(target)
    until = time.monotonic() + seconds
    came: list[tuple[float, bytes]] = []
    connection.settimeout(0.1)
    print("listening", flush=True)  # noqa: T201  # whoever has started this waits for it
    while time.monotonic() < until:
        try:
            part = connection.recv(CHUNK_BYTES)
        except TimeoutError:
            continue
        assert part, "the stream has ended: it fell behind"
        came.append((time.time() * 1000, part))
    connection.close()
    found = ages(came)
    return Heard(len(found), quantile(found, 0.5), quantile(found, 0.99), max(found, default=0.0))


def ages(came: Iterable[tuple[float, bytes]]) -> list[float]:
    """Milliseconds, of each frame in what came at these times."""
    return [
        at_ms - datetime.fromisoformat(found.decode()).timestamp() * 1000
        for at_ms, part in came
        for found in _TIMESTAMP.findall(part)
    ]


if __name__ == "__main__":
    heard = listen(LoadTarget(sys.argv[1], sys.argv[2]), float(sys.argv[3]))
    print(msgspec.json.encode(heard).decode(), flush=True)  # noqa: T201
