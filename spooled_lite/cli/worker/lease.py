"""Holds on to a job while it is worked on, and tells when it is lost."""

import threading
import time
from collections.abc import Callable
from typing import Final

import click

from spooled_lite.cli.answer import ServerRefused
from spooled_lite.cli.client import Client, path_of

RENEWALS: Final = 3  # in the time of a lease, so that one may fail
TRIES: Final = 10  # likewise, after one that failed
CALL_SECONDS_MAX: Final = 10.0
LOST: Final = frozenset({404, 409})  # the job is gone, another's, or told to stop


class Lease:
    """Renews a lease in a thread until `end`; calls `on_lost` once when it cannot be held.

    By our own clock it ends no later than for the server: it began when it was asked for.
    """

    def __init__(
        self,
        client: Client,
        job_id: str,
        claimant: dict[str, str],
        *,
        seconds: int,
        began: float,
        on_lost: Callable[[], None],
    ) -> None:
        self.lost_because: str | None = None
        self._client = client
        self._path = path_of("jobs", job_id, "heartbeat")
        self._body = {**claimant, "lease_duration_secs": seconds}
        self._seconds = seconds
        self._ends = began + seconds
        self._call_seconds = min(CALL_SECONDS_MAX, seconds / 3)
        self._on_lost = on_lost
        self._is_over = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    @property
    def seconds_left(self) -> float:
        return self._ends - time.monotonic()

    def end(self) -> None:
        """A renewal that is under way does no harm, and is not waited for."""
        self._is_over.set()

    def lose(self, because: str) -> None:
        self.lost_because = because
        self._is_over.set()
        self._on_lost()

    def _run(self) -> None:
        pause = self._seconds / RENEWALS
        while not self._is_over.wait(min(pause, max(0.0, self.seconds_left))):
            if self.seconds_left <= 0:
                self.lose("the server could not be reached for as long as the lease lasts")
                return
            asked = time.monotonic()
            pause = self._seconds / TRIES
            try:
                self._client.post(self._path, self._body, seconds=self._call_seconds)
            except ServerRefused as error:
                if error.status in LOST and not self._is_over.is_set():
                    self.lose(error.message)
                    return
            except click.ClickException:
                pass  # it is tried again while the lease lasts
            else:
                self._ends = asked + self._seconds
                pause = self._seconds / RENEWALS
