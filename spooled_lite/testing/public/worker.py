"""A worker of the official SDK in a thread, and how the clients of a test wait."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from spooled_lite.testing.public.link import NotStarted

if TYPE_CHECKING:
    from spooled.client import SpooledClient
    from spooled.worker.worker import SpooledWorker

POLL_SECONDS: Final = 0.01  # time stands until it has looked
# Between two tries of a client: it would sleep for seconds of the machine, while time stands.
SOON: Final[Mapping[str, float]] = {"base_delay": 0.01, "max_delay": 0.05}
WORKER_SECONDS_MAX: Final = 30.0  # to register, and to stop


@contextmanager
def working(
    client: "SpooledClient", queue: str, handler: Callable[..., object], options: Mapping[str, Any]
) -> "Iterator[SpooledWorker]":
    from spooled.worker.worker import SpooledWorker

    worker = SpooledWorker(client, queue, **{"poll_interval": POLL_SECONDS, **options})
    worker.process(handler)  # type: ignore[arg-type]  # whatever it returns
    started = threading.Event()
    worker.on("started")(lambda _: started.set())
    thread = threading.Thread(target=worker.start, name=f"worker of {queue}", daemon=True)
    thread.start()
    try:
        if not started.wait(WORKER_SECONDS_MAX):
            raise NotStarted(f"the worker of {queue} has not registered in time")
        yield worker
    finally:
        worker.stop()
        thread.join(WORKER_SECONDS_MAX)
        client.close()
