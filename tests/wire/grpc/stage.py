"""A real gRPC server over a file of its own, at a time that stands still, and clients of it.

Messages are those of the official SDK: what it has generated is what the server has to understand.
"""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, Protocol, Self, cast

import grpc
import uvloop
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from grpc import aio
from msgspec import structs
from spooled.grpc.stubs import spooled_pb2 as pb
from spooled.grpc.stubs.spooled_pb2_grpc import QueueServiceStub, WorkerServiceStub

from spooled_lite.app import Running, running
from spooled_lite.clock import ManualClock
from spooled_lite.config import Settings
from spooled_lite.core.jobs.history import history
from spooled_lite.core.jobs.query import get_job
from spooled_lite.core.keys.issue import issue
from spooled_lite.core.keys.records import ALL_QUEUES, IssuedKey
from spooled_lite.core.orgs.create import create
from spooled_lite.serving import serving
from spooled_lite.storage.backlog import Request
from spooled_lite.storage.database import Database
from spooled_lite.storage.transaction import Tx, together
from spooled_lite.wire.grpc.server import GrpcServer
from tests.factories import a_key, an_org
from tests.storage.stage import lined_up

NOW_MS: Final = 1_800_000_000_000  # 2027-01-15T08:00:00Z
PATIENCE_SECONDS: Final = 20.0
GRACE_SECONDS: Final = 5.0
HOST: Final = "127.0.0.1"

Call = Any  # what the library gives out for a call that goes on
Script = Callable[["Stage"], Coroutine[Any, Any, None]]


class Client:
    """One connection that shows one credential."""

    def __init__(self, channel: aio.Channel, metadata: Mapping[str, str]) -> None:
        self.channel = channel
        self.metadata = tuple(metadata.items())
        self._stubs: tuple[Any, ...] = tuple(
            kind(channel) for kind in cast(tuple[Any, ...], (QueueServiceStub, WorkerServiceStub))
        )

    async def call(self, method: str, request: Any, **more: Any) -> Any:
        return await self.start(method, request, **more)

    def start(self, method: str, request: Any = None, **more: Any) -> Call:
        stub = next(each for each in self._stubs if hasattr(each, method))
        arguments = () if request is None else (request,)
        return getattr(stub, method)(*arguments, metadata=self.metadata, **more)

    def raw(self, method: str, message: bytes) -> Call:
        """A call with bytes that no class would write."""
        stub: Any = self.channel.unary_unary(f"/spooled.v1.QueueService/{method}")
        return stub(message, metadata=self.metadata)

    async def enqueue(self, queue_name: str = "emails", **fields: Any) -> str:
        payload = struct(fields.pop("payload", {}))
        request = pb.EnqueueRequest(queue_name=queue_name, payload=payload, **fields)
        return str((await self.call("Enqueue", request)).job_id)

    async def dequeue(self, queue_name: str = "emails", **fields: Any) -> list[pb.Job]:
        asked = pb.DequeueRequest(**{"queue_name": queue_name, "worker_id": "w-1", **fields})
        return list((await self.call("Dequeue", asked)).jobs)

    async def complete(self, job: pb.Job, **fields: Any) -> Any:
        return await self.call("Complete", pb.CompleteRequest(**{**holder(job), **fields}))

    def stream_jobs(self, queue_name: str = "emails", **fields: Any) -> Call:
        asked = {"queue_name": queue_name, "worker_id": "w-1", **fields}
        return self.start("StreamJobs", pb.StreamJobsRequest(**asked))

    def process_jobs(self) -> Call:
        return self.start("ProcessJobs")


class Stage:
    def __init__(self, it: Running, server: GrpcServer, clock: ManualClock, org: int) -> None:
        assert it.key is not None, "the file is new"
        self.it = it
        self.server = server
        self.clock = clock
        self.org = org
        self.key = it.key
        self.db = it.services.db
        self.services = it.services
        self._open = AsyncExitStack()
        self.client = Client(self.channel(), {"x-api-key": self.key})

    def channel(self) -> aio.Channel:
        # Each its own connection: the library would share one between equal channels.
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1))
        channel = aio.insecure_channel(self.server.address, options=options)
        self._open.push_async_callback(channel.close)
        return channel

    def client_with(self, key: str | None = None, **metadata: str) -> Client:
        return Client(self.channel(), metadata if key is None else {"x-api-key": key})

    async def close(self) -> None:
        await self._open.aclose()

    async def issue(self, org: int | None = None, **fields: Any) -> IssuedKey:
        org = self.org if org is None else org
        return await self.db.write(issue, org, a_key(**fields), is_live=False)

    async def other_org(self, **fields: Any) -> Client:
        """A client of another organization."""
        row = await self.db.write(create, an_org(**{"slug": "other", **fields}))
        return self.client_with((await self.issue(row["seq"])).secret)

    async def row(self, job_id: str) -> Any:
        return await self.db.readers.read(get_job, self.org, job_id, ALL_QUEUES)

    async def status(self, job_id: str) -> str:
        return str((await self.row(job_id))["status"])

    async def history(self, job_id: str) -> list[str]:
        asked: dict[str, Any] = {"direction": "asc", "limit": 100, "offset": 0}
        rows = await self.db.readers.read(history, self.org, job_id, ALL_QUEUES, **asked)
        return [row["event_type"] for row in rows]

    def count(self, queue_name: str = "emails") -> int:
        """How many claims wait in the line of a queue."""
        return len(self.services.waiting.waiting_in((self.org, queue_name)))

    def shared_commits(self, *, above: int) -> int:
        """How many commits were shared by more operations than this bound of the histogram."""
        batches = self.services.metrics.batch_operations
        return batches.count - int(dict(batches.buckets())[f"{above:.1f}"])

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Let everything go on until this is so; each round is a whole transaction."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not is_so():
                await self.db.write(lambda tx: None)

    async def until_status(self, job_id: str, status: str) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.status(job_id) != status:
                await self.db.write(lambda tx: None)


