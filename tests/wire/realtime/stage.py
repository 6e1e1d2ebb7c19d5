"""A real server with an application whose clock stands still, and clients of its streams."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final
from urllib.parse import quote

import uvloop
from msgspec import Struct, structs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from spooled_lite.app import Running, running
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import IssuedKey
from spooled_lite.core.orgs.create import create
from spooled_lite.serving import serving
from spooled_lite.wire.http.server.limits import HttpLimits
from spooled_lite.wire.http.server.server import HttpServer
from spooled_lite.wire.realtime.timing import Timing
from tests.factories import a_key, an_org
from tests.wire.http.raw_http import PATIENCE_SECONDS, Answer, Client, connected

NOW_MS: Final = 1_800_000_000_000
NOW: Final = "2027-01-15T08:00:00.000Z"
# Nothing comes by itself but what a test is about.
QUIET: Final = Timing(
    turn_seconds=0.02,
    keep_alive_seconds=600,
    health_seconds=600,
    statistics_seconds=600,
    ping_seconds=600,
    recheck_seconds=600,
)


class Frame(Struct, frozen=True):
    """One block of an event stream: a comment, or a frame."""

    raw: str

    def line(self, name: str) -> str | None:
        found = [
            each.removeprefix(f"{name}: ")
            for each in self.raw.split("\n")
            if each.startswith(f"{name}: ")
        ]
        assert len(found) <= 1, self.raw
        return found[0] if found else None

    @property
    def is_comment(self) -> bool:
        return self.raw.startswith(":")

    @property
    def event(self) -> str | None:
        return self.line("event")

    @property
    def id(self) -> int | None:
        found = self.line("id")
        return None if found is None else int(found)

    @property
    def json(self) -> Any:
        text = self.line("data")
        assert text is not None, self.raw
        return json.loads(text)

    @property
    def data(self) -> Any:
        return self.json["data"]

    @property
    def type(self) -> str:
        kind: str = self.json["type"]
        return kind


class EventStream:
    """The body of an answer as it comes."""

    def __init__(self, client: Client, head: Answer) -> None:
        self.client = client
        self.status = head.status
        self.headers = head.headers
        self._text = b""
        self.is_over = False

    async def block(self) -> Frame | None:
        """The next comment or frame; None when the body has ended in order."""
        while b"\n\n" not in self._text:
            if not await self._read_chunk():
                assert self._text == b"", "the body ends between two frames"
                return None
        raw, _, self._text = self._text.partition(b"\n\n")
        assert b"\r" not in raw
        return Frame(raw.decode())

    async def next(self) -> Frame:
        """The next frame."""
        while True:
            block = await self.block()
            assert block is not None, "the stream has ended"
            if not block.is_comment:
                return block

    async def take(self, count: int) -> list[Frame]:
        return [await self.next() for _ in range(count)]

    async def until(self, event: str) -> Frame:
        """The next frame of this event line."""
        while (frame := await self.next()).event != event:
            pass
        return frame

    async def rest(self) -> list[Frame]:
        """What comes until the end."""
        frames = []
        while (frame := await self.block()) is not None:
            frames.append(frame)
        return frames

    async def _read_chunk(self) -> bool:
        if self.is_over:
            return False
        size = int(await self.client.read_until(b"\r\n"), 16)
        async with asyncio.timeout(PATIENCE_SECONDS):
            chunk = await self.client.reader.readexactly(size + 2)
        self.is_over = size == 0
        self._text += chunk[:-2]
        return not self.is_over


class Socket:
    """One WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def next(self) -> Any:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return json.loads(await self.connection.recv())

    async def until(self, kind: str) -> Any:
        while (message := await self.next())["type"] != kind:
            pass
        return message

    async def say(self, message: Any) -> None:
        await self.connection.send(
            message if isinstance(message, str | bytes) else json.dumps(message)
        )

    async def heard(self) -> None:
        """Everything that was said before has been obeyed."""
        await self.say({"cmd": "ping"})
        await self.until("Ping")

    async def closed(self) -> int:
        """The code that the server closes with."""
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(PATIENCE_SECONDS):
                while True:
                    await self.connection.recv()
        code = self.connection.close_code
        assert code is not None, "it was cut off"
        return code


