"""Calls over gRPC in the access log."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc import aio
from spooled.grpc.stubs import spooled_pb2 as pb

from spooled_lite.wire.grpc.health import HealthService
from spooled_lite.wire.grpc.watched import watched
from tests.wire.access_stage import AccessStage, Script, play
from tests.wire.grpc.stage import Client, holder, struct

SERVICE = "spooled.v1.QueueService"


@asynccontextmanager
async def a_client(stage: AccessStage, **metadata: str) -> AsyncIterator[Client]:
    assert stage.server.grpc_address is not None
    async with aio.insecure_channel(stage.server.grpc_address) as channel:
        yield Client(channel, {"x-api-key": stage.key, **metadata})


def play_grpc(script: Script, **settings: Any) -> None:
    play(script, grpc_port="auto", **settings)


def test_a_call_has_a_line_with_its_method_and_status() -> None:
    async def script(stage: AccessStage) -> None:
        async with a_client(stage, **{"x-request-id": "mine"}) as client:
            request = pb.EnqueueRequest(queue_name="emails", payload=struct({"a": 1}))
            answer = await client.call("Enqueue", request)

        line = await stage.line()
        assert line.pop("ms") > 0
        assert len(line.pop("key")) == 36
        assert line == {
            "protocol": "grpc",
            "method": "POST",
            "route": f"{SERVICE}/Enqueue",
            "path": f"/{SERVICE}/Enqueue",
            "status": "OK",
            "bytes_in": request.ByteSize(),
            "bytes_out": answer.ByteSize(),
            "peer": "127.0.0.1",
            "org": stage.org_id,
            "request_id": "mine",
        }

    play_grpc(script)


@pytest.mark.parametrize(
    ("key", "status"), [(None, "INVALID_ARGUMENT"), ("sk_test_wrong", "UNAUTHENTICATED")]
)
def test_a_call_that_is_refused_says_with_which_status(key: str | None, status: str) -> None:
    async def script(stage: AccessStage) -> None:
        async with a_client(stage, **({} if key is None else {"x-api-key": key})) as client:
            with pytest.raises(aio.AioRpcError):
                await client.enqueue("no queue has such a name!")

        line = await stage.line()
        assert (line["status"], line["org"]) == (status, stage.org_id if key is None else None)
        assert "sk_test" not in str(line)

    play_grpc(script)


def test_a_stream_has_its_line_when_it_ends_with_all_its_messages() -> None:
    async def script(stage: AccessStage) -> None:
        async with a_client(stage) as client:
            await client.enqueue()
            await stage.lines.take()
            stream = client.process_jobs()
            asked = pb.ProcessRequest(dequeue=pb.DequeueRequest(queue_name="emails", worker_id="w"))
            await stream.write(asked)
            first = await stream.read()
            done = pb.ProcessRequest(complete=pb.CompleteRequest(**holder(first.job)))
            await stream.write(done)
            second = await stream.read()
            assert stage.lines.fields == []
            await stream.done_writing()
            assert await stream.code() is grpc.StatusCode.OK

        line = await stage.line()
        assert (line["route"], line["status"]) == (f"{SERVICE}/ProcessJobs", "OK")
        assert line["bytes_in"] == asked.ByteSize() + done.ByteSize()
        assert line["bytes_out"] == first.ByteSize() + second.ByteSize()

    play_grpc(script)


def test_a_stream_that_its_client_leaves_was_cancelled() -> None:
    async def script(stage: AccessStage) -> None:
        async with a_client(stage) as client:
            stream = client.stream_jobs()
            await stream.initial_metadata()
            stream.cancel()

            assert (await stage.line())["status"] == "CANCELLED"

    play_grpc(script)


def test_health_and_reflection_have_lines() -> None:
    async def script(stage: AccessStage) -> None:
        assert stage.server.grpc_address is not None
        async with aio.insecure_channel(stage.server.grpc_address) as channel:
            check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
            assert await check(b"")
            line = await stage.line()
            assert (line["path"], line["status"]) == ("/grpc.health.v1.Health/Check", "OK")
            assert (line["route"], line["bytes_out"]) == (None, 2)

            with pytest.raises(aio.AioRpcError):
                await check(b"\x0a\x03abc")
            assert (await stage.line())["status"] == "NOT_FOUND"

            watch: Any = channel.unary_stream("/grpc.health.v1.Health/Watch")
            stream = watch(b"")
            await stream.read()
            stream.cancel()
            assert (await stage.line())["status"] == "CANCELLED"

            info: Any = channel.stream_stream(
                "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
            )
            stream = info()
            await stream.write(b"\x3a\x01*")
            told = await stream.read()
            await stream.done_writing()
            assert await stream.code() is grpc.StatusCode.OK
            line = await stage.line()
            assert (line["status"], line["bytes_in"]) == ("OK", 3)
            assert line["bytes_out"] == len(told)

    play_grpc(script)


def test_without_a_watch_the_handlers_stay_as_they_are() -> None:
    async def main() -> None:
        handlers = HealthService().handlers()
        [same] = watched([handlers], [])
        assert same is handlers

    asyncio.run(main())