@asynccontextmanager
async def a_stage(**settings: Any) -> AsyncIterator[Stage]:
    clock = ManualClock(NOW_MS)
    chosen = structs.replace(
        Settings(database=":memory:"),
        port=0,
        grpc_port="auto",
        shutdown_grace_seconds=GRACE_SECONDS,
        **settings,
    )
    async with running(chosen, clock=clock) as it, serving(it) as server:
        assert it.key is not None, "the file is new"
        assert server.grpc is not None, "its extra is installed for the tests"
        org = (await it.services.callers.find(it.key)).org
        stage = Stage(it, server.grpc, clock, org)
        try:
            yield stage
        finally:
            await stage.close()


def play(script: Script, **settings: Any) -> None:
    """Run a test against a server of its own, on the loop that the server runs on."""

    async def main() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS * 3), a_stage(**settings) as stage:
            await script(stage)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


def struct(value: Mapping[str, Any]) -> Struct:
    found = Struct()
    found.update(value)
    return found


def holder(job: pb.Job, **more: Any) -> dict[str, Any]:
    """Who holds a job, as the fields of a request about it."""
    return {
        "job_id": job.id,
        "worker_id": job.assigned_worker_id,
        "lease_id": job.lease_id,
        **more,
    }


def as_json(value: Any) -> Any:
    """A Struct as JSON, its numbers as they are on the wire."""
    return json.loads(json.dumps(MessageToDict(value)))


class Gate:
    """Keeps the only open stream from writing, until it is opened."""

    def __init__(self, stage: Stage) -> None:
        self.was_reached = asyncio.Event()
        self._is_open = asyncio.Event()
        [stream] = stage.server.streams._open
        self._context: Any = stream.call.context
        stream.call.context = cast(Any, self)

    def open(self) -> None:
        self._is_open.set()

    async def write(self, message: bytes) -> None:
        self.was_reached.set()
        await self._is_open.wait()
        await self._context.write(message)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)


class OverDatabase(Protocol):
    """Any stage with a writing thread."""

    @property
    def db(self) -> Database: ...


class Held:
    """The writing thread, kept busy until it is let go: `held = await Held(stage).begun()`."""

    def __init__(self, stage: OverDatabase) -> None:
        self._stage = stage
        self._go_on = threading.Event()

    async def begun(self, then: Callable[[Tx], object] = lambda tx: None) -> Self:
        """`then`: what the thread does before it goes on to those in line."""
        loop, is_busy = asyncio.get_running_loop(), asyncio.Event()

        def stay(tx: Tx) -> None:
            loop.call_soon_threadsafe(is_busy.set)
            self._go_on.wait(PATIENCE_SECONDS)
            then(tx)

        lined_up(self._stage.db, stay, ())
        await is_busy.wait()
        return self

    async def until_waiting(self, operation: Any, count: int = 1) -> None:
        """Until this operation waits for it, so many times."""
        lines = self._stage.db.writer.backlog
        put, is_so = lines.put, asyncio.Event()

        def look() -> None:
            lanes = (lane for turns in lines._lanes for lane in turns._of_owner.values())
            waiting = [step for lane in lanes for each in lane for step in operations(each)]
            if waiting.count(operation) >= count:
                is_so.set()

        def watched(requests: Any) -> Any:
            refused = put(requests)
            look()
            return refused

        lines.put = watched  # type: ignore[method-assign]
        look()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await is_so.wait()
        del lines.put

    def let_go(self) -> None:
        self._go_on.set()


def operations(request: Request) -> list[Any]:
    """What a request to the writing thread asks for."""
    if request.operation is not together:
        return [request.operation]
    return [operation for operation, _ in request.arguments[0]]


class Refusal:
    """What a call was refused with."""

    def __init__(self, code: grpc.StatusCode, text: str, retry_after: str | None) -> None:
        self.code = code.name
        self.text = text
        self.retry_after = retry_after


async def refusal(call: Any) -> Refusal:
    """Of a call, or of the next message of a stream."""
    try:
        answer = await call
    except aio.AioRpcError as error:
        trailing = dict(error.trailing_metadata() or ())
        retry_after = trailing.get("retry-after")
        return Refusal(error.code(), error.details() or "", retry_after and str(retry_after))
    raise AssertionError(f"it was answered: {answer}")
