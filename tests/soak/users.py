"""Everybody who uses the server of a soak: clients at a pace, workers, streams, receivers."""

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.crash.connection import Connection, NoAnswer
from tests.crash.ledger import Ledger
from tests.crash.load import CLIENT_COUNT, Client
from tests.server_process import API_KEY

TICKS: Final = "ticks"
ACTS_PER_JOB: Final = 2  # of what clients do, half creates a job
BALLAST_BYTES: Final = (0, 0, 0, 500, 3_000)
CLAIM_MAX: Final = 50
WAIT_MS: Final = 1_000
AGAIN_SECONDS: Final = 0.5  # after which somebody comes back whose server was gone


class Paced(Client):
    """Acts so many times a second, until an hour is over or the server is gone."""

    def __init__(self, name: str, ledger: Ledger, *, per_second: float, until: float) -> None:
        super().__init__(name, ledger, name)
        self._pause = 1 / per_second
        self._until = until
        self._next = time.monotonic() + self._random.random() * self._pause

    async def _goes_on(self) -> bool:
        now = time.monotonic()
        self._next = max(now, self._next + self._pause)
        await asyncio.sleep(self._next - now)
        return time.monotonic() < self._until

    def _ballast(self) -> str:
        return "x" * self._random.choice(BALLAST_BYTES)


def clients_of(name: str, ledger: Ledger, jobs_per_second: int, until: float) -> list[Client]:
    per_second = ACTS_PER_JOB * jobs_per_second / CLIENT_COUNT
    return [
        Paced(f"{name}.{number}", ledger, per_second=per_second, until=until)
        for number in range(CLIENT_COUNT)
    ]


class Place:
    """Where the server is now. Who finds it gone comes back."""

    def __init__(self) -> None:
        self.url = ""
        self.complaints: list[str] = []


class Ticker:
    """The worker of what schedules make."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.done: set[str] = set()

    async def run(self) -> None:
        while True:
            with contextlib.suppress(NoAnswer):
                connection = await Connection.open(self._place.url)
                try:
                    while True:
                        await self._work(connection)
                finally:
                    connection.close()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _work(self, connection: Connection) -> None:
        asked = {"queue_name": TICKS, "worker_id": "ticker", "limit": CLAIM_MAX, "wait_ms": WAIT_MS}
        answer = await connection.request("POST", "/jobs/claim", asked)
        for job in answer.body.get("jobs", []):
            if job["id"] in self.done:
                self._place.complaints.append(f"{job['id']} was done, and was handed out again")
            path, lease = f"/jobs/{job['id']}/complete", {"lease_id": job["lease_id"]}
            if (await connection.request("POST", path, lease)).status == 200:
                self.done.add(job["id"])


class Listener:
    """A stream of all events, which is opened again whenever it ends."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self.events = 0

    async def run(self) -> None:
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._listen()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        host, _, port = self._place.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            head = (
                f"Host: t\r\nAuthorization: Bearer {API_KEY}\r\nAccept: text/event-stream\r\n\r\n"
            )
            writer.write(f"GET /api/v1/events HTTP/1.1\r\n{head}".encode())
            while chunk := await reader.read(2**16):
                self.events += chunk.count(b"\nid:") + chunk.startswith(b"id:")
        finally:
            writer.close()


class Receivers:
    """Three receivers of webhooks: one takes them, one fails, one never answers."""

    def __init__(self) -> None:
        self.calls = {"takes": 0, "fails": 0, "hangs": 0}
        self._server: asyncio.Server

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        try:
            yield self
        finally:
            self._server.close()

    def urls(self) -> Iterator[tuple[str, str]]:
        port = self._server.sockets[0].getsockname()[1]
        for name in self.calls:
            yield name, f"http://127.0.0.1:{port}/{name}"

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled at the end of the soak, whose noise nobody wants to see.
        gone = (OSError, asyncio.IncompleteReadError, asyncio.CancelledError)
        with contextlib.suppress(*gone):
            while head := await reader.readuntil(b"\r\n\r\n"):
                text = head.decode("latin-1").lower()
                await reader.readexactly(int(text.partition("content-length: ")[2].split()[0]))
                name = text.split()[1].strip("/")
                self.calls[name] += 1
                if name == "hangs":
                    await reader.read()  # until the server has had enough of it
                status = "200 OK" if name == "takes" else "500 Internal Server Error"
                writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode())
        writer.close()
