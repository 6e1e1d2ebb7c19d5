"""Telling a service manager such as systemd how the server is: sd_notify, and its watchdog.

Without the variable NOTIFY_SOCKET nothing is opened, sent or run.
"""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from spooled_lite.app import Running
from spooled_lite.core.overview.hours import HOUR_MS
from spooled_lite.core.overview.totals import figures
from spooled_lite.errors import SpooledError
from spooled_lite.storage.turns import OUTSIDE
from spooled_lite.storage.writer import Writer

logger = logging.getLogger(__name__)

STATUS_SECONDS: Final = 30.0  # between two lines for people who look at the service
# A writing thread that is busy for so long with one batch hangs: then a restart may help. What
# fails (a full disk, a file that is gone) does not get better by one, and reads still work.
HANGS_SECONDS: Final = 20.0


class Manager:
    """Used in the event loop. Without a connection there is no manager, and nothing is told."""

    def __init__(
        self,
        connection: socket.socket | None,
        *,
        watchdog_seconds: float | None = None,
        stopping: asyncio.Event,
    ) -> None:
        self._socket = connection
        self._watchdog_seconds = watchdog_seconds
        self._stopping = stopping
        self._current: Callable[[], Running] | None = None
        self._url = ""

    def ready(self, current: Callable[[], Running], url: str) -> None:
        """Connections are accepted. `current` gives the application as it is now."""
        self._current, self._url = current, url
        self.say("READY=1", f"STATUS=ready at {url}")

    def say(self, *lines: str) -> None:
        """Send these assignments. It never waits; one that cannot be sent is lost."""
        if self._socket is None:
            return
        try:
            self._socket.send("\n".join(lines).encode())
        except OSError as error:
            logger.debug("the service manager was not told %s: %s", lines[0], error)

    async def run(self) -> None:
        """Feed the watchdog, renew the status, tell when the stop begins. Until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._renew_status(), name="service status")
            tasks.create_task(self._tell_stopping(), name="service stopping")
            if self._watchdog_seconds is not None:
                tasks.create_task(self._feed(self._watchdog_seconds / 2), name="watchdog")

    async def _feed(self, every_seconds: float) -> None:
        """From the event loop, so that a loop that hangs is found as well as a writing thread."""
        while True:
            if self._current is None or not hangs(self._current().services.db.writer):
                self.say("WATCHDOG=1")
            await asyncio.sleep(every_seconds)

    async def _tell_stopping(self) -> None:
        await self._stopping.wait()
        self.say("STOPPING=1", "STATUS=finishing the work in progress")

    async def _renew_status(self) -> None:
        while not self._stopping.is_set():
            await asyncio.sleep(STATUS_SECONDS)
            if self._current is not None and not self._stopping.is_set():
                try:
                    text = await status(self._current())
                except SpooledError:
                    continue  # it tells that by its log and its answers
                except Exception:  # the watchdog must be fed all the same
                    logger.exception("the status cannot be told")
                    continue
                self.say(f"STATUS={text} at {self._url}")


def hangs(writer: Writer) -> bool:
    return writer.state == "stalled" and writer.busy_seconds >= HANGS_SECONDS


async def status(app: Running) -> str:
    """What waits, runs and works, and how old the newest backup is, in a few words."""
    found = await app.services.db.readers.of(OUTSIDE).read(figures)
    words = [
        f"{found.jobs_pending} waiting",
        f"{found.jobs_processing} running",
        f"{found.workers_active} workers",
    ]
    backups = app.services.state.backups
    if backups is not None and backups.newest is None:
        words.append("no backup")
    elif backups is not None and backups.newest is not None:
        age_ms = app.services.clock.now_ms() - backups.newest.made_at_ms
        words.append(f"backup {max(0, age_ms) // HOUR_MS} h old")
    return ", ".join(words)


@asynccontextmanager
async def service_manager(
    stopping: asyncio.Event, environ: Mapping[str, str] = os.environ
) -> AsyncIterator[Manager]:
    """The service manager that started this process, if it wants to be told of it."""
    with _connected(environ.get("NOTIFY_SOCKET", "")) as connection:
        manager = Manager(
            connection, watchdog_seconds=_watchdog_seconds(environ), stopping=stopping
        )
        if connection is None:
            yield manager
            return
        telling = asyncio.create_task(manager.run(), name="service manager")
        try:
            yield manager
        finally:
            telling.cancel()
            await asyncio.wait({telling})


@contextlib.contextmanager
def _connected(address: str) -> Iterator[socket.socket | None]:
    """A socket to this address: a path, or an abstract name that begins with @."""
    if address[:1] not in ("/", "@"):
        yield None
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as connection:
        connection.setblocking(False)
        try:
            connection.connect("\0" + address[1:] if address[0] == "@" else address)
        except OSError as error:
            logger.warning("the service manager cannot be told anything: %s", error)
            yield None
        else:
            yield connection


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    """After how long without a word the manager ends this process; None: never."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isascii() or not usec.isdigit() or int(usec) == 0:
        return None
    if pid and pid != str(os.getpid()):  # meant for a process that started this one
        return None
    return int(usec) / 1_000_000
