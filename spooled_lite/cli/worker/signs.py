"""A worker as the server sees it: registered, alive, draining, gone."""

import contextlib
import platform
import re
import threading
from collections.abc import Callable
from typing import Final

import click
from msgspec import Struct

import spooled_lite
from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client, path_of

HOST_CHARS_MAX: Final = 100
PULSE_SECONDS_MIN: Final = 1
PULSE_SECONDS: Final = 10  # unless the server says otherwise
CALL_SECONDS_MAX: Final = 10.0


class _Registered(Struct):
    id: str
    heartbeat_interval_secs: int = PULSE_SECONDS


class Signs:
    """Registers, sends signs of life in a thread, and says when the worker drains.

    A server may have no room for another worker, or the key no permission: then it works without,
    and `is_registered` is false.
    """

    def __init__(
        self, client: Client, queue: str, *, jobs_max: int, jobs_now: Callable[[], int]
    ) -> None:
        self._client = client
        self._queue = queue
        self._jobs_max = jobs_max
        self._jobs_now = jobs_now
        self._status = "healthy"
        self._is_over = threading.Event()
        self._host = re.sub(r"[^A-Za-z0-9._-]", "-", platform.node())[:HOST_CHARS_MAX] or "host"
        self.worker_id, self.is_registered = f"{self._host}-jobs-run", False

    def register(self) -> None:
        """Raises: as `Client.ask`, when the server cannot be reached or knows no such key."""
        about = {
            "queue_name": self._queue,
            "hostname": self._host,
            "worker_type": "spooled-lite jobs run",
            "version": spooled_lite.__version__,
            "max_concurrency": self._jobs_max,
        }
        try:
            made = self._client.post("/workers/register", about).read(_Registered)
        except ServerRefused as error:
            if error.status == 401:
                raise
            return
        self.worker_id, self.is_registered = made.id, True
        pause = max(PULSE_SECONDS_MIN, made.heartbeat_interval_secs)
        threading.Thread(target=self._run, args=(pause,), daemon=True).start()

    def drain(self) -> None:
        """The server answers a claim that waits, with nothing."""
        self._status = "draining"
        if self.is_registered:
            self._beat()

    def leave(self) -> None:
        self._is_over.set()
        if self.is_registered:
            with contextlib.suppress(click.ClickException):
                path = path_of("workers", self.worker_id, "deregister")
                self._client.ask("POST", path, body={}, seconds=CALL_SECONDS_MAX)

    def _run(self, pause: float) -> None:
        while not self._is_over.wait(pause):
            self._beat()

    def _beat(self) -> None:
        sign = {"current_jobs": self._jobs_now(), "status": self._status}
        with contextlib.suppress(click.ClickException):  # the next one may arrive
            path = path_of("workers", self.worker_id, "heartbeat")
            self._client.post(path, sign, seconds=CALL_SECONDS_MAX)
