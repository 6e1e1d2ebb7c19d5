"""A thousand listeners in one process: how old events are when they come, and who is sent away."""

import selectors
import sys
import time
from typing import Final

import msgspec
from msgspec import Struct

from benchmarks.listener import CHUNK_BYTES, ages, open_stream
from spooled_lite.cli.load.shapes import LoadTarget, quantile

PATH: Final = "/api/v1/events"
SAMPLE_EVERY: Final = 50  # of so many streams one is looked into
LAST_CHUNK: Final = b"\r\n0\r\n\r\n"


class Crowd(Struct, frozen=True):
    megabytes: float
    ended_count: int
    p50_ms: float
    p99_ms: float


def listen(target: LoadTarget, stream_count: int, seconds: float) -> Crowd:
    """What comes meanwhile. The reading is done first, the reckoning afterwards."""
    came: list[tuple[float, bytes]] = []
    size, ended_count = 0, 0
    with selectors.DefaultSelector() as selector:
        for number in range(stream_count):
            selector.register(open_stream(target, PATH), selectors.EVENT_READ, number)
        print("listening", flush=True)  # noqa: T201  # whoever has started this waits for it
        until = time.monotonic() + seconds
        while ended_count < stream_count and time.monotonic() < until:
            for key, _ in selector.select(0.1):
                part = key.fileobj.recv(CHUNK_BYTES)  # type: ignore[union-attr]  # a socket
                size += len(part)
                if key.data % SAMPLE_EVERY == 0:
                    came.append((time.time() * 1000, part))
                if not part or part.endswith(LAST_CHUNK):
                    ended_count += 1
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]  # a socket
        for key in tuple(selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]  # a socket
    found = ages(came)
    return Crowd(size / 1e6, ended_count, quantile(found, 0.5), quantile(found, 0.99))


if __name__ == "__main__":
    crowd = listen(LoadTarget(sys.argv[1], sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]))
    print(msgspec.json.encode(crowd).decode(), flush=True)  # noqa: T201
