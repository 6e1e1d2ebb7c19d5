"""The load of the gRPC workloads, in a process of its own: `python -m benchmarks.grpc_load ...`.

Prints what it measured as JSON. The bytes of a request are made once, so that the client, which is
written in the same language as the servers, is not what is measured.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import click
import msgspec
import uvloop
from grpc import aio
from msgspec import Struct

from benchmarks.serving import QUEUE
from spooled_lite.cli.load.shapes import PAYLOAD
from spooled_lite.wire.grpc.descriptors import spooled_class
from spooled_lite.wire.grpc.json_structs import struct_of

SERVICE: Final = "/spooled.v1.QueueService/"
CALLS: Final = 64  # single calls at a time
IN_FLIGHT: Final = 64  # jobs, or echoes, on one stream
ASK_FOR: Final = 16  # jobs with one dequeue
# So many jobs are with the client, and as many are asked for ahead: none of them is waited for.
OWED_MAX: Final = 2 * IN_FLIGHT
WAITING: Final = 100  # streams of each kind that have nothing to do
PARKED_AFTER_SECONDS: Final = 0.01  # a stream that has settled its job waits in its line by then


class Rate(Struct, frozen=True):
    count: int
    per_second: float
    jobs_per_second: float = 0.0


class Load:
    def __init__(self, channel: aio.Channel, key: str, seconds: float) -> None:
        self.metadata = (("x-api-key", key),)
        self.seconds = seconds
        self._channel = channel
        payload = struct_of(msgspec.json.encode(PAYLOAD))
        self.job = spooled_class("EnqueueRequest")(queue_name=QUEUE, payload=payload)

    def method(self, kind: str, name: str) -> Any:
        return getattr(self._channel, kind)(SERVICE + name)

    async def enqueue(self) -> Rate:
        """Single calls, so many at a time."""
        call, request = self.method("unary_unary", "Enqueue"), self.job.SerializeToString()
        until = time.perf_counter() + self.seconds
        count = 0

        async def again_and_again() -> None:
            nonlocal count
            while time.perf_counter() < until:
                await call(request, metadata=self.metadata)
                count += 1

        return await self._timed(
            lambda: asyncio.gather(*(again_and_again() for _ in range(CALLS))), lambda: count
        )

    async def echo(self) -> Rate:
        """Messages both ways; the server sends back what it gets."""
        stream = self.method("stream_stream", "ProcessJobs")(metadata=self.metadata)
        message = spooled_class("ProcessRequest")(
            complete={"job_id": "j" * 36, "worker_id": "worker-1", "lease_id": "l" * 36}
        ).SerializeToString()
        until, count = time.perf_counter() + self.seconds, 0
        room = asyncio.Semaphore(IN_FLIGHT)

        async def send() -> None:
            nonlocal count
            while time.perf_counter() < until:
                await room.acquire()
                await stream.write(message)
                count += 1
            await stream.done_writing()

        async def receive() -> None:
            nonlocal count
            while await stream.read() is not aio.EOF:
                count += 1
                room.release()

        return await self._timed(lambda: asyncio.gather(send(), receive()), lambda: count)

    async def process(self) -> Rate:
        """Messages both ways: jobs asked for, given, completed, acknowledged."""
        stream = self.method("stream_stream", "ProcessJobs")(metadata=self.metadata)
        request, response = spooled_class("ProcessRequest"), spooled_class("ProcessResponse")
        ask = request(
            dequeue={"queue_name": QUEUE, "worker_id": "worker-1", "batch_size": ASK_FOR}
        ).SerializeToString()
        outgoing: asyncio.Queue[bytes | None] = asyncio.Queue()
        until = time.perf_counter() + self.seconds
        messages = done = owed = 0

        async def send() -> None:
            nonlocal messages
            while (message := await outgoing.get()) is not None:
                await stream.write(message)
                messages += 1
            await stream.done_writing()

        async def receive() -> None:
            nonlocal messages, done, owed
            for _ in range(OWED_MAX // ASK_FOR):
                owed += ASK_FOR
                outgoing.put_nowait(ask)
            while (raw := await stream.read()) is not aio.EOF:
                messages += 1
                answer = response.FromString(raw)
                if answer.HasField("job"):
                    job = answer.job
                    held = {"job_id": job.id, "worker_id": "worker-1", "lease_id": job.lease_id}
                    outgoing.put_nowait(request(complete=held).SerializeToString())
                    continue
                assert answer.HasField("complete"), answer
                done += 1
                owed -= 1
                if time.perf_counter() >= until:
                    if not owed:
                        outgoing.put_nowait(None)
                elif owed <= OWED_MAX - ASK_FOR:
                    owed += ASK_FOR
                    outgoing.put_nowait(ask)

        rate = await self._timed(lambda: asyncio.gather(send(), receive()), lambda: messages)
        return Rate(rate.count, rate.per_second, done * rate.per_second / max(1, rate.count))

    async def deliveries(self) -> list[float]:
        """Milliseconds from the call that stores a job to its arrival on a stream that waits.

        `seconds` is how many of them.
        """
        request = spooled_class("StreamJobsRequest")(queue_name=QUEUE, worker_id="worker-1")
        stream = self.method("unary_stream", "StreamJobs")(
            request.SerializeToString(), metadata=self.metadata
        )
        enqueue = self.method("unary_unary", "Enqueue")
        complete = self.method("unary_unary", "Complete")
        await stream.initial_metadata()
        times_ms: list[float] = []
        for _ in range(int(self.seconds)):
            await asyncio.sleep(PARKED_AFTER_SECONDS)
            began = time.perf_counter()
            stored = asyncio.ensure_future(
                enqueue(self.job.SerializeToString(), metadata=self.metadata)
            )
            job = spooled_class("Job").FromString(await stream.read())
            times_ms.append((time.perf_counter() - began) * 1000)
            await stored
            held = spooled_class("CompleteRequest")(job_id=job.id, lease_id=job.lease_id)
            await complete(held.SerializeToString(), metadata=self.metadata)
        stream.cancel()
        return times_ms

    async def wait(self) -> None:
        """Be there with streams that wait for jobs; `seconds` is for how long."""
        request = spooled_class("StreamJobsRequest")
        ask = spooled_class("ProcessRequest")
        streams = []
        for number in range(WAITING):
            worker = {"queue_name": QUEUE, "worker_id": f"worker-{number}"}
            one_way = self.method("unary_stream", "StreamJobs")(
                request(**worker).SerializeToString(), metadata=self.metadata
            )
            two_way = self.method("stream_stream", "ProcessJobs")(metadata=self.metadata)
            await one_way.initial_metadata()
            await two_way.write(ask(dequeue=worker).SerializeToString())
            streams += [one_way, two_way]
        await asyncio.sleep(self.seconds)
        for stream in streams:
            stream.cancel()

    async def _timed(self, work: Callable[[], Awaitable[Any]], count: Callable[[], int]) -> Rate:
        began = time.perf_counter()
        await work()
        return Rate(count(), count() / (time.perf_counter() - began))


async def _measure(kind: str, address: str, key: str, seconds: float) -> Any:
    async with aio.insecure_channel(address) as channel:
        return await getattr(Load(channel, key, seconds), kind)()


def main(kind: str, address: str, key: str, seconds: str) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        measured = runner.run(_measure(kind, address, key, float(seconds)))
    click.echo(msgspec.json.encode(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])