class Stage:
    def __init__(self, it: Running, server: HttpServer, clock: ManualClock) -> None:
        assert it.key is not None, "the file is new"
        self.it = it
        self.server = server
        self.clock = clock
        self.key = it.key
        self.services = it.services
        self.feed = it.services.feed
        self.db = it.services.db
        self._open = AsyncExitStack()

    async def close(self) -> None:
        await self._open.aclose()

    async def connect(self) -> Client:
        return await self._open.enter_async_context(connected(self.server))

    # -- calls ---------------------------------------------------------------------------------

    async def call(
        self, method: str, path: str, body: Any = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        client = await self.connect()
        payload = b"" if body is None else json.dumps(body).encode()
        await client.send(_head(method, path, self._with_key(headers), len(payload)) + payload)
        answer = await client.read_answer()
        await client.close()
        return answer

    async def post(self, path: str, body: Any = None, method: str = "POST") -> Any:
        answer = await self.call(method, f"/api/v1/{path}", body if body is not None else {})
        assert 200 <= answer.status < 300, answer.body
        return answer.json if answer.body else None

    async def enqueue(self, queue_name: str = "emails", **fields: Any) -> str:
        job = await self.post("jobs", {"queue": queue_name, "payload": {}, **fields})
        return str(job["id"])

    async def claim(self, queue_name: str = "emails") -> Any:
        asked = {"queue": queue_name, "worker_id": "w-1"}
        [job] = (await self.post("jobs/claim", asked))["jobs"]
        return job

    async def complete(self, job: Any, **more: Any) -> None:
        await self.post(f"jobs/{job['id']}/complete", {"lease_id": job["lease_id"], **more})

    async def fail(self, job: Any, error: str = "boom", **more: Any) -> None:
        body = {"lease_id": job["lease_id"], "error": error, **more}
        await self.post(f"jobs/{job['id']}/fail", body)

    async def done(self, queue_name: str = "emails", **more: Any) -> str:
        """A job from its creation to its completion."""
        job_id = await self.enqueue(queue_name)
        await self.complete(await self.claim(queue_name), **more)
        return job_id

    async def issue(self, org: int | None = None, **fields: Any) -> IssuedKey:
        org = org if org is not None else await self._own_org()
        return await self.db.write(issue, org, a_key(**fields), is_live=False)

    async def other_org(self) -> str:
        """The key of another organization."""
        row = await self.db.write(create, an_org(slug="other"))
        return (await self.issue(row["seq"])).secret

    async def tokens(self, key: str | None = None) -> tuple[str, str]:
        """Access and refresh token of a key."""
        said = await self.post("auth/login", {"api_key": key or self.key})
        return said["access_token"], said["refresh_token"]

    # -- streams -------------------------------------------------------------------------------

    async def refused(self, path: str, headers: dict[str, str] | None = None) -> Answer:
        """The answer instead of a stream."""
        client = await self.connect()
        await client.send(_head("GET", f"/api/v1/{path}", self._with_key(headers)))
        answer = await client.read_answer()
        assert answer.headers["content-type"] == "application/json"
        return answer

    async def stream(
        self, path: str = "events", headers: dict[str, str] | None = None
    ) -> EventStream:
        """An open stream; its greeting is read."""
        client = await self.connect()
        await client.send(_head("GET", f"/api/v1/{path}", self._with_key(headers)))
        head = Answer.parse(await client.read_until(b"\r\n\r\n"))
        assert head.status == 200, await client.reader.read(1000)
        stream = EventStream(client, head)
        greeting = await stream.block()
        assert greeting is not None
        assert greeting.raw == ": connected"
        return stream

    async def events(self, query: str = "", headers: dict[str, str] | None = None) -> EventStream:
        """`/events` without its first health event."""
        stream = await self.stream(f"events?{query}", headers)
        assert (await stream.next()).type in ("SystemHealth", "system.health")
        return stream

    async def socket(
        self, query: str = "", *, headers: dict[str, str] | None = None, key: str | None = None
    ) -> Socket:
        """An open WebSocket with the key in its query; its first ping is read."""
        socket = await self.bare_socket(f"token={quote(key or self.key)}&{query}", headers)
        assert (await socket.next())["type"] in ("Ping", "ping")
        return socket

    async def bare_socket(self, query: str, headers: dict[str, str] | None = None) -> Socket:
        url = f"ws://127.0.0.1:{self.server.port}/api/v1/ws?{query}"
        connection = await self._open.enter_async_context(
            connect(
                url,
                additional_headers=headers or {},
                user_agent_header=None,
                proxy=None,
                compression=None,
                max_size=2**20,
                close_timeout=1,
            )
        )
        return Socket(connection)

    async def until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so():  # noqa: ASYNC110  # what is waited for announces itself to nobody
                await asyncio.sleep(0.005)

    def _with_key(self, headers: dict[str, str] | None) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}"} if headers is None else headers

    async def _own_org(self) -> int:
        caller = await self.services.callers.find_key(self.key)
        return caller.org


def _head(method: str, path: str, headers: dict[str, str], length: int = 0) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: t", *(f"{k}: {v}" for k, v in headers.items())]
    if length:
        lines.append(f"Content-Length: {length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@asynccontextmanager
async def staged(
    timing: Timing = QUIET, *, limits: HttpLimits | None = None, **settings: Any
) -> AsyncIterator[Stage]:
    clock = ManualClock(NOW_MS)
    chosen = Settings(
        database=":memory:", port=0, grpc_port="off", shutdown_grace_seconds=2, **settings
    )
    async with running(chosen, clock=clock) as it:
        it.services.feed.use(timing)
        async with serving(it, limits=limits or HttpLimits(sweep_seconds=0.05)) as server:
            stage = Stage(it, server.http, clock)
            try:
                yield stage
            finally:
                await stage.close()


def on_stage(
    test: Callable[[Stage], Awaitable[None]],
    timing: Timing = QUIET,
    *,
    limits: HttpLimits | None = None,
    **settings: Any,
) -> None:
    """Run the test against a server of its own."""

    async def main() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS * 6):
            async with staged(timing, limits=limits, **settings) as stage:
                await test(stage)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def with_times(**seconds: float) -> Timing:
    """QUIET but for these."""
    return structs.replace(QUIET, **seconds)
